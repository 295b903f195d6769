package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/common"

// before is the period of the same length that ended the day before the chosen one began.
const (
	beforeDay = periodFrom + " - (" + periodTo + " - " + periodFrom + " + 1)"
)

// qualityMeasures divides by names of sums: a sum of a column that has the same name as a
// sum would be read as a sum of sums.
const qualityMeasures = `sum(visits_closed) AS visits_closed, sum(visits_on_time) AS visits_on_time, sum(visits_late) AS visits_late,
  sum(late_days) AS late_days, sum(overdue_days_accrued) AS days_lost,
  visits_on_time / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(visits_closed, 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(visits_closed, 0) AS first_plan_coverage`

var qualityColumns = []column{
	{name: "visits_closed", unit: count, as: wide(97)}, {name: "visits_on_time", unit: count, color: onTime, as: wide(72)}, {name: "visits_late", unit: count, color: late, as: wide(84)},
	{name: "late_days", unit: "days", color: late, as: days(97)}, {name: "days_lost", unit: "days", color: late, as: days(88)},
	{name: "on_time_rate", unit: share, color: onTime, as: narrow(74)}, {name: "coverage", unit: share, color: noPlan, as: wide(82)},
	{name: "first_plan_rate", unit: share, color: closed, as: narrow(74)}, {name: "first_plan_coverage", unit: share, color: noPlan, as: narrow(82)},
}

// rateColumns are those of onTimeRate.
var rateColumns = []column{
	{name: "on_time_rate", unit: share, color: onTime}, {name: "coverage", unit: share, color: noPlan},
	{name: "first_plan_rate", unit: share, color: closed}, {name: "first_plan_coverage", unit: share, color: noPlan},
}

// forgiven are the lost days that a change of plan took back. Days that it added are not set off against them.
const forgiven = "sum(greatest(0, overdue_days_before - overdue_days)) AS forgiven_days"

var moveColumns = []column{
	{name: "plan_changes", unit: count, color: soon, as: sized(bar, 100)}, {name: "moved_later", unit: count, as: wide(72)}, {name: "plans_taken_away", unit: count, as: narrow(74)},
	{name: "days_moved", unit: "days", as: days(88)}, {name: "forgiven_days", unit: "days", color: late, as: days(88)},
}

// quality is the shared report: how the stages were kept, by whom, for any period.
func quality(lang Lang) *board {
	b := newBoard("quality", lang, "now-90d")
	b.stat("quality.rate", 9, 4, onTimeRate, rateColumns...)
	b.stat("quality.closed", 8, 4, `
SELECT sumOrNull(visits_closed) AS visits_closed, sumOrNull(visits_on_time) AS visits_on_time, sumOrNull(visits_late) AS visits_late
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen, column{name: "visits_closed", unit: count, color: neutral}, column{name: "visits_on_time", unit: count, color: onTime}, column{name: "visits_late", unit: count, color: late})
	b.stat("quality.lost", 7, 4, `
SELECT sumOrNull(overdue_days_accrued) AS days_lost, sumOrNull(late_days) AS late_days
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen, column{name: "days_lost", unit: "days", color: late}, column{name: "late_days", unit: "days", color: late})

	b.table("quality.compare", 24, 5, `
SELECT if(day < `+periodFrom+`, 'before', 'now') AS period, min(day) AS first_day, max(day) AS last_day, `+qualityMeasures+`
FROM quality_report
WHERE day >= `+beforeDay+` AND day <= `+periodTo+`
  AND `+chosen+`
GROUP BY period
ORDER BY period DESC`, append([]column{{name: "period", as: spoken("period", 92)}, {name: "first_day", unit: day, as: wide(90)}, {name: "last_day", unit: day, as: wide(90)}}, qualityColumns...)...)
	for _, by := range []string{"manager", "stage"} {
		b.table("quality.by_"+by, 24, 10, `
SELECT `+label(by, "any("+by+"_name)")+` AS `+by+`_name, `+qualityMeasures+`
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY `+keyOf[by]+`
ORDER BY days_lost DESC, `+by+`_name`, append([]column{{name: by + "_name", as: wrapped}}, qualityColumns...)...)
	}
	b.table("quality.moves", 13, 9, `
SELECT `+label("manager", "any(manager_name)")+` AS manager_name, count() AS plan_changes, countIf(c.days_moved > 0) AS moved_later, countIf(c.planned_end IS NULL) AS plans_taken_away,
  sum(c.days_moved) AS days_moved, `+forgiven+`
FROM plan_changes AS c
WHERE cause = 'deal' AND `+within("known_on")+`
  AND `+chosen+`
GROUP BY manager_id
ORDER BY forgiven_days DESC, plan_changes DESC, manager_name`, append([]column{{name: "manager_name", as: wrapped}}, moveColumns...)...)
	b.table("quality.causes", 11, 9, `
SELECT cause, count() AS plan_changes, sum(days_moved) AS days_moved, `+forgiven+`
FROM plan_changes
WHERE `+within("known_on")+`
  AND `+chosen+`
GROUP BY cause
ORDER BY indexOf(['deal', 'norm', 'entry', 'calendar'], cause)`, column{name: "cause", as: spoken("cause", 0)}, column{name: "plan_changes", unit: count, as: wide(94)},
		column{name: "days_moved", unit: "days", as: days(88)}, column{name: "forgiven_days", unit: "days", color: late, as: days(88)})
	b.bars("quality.months", 12, 8, share, "month", common.StackingModeNone, `
SELECT formatDateTime(day, '%Y-%m') AS month,
  sum(visits_on_time) / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(sum(visits_closed), 0) AS first_plan_coverage
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY month
ORDER BY month`, append([]column{{name: "month"}}, rateColumns...)...)
	b.bars("quality.lateness", 12, 8, count, "late_by", common.StackingModeNone, `
SELECT bucket.1 AS late_by, sumIf(v.visits, v.overdue_days >= bucket.2 AND v.overdue_days <= bucket.3) AS visits
FROM
(
  SELECT overdue_days, count() AS visits FROM visits_now
  WHERE is_open = 0 AND is_final = 0 AND plan_days IS NOT NULL AND `+within("left_date")+`
    AND `+chosen+`
  GROUP BY overdue_days
) AS v
ARRAY JOIN [('0', 0, 0), ('1–3', 1, 3), ('4–7', 4, 7), ('8–14', 8, 14), ('15–30', 15, 30), ('31–90', 31, 90), ('91+', 91, 2147483647)] AS bucket
GROUP BY bucket
ORDER BY bucket.2`, column{name: "late_by"}, column{name: "visits", color: neutral})
	b.table("quality.list", 24, 14, firstVisits("deal_title, "+stageLabel+", "+managerLabel+", entered_date, planned_end, left_date, overdue_days, status, deal_id",
		"is_open = 0 AND status != 'waiting' AND "+within("left_date"), "overdue_days DESC, deal_id, visit_no", 500),
		column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 140)}, column{name: "manager_name", as: sized(wrapped, 172)}, column{name: "entered_date", unit: day, as: date},
		column{name: "planned_end", unit: day, as: date}, column{name: "left_date", unit: day, as: date},
		column{name: "overdue_days", unit: "days", color: late, as: days(95)}, column{name: "status", as: spoken("status", 140)}, column{name: "deal_id", unit: count, as: hidden})
	return b
}
