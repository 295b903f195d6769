package dashboards

import (
	"strconv"
	"strings"
)

// trust lets a doubter follow the headline down to the facts.
func trust(lang Lang) *board {
	b := newBoard("trust", lang, "now-90d/d")
	b.stat("trust.run", 16, 4, `
SELECT max(as_of) AS as_of_day, max(finished_at) AS published_at, dateDiff('second', argMax(started_at, run_id), argMax(finished_at, run_id)) AS run_seconds
FROM runs
WHERE status = 'published'
HAVING count() > 0`,
		column{name: "as_of_day", unit: "time:YYYY-MM-DD", color: neutral}, column{name: "published_at", unit: "dateTimeFromNow", color: neutral}, column{name: "run_seconds", unit: "s", color: neutral})
	b.stat("trust.coverage", 8, 4, `
SELECT countIf(plan_source != 'none') / nullIf(count(), 0) AS coverage, if(count() = 0, NULL, countIf(plan_source = 'none')) AS without_plan
FROM deal_stages
WHERE stage_semantics = 'process'
  AND `+chosen, column{name: "coverage", unit: share, color: noPlan}, column{name: "without_plan", unit: count, color: noPlan})

	b.row("trust.row.rebuilt")
	b.table("trust.rebuilt", 12, 8, `
SELECT step, things, days_lost, days_lost - first_value(days_lost) OVER (ORDER BY step) AS difference
FROM
(
  SELECT '1' AS step, toInt64(count()) AS things, toInt64(sum(overdue_day)) AS days_lost FROM deal_stage_days
  UNION ALL SELECT '2', toInt64(count()), toInt64(sum(overdue_days)) FROM deal_stages
  UNION ALL SELECT '3', toInt64(count()), toInt64(sum(overdue_days_total)) FROM deals_now
  UNION ALL SELECT '4', toInt64(count()), toInt64(sum(overdue_days_accrued)) FROM quality_report
  UNION ALL SELECT '5', toInt64(count()), toInt64(sum(overdue_days_accrued)) FROM portfolio_days
)
WHERE `+asOf+` IS NOT NULL
ORDER BY step`,
		column{name: "step", as: spoken("step", 0)}, column{name: "things", unit: count, as: wide(110)}, column{name: "days_lost", unit: "days", color: late, as: wide(130)}, column{name: "difference", unit: "days", as: zero})
	b.table("trust.checks", 12, 8, checks(),
		column{name: "law", as: spoken("law", 0)}, column{name: "violations", unit: count, as: zero})
	b.table("trust.facts", 8, 10, `
SELECT any(v.stage_name) AS stage_name, sum(f.rows) AS things, sum(f.days_lost) AS days_lost
FROM (SELECT deal_id, visit_no, count() AS rows, sum(overdue_day) AS days_lost FROM deal_stage_days GROUP BY deal_id, visit_no) AS f
INNER JOIN (SELECT deal_id, visit_no, funnel_id, stage_id, stage_name FROM deal_stages) AS v USING (deal_id, visit_no)
GROUP BY v.funnel_id, v.stage_id
ORDER BY days_lost DESC, stage_name`, column{name: "stage_name"}, column{name: "things", unit: count, as: wide(110)}, column{name: "days_lost", unit: "days", color: late, as: wide(130)})
	b.table("trust.visits", 8, 10, `
SELECT any(stage_name) AS stage_name, count() AS visits, sum(overdue_days) AS days_lost
FROM deal_stages
GROUP BY funnel_id, stage_id
ORDER BY days_lost DESC, stage_name`, column{name: "stage_name"}, column{name: "visits", unit: count, as: wide(110)}, column{name: "days_lost", unit: "days", color: late, as: wide(130)})
	b.table("trust.deals", 8, 10, `
SELECT deal_title, overdue_stages, overdue_days_total, deal_id
FROM deals_now
WHERE overdue_days_total > 0
ORDER BY overdue_days_total DESC, deal_id
LIMIT 200`, column{name: "deal_title", as: toDeal}, column{name: "overdue_stages", unit: count, as: wide(90)}, column{name: "overdue_days_total", unit: "days", color: late, as: wide(130)}, column{name: "deal_id", unit: "none", as: wide(70)})

	b.row("trust.row.gaps")
	b.table("trust.reasons", 8, 12, `
SELECT reason, count() AS gaps, uniqExact(deal_id) AS deals
FROM data_gaps
GROUP BY reason
ORDER BY gaps DESC, reason`, column{name: "reason", as: spoken("reason", 0)}, column{name: "gaps", unit: count, as: wide(90)}, column{name: "deals", unit: count, as: wide(90)})
	b.table("trust.gaps", 16, 12, `
SELECT reason, deal_title, visit_no, detail, deal_id, deal_url
FROM data_gaps
ORDER BY reason, deal_id, visit_no
LIMIT 1000`, column{name: "reason", as: spoken("reason", 190)}, column{name: "deal_title", as: toDeal}, column{name: "visit_no", unit: count, as: wide(60)}, column{name: "detail"}, column{name: "deal_id", unit: "none", as: wide(80)}, column{name: "deal_url", as: toPortal})

	b.row("trust.row.runs")
	b.table("trust.runs", 24, 10, `
SELECT run_id, as_of, started_at, status AS run_status, dateDiff('second', started_at, finished_at) AS run_seconds, deals_seen, deals_changed, facts_appended, portal_requests, error
FROM runs
ORDER BY run_id DESC
LIMIT 30`,
		column{name: "run_id", unit: "none", as: wide(80)}, column{name: "as_of", unit: "time:YYYY-MM-DD", as: date}, column{name: "started_at", unit: "time:YYYY-MM-DD HH:mm", as: wide(150)},
		column{name: "run_status", as: spoken("run_status", 130)}, column{name: "run_seconds", unit: "s", as: wide(100)}, column{name: "deals_seen", unit: count, as: wide(90)}, column{name: "deals_changed", unit: count, as: wide(110)},
		column{name: "facts_appended", unit: count, as: wide(120)}, column{name: "portal_requests", unit: count, as: wide(110)}, column{name: "error"})
	return b
}

// laws count violations; each holds for every published state.
var laws = []string{
	`SELECT count() FROM deal_stages AS v LEFT JOIN (SELECT deal_id, visit_no, sum(overdue_day) AS days FROM deal_stage_days GROUP BY deal_id, visit_no) AS f USING (deal_id, visit_no) WHERE v.overdue_days != f.days`,
	`SELECT count() FROM deal_stages WHERE planned_end IS NOT NULL AND planned_end != entered_date + plan_days`,
	`SELECT count() FROM deals_now AS d LEFT JOIN (SELECT deal_id, sum(overdue_days) AS days FROM deal_stages GROUP BY deal_id) AS v USING (deal_id) WHERE d.overdue_days_total != v.days`,
	`SELECT count() FROM (SELECT deal_id, countIf(is_open = 1) AS open, argMax(is_open, visit_no) AS last FROM deal_stages GROUP BY deal_id) WHERE open > 1 OR open != last`,
	`SELECT count() FROM deal_stages WHERE stage_semantics != 'process' AND (plan_source != 'none' OR is_open = 1 OR overdue_days != 0)`,
	`SELECT count() FROM (SELECT deal_id, visit_no FROM deal_stages WHERE plan_source = 'none' AND stage_semantics = 'process') AS v LEFT ANTI JOIN (SELECT deal_id, assumeNotNull(visit_no) AS visit_no FROM data_gaps WHERE visit_no IS NOT NULL) AS g USING (deal_id, visit_no)`,
}

func checks() string {
	var parts []string
	for i, law := range laws {
		parts = append(parts, "SELECT '"+strconv.Itoa(i+1)+"' AS law, toInt64(("+law+")) AS violations")
	}
	return "\nSELECT law, violations FROM\n(\n  " + strings.Join(parts, "\n  UNION ALL ") + "\n)\nWHERE " + asOf + " IS NOT NULL\nORDER BY law"
}
