package dashboards

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The conditions that the variables put on a row. The plugin drops one whose variable is
// All; it wants the bare variable for that.
const (
	inFunnel  = "$__conditionalAll(toString(funnel_id) IN (${funnel:singlequote}), $funnel)"
	inStage   = "$__conditionalAll(toString(stage_id) IN (${stage:singlequote}), $stage)"
	ofManager = "$__conditionalAll(toString(manager_id) IN (${manager:singlequote}), $manager)"
	chosen    = inFunnel + "\n  AND " + inStage + "\n  AND " + ofManager

	// theDeal compares numbers, so that the key of the facts is used.
	theDeal = "deal_id = toUInt64OrZero(${deal:singlequote})"

	// shownOn is what asks for the state of a date, empty for now.
	shownOn = "${shown:singlequote}"

	asOf = "(SELECT maxOrNull(as_of) FROM runs WHERE status = 'published')"
)

// then has a statement show the state of the date that the dashboard is asked for. Without a date the comment names
// none, and the newest state is shown.
func then(sql string) string { return given(sql) + "\nSETTINGS log_comment = " + shownOn }

// A choice is a variable: value and text, in this order.
type choice struct{ name, sql string }

var (
	// A visit or a deal of the past can have another manager than any of now, so the
	// choices come from the report. Each cascades into the next.
	choices = []choice{
		{"funnel", "SELECT toString(funnel_id) AS value, " + label("funnel", "any(funnel_name)") + " AS text FROM quality_report GROUP BY funnel_id ORDER BY text"},
		{"stage", "SELECT toString(stage_id) AS value, " + label("stage", "any(stage_name)") + " AS text FROM quality_report WHERE " + inFunnel + " GROUP BY funnel_id, stage_id ORDER BY text"},
		{"manager", "SELECT toString(manager_id) AS value, " + label("manager", "any(manager_name)") + " AS text FROM quality_report WHERE " + inFunnel + " AND " + inStage + " GROUP BY manager_id ORDER BY text"},
	}
	// A thousand is what a person can search in a list; any other deal can be typed by
	// its number, and links lead to it.
	dealChoice = choice{"deal", `SELECT toString(deal_id) AS value, concat(deal_title, ' · #', toString(deal_id)) AS text
FROM deals_now
WHERE deal_id IN
  (
    SELECT deal_id FROM visits_now
    WHERE ` + chosen + `
    GROUP BY deal_id
    ORDER BY sum(overdue_days) DESC, deal_id
    LIMIT 1000
  )
ORDER BY overdue_days_total DESC, deal_id`}
)

func (b *board) variable(c choice, hasAll bool) *dashboard.QueryVariableBuilder {
	return b.variableOfNow(choice{c.name, then(c.sql)}, hasAll)
}

// variableOfNow has the same choices whatever date the dashboard is asked for.
func (b *board) variableOfNow(c choice, hasAll bool) *dashboard.QueryVariableBuilder {
	kind := map[string]any{"rawSql": c.sql, "refId": "var-" + c.name, "editorType": "sql", "pluginVersion": pluginVersion, "format": int(rows), "queryType": "table"}
	v := dashboard.NewQueryVariableBuilder(c.name).
		Label(b.say("variable." + c.name)).
		Description(b.say("variable." + c.name + ".about")).
		Datasource(source()).
		Query(dashboard.StringOrMap{Map: kind}).
		Refresh(dashboard.VariableRefreshOnDashboardLoad).
		Multi(hasAll).
		IncludeAll(hasAll).
		AllowCustomValue(!hasAll)
	if hasAll {
		v.Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		})
	}
	return v
}

// unsynced is a variable that no address sets.
type unsynced struct {
	*dashboard.QueryVariableBuilder
}

// Build is that of the builder, which can't say so.
func (u unsynced) Build() (dashboard.VariableModel, error) {
	v, err := u.QueryVariableBuilder.Build()
	skips := true
	v.SkipUrlSync = &skips
	return v, err
}

// daysVariable is the words for days that count. Titles and names of columns take it, and nobody chooses it: an
// address that is kept must not bring the words of another calendar.
func (b *board) daysVariable() unsynced {
	words := fmt.Sprintf("SELECT if(countIf(counts = 0) > 0, '%s', '%s') AS value, value AS text FROM calendar_days", b.say("days.working"), b.say("days.calendar"))
	return unsynced{b.variable(choice{"days", words}, false).
		AllowCustomValue(false).
		Hide(dashboard.VariableHideHideVariable)}
}

// zoneVariable is the time zone of the portal, whose dates all days are. Nobody chooses it.
func (b *board) zoneVariable() unsynced {
	return unsynced{b.variableOfNow(choice{"zone", "SELECT ifNull(argMaxIf(time_zone, run_id, status = 'published'), 'UTC') AS value, value AS text FROM runs"}, false).
		AllowCustomValue(false).
		Hide(dashboard.VariableHideHideVariable)}
}

// shownVariable asks for the state of a date, empty for now.
func (b *board) shownVariable() *dashboard.QueryVariableBuilder {
	return b.variableOfNow(choice{"shown", `SELECT value, text
FROM
(
  SELECT '' AS value, '` + b.say("shown.now") + `' AS text
  UNION ALL
  SELECT concat('shown on ', text) AS value, toString(arrayJoin(arrayMap(n -> last - n, range(toUInt32(last - first) + 1)))) AS text
  FROM (SELECT min(as_of) AS first, max(as_of) AS last FROM runs WHERE status = 'published' HAVING count() > 0)
)
ORDER BY value != '', value DESC`}, false).
		AllowCustomValue(false).
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{String: new(b.say("shown.now"))},
			Value: dashboard.StringOrArrayOfString{String: new("")},
		})
}

// firstVisits asks for the first of the chosen visits, final ones left out, with their deals' titles. The deals are
// picked first: the titles of all would have to be read otherwise.
func firstVisits(columns, condition, order string, most int) string {
	return fmt.Sprintf(`
SELECT %[1]s
FROM deal_stages
WHERE deal_id IN
  (
    SELECT deal_id FROM visits_now
    WHERE %[2]s AND is_final = 0
      AND %[3]s
    ORDER BY %[4]s
    LIMIT %[5]d
  )
  AND %[2]s AND stage_semantics = 'process'
  AND %[3]s
ORDER BY %[4]s
LIMIT %[5]d`, columns, condition, chosen, order, most)
}
