package dashboards

import "strings"

// thePeriod is the chosen range as dates of the portal, both included. Grafana hands a range over as two moments, in
// milliseconds, and the board's clock is UTC:
//
//   - a range that rolls, as "last 7 days" does, has its length in days, of which the last is the portal's date at the
//     end of the range, or the as-of date where that is earlier;
//   - a range of whole days of the board's clock, from a midnight up to the last second of a day, is these dates.
//
// Its two ends are at one time of the day in a range that rolls by whole days, also at midnight. Grafana reads the clock once
// for each end.
const thePeriod = `
  (
    SELECT (
      assumeNotNull(if(${__from} % 86400000 = 0 AND NOT rolls, toDate(fromUnixTimestamp64Milli(toInt64(${__from})), 'UTC'), last - greatest(1, toInt32(round((${__to} - ${__from}) / 86400000))) + 1)),
      assumeNotNull(last))
    FROM
    (
      SELECT ${__from} % 86400000 = 0 AND ${__to} % 86400000 >= 86399000 AS is_whole,
        NOT is_whole AND least(abs(${__to} % 86400000 - ${__from} % 86400000), 86400000 - abs(${__to} % 86400000 - ${__from} % 86400000)) < 500 AS rolls,
        toDate(fromUnixTimestamp64Milli(toInt64(${__to})), ${zone:singlequote}) AS today,
        if(${__to} % 86400000 >= 86399000 AND NOT rolls, toDate(fromUnixTimestamp64Milli(toInt64(${__to})), 'UTC'), least(today, ifNull(maxOrNull(as_of), today))) AS last
      FROM shown_run
    )
  ) AS dates`

// theAlike are the labels of things whose names look like those of others: the IDs and the labels of funnels, of stages and
// of people.
const theAlike = `
  (
    SELECT (groupArrayIf(id, kind = 'funnel'), groupArrayIf(label, kind = 'funnel'), groupArrayIf(id, kind = 'stage'), groupArrayIf(label, kind = 'stage'), groupArrayIf(id, kind = 'manager'), groupArrayIf(label, kind = 'manager'))
    FROM labels
    WHERE label != name
  ) AS alike`

const (
	periodFrom = "dates.1"
	periodTo   = "dates.2"
	inPeriod   = "day >= dates.1 AND day <= dates.2"
)

// within is the condition that a date lies in the chosen range.
func within(date string) string { return strings.ReplaceAll(inPeriod, "day", date) }

// label is a name that no other of its kind has, for a row that has the IDs. An argument that aggregates belongs to rows
// that are grouped by the IDs.
func label(kind, name string) string {
	switch kind {
	case "funnel":
		return "transform(toString(funnel_id), alike.1, alike.2, " + name + ")"
	case "stage":
		return "transform(concat(toString(funnel_id), '/', toString(stage_id)), alike.3, alike.4, " + name + ")"
	default:
		return "transform(toString(manager_id), alike.5, alike.6, " + name + ")"
	}
}

// keyOf are the IDs that make out a thing of a kind.
var keyOf = map[string]string{"funnel": "funnel_id", "stage": "funnel_id, stage_id", "manager": "manager_id"}

// stageLabel and managerLabel are those of a row.
var (
	stageLabel   = label("stage", "stage_name") + " AS stage_name"
	managerLabel = label("manager", "manager_name") + " AS manager_name"
)

// given puts before a statement what it names of the above.
func given(sql string) string {
	var parts []string
	if strings.Contains(sql, "dates.") {
		parts = append(parts, thePeriod)
	}
	if strings.Contains(sql, "alike.") {
		parts = append(parts, theAlike)
	}
	if len(parts) == 0 {
		return sql
	}
	with := "WITH" + strings.Join(parts, ",")
	if rest, ok := strings.CutPrefix(strings.TrimSpace(sql), "WITH"); ok {
		return with + "," + rest
	}
	return with + "\n" + strings.TrimSpace(sql)
}
