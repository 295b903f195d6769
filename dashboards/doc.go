// Package dashboards makes what Grafana shows: the dashboards, and the provisioning of
// the data source, the folders and the alerts.
//
// A panel selects from the views of docs/views.md and computes next to nothing. Its SQL
// is the same in every language, except for the sentences of a deal, the words of its
// markers, those of variables and of the first line, and the dates below bars: names of
// columns, statuses and reasons become words by overrides and mappings, so that a number
// cannot depend on who reads it. All words are in the catalogue.
//
// Every panel and variable can be asked for a date, as docs/views.md describes, except for
// the runs: what became of a run is known only after it.
//
// The files under ru and en are what Files yields, and are committed:
//
//	go generate ./dashboards
package dashboards

//go:generate go run stagelag/cmd/stagelag dashboards export --lang ru --dir ru
//go:generate go run stagelag/cmd/stagelag dashboards export --lang en --dir en
