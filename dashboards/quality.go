package dashboards

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// before is the period of the same length that ended the day before the chosen one began.
const (
	beforeDay = periodFrom + " - (" + periodTo + " - " + periodFrom + " + 1)"
)

// qualityMeasures divides by names of sums: a sum of a column that has the same name as a
// sum would be read as a sum of sums.
const qualityMeasures = `sum(visits_closed) AS visits_closed, sum(visits_on_time) AS visits_on_time, sum(visits_late) AS visits_late, visits_closed - sum(visits_closed_with_plan) AS closed_no_plan,
  sum(late_days) AS late_days, sum(overdue_days_accrued) AS days_lost,
  visits_on_time / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(visits_closed, 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(visits_closed, 0) AS first_plan_coverage`

var qualityColumns = []column{
	{name: "visits_closed", unit: count, as: narrow(70)}, {name: "visits_on_time", unit: count, as: narrow(58)}, {name: "visits_late", unit: count, color: late, as: narrow(74)}, {name: "closed_no_plan", unit: count, as: narrow(58)},
	{name: "late_days", unit: "days", color: late, as: narrow(98)}, {name: "days_lost", unit: "days", color: late, as: narrow(85)},
	{name: "on_time_rate", unit: share, as: rate}, {name: "coverage", unit: share, as: rate},
	{name: "first_plan_rate", unit: share, as: rate}, {name: "first_plan_coverage", unit: share, as: rate},
}

// rate is a column of shares.
func rate(b *board) []dashboard.DynamicConfigValue {
	return append(narrow(70)(b), dashboard.DynamicConfigValue{Id: "decimals", Value: 1})
}

// few is how many visits with a plan a rate needs at least to say something of a manager or a stage, as in the report.
const few = 5

// rateColumns are those of onTimeRate.
var rateColumns = []column{
	{name: "on_time_rate", unit: share, as: target("on_time_rate")}, {name: "coverage", unit: share, as: target("coverage")},
	{name: "first_plan_rate", unit: share}, {name: "first_plan_coverage", unit: share},
}

// knownFrom is the first date whose managers were seen and not assumed: the as-of date of the first run.
const knownFrom = "(SELECT minOrNull(as_of) FROM runs WHERE status = 'published')"

// compare is the chosen period, the one before, and how they differ.
func compare() string {
	sums := []string{"visits_closed", "visits_on_time", "visits_late", "visits_closed_with_plan", "late_days", "overdue_days_accrued", "visits_on_time_first_plan", "visits_closed_with_first_plan"}
	var inner []string
	for i, sum := range sums {
		inner = append(inner, fmt.Sprintf("sumIf(%[1]s, day >= %[3]s) AS n%[2]d, sumIf(%[1]s, day < %[3]s) AS b%[2]d", sum, i, periodFrom))
	}
	// In the order of qualityColumns.
	measures := []string{"?0", "?1", "?2", "?0 - ?3", "?4", "?5", "?1 / nullIf(?3, 0)", "?3 / nullIf(?0, 0)", "?6 / nullIf(?7, 0)", "?7 / nullIf(?0, 0)"}
	row := func(period, from, to string, of func(string) string) string {
		parts := []string{"'" + period + "'", from, to}
		for _, m := range measures {
			parts = append(parts, "toNullable(toFloat64("+of(m)+"))")
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	now := func(m string) string { return strings.ReplaceAll(m, "?", "n") }
	before := func(m string) string { return strings.ReplaceAll(m, "?", "b") }
	none := "CAST(NULL AS Nullable(Date))"
	columns := []string{"r.1 AS period", "r.2 AS first_day", "r.3 AS last_day"}
	for i, c := range qualityColumns {
		columns = append(columns, fmt.Sprintf("r.%d AS %s", i+4, c.name))
	}
	return `
SELECT ` + strings.Join(columns, ", ") + `
FROM
(
  SELECT arrayJoin([
    ` + row("now", "min_now", "max_now", now) + `,
    ` + row("before", "min_before", "max_before", before) + `,
    ` + row("change", none, none, func(m string) string { return "(" + now(m) + ") - (" + before(m) + ")" }) + `]) AS r
  FROM
  (
    SELECT minOrNullIf(day, day >= ` + periodFrom + `) AS min_now, maxOrNullIf(day, day >= ` + periodFrom + `) AS max_now, minOrNullIf(day, day < ` + periodFrom + `) AS min_before, maxOrNullIf(day, day < ` + periodFrom + `) AS max_before,
      ` + strings.Join(inner, ",\n      ") + `
    FROM ` + theReport + `
    WHERE day >= ` + beforeDay + ` AND day <= ` + periodTo + `
      AND ` + chosen + `
    HAVING count() > 0
  )
)`
}

// forgiven are the lost days that a change of plan took back. Days that it added are not set off against them.
const forgiven = "sum(greatest(0, overdue_days_before - overdue_days)) AS forgiven_days"

var moveColumns = []column{
	{name: "plan_changes", unit: count, color: soon, as: sized(bar, 96)}, {name: "moved_later", unit: count, as: wide(62)}, {name: "plans_taken_away", unit: count, as: narrow(76)},
	{name: "days_moved", unit: "days", as: days(80)}, {name: "forgiven_days", unit: "days", color: late, as: days(86)},
}

// quality is the shared report: how the stages were kept, by whom, for any period.
func quality(lang Lang, targets Targets) *board {
	b := newBoard("quality", lang, "now-90d", "now", "late_by")
	b.targets = targets
	b.stat("quality.rate", 9, 4, onTimeRate, rateColumns...)
	b.stat("quality.closed", 8, 4, `
SELECT sumOrNull(visits_closed) AS visits_closed, sumOrNull(visits_on_time) AS visits_on_time, sumOrNull(visits_late) AS visits_late, visits_closed - sumOrNull(visits_closed_with_plan) AS closed_no_plan
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen, column{name: "visits_closed", unit: count}, column{name: "visits_on_time", unit: count}, column{name: "visits_late", unit: count, color: late}, column{name: "closed_no_plan", unit: count})
	b.stat("quality.lost", 7, 4, `
SELECT sumOrNull(overdue_days_accrued) AS days_lost, sumOrNull(late_days) AS late_days
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen, column{name: "days_lost", unit: "days", color: late}, column{name: "late_days", unit: "days", color: late})

	b.stat("quality.known", 24, 3, `
SELECT `+knownFrom+` AS known_from, sum(overdue_days_assumed) / nullIf(sum(overdue_days_accrued), 0) AS days_assumed, sum(visits_assumed) / nullIf(sum(visits_closed), 0) AS visits_assumed
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen, column{name: "known_from", unit: day}, column{name: "days_assumed", unit: share}, column{name: "visits_assumed", unit: share})

	b.table("quality.compare", 24, 7, compare(),
		append([]column{{name: "period", as: flexible(spoken("period", 0), 98)}, {name: "first_day", unit: day, as: date}, {name: "last_day", unit: day, as: date}}, qualityColumns...)...)
	for _, by := range []string{"manager", "stage"} {
		onlyKnown, assumed := "", ""
		columns := append([]column{{name: by + "_name", as: toBoard("quality", by)}}, qualityColumns...)
		columns = append(columns, column{name: "sample", as: spoken("sample", 86)})
		if by == "manager" { // whoever holds a deal now was not the one who was responsible then
			onlyKnown = "\n  AND " + periodTo + " >= " + knownFrom
			assumed = ",\n  (sum(visits_assumed) + sum(overdue_days_assumed)) / nullIf(sum(report.visits_closed) + sum(overdue_days_accrued), 0) AS assumed"
			columns = append(columns, column{name: "assumed", unit: share, as: narrow(74)})
		}
		b.table("quality.by_"+by, 24, 14, `
SELECT `+label(by, "any("+by+"_name)")+` AS `+by+`_name, `+qualityMeasures+`,
  if(sum(visits_closed_with_plan) < `+strconv.Itoa(few)+`, 'few', '') AS sample`+assumed+`, toString(`+by+`_id) AS `+by+`_id
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen+onlyKnown+`
GROUP BY `+keyOf[by]+`
ORDER BY days_lost DESC, `+by+`_name`, append(columns, forLinks(by+"_id"))...)
	}
	b.matrix("quality.cross", 24, 13, "manager", "stage", "days_lost", `
SELECT `+managerLabel+`, `+shortened(label("stage", "stage_name"), "begins_alone")+` AS stage_name, nullIf(cells[indexOf(places, (funnel_id, stage_id))], 0) AS days_lost, toString(manager_id) AS manager_id, stage_id
FROM
(
  SELECT manager_id, manager_name, places, cells, of_manager, stage.2 AS funnel_id, stage.3 AS stage_id, stage.4 AS stage_name, stage_place,
    arrayCount(other -> startsWith(other.4, substringUTF8(stage.4, 1, 24)), stages) = 1 AS begins_alone
  FROM
  (
    SELECT manager_id, any(manager) AS manager_name, groupArray((funnel_id, stage_id)) AS places, groupArray(days) AS cells, sum(days) AS of_manager, any(stages) AS stages
    FROM
    (
      SELECT *, arraySlice(arrayReverseSort(groupUniqArray((of_stage, funnel_id, stage_id, stage)) OVER ()), 1, 12) AS stages
      FROM
      (
        SELECT manager_id, funnel_id, toString(report.stage_id) AS stage_id, any(manager_name) AS manager, any(stage_name) AS stage, sum(overdue_days_accrued) AS days, sum(days) OVER (PARTITION BY funnel_id, stage_id) AS of_stage
        FROM `+theReport+`
        WHERE `+inPeriod+`
          AND `+chosen+`
          AND `+periodTo+` >= `+knownFrom+`
        GROUP BY manager_id, funnel_id, stage_id
        HAVING days > 0
      )
    )
    GROUP BY manager_id
    ORDER BY of_manager DESC, manager_id
    LIMIT 40
  )
  ARRAY JOIN (stages) AS stage, arrayEnumerate(stages) AS stage_place
)
ORDER BY of_manager DESC, manager_id, stage_place
LIMIT 480`)
	b.table("quality.deals", 24, 12, `
SELECT deal_title, `+stageLabel+`, `+managerLabel+`, status, lost.days AS days_lost, deal_id, `+dealRange("created_date")+`
FROM deals_now
INNER JOIN
(
  SELECT deal_id, sum(sign * overdue_day) AS days
  FROM fact_changes
  WHERE overdue_day = 1 AND `+inPeriod+`
    AND `+chosen+`
  GROUP BY deal_id
  HAVING days > 0
  ORDER BY days DESC, deal_id
  LIMIT 500
) AS lost USING (deal_id)
ORDER BY days_lost DESC, deal_id`,
		column{name: "deal_title", as: toDealOfRange}, column{name: "stage_name", as: sized(cut, 220)}, column{name: "manager_name", as: sized(cut, 200)}, column{name: "status", as: spoken("status", 150)},
		column{name: "days_lost", unit: "days", color: late, as: sized(bar, 170)}, forLinks("deal_id"), forLinks("deal_from"), forLinks("deal_to"))
	b.table("quality.moves", 13, 9, `
SELECT `+label("manager", "any(manager_name)")+` AS manager_name, count() AS plan_changes, countIf(c.days_moved > 0) AS moved_later, countIf(c.planned_end IS NULL) AS plans_taken_away,
  sum(c.days_moved) AS days_moved, `+forgiven+`
FROM plan_changes AS c
WHERE cause = 'deal' AND `+within("known_on")+`
  AND `+chosenOn("known_on")+`
GROUP BY manager_id
ORDER BY forgiven_days DESC, plan_changes DESC, manager_name`, append([]column{{name: "manager_name", as: wrapped}}, moveColumns...)...)
	b.table("quality.causes", 11, 9, `
SELECT cause, count() AS plan_changes, sum(days_moved) AS days_moved, `+forgiven+`
FROM plan_changes
WHERE `+within("known_on")+`
  AND `+chosenOn("known_on")+`
GROUP BY cause
ORDER BY indexOf(['deal', 'norm', 'entry', 'calendar'], cause)`, column{name: "cause", as: spoken("cause", 0)}, column{name: "plan_changes", unit: count, as: wide(94)},
		column{name: "days_moved", unit: "days", as: days(88)}, column{name: "forgiven_days", unit: "days", color: late, as: days(88)})
	b.bars("quality.months", 12, 8, share, "month", common.StackingModeNone, `
SELECT formatDateTime(day, '`+b.say("date.format.month")+`') AS month,
  sum(visits_on_time) / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(sum(visits_closed), 0) AS first_plan_coverage,
  `+midnight("greatest(toStartOfMonth(min(day)), "+periodFrom+")", 0)+` AS month_from, `+midnight("least(toLastDayOfMonth(min(day)), "+periodTo+") + 1", -1)+` AS month_to
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY month
ORDER BY min(day)`, column{name: "month"}, column{name: "on_time_rate", unit: share, color: onTime, as: toMonth}, column{name: "coverage", unit: share, color: noPlan, as: toMonth},
		column{name: "first_plan_rate", unit: share, color: closed, as: toMonth}, column{name: "first_plan_coverage", unit: share, color: pauses, as: toMonth}, forLinks("month_from"), forLinks("month_to"))
	b.bars("quality.lateness", 12, 8, count, "late_by", common.StackingModeNone, `
SELECT bucket.1 AS late_by, sumIf(v.visits, v.overdue_days >= bucket.2 AND v.overdue_days <= bucket.3) AS visits, toString(bucket.2) AS late_by_from
FROM
(
  SELECT overdue_days, count() AS visits FROM visits_now
  WHERE is_open = 0 AND is_final = 0 AND plan_days IS NOT NULL AND `+within("left_date")+`
    AND `+chosenVisits+`
  GROUP BY overdue_days
) AS v
ARRAY JOIN `+bucketsOf("late_by")+` AS bucket
GROUP BY bucket
ORDER BY bucket.2`, column{name: "late_by"}, column{name: "visits", color: neutral, as: toBucket("late_by")}, forLinks("late_by_from"))
	b.table("quality.list", 24, 14, firstVisits("deal_title, "+stageLabel+", "+managerLabel+", entered_date, planned_end, left_date, overdue_days, status, deal_id",
		"is_open = 0 AND is_waiting = 0 AND "+within("left_date")+" AND "+inBucket("late_by", "overdue_days")+" AND $__conditionalAll(plan_days IS NOT NULL, $late_by)", "overdue_days DESC, deal_id, visit_no", 500),
		column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(cut, 190)}, column{name: "manager_name", as: sized(cut, 160)}, column{name: "entered_date", unit: day, as: date},
		column{name: "planned_end", unit: day, as: date}, column{name: "left_date", unit: day, as: date},
		column{name: "overdue_days", unit: "days", color: late, as: days(98)}, column{name: "status", as: spoken("status", 140)}, forLinks("deal_id"))
	return b
}

// shortened is a name as the head of a narrow column, where nobody reads one of nine lines: its beginning, where no other
// begins so. The tables above have the whole names.
func shortened(name, beginsAlone string) string {
	return "if(" + beginsAlone + " AND lengthUTF8(" + name + ") > 25, concat(trimRight(substringUTF8(" + name + ", 1, 24)), '…'), " + name + ")"
}
