package dashboards

import (
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/common"
)

// portfolio is for leadership: how late the whole is, where, who to call, and since when.
func portfolio(lang Lang, targets Targets) *board {
	b := newBoard("portfolio", lang, "now-90d", "now")
	b.targets = targets

	b.stat("portfolio.lost", 12, 4, `
SELECT sumOrNull(overdue_days_accrued) AS days_lost,
  sumOrNullIf(overdue_days_accrued, day > `+asOf+` - 7) AS days_lost_week,
  `+plus("days_lost_week - sumOrNullIf(overdue_days_accrued, day > "+asOf+" - 14 AND day <= "+asOf+" - 7)")+` AS week_change,
  sumOrNullIf(overdue_days_accrued, day > `+asOf+` - 30) AS days_lost_month,
  `+plus("days_lost_month - sumOrNullIf(overdue_days_accrued, day > "+asOf+" - 60 AND day <= "+asOf+" - 30)")+` AS month_change
FROM `+theReport+`
WHERE `+chosen,
		column{name: "days_lost", unit: count, color: late}, column{name: "days_lost_week", unit: count}, column{name: "week_change", as: change},
		column{name: "days_lost_month", unit: count}, column{name: "month_change", as: change})
	b.stat("portfolio.deals", 12, 4, `
SELECT if(`+asOf+` IS NOT NULL, countIf(overdue_days > 0), NULL) AS overdue_deals,
  if(`+asOf+` IS NOT NULL, countIf(overdue_days = 0 AND planned_end <= `+asOf+` + 7), NULL) AS due_deals,
  if(`+asOf+` IS NOT NULL, count(), NULL) AS open_deals,
  if(`+asOf+` IS NOT NULL, countIf(is_waiting = 1), NULL) AS waiting_deals,
  if(`+asOf+` IS NOT NULL, sum(paused_days), NULL) AS days_paused
FROM visits_now
WHERE is_open = 1
  AND `+chosenVisits,
		column{name: "overdue_deals", unit: count, color: late}, column{name: "due_deals", unit: count}, column{name: "open_deals", unit: count},
		column{name: "waiting_deals", unit: count}, column{name: "days_paused", unit: count})
	b.stat("portfolio.rate", 12, 4, onTimeRate, rateColumns...)
	b.stat("portfolio.changed", 12, 4, `
SELECT if(`+asOf+` IS NOT NULL, countIf(change = 'newly_overdue'), NULL) AS newly_overdue,
  if(`+asOf+` IS NOT NULL, countIf(change = 'brought_back'), NULL) AS brought_back,
  if(`+asOf+` IS NOT NULL, countIf(change = 'finished_late'), NULL) AS finished_late
FROM run_changes
WHERE `+chosenChanges,
		column{name: "newly_overdue", unit: count, color: late}, column{name: "brought_back", unit: count, color: onTime}, column{name: "finished_late", unit: count})

	b.table("portfolio.latest", 24, 13, `
SELECT deal_title, overdue_days_now, `+stageLabel+`, `+managerLabel+`, planned_end, toFloat64(amount) AS amount, currency, deal_id, deal_url, `+dealRange("created_date")+`
FROM deals_now
WHERE is_open = 1 AND overdue_days_now > 0
  AND `+chosenDeals+`
ORDER BY overdue_days_now DESC, deal_id
LIMIT 1000`, dealColumns("overdue_days_now")...)
	b.table("portfolio.due", 24, 9, `
SELECT deal_title, days_left, `+stageLabel+`, `+managerLabel+`, planned_end, toFloat64(amount) AS amount, currency, deal_id, deal_url, `+dealRange("created_date")+`
FROM deals_now
WHERE is_open = 1 AND overdue_days_now = 0 AND planned_end <= `+asOf+` + 7
  AND `+chosenDeals+`
ORDER BY planned_end, deal_id
LIMIT 1000`, dealColumns("days_left")...)
	b.table("portfolio.call", 14, 11, `
SELECT `+label("manager", "any(manager_name)")+` AS manager_name, sum(visits_now.overdue_days) AS overdue_days, count() AS overdue_deals, max(visits_now.overdue_days) AS most_overdue, manager_id
FROM visits_now
WHERE is_open = 1 AND visits_now.overdue_days > 0
  AND `+chosenVisits+`
GROUP BY manager_id
ORDER BY overdue_days DESC, manager_name
LIMIT 100`, overdueColumns("manager")...)
	b.table("portfolio.money", 10, 11, `
SELECT currency, count() AS overdue_deals, toFloat64(sum(amount)) AS amount
FROM deals_now
WHERE is_open = 1 AND overdue_days_now > 0
  AND `+chosenDeals+`
GROUP BY currency
ORDER BY amount DESC`, column{name: "currency", as: flexible(nil, 76)}, column{name: "overdue_deals", unit: count, as: narrow(104)}, column{name: "amount", unit: "locale", as: wide(130)})

	b.table("portfolio.by_department", 12, 9, `
SELECT ifNull(department, '`+b.say("no.department")+`') AS department_name, sum(overdue_days_now) AS overdue_days, count() AS overdue_deals, max(overdue_days_now) AS most_overdue, if(department IS NULL, concat('$', '__all'), `+departmentKey+`) AS department_id
FROM deals_now
WHERE is_open = 1 AND (department IS NOT NULL OR (SELECT count() FROM (SELECT 1 FROM deals_now WHERE is_open = 1 AND department IS NOT NULL LIMIT 1)) > 0)
  AND overdue_days_now > 0
  AND `+chosenDeals+`
GROUP BY department
ORDER BY overdue_days DESC, department_name
LIMIT 100`, overdueColumns("department")...)
	b.table("portfolio.by_company", 12, 9, `
SELECT if(count() OVER (PARTITION BY name) > 1 AND company_id != '0', concat(name, ' (#', company_id, ')'), name) AS company_name, overdue_days, overdue_deals, most_overdue, company_id
FROM
(
  SELECT toString(ifNull(deals_now.company_id, 0)) AS company_id, ifNull(any(deals_now.company_name), '`+b.say("no.company")+`') AS name, count() AS overdue_deals, sum(overdue_days_now) AS overdue_days, max(overdue_days_now) AS most_overdue
  FROM deals_now
  WHERE is_open = 1 AND (deals_now.company_id IS NOT NULL OR (SELECT count() FROM (SELECT 1 FROM deals_now WHERE is_open = 1 AND company_id IS NOT NULL LIMIT 1)) > 0)
    AND deals_now.overdue_days_now > 0
    AND `+chosenDeals+`
  GROUP BY company_id
  ORDER BY overdue_days DESC, company_id
  LIMIT 100
)
ORDER BY overdue_days DESC, company_name
LIMIT 100`, overdueColumns("company")...)

	b.bars("portfolio.weekly", 24, 8, "days", "week_end", common.StackingModeNone, `
SELECT formatDateTime(week, '`+b.say("date.format.long")+`') AS week_end, days_lost, `+weekMoment("week")+` AS week_moment
FROM
(
  SELECT `+periodTo+` - 7 * intDiv(`+periodTo+` - day, 7) AS week, sum(overdue_days_accrued) AS days_lost
  FROM `+theReport+`
  WHERE `+inPeriod+`
    AND `+chosen+`
  GROUP BY week
)
ORDER BY week`, column{name: "week_end"}, column{name: "days_lost", color: late, as: toWeek}, forLinks("week_moment"))

	for _, by := range []string{"stage", "funnel", "manager"} {
		b.table("portfolio.by_"+by, 8, 11, `
SELECT `+label(by, "any("+by+"_name)")+` AS `+by+`_name, sum(overdue_days_accrued) AS days_lost, toString(`+by+`_id) AS `+by+`_id
FROM `+theReport+`
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY `+keyOf[by]+`
HAVING days_lost > 0
ORDER BY days_lost DESC, `+by+`_name
LIMIT 8`, column{name: by + "_name", as: toBoard("quality", by)}, column{name: "days_lost", unit: "days", color: late, as: sized(bar, 140)}, forLinks(by+"_id"))
	}

	weeks, columns := "", []column{{name: "stage_name", as: toBoard("quality", "stage")}}
	for n := range shownWeeks {
		ago := shownWeeks - 1 - n
		name := "week_" + strconv.Itoa(ago)
		weeks += ",\n  sumIf(overdue_days_accrued, intDiv(" + periodTo + " - day, 7) = " + strconv.Itoa(ago) + ") AS " + name
		weeks += ", " + weekMoment(periodTo+" - "+strconv.Itoa(7*ago)) + " AS moment_" + strconv.Itoa(ago)
		columns = append(columns, column{name: name, unit: count, as: heat(ago)}, forLinks("moment_"+strconv.Itoa(ago)))
	}
	b.table("portfolio.heat", 24, 16, `
SELECT heat.* EXCEPT (total)
FROM
(
  SELECT `+label("stage", "any(stage_name)")+` AS stage_name, toString(stage_id) AS stage_id, funnel_id`+weeks+`,
  sum(overdue_days_accrued) AS total
  FROM `+theReport+`
  WHERE `+inPeriod+`
    AND `+chosen+`
  GROUP BY funnel_id, stage_id
  HAVING total > 0
  ORDER BY total DESC, funnel_id, stage_id
  LIMIT 30
) AS heat
LEFT JOIN (SELECT funnel_id, toString(stage_id) AS stage_id, sort FROM stage_names) AS names USING (funnel_id, stage_id)
ORDER BY funnel_id, sort, stage_id`, append(columns, forLinks("stage_id"), forLinks("funnel_id"))...)

	b.table("portfolio.changes", 24, 10, `
SELECT change, deal_title, `+stageLabel+`, `+managerLabel+`, planned_end, overdue_days, deal_id
FROM run_changes
WHERE `+chosenChanges+`
ORDER BY change, overdue_days DESC, deal_id
LIMIT 200`,
		column{name: "change", as: spoken("change", 160)}, column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(cut, 190)}, column{name: "manager_name", as: sized(cut, 160)},
		column{name: "planned_end", unit: day, as: date}, column{name: "overdue_days", unit: "days", color: late, as: days(110)}, forLinks("deal_id"))
	return b
}

// shownWeeks is how many weeks a heat map has.
const shownWeeks = 13

// overdueColumns are those of what is overdue now by something that a row leads to the portfolio of.
func overdueColumns(by string) []column {
	return []column{
		{name: by + "_name", as: whole(toBoard("portfolio", by))}, {name: "overdue_days", unit: "days", color: late, as: sized(bar, 130)}, {name: "overdue_deals", unit: count, as: narrow(104)},
		{name: "most_overdue", unit: "days", as: days(92)}, forLinks(by + "_id"),
	}
}

// dealColumns are those of a list of deals, with one that orders them: beside the title, where a telephone shows it.
func dealColumns(by string) []column {
	ordering := column{name: by, unit: "days", color: late, as: sized(bar, 125)}
	if by == "days_left" {
		ordering = column{name: by, unit: "days", as: days(110)}
	}
	return []column{
		{name: "deal_title", as: toDealOfRange}, ordering, {name: "stage_name", as: sized(cut, 190)}, {name: "manager_name", as: sized(cut, 160)},
		{name: "planned_end", unit: day, as: date}, {name: "amount", unit: "locale", as: wide(98)}, {name: "currency", as: wide(78)},
		forLinks("deal_id"), {name: "deal_url", as: toPortal}, forLinks("deal_from"), forLinks("deal_to"),
	}
}

// dealRange are the ends of a range that shows a deal from a date to its planned end, or to now where that is later.
func dealRange(from string) string {
	return "toString(toUnixTimestamp(toDateTime(" + from + " - 3, 'UTC')) * 1000) AS deal_from, toString(toUnixTimestamp(toDateTime(greatest(ifNull(planned_end, " + from + "), ifNull(" + asOf + ", " + from + ")) + 4, 'UTC')) * 1000) AS deal_to"
}

// weekMoment is the middle of the seven days up to a date on the boards' clock, in milliseconds.
func weekMoment(end string) string {
	return "toString(toInt64(toUnixTimestamp(toDateTime(assumeNotNull(" + end + ") - 6, 'UTC'))) * 1000 + 302399999)"
}

// onTimeRate never goes without its coverage, nor without the rate by the first plans, which nobody can move.
var onTimeRate = `
SELECT sum(visits_on_time) / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(sum(visits_closed), 0) AS first_plan_coverage
FROM ` + theReport + `
WHERE ` + inPeriod + `
  AND ` + chosen
