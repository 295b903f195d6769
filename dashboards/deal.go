package dashboards

import "strings"

// deal follows one deal through its stages, down to the dates that its number is made of.
func deal(lang Lang, _ Targets) *board {
	b := newBoard("deal", lang, "now-6M", "now+1M")
	b.builder.WithVariable(b.variable(dealChoice, false))

	b.stat("deal.number", 6, 6, `
SELECT overdue_days_total, overdue_days_now, days_left
FROM deals_now
WHERE `+theDeal,
		column{name: "overdue_days_total", unit: count, color: late, as: named("deal.number.total")}, column{name: "overdue_days_now", unit: count, color: late, as: named("deal.number.now")},
		column{name: "days_left", unit: count, as: named("deal.number.left")})
	b.table("deal.now", 18, 6, `
SELECT deal_title, status, `+stageLabel+`, `+managerLabel+`, planned_end, deal_url
FROM deals_now
WHERE `+theDeal,
		column{name: "deal_title", as: cut}, column{name: "status", as: spoken("status", 136)}, column{name: "stage_name", as: sized(wrapped, 185)}, column{name: "manager_name", as: sized(wrapped, 130)},
		column{name: "planned_end", unit: day, as: date}, column{name: "deal_url", as: toPortal})

	b.table("deal.how", 24, 9, how(lang), column{name: "sentence", as: wrapped})

	b.line("deal.line", 24, 7, `
SELECT toDateTime(day, 'UTC') AS time, any(stage) AS stage_name, any(state) AS status, any(plan) AS planned
FROM
(
  SELECT day, toNullable(concat(toString(max(visit_no)), '. ', argMax(v.stage_name, visit_no))) AS stage,
    toNullable(argMax(multiIf(v.stage_semantics != 'process', 'final', v.is_waiting, 'waiting', f.is_paused = 1, 'paused', f.plan_days IS NULL, 'no_plan', f.overdue_days > 0, 'overdue', 'on_time'), visit_no)) AS state,
    argMax(if(f.planned_end >= day, toNullable('planned'), NULL), visit_no) AS plan
  FROM deal_stage_days AS f
  INNER JOIN (SELECT deal_id, visit_no, `+stageLabel+`, stage_semantics, is_waiting FROM visits_now WHERE `+theDeal+`) AS v USING (deal_id, visit_no)
  WHERE `+theDeal+`
  GROUP BY day
  UNION ALL
  SELECT arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(assumeNotNull(`+asOf+`)) + 1, toUInt32(assumeNotNull(planned_end)) + 1))), NULL AS stage, NULL AS state, 'planned' AS plan
  FROM visits_now
  WHERE `+theDeal+` AND is_open = 1 AND planned_end > `+asOf+`
  UNION ALL
  SELECT max(day) + 1, NULL AS stage, NULL AS state, NULL AS plan
  FROM (SELECT max(day) AS day FROM deal_stage_days WHERE `+theDeal+` UNION ALL SELECT max(planned_end) FROM visits_now WHERE `+theDeal+` AND is_open = 1 AND planned_end > `+asOf+`)
  HAVING max(day) > toDate(0)
)
GROUP BY day
ORDER BY day`, column{name: "stage_name"}, column{name: "status", as: spokenOn("status")}, column{name: "planned", as: spokenOn("planned")})
	line := b.panelID

	b.table("deal.visits", 24, 9, `
SELECT visit_no, `+stageLabel+`, entered_date, plan_days, plan_source, planned_end, left_date, elapsed_days, paused_days, overdue_days, status
FROM visits_now
WHERE `+theDeal+`
ORDER BY visit_no`,
		column{name: "visit_no", unit: count, as: wide(50)}, column{name: "stage_name", as: wrapped}, column{name: "entered_date", unit: day, as: wide(92)},
		column{name: "plan_days", unit: "days", as: days(76)}, column{name: "plan_source", as: headed(spoken("plan_source", 112))},
		column{name: "planned_end", unit: day, as: date}, column{name: "left_date", unit: day, as: wide(92)},
		column{name: "elapsed_days", unit: "days", as: days(76)}, column{name: "paused_days", unit: "days", as: days(76)}, column{name: "overdue_days", unit: "days", color: late, as: days(98)}, column{name: "status", as: spoken("status", 136)})

	b.table("deal.moves", 24, 8, `
SELECT known_on, visit_no, `+stageLabel+`, cause, planned_end_before, planned_end, days_moved, overdue_days_before, overdue_days AS overdue_days_after, `+managerLabel+`
FROM plan_changes
WHERE `+theDeal+`
ORDER BY known_on, run_id, visit_no, indexOf(['entry', 'calendar', 'norm', 'deal'], cause)`,
		column{name: "known_on", unit: day, as: date}, column{name: "visit_no", unit: count, as: wide(50)}, column{name: "stage_name", as: wrapped}, column{name: "cause", as: spoken("cause", 155)},
		column{name: "planned_end_before", unit: day, as: date}, column{name: "planned_end", unit: day, as: date}, column{name: "days_moved", unit: "days", as: days(82)},
		column{name: "overdue_days_before", unit: "days", color: late, as: days(98)}, column{name: "overdue_days_after", unit: "days", color: late, as: days(98)}, column{name: "manager_name", as: sized(wrapped, 130)})

	b.trend("deal.growth", 12, 8, series, look{unit: "days", fromZero: true}, `
SELECT toDateTime(day, 'UTC') AS time, '`+strings.ReplaceAll(b.say("column.days_lost"), "${days}", "${days:raw}")+`' AS name, sum(sum(overdue_day)) OVER (ORDER BY day) AS days_lost
FROM deal_stage_days
WHERE `+theDeal+`
GROUP BY day
ORDER BY day`, column{name: "days_lost", color: late, isLink: true})
	b.mark("deal.moves", soon, `
SELECT toDateTime(known_on, 'UTC') AS time,
  concat(stage_name, ': ', ifNull(`+on(lang, "planned_end_before")+`, '—'), ' → ', ifNull(`+on(lang, "planned_end")+`, '—'), ', ', transform(toString(cause), `+inWords(lang, "cause")+`, toString(cause)), ', ', manager_name) AS text
FROM plan_changes
WHERE `+theDeal+`
ORDER BY time, visit_no`, line, b.panelID)
	b.table("deal.gaps", 12, 8, `
SELECT visit_no, reason, `+detail(lang)+` AS detail
FROM data_gaps
WHERE `+theDeal+`
ORDER BY visit_no, reason`,
		column{name: "visit_no", unit: count, as: wide(50)}, column{name: "reason", as: folded("reason", 165)}, column{name: "detail", as: wrapped})

	return b
}
