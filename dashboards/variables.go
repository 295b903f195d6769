package dashboards

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The conditions that the variables put on a row. The plugin drops one whose variable is
// All; it wants the bare variable for that.
const (
	inFunnel  = "$__conditionalAll(toString(funnel_id) IN (${funnel:singlequote}), $funnel)"
	inStage   = "$__conditionalAll(toString(stage_id) IN (${stage:singlequote}), $stage)"
	ofManager = "$__conditionalAll(toString(manager_id) IN (${manager:singlequote}), $manager)"

	// ofDeals is on the company of a row's deal and on its fields. A deal has to have one of the values chosen of each field.
	ofDeals = "$__conditionalAll(deal_id IN (SELECT deal_id FROM deals_now WHERE toString(ifNull(company_id, 0)) IN (${company:singlequote})), $company)" +
		"\n  AND $__conditionalAll(deal_id IN (SELECT deal_id FROM (SELECT deal_id, arrayJoin(dimensions) AS f FROM deals_now) WHERE " + fieldKey + " IN (${field:singlequote}) GROUP BY deal_id HAVING uniqExact(f.1) = " + fieldsChosen + "), $field)"

	// fieldKey stands for a value f of a field: texts of a portal do not belong into addresses and statements.
	fieldKey     = "toString(cityHash64(f.1, f.2))"
	fieldsChosen = "(SELECT uniqExact(f.1) FROM (SELECT arrayJoin(dimensions) AS f FROM deals_now) WHERE " + fieldKey + " IN (${field:singlequote}))"

	// departmentKey stands for the name of a department.
	departmentKey = "toString(cityHash64(assumeNotNull(department)))"
	inDepartment  = "department IS NOT NULL AND " + departmentKey + " IN (${department:singlequote})"

	// isOfAllDeals is whether neither a company nor a field is chosen.
	isOfAllDeals = "$__conditionalAll(1 = 0, $company) AND $__conditionalAll(1 = 0, $field)"

	// theReport is the quality report, or the same by deal where some of the deals are chosen.
	theReport = "${report:raw} AS report"

	// visitDay is the day on which a visit counts for its manager.
	visitDay = "ifNull(left_date, " + asOf + ")"

	// theDeal compares numbers, so that the key of the facts is used.
	theDeal = "deal_id = toUInt64OrZero(${deal:singlequote})"

	// shownOn is what asks for the state of a date, empty for now.
	shownOn = "${shown:singlequote}"

	asOf = "(SELECT maxOrNull(as_of) FROM shown_run)"
)

// chosen are the conditions on a row of the quality report, chosenVisits those on a row of visits, and chosenDeals those
// on an open deal, which is where its open visit is.
var (
	chosen       = chosenOn("day")
	chosenVisits = chosenOn(visitDay)
	chosenDeals  = chosenOn(asOf)
)

// chosenOn are the conditions on a row that has its manager on a day.
func chosenOn(day string) string { return chosenBut(departmentOn(day), ofDeals) }

// chosenBut has its own conditions on the department and on the deals.
func chosenBut(ofDepartment, ofDeals string) string {
	return strings.Join([]string{inFunnel, inStage, ofManager, ofDepartment, ofDeals}, "\n  AND ")
}

// departmentOn is the condition on the department of the manager on a day.
func departmentOn(day string) string {
	return "$__conditionalAll((manager_id, " + day + ") IN (SELECT manager_id, day FROM quality_report WHERE " + inDepartment + "), $department)"
}

// chosenChanges are the conditions on a row of run_changes, whose manager was in a department on a day since the run before.
var chosenChanges = chosenBut("$__conditionalAll(manager_id IN (SELECT manager_id FROM quality_report WHERE day > (SELECT maxOrNull(as_of) FROM runs WHERE status = 'published' AND as_of < "+asOf+") AND "+inDepartment+"), $department)", ofDeals)

// A bucket is numbers of days that are counted together, both ends included.
type bucket struct {
	name     string
	from, to int32
}

// buckets are those of a bar chart of days, from which a list can take one.
var buckets = map[string][]bucket{
	"age":     {{"0–7", 0, 7}, {"8–14", 8, 14}, {"15–30", 15, 30}, {"31–60", 31, 60}, {"61–90", 61, 90}, {"91+", 91, math.MaxInt32}},
	"late_by": {{"0", 0, 0}, {"1–3", 1, 3}, {"4–7", 4, 7}, {"8–14", 8, 14}, {"15–30", 15, 30}, {"31–90", 31, 90}, {"91+", 91, math.MaxInt32}},
}

// bucketsOf are the buckets as an array of their names and ends.
func bucketsOf(name string) string {
	var list []string
	for _, b := range buckets[name] {
		list = append(list, fmt.Sprintf("('%s', %d, %d)", b.name, b.from, b.to))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// inBucket is the condition that a number of days lies in the chosen bucket, which goes by its first day.
func inBucket(name, days string) string {
	var from, to []string
	for _, b := range buckets[name] {
		from, to = append(from, strconv.Itoa(int(b.from))), append(to, strconv.Itoa(int(b.to)))
	}
	first := "toInt32OrZero(${" + name + ":singlequote})"
	return "$__conditionalAll(" + days + " >= " + first + " AND " + days + " <= transform(" + first + ", [" + strings.Join(from, ", ") + "], [" + strings.Join(to, ", ") + "], " + first + "), $" + name + ")"
}

// bucketVariable chooses one of the buckets of a chart.
func (b *board) bucketVariable(name string) *dashboard.QueryVariableBuilder {
	return b.variable(choice{name, "SELECT toString(bucket.2) AS value, bucket.1 AS text FROM (SELECT arrayJoin(" + bucketsOf(name) + ") AS bucket) ORDER BY bucket.2"}, false).
		AllowCustomValue(false).IncludeAll(true).Hide(inMenu).
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{String: new("All")},
			Value: dashboard.StringOrArrayOfString{String: new("$__all")},
		})
}

// then has a statement show the state of the date that the dashboard is asked for. Without a date the comment names
// none, and the newest state is shown.
func then(sql string) string { return given(sql) + "\nSETTINGS log_comment = " + shownOn }

// A choice is a variable: value and text, in this order.
type choice struct{ name, sql string }

// isInMenu is whether a choice stands in the menu: on a telephone it would take the place of the answer.
func (c choice) isInMenu() bool { return c.name != "funnel" && c.name != "manager" }

var (
	// A visit or a deal of the past can have another manager than any of now, so the
	// choices come from the report. Each cascades into the next.
	choices = []choice{
		{"funnel", "SELECT toString(funnel_id) AS value, " + label("funnel", "any(funnel_name)") + " AS text FROM quality_report GROUP BY funnel_id ORDER BY text"},
		{"stage", "SELECT toString(stage_id) AS value, " + label("stage", "any(stage_name)") + " AS text FROM quality_report WHERE " + inFunnel + " GROUP BY funnel_id, stage_id ORDER BY text"},
		{"manager", "SELECT toString(manager_id) AS value, " + label("manager", "any(manager_name)") + " AS text FROM quality_report WHERE " + inFunnel + " AND " + inStage + " GROUP BY manager_id ORDER BY text"},
		{"department", "SELECT " + departmentKey + " AS value, assumeNotNull(department) AS text FROM (SELECT DISTINCT department FROM quality_report WHERE department IS NOT NULL) ORDER BY text"},
		{"company", `SELECT toString(id) AS value, if(count() OVER (PARTITION BY name) > 1 AND id > 0, concat(name, ' (#', toString(id), ')'), name) AS text
FROM (SELECT ifNull(company_id, 0) AS id, ifNull(any(company_name), '{no_company}') AS name, sum(overdue_days_total) AS days FROM deals_now GROUP BY id ORDER BY days DESC, id LIMIT 1000)
WHERE (SELECT count() FROM (SELECT 1 FROM deals_now WHERE company_id IS NOT NULL LIMIT 1)) > 0
ORDER BY id > 0, text, id`},
		{"field", `SELECT ` + fieldKey + ` AS value, concat(f.1, ': ', f.2) AS text
FROM (SELECT f, count() OVER (PARTITION BY f.1) AS values FROM (SELECT DISTINCT arrayJoin(dimensions) AS f FROM deals_now))
WHERE values <= 100
ORDER BY text`},
	}
	// A thousand is what a person can search in a list; any other deal can be typed by
	// its number, and links lead to it.
	dealChoice = choice{"deal", `SELECT toString(deal_id) AS value, concat(deal_title, ' · #', toString(deal_id)) AS text
FROM deals_now
WHERE deal_id IN
  (
    SELECT deal_id FROM visits_now
    WHERE ` + chosenVisits + `
    GROUP BY deal_id
    ORDER BY sum(overdue_days) DESC, deal_id
    LIMIT 1000
  )
ORDER BY overdue_days_total DESC, deal_id`}
)

func (b *board) variable(c choice, hasAll bool) *dashboard.QueryVariableBuilder {
	return b.variableOfNow(choice{c.name, then(strings.ReplaceAll(c.sql, "{no_company}", b.say("no.company")))}, hasAll)
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

// reportVariable is the view that the quality report is read from. Nobody chooses it.
func (b *board) reportVariable() unsynced {
	return unsynced{b.variableOfNow(choice{"report", "SELECT if(" + isOfAllDeals + ", 'quality_report', 'quality_by_deal') AS value, value AS text"}, false).
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
LIMIT %[5]d`, columns, condition, chosenVisits, order, most)
}
