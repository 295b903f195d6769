package dashboards

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A rule is an alert: it fires when its one number is above the threshold.
type rule struct {
	key       string
	sql       string
	above     float64
	noData    string
	dashboard string
	isPaused  bool // it never fires until somebody asks for it
}

// Options are what a reader may ask for.
type Options struct {
	// PlansMoved is by how many calendar days in all the plans of deals may be moved between two nights until an alert
	// fires, 0 for no such alert.
	PlansMoved int
	// LikelyLate is within how many days a deal that is on time now will probably be late for an alert to fire, 0 for no
	// such alert.
	LikelyLate int
	// Targets are what shares are coloured by.
	Targets Targets
	// Portals are those that the dashboards choose from; with fewer than two, the dashboards are of the one data source.
	Portals []Portal
}

// plansMovedUnasked is the threshold in the file of an alert that nobody has asked for.
const plansMovedUnasked = 100

// likelyLateUnasked are the days in the file of an alert that nobody has asked for.
const likelyLateUnasked = 7

// runBefore is the last run of an earlier date: what runs appended since is the difference from the state after it,
// whatever caused it.
const runBefore = "(SELECT maxOrNull(run_id) FROM runs WHERE status = 'published' AND as_of < " + asOf + ")"

// rules give one number each, and texts that become labels of the alert: names, for its message. They are those of the
// published state, so that an alert stays the same until the next run. The first two have to fire in a warehouse without
// a run as well; to the others that is no news. Of several runs of a date, plans_moved takes all: a later one does not end
// it.
var rules = []rule{
	{"heartbeat", "SELECT toFloat64(dateDiff('minute', max(finished_at), now())) / 60 AS value, formatDateTime(max(as_of), '{date}') AS as_of_date FROM runs WHERE status = 'published' HAVING count() > 0", 26, "Alerting", "trust", false},
	{"failed", "SELECT toFloat64(argMax(status, run_id) = 'failed') AS value, toString(max(run_id)) AS run, ifNull(argMax(error, run_id), '') AS why FROM runs WHERE status != 'running' HAVING count() > 0", 0, "OK", "trust", false},
	{"rose", `WITH
  changed AS
(
  SELECT deal_id, toInt64(sum(sign * overdue_day)) AS n, sum(n) OVER () AS value FROM fact_changes WHERE run_id > ` + runBefore + ` GROUP BY deal_id ORDER BY n DESC, deal_id LIMIT 3
)
SELECT toFloat64(any(c.value)) AS value, arrayStringConcat(arrayMap(d -> concat(d.3, ' (+', toString(-d.1), ')'), arraySort(groupArrayIf((-c.n, c.deal_id, d.deal_title), c.n > 0))), '; ') AS deals
FROM changed AS c
LEFT JOIN (SELECT deal_id, deal_title FROM deals_now WHERE deal_id IN (SELECT deal_id FROM changed)) AS d USING (deal_id)
HAVING count() > 0`, 100, "OK", "portfolio", false},
	{"coverage", `SELECT toFloat64(a.rate - b.rate) AS value, concat(toString(round(100 * b.rate)), ' %') AS share_now, concat(toString(round(100 * a.rate)), ' %') AS share_before
FROM (SELECT sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS rate FROM quality_report WHERE day > ` + asOf + ` - 37 AND day <= ` + asOf + ` - 7) AS a
CROSS JOIN (SELECT sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS rate FROM quality_report WHERE day > ` + asOf + ` - 7) AS b
WHERE value IS NOT NULL`, 0.1, "OK", "quality", false},
	{"late_deal", `SELECT toFloat64(countIf(is_over)) AS value,
  arrayStringConcat(arrayMap(d -> concat(d.2, ' (', toString(d.1), ', ', d.3, ')'), arraySlice(arrayReverseSort(groupArrayIf((days, deal_title, manager_name), is_over)), 1, 5)), '; ') AS deals
FROM
(
  SELECT deal_id, v.overdue_days AS days, v.manager_name AS manager_name, v.overdue_days > 30 AND v.overdue_days - c.accrued <= 30 AS is_over
  FROM visits_now AS v
  JOIN (SELECT deal_id, visit_no, sum(sign * overdue_day) AS accrued FROM fact_changes WHERE run_id > ` + runBefore + ` GROUP BY deal_id, visit_no) AS c USING (deal_id, visit_no)
  WHERE v.is_open = 1
) AS v
LEFT JOIN (SELECT deal_id, deal_title FROM deals_now WHERE is_open = 1 AND overdue_days_now > 30) AS d USING (deal_id)
HAVING count() > 0`, 0, "OK", "portfolio", false},
	{"plans_moved", `SELECT toFloat64(sum(days)) AS value, arrayStringConcat(arrayMap(m -> concat(m.2, ' (', toString(m.1), ')'), arraySlice(arrayReverseSort(groupArray((days, manager))), 1, 3)), '; ') AS managers
FROM (SELECT manager_id, any(manager_name) AS manager, toInt64(sum(days_moved)) AS days, count(days_moved) AS moves FROM plan_changes WHERE cause = 'deal' AND known_on = ` + asOf + ` GROUP BY manager_id)
HAVING sum(moves) > 0`, plansMovedUnasked, "OK", "quality", true},
	// The days are what is asked for.
	{"likely_late", `SELECT toFloat64(countIf(is_likely)) AS value,
  arrayStringConcat(arrayMap(d -> concat(d.2, ' (', toString(round(100 * d.1)), ' %, ', d.3, ')'), arraySlice(arrayReverseSort(groupArrayIf((assumeNotNull(late_probability), deal_title, manager_name), is_likely)), 1, 5)), '; ') AS deals
FROM (SELECT late_probability, deal_title, manager_name, ifNull(late_probability >= ` + probable + `, 0) AS is_likely FROM deals_now WHERE ` + stillOnTime + `{days})
HAVING count() > 0`, 0, "OK", "ahead", true},
}

// alerts is the provisioning file of the alerts.
func alerts(lang Lang, asked Options) ([]byte, error) {
	var list []map[string]any
	if len(asked.Portals) < 2 {
		list = alertsOf(lang, asked, nil)
	} else {
		for i := range asked.Portals {
			list = append(list, alertsOf(lang, asked, &asked.Portals[i])...)
		}
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{"apiVersion": 1, "groups": []map[string]any{{
		"orgId": 1, "name": "stagelag-" + string(lang), "folder": say(lang, "folder"), "interval": "10m", "rules": list,
	}}}); err != nil {
		return nil, fmt.Errorf("alerts in %s: %w", lang, err)
	}
	return text.Bytes(), nil
}

// alertsOf is the alerts of a portal, nil for the only one.
func alertsOf(lang Lang, asked Options, portal *Portal) (list []map[string]any) {
	source, uidEnd, titleEnd, linkEnd := SourceUID, "", "", ""
	if portal != nil {
		source, titleEnd = portal.sourceUID(), " · "+portal.Name
		uidEnd, linkEnd = "-"+portal.short(), "?var-"+portalVariable+"="+source
	}
	for _, r := range rules {
		if r.key == "plans_moved" && asked.PlansMoved > 0 {
			r.above, r.isPaused = float64(asked.PlansMoved), false
		}
		days := int(r.above)
		if r.key == "likely_late" {
			days = likelyLateUnasked
			if asked.LikelyLate > 0 {
				days, r.isPaused = asked.LikelyLate, false
			}
			r.sql = strings.ReplaceAll(r.sql, "{days}", strconv.Itoa(days))
		}
		r.sql = strings.ReplaceAll(r.sql, "{date}", say(lang, "date.format.long"))
		description := strings.ReplaceAll(say(lang, "alert."+r.key+".do"), "{days}", strconv.Itoa(days))
		labels := map[string]string{"stagelag": r.key}
		if portal != nil {
			labels["portal"] = portal.Name
		}
		list = append(list, map[string]any{
			"uid": "stagelag-" + r.key + "-" + string(lang) + uidEnd, "title": say(lang, "alert."+r.key) + titleEnd, "condition": "B",
			"for": "0s", "noDataState": r.noData, "execErrState": "Error", "isPaused": r.isPaused,
			"labels": labels,
			"annotations": map[string]string{
				"summary": say(lang, "alert."+r.key+".summary"), "description": description,
				// Grafana knows its own address, and it may end with a slash.
				"link": `{{ reReplaceAll "/+$" "" (externalURL) }}/d/` + UID(r.dashboard, lang) + linkEnd,
			},
			"data": []map[string]any{
				{"refId": "A", "datasourceUid": source, "relativeTimeRange": map[string]int{"from": 86400, "to": 0}, "model": map[string]any{
					"refId": "A", "editorType": "sql", "pluginVersion": pluginVersion, "rawSql": r.sql, "format": int(rows), "queryType": "table",
				}},
				{"refId": "B", "datasourceUid": "__expr__", "relativeTimeRange": map[string]int{"from": 0, "to": 0}, "model": map[string]any{
					"refId": "B", "type": "threshold", "expression": "A",
					"conditions": []map[string]any{{"evaluator": map[string]any{"type": "gt", "params": []float64{r.above}}}},
				}},
			},
		})
	}
	return list
}
