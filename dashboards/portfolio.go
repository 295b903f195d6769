package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/common"

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

	b.bars("portfolio.weekly", 24, 7, "days", "week_end", common.StackingModeNone, `
SELECT `+periodTo+` - 7 * intDiv(`+periodTo+` - day, 7) AS week_end, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY week_end
ORDER BY week_end`, column{name: "week_end", unit: day}, column{name: "days_lost", color: late})

	for _, by := range []string{"stage", "funnel", "manager"} {
		b.table("portfolio.by_"+by, 8, 8, `
SELECT `+label(by, "any("+by+"_name)")+` AS `+by+`_name, sum(overdue_days_accrued) AS days_lost
FROM quality_report
WHERE `+inPeriod+`
  AND `+chosen+`
GROUP BY `+keyOf[by]+`
HAVING days_lost > 0
ORDER BY days_lost DESC, `+by+`_name
LIMIT 8`, column{name: by + "_name", as: wrapped}, column{name: "days_lost", unit: "days", color: late, as: sized(bar, 150)})
	}

	b.heat("portfolio.heat", 24, 11, "stage_name", "week_end", "days_lost", `
SELECT formatDateTime(`+periodTo+` - 7 * block, '`+b.say("date.format")+`') AS week_end, `+stageLabel+`, lost[block] AS days_lost
FROM
(
  SELECT funnel_id, stage_id, s.stage_name AS stage_name, names.sort AS sort, lost, arrayJoin(range(0, 1 + intDiv(toUInt32(assumeNotNull(`+periodTo+` - `+periodFrom+`)), 7))) AS block
  FROM
  (
    SELECT funnel_id, stage_id, any(name) AS stage_name, sumMap(map(block, days)) AS lost
    FROM
    (
      SELECT funnel_id, stage_id, any(stage_name) AS name, toUInt32(intDiv(assumeNotNull(`+periodTo+`) - day, 7)) AS block, sum(overdue_days_accrued) AS days
      FROM quality_report
      WHERE `+inPeriod+`
        AND `+chosen+`
      GROUP BY funnel_id, stage_id, block
    )
    GROUP BY funnel_id, stage_id
    HAVING sum(days) > 0
    ORDER BY sum(days) DESC, funnel_id, stage_id
    LIMIT 20
  ) AS s
  LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
)
WHERE block < 26
ORDER BY funnel_id, sort, stage_id, block DESC`)

	b.stat("portfolio.changed", 6, 9, `
SELECT if(`+asOf+` IS NOT NULL, countIf(change = 'newly_overdue'), NULL) AS newly_overdue,
  if(`+asOf+` IS NOT NULL, countIf(change = 'brought_back'), NULL) AS brought_back,
  if(`+asOf+` IS NOT NULL, countIf(change = 'finished_late'), NULL) AS finished_late
FROM run_changes
WHERE `+chosen,
		column{name: "newly_overdue", unit: count, color: late}, column{name: "brought_back", unit: count, color: onTime}, column{name: "finished_late", unit: count, color: soon})
	b.table("portfolio.changes", 18, 9, `
SELECT change, deal_title, `+stageLabel+`, `+managerLabel+`, planned_end, overdue_days, deal_id
FROM run_changes
WHERE `+chosen+`
ORDER BY change, overdue_days DESC, deal_id
LIMIT 200`,
		column{name: "change", as: spoken("change", 140)}, column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 115)}, column{name: "manager_name", as: sized(wrapped, 160)},
		column{name: "planned_end", unit: day, as: date}, column{name: "overdue_days", unit: "days", color: late, as: days(100)}, column{name: "deal_id", unit: count, as: hidden})

	b.table("portfolio.latest", 24, 23, `
SELECT deal_title, `+stageLabel+`, `+managerLabel+`, planned_end, overdue_days_now, toFloat64(amount) AS amount, currency, deal_id, deal_url
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
		column{name: "planned_end", unit: day, as: date}, column{name: "overdue_days_now", unit: "days", color: late, as: sized(bar, 140)},
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
