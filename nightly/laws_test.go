package nightly_test

import "testing"

// laws are queries that count violations. Each holds for every published state.
var laws = []struct{ name, violations string }{
	{"the days accrued by a visit add up to its overdue days", `
		SELECT count() FROM deal_stages AS v
		LEFT JOIN (SELECT deal_id, visit_no, sum(overdue_day) AS days FROM deal_stage_days GROUP BY deal_id, visit_no) AS f USING (deal_id, visit_no)
		WHERE v.overdue_days != f.days`},
	{"a visit has a fact for each day from its entry to its end", `
		SELECT count() FROM deal_stages AS v
		LEFT JOIN (SELECT deal_id, visit_no, count() AS days, min(day) AS first, max(day) AS last FROM deal_stage_days GROUP BY deal_id, visit_no) AS f USING (deal_id, visit_no)
		WHERE f.days != v.elapsed_days + 1 OR f.first != v.entered_date OR f.last != ifNull(v.left_date, (SELECT max(as_of) FROM runs WHERE status = 'published'))`},
	{"every fact belongs to a visit", `
		SELECT count() FROM deal_stage_days WHERE (deal_id, visit_no) NOT IN (SELECT deal_id, visit_no FROM deal_stages)`},
	{"the last fact of a visit shows the visit", `
		SELECT count() FROM
		(
			SELECT deal_id, visit_no, argMax((overdue_days, elapsed_days, is_open, manager_id, stage_id, funnel_id, plan_source), day) AS last
			FROM deal_stage_days GROUP BY deal_id, visit_no
		) AS f
		JOIN deal_stages AS v USING (deal_id, visit_no)
		WHERE f.last != (v.overdue_days, v.elapsed_days, v.is_open, v.manager_id, v.stage_id, v.funnel_id, v.plan_source)`},
	{"the planned end is the entry and the days of the plan", `
		SELECT count() FROM deal_stages WHERE planned_end IS NOT NULL AND planned_end != entered_date + plan_days`},
	{"a plan has days and an end, or neither", `
		SELECT count() FROM deal_stages
		WHERE (plan_source = 'none') != (plan_days IS NULL) OR (plan_days IS NULL) != (planned_end IS NULL) OR plan_days < 0`},
	{"overdue days are the days after the planned end", `
		SELECT count() FROM deal_stages
		WHERE overdue_days != greatest(0, ifNull(ifNull(left_date, (SELECT max(as_of) FROM runs WHERE status = 'published')) - planned_end, 0))`},
	{"days left belong to open visits with a plan", `
		SELECT count() FROM deal_stages WHERE (days_left IS NOT NULL) != (is_open = 1 AND plan_source != 'none')`},
	{"a final visit is closed at once, without a plan", `
		SELECT count() FROM deal_stages
		WHERE stage_semantics != 'process' AND (ifNull(left_date != entered_date, 1) OR plan_source != 'none' OR is_open = 1 OR overdue_days != 0 OR status != 'final')`},
	{"a deal has at most one open visit, and it is the last", `
		SELECT count() FROM (SELECT deal_id, countIf(is_open = 1) AS open, argMax(is_open, visit_no) AS last FROM deal_stages GROUP BY deal_id) WHERE open > 1 OR open != last`},
	{"the status says what the days say", `
		SELECT count() FROM deal_stages WHERE status != multiIf(stage_semantics != 'process', 'final', plan_days IS NULL, 'no_plan',
			is_open = 0 AND overdue_days > 0, 'finished_late', is_open = 0, 'finished_on_time', overdue_days > 0, 'overdue', days_left = 0, 'due_today', 'on_time')`},
	{"the days of a deal are those of its visits", `
		SELECT count() FROM deals_now AS d
		LEFT JOIN (SELECT deal_id, sum(overdue_days) AS days, countIf(overdue_days > 0) AS stages, sumIf(overdue_days, is_open = 1) AS now FROM deal_stages GROUP BY deal_id) AS v USING (deal_id)
		WHERE d.overdue_days_total != v.days OR d.overdue_stages != v.stages OR d.overdue_days_now != v.now`},
	{"a deal stands where its last visit does", `
		SELECT count() FROM deals_now AS d
		LEFT JOIN
		(
			SELECT deal_id, max(visit_no) AS last_no, argMax((funnel_id, stage_id, stage_name, manager_id, manager_name, is_open, status), visit_no) AS last,
				argMax((if(is_open = 1, planned_end, NULL), days_left), visit_no) AS due
			FROM deal_stages GROUP BY deal_id
		) AS v USING (deal_id)
		WHERE (d.funnel_id, d.stage_id, d.stage_name, d.manager_id, d.manager_name, d.is_open, d.status) != v.last
			OR d.planned_end IS DISTINCT FROM v.due.1 OR d.days_left IS DISTINCT FROM v.due.2`},
	{"a deal with a person that is unknown on any day has a gap for it", `
		SELECT count() FROM
		(
			SELECT deal_id, max(visit_no) AS visit_no FROM deal_stage_days
			WHERE manager_id IN (SELECT manager_id FROM quality_report WHERE startsWith(manager_name, '#'))
			GROUP BY deal_id
		) AS f
		FULL JOIN (SELECT deal_id, assumeNotNull(visit_no) AS visit_no FROM data_gaps WHERE reason = 'unknown_manager') AS g USING (deal_id)
		WHERE f.visit_no != g.visit_no`},
	{"the deals are those of the visits", `
		SELECT count() FROM (SELECT deal_id FROM deals_now) AS d FULL JOIN (SELECT DISTINCT deal_id FROM deal_stages) AS v USING (deal_id) WHERE d.deal_id != v.deal_id`},
	{"a visit is a return after one to the same stage", `
		SELECT count() FROM
		(
			SELECT is_return, row_number() OVER (PARTITION BY deal_id, funnel_id, stage_id ORDER BY visit_no) > 1 AS wanted FROM visits_now
		)
		WHERE is_return != wanted`},
	{"the portfolio is the sum of the facts", `
		SELECT count() FROM portfolio_days AS p
		LEFT JOIN
		(
			SELECT day, funnel_id, sum(overdue_day) AS accrued, countIf(is_open = 1) AS open, countIf(is_open = 1 AND overdue_days > 0) AS overdue, countIf(is_open = 1 AND plan_days IS NULL) AS no_plan
			FROM deal_stage_days GROUP BY day, funnel_id
		) AS f USING (day, funnel_id)
		WHERE p.overdue_days_accrued != f.accrued OR p.open_deals != f.open OR p.overdue_deals != f.overdue OR p.no_plan_deals != f.no_plan`},
	{"the portfolio has no holes", `
		SELECT count() FROM (SELECT funnel_id, count() AS days, min(day) AS first, max(day) AS last FROM portfolio_days GROUP BY funnel_id)
		WHERE days != last - first + 1 OR last != (SELECT max(as_of) FROM runs WHERE status = 'published') OR first != (SELECT min(entered_date) FROM deal_stages)`},
	{"the portfolio's total is what has accrued so far", `
		SELECT count() FROM (SELECT overdue_days_total AS total, sum(overdue_days_accrued) OVER (PARTITION BY funnel_id ORDER BY day) AS accrued FROM portfolio_days) WHERE total != accrued`},
	{"the quality report is the sum of the facts", `
		SELECT count() FROM
		(
			SELECT day, manager_id, funnel_id, stage_id, sum(overdue_day) AS accrued, countIf(is_open = 1) AS open,
				countIf(is_open = 1 AND overdue_days > 0) AS overdue, countIf(is_open = 1 AND plan_days IS NULL) AS no_plan,
				countIf(is_open = 0) AS closed, countIf(is_open = 0 AND plan_days IS NOT NULL) AS with_plan,
				countIf(is_open = 0 AND plan_days IS NOT NULL AND overdue_days = 0) AS on_time, sumIf(overdue_days, is_open = 0) AS late_days
			FROM deal_stage_days
			WHERE (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stages WHERE stage_semantics = 'process')
			GROUP BY day, manager_id, funnel_id, stage_id
		) AS f
		FULL JOIN quality_report AS q USING (day, manager_id, funnel_id, stage_id)
		WHERE f.accrued != q.overdue_days_accrued OR f.open != q.visits_open OR f.overdue != q.visits_overdue OR f.no_plan != q.visits_no_plan
			OR f.closed != q.visits_closed OR f.with_plan != q.visits_closed_with_plan OR f.on_time != q.visits_on_time
			OR f.late_days != q.late_days OR q.visits_late != q.visits_closed_with_plan - q.visits_on_time`},
	{"the quality report counts the closed visits by their left date and manager", `
		SELECT count() FROM
		(
			SELECT left_date AS day, manager_id, funnel_id, stage_id, count() AS closed, countIf(status = 'finished_late') AS late, sum(overdue_days) AS days
			FROM deal_stages WHERE is_open = 0 AND stage_semantics = 'process' GROUP BY left_date, manager_id, funnel_id, stage_id
		) AS v
		FULL JOIN (SELECT * FROM quality_report WHERE visits_closed > 0) AS q ON q.day = v.day AND q.manager_id = v.manager_id AND q.funnel_id = v.funnel_id AND q.stage_id = v.stage_id
		WHERE v.closed != q.visits_closed OR v.late != q.visits_late OR v.days != q.late_days`},
	{"a visit without a plan is a gap, once", `
		SELECT count() FROM
		(
			SELECT deal_id, visit_no, count() AS gaps FROM data_gaps WHERE reason IN ('no_plan', 'bad_plan', 'unknown_stage') GROUP BY deal_id, visit_no
		) AS g
		RIGHT JOIN (SELECT deal_id, visit_no FROM deal_stages WHERE plan_source = 'none' AND stage_semantics = 'process') AS v ON v.deal_id = g.deal_id AND g.visit_no = v.visit_no
		WHERE g.gaps != 1`},
	{"a reconstructed visit is a gap", `
		SELECT count() FROM deal_stages WHERE history_source = 'reconstructed'
			AND (deal_id, visit_no) NOT IN (SELECT deal_id, assumeNotNull(visit_no) FROM data_gaps WHERE reason = 'history_reconstructed')`},
	{"what has changed since the date before is told by the visits", changedOtherwise},
	{"a visit is shown as the newest published row tells it", replacedOtherwise("visits", "deal_id, visit_no")},
	{"a deal is shown as the newest published row tells it", replacedOtherwise("deals", "deal_id")},
	{"a person without a name is a gap", `
		SELECT count() FROM deal_stages WHERE startsWith(manager_name, '#') AND deal_id NOT IN (SELECT deal_id FROM data_gaps WHERE reason = 'unknown_manager')`},
}

// changedOtherwise counts what run_changes tells other than the visits do.
const changedOtherwise = `
	WITH
		(SELECT max(as_of) FROM runs WHERE status = 'published') AS newest,
		(SELECT max(as_of) FROM runs WHERE status = 'published' AND as_of < newest) AS day_before
	SELECT count() FROM (SELECT deal_id, visit_no, toString(change) AS told FROM run_changes) AS r
	FULL JOIN
	(
		SELECT v.deal_id AS deal_id, v.visit_no AS visit_no, multiIf(v.is_open = 1, 'newly_overdue', d.is_in_time, 'brought_back', 'finished_late') AS wanted
		FROM deal_stages AS v
		JOIN (SELECT deal_id, argMax(is_open = 1 AND status IN ('on_time', 'due_today', 'no_plan'), visit_no) AS is_in_time FROM deal_stages GROUP BY deal_id) AS d
			ON d.deal_id = v.deal_id
		WHERE day_before > '1970-01-01' AND v.plan_days IS NOT NULL
			AND if(v.is_open = 1, v.planned_end >= day_before AND v.planned_end < newest, v.left_date > day_before AND v.overdue_days > 0)
	) AS w USING (deal_id, visit_no)
	WHERE told != wanted`

// replacedOtherwise counts the published rows of a table that are marked as replaced and are the newest
// of their key, or the other way round.
func replacedOtherwise(table, key string) string {
	published := "(SELECT run_id FROM run_events WHERE status = 'published')"
	return `SELECT count() FROM
		(
			SELECT until_run_id GLOBAL IN ` + published + ` AS is_replaced, run_id = max(run_id) OVER (PARTITION BY ` + key + `) AS is_newest
			FROM ` + table + ` WHERE run_id GLOBAL IN ` + published + `
		) WHERE is_replaced = is_newest`
}

// expectLaws checks that the published state violates none of the laws.
func (s *site) expectLaws(when string) {
	s.t.Helper()
	for _, law := range laws {
		if n := s.number(law.violations); n != 0 {
			s.t.Errorf("%s: %d violations of the law that %s", when, n, law.name)
		}
	}
}

func TestViewsObeyTheLaws(t *testing.T) {
	t.Parallel()
	s := generated(t, 1, 400)
	s.run(false)
	s.expectLaws("after the first run")
	if got, want := s.number("SELECT count() FROM deals_now"), int64(reportedDeals(s)); got != want {
		t.Errorf("deals_now has %d deals, the portal %d: a deal never drops out", got, want)
	}
}

// reportedDeals counts the deals that the webhook may see and that are no templates.
func reportedDeals(s *site) int {
	n := 0
	for _, deal := range s.world.Deals() {
		if !deal.IsRecurring {
			n++
		}
	}
	return n
}
