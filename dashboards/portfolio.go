package dashboards

// portfolio is for leadership: how late the whole is, where, and since when.
func portfolio(lang Lang) *board {
	b := newBoard("portfolio", lang, "now-90d")

	b.stat("portfolio.lost", 6, 4, `
SELECT sumOrNull(overdue_days_accrued) AS days_lost,
  sumOrNullIf(overdue_days_accrued, day > `+asOf+` - 7) AS days_lost_week,
  sumOrNullIf(overdue_days_accrued, day > `+asOf+` - 30) AS days_lost_month
FROM quality_report
WHERE `+chosen,
		column{name: "days_lost", unit: "days", color: late}, column{name: "days_lost_week", unit: "days", color: late}, column{name: "days_lost_month", unit: "days", color: late})
	b.stat("portfolio.deals", 10, 4, `
SELECT if(`+asOf+` IS NOT NULL, count(), NULL) AS open_deals,
  if(`+asOf+` IS NOT NULL, countIf(overdue_days > 0), NULL) AS overdue_deals,
  if(`+asOf+` IS NOT NULL, countIf(overdue_days = 0 AND planned_end <= `+asOf+` + 7), NULL) AS due_deals,
  if(`+asOf+` IS NOT NULL, countIf(status = 'waiting'), NULL) AS waiting_deals,
  if(`+asOf+` IS NOT NULL, sum(paused_days), NULL) AS days_paused
FROM visits_now
WHERE is_open = 1
  AND `+chosen,
		column{name: "open_deals", unit: count, color: neutral}, column{name: "overdue_deals", unit: count, color: late}, column{name: "due_deals", unit: count, color: soon},
		column{name: "waiting_deals", unit: count, color: waits}, column{name: "days_paused", unit: "days", color: waits})
	b.stat("portfolio.rate", 8, 4, onTimeRate, rateColumns...)

	b.trend("portfolio.daily", 12, 7, rows, look{unit: "days", isBars: true, fromZero: true}, `
SELECT toDateTime(day, 'UTC') AS time, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY day
ORDER BY day`, column{name: "days_lost", color: late})
	b.trend("portfolio.weekly", 12, 7, rows, look{unit: "days", isBars: true, fromZero: true}, `
SELECT toDateTime(toStartOfWeek(day, 1), 'UTC') AS time, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY time
ORDER BY time`, column{name: "days_lost", color: late})

	for _, by := range []string{"stage", "funnel", "manager"} {
		b.table("portfolio.by_"+by, 8, 8, `
SELECT any(`+by+`_name) AS `+by+`_name, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY `+by+`_id
HAVING days_lost > 0
ORDER BY days_lost DESC, `+by+`_name
LIMIT 8`, column{name: by + "_name", as: wrapped}, column{name: "days_lost", unit: "days", color: late, as: sized(bar, 150)})
	}

	b.heat("portfolio.heat", 24, 9, `
SELECT toDateTime(toStartOfWeek(day, 1), 'UTC') AS time, any(stage_name) AS name, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY time, stage_id
ORDER BY time, name`)

	b.stat("portfolio.changed", 6, 9, `
SELECT if(`+asOf+` IS NOT NULL, countIf(change = 'newly_overdue'), NULL) AS newly_overdue,
  if(`+asOf+` IS NOT NULL, countIf(change = 'brought_back'), NULL) AS brought_back,
  if(`+asOf+` IS NOT NULL, countIf(change = 'finished_late'), NULL) AS finished_late
FROM run_changes
WHERE `+chosen,
		column{name: "newly_overdue", unit: count, color: late}, column{name: "brought_back", unit: count, color: onTime}, column{name: "finished_late", unit: count, color: soon})
	b.table("portfolio.changes", 18, 9, `
SELECT change, deal_title, stage_name, manager_name, planned_end, overdue_days, deal_id
FROM run_changes
WHERE `+chosen+`
ORDER BY change, overdue_days DESC, deal_id
LIMIT 200`,
		column{name: "change", as: spoken("change", 140)}, column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 115)}, column{name: "manager_name", as: sized(wrapped, 160)},
		column{name: "planned_end", unit: "time:YYYY-MM-DD", as: date}, column{name: "overdue_days", unit: "days", color: late, as: days(100)}, column{name: "deal_id", unit: count, as: hidden})

	b.table("portfolio.latest", 24, 23, `
SELECT deal_title, stage_name, manager_name, planned_end, overdue_days_now, toFloat64(amount) AS amount, currency, deal_id, deal_url
FROM deals_now
WHERE deal_id IN
  (
    SELECT deal_id FROM visits_now
    WHERE is_open = 1 AND overdue_days > 0
      AND `+chosen+`
    ORDER BY overdue_days DESC, deal_id
    LIMIT 20
  )
ORDER BY overdue_days_now DESC, deal_id`,
		column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 140)}, column{name: "manager_name", as: sized(wrapped, 172)},
		column{name: "planned_end", unit: "time:YYYY-MM-DD", as: date}, column{name: "overdue_days_now", unit: "days", color: late, as: sized(bar, 140)},
		column{name: "amount", unit: "locale", as: wide(95)}, column{name: "currency", as: wide(85)}, column{name: "deal_id", unit: count, as: hidden}, column{name: "deal_url", as: toPortal})
	return b
}

// onTimeRate never goes without its coverage, nor without the rate by the first plans, which nobody can move.
const onTimeRate = `
SELECT sum(visits_on_time) / nullIf(sum(visits_closed_with_plan), 0) AS on_time_rate,
  sum(visits_closed_with_plan) / nullIf(sum(visits_closed), 0) AS coverage,
  sum(visits_on_time_first_plan) / nullIf(sum(visits_closed_with_first_plan), 0) AS first_plan_rate,
  sum(visits_closed_with_first_plan) / nullIf(sum(visits_closed), 0) AS first_plan_coverage
FROM quality_report
WHERE ` + inPeriod + `
  AND ` + chosen
