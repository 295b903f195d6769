package dashboards

import (
	"errors"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
)

const (
	// SourceType is the plugin that the queries are for.
	SourceType = "grafana-clickhouse-datasource"
	// SourceUID is the data source that every panel, variable and alert asks.
	SourceUID = "stagelag"

	pluginVersion = "4.20.0"
)

// A format is what the plugin makes of the rows.
type format int

const (
	series format = 0 // a series for each text, from rows ordered by time
	rows   format = 1 // as they are
)

// A query is one statement, in the words of the ClickHouse plugin.
type query struct {
	RefID         string               `json:"refId"`
	Datasource    common.DataSourceRef `json:"datasource"`
	EditorType    string               `json:"editorType"`
	PluginVersion string               `json:"pluginVersion"`
	RawSQL        string               `json:"rawSql"`
	Format        format               `json:"format"`
	QueryType     string               `json:"queryType"`
}

var _ variants.Dataquery = query{}

func (q query) ImplementsDataqueryVariant() {}
func (q query) DataqueryType() string       { return SourceType }

func (q query) Equals(other variants.Dataquery) bool {
	o, ok := other.(query)
	return ok && q.RefID == o.RefID && q.RawSQL == o.RawSQL && q.Format == o.Format
}

func (q query) Validate() error {
	if q.RawSQL == "" {
		return errors.New("a query without a statement")
	}
	return nil
}

// queryBuilder is how the SDK takes a query.
type queryBuilder struct{ query query }

func (b queryBuilder) Build() (variants.Dataquery, error) { return b.query, b.query.Validate() }

func newQuery(sql string, as format) query {
	kind := "table"
	if as == series {
		kind = "timeseries"
	}
	return query{
		RefID: "A", Datasource: source(), EditorType: "sql", PluginVersion: pluginVersion,
		RawSQL: sql, Format: as, QueryType: kind,
	}
}

// ask is the query of a panel, which takes the date that the dashboard is asked for. Grafana names the columns when the
// answer comes, and not again when the words for days do: a statement whose columns have them names the variable, so that it
// waits for it.
func (b *board) ask(sql string, as format, columns ...column) cog.Builder[variants.Dataquery] {
	if slices.ContainsFunc(columns, b.namesDays) {
		sql += " /* ${days:raw} */"
	}
	if b.isOfNow {
		sql = given(sql)
	} else {
		sql = then(sql)
	}
	return queryBuilder{newQuery(sql, as)}
}

// namesDays is whether the name of a column has the words for days.
func (b *board) namesDays(c column) bool {
	var name string
	if !c.isLink {
		name = b.say("column." + c.name)
	}
	if c.as != nil {
		for _, p := range c.as(b) {
			if text, isText := p.Value.(string); isText && p.Id == "displayName" {
				name = text
			}
		}
	}
	return strings.Contains(name, "${days}")
}

func source() common.DataSourceRef {
	kind, uid := SourceType, SourceUID
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}
