package nightly_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A law is a query that counts violations and holds for every published state. Laws of one view are
// derived from another one, most of them from the facts day by day, and not by the view's own way.
type law struct {
	name       string
	violations string
	// view and wrong make the law see a wrong number: an expression in the place of a column of the view.
	view, wrong string
}

// newest is the as-of date of what is shown.
const newest = "(SELECT max(as_of) FROM runs WHERE status = 'published')"

// waiting are the visits that wait for somebody else.
const waiting = "(SELECT deal_id, visit_no FROM deal_stages WHERE status = 'waiting')"

// counting are the dates that count in each funnel, in their order.
const counting = `
	(
		SELECT f.funnel_id AS funnel_id, arraySort(groupArray(c.day)) AS days
		FROM (SELECT DISTINCT funnel_id FROM deal_stages) AS f CROSS JOIN (SELECT * FROM calendar_days WHERE counts = 1) AS c
		WHERE has(c.funnels, f.funnel_id) OR empty(c.funnels) AND f.funnel_id NOT IN (SELECT arrayJoin(funnels) FROM calendar_days)
		GROUP BY f.funnel_id
	) AS counting`

var laws = []law{
	{"only open visits are forecast, to an end that has not passed", `
		SELECT count() FROM deal_stages
		WHERE is_open = 0 AND (isNotNull(expected_end) OR isNotNull(likely_end) OR isNotNull(late_probability)) OR least(expected_end, likely_end) < ` + newest + ` OR likely_end < expected_end`,
		"deal_stages", "if(expected_end > likely_end - 2, likely_end + 1, expected_end) AS expected_end"},
	{"a late probability is a share, of visits with a plan, and 1 of those that are late", `
		SELECT count() FROM deal_stages
		WHERE late_probability NOT BETWEEN 0 AND 1 OR isNull(planned_end) AND isNotNull(late_probability) OR is_open = 1 AND planned_end < ` + newest + ` AND ifNull(late_probability, 0) != 1`,
		"deal_stages", "if(is_open = 1 AND planned_end < " + newest + ", 0.99, late_probability) AS late_probability"},
	{"a deal has the forecast of its open visit, and is closed no earlier", `
		SELECT count() FROM deals_now AS d INNER JOIN (SELECT * FROM deal_stages WHERE is_open = 1) AS v ON v.deal_id = d.deal_id
		WHERE d.expected_end IS DISTINCT FROM v.expected_end OR d.late_probability IS DISTINCT FROM v.late_probability OR d.expected_closed_date < v.expected_end
			OR isNotNull(d.expected_closed_date) AND isNull(v.expected_end)`,
		"deals_now", "expected_end + 1 AS expected_end"},
	{"every open visit has a forecast of the newest run, as it is shown, with the reason for what is missing", `
		SELECT count() FROM (SELECT * FROM deal_stages WHERE is_open = 1) AS v
		FULL JOIN (SELECT *, 1 AS is_there FROM forecasts WHERE run_id = (SELECT max(run_id) FROM runs WHERE status = 'published')) AS f ON f.deal_id = v.deal_id AND f.visit_no = v.visit_no
		WHERE f.is_there = 0 OR v.is_open = 0 OR f.expected_end IS DISTINCT FROM v.expected_end OR f.likely_end IS DISTINCT FROM v.likely_end
			OR f.late_probability IS DISTINCT FROM v.late_probability OR f.elapsed_days != v.elapsed_days OR f.planned_end IS DISTINCT FROM v.planned_end
			OR isNull(f.reason) != isNotNull(f.likely_end) OR isNull(f.closing_reason) != isNotNull(f.expected_closed_date)`,
		"forecasts", "if(reason = 'too_few', NULL, reason) AS reason"},
	{"a counting day accrues when it is after the planned end and after the entry", `
		SELECT count() FROM deal_stage_days WHERE overdue_day != ifNull(is_counting = 1 AND day > planned_end AND day > entered_date, 0)`,
		"deal_stage_days", "planned_end + 1 AS planned_end"},
	{"the overdue days of a day are those accrued so far", `
		SELECT count() FROM (SELECT overdue_days, sum(overdue_day) OVER (PARTITION BY deal_id, visit_no ORDER BY day) AS accrued FROM deal_stage_days)
		WHERE overdue_days != accrued`,
		"deal_stage_days", "overdue_days + (overdue_days = 2) AS overdue_days"},
	{"the days accrued by a visit add up to its overdue days", `
		SELECT count() FROM deal_stages AS v
		FULL JOIN (SELECT deal_id, visit_no, sum(overdue_day) AS days FROM deal_stage_days GROUP BY deal_id, visit_no) AS f USING (deal_id, visit_no)
		WHERE v.overdue_days != f.days`,
		"deal_stages", "overdue_days + (overdue_days > 9) AS overdue_days"},
	{"a visit has a fact for each day from its entry to its end", `
		SELECT count() FROM deal_stages AS v
		LEFT JOIN (SELECT deal_id, visit_no, count() AS days, min(day) AS first, max(day) AS last FROM deal_stage_days GROUP BY deal_id, visit_no) AS f USING (deal_id, visit_no)
		WHERE f.days != v.elapsed_days + 1 OR f.first != v.entered_date OR f.last != ifNull(v.left_date, ` + newest + `)`,
		"deal_stages", "left_date - 1 AS left_date"},
	{"every fact belongs to a visit", `
		SELECT count() FROM deal_stage_days WHERE (deal_id, visit_no) NOT IN (SELECT deal_id, visit_no FROM deal_stages)`,
		"deal_stage_days", "visit_no + 100 AS visit_no"},
	{"the last fact of a visit shows the visit", `
		SELECT count() FROM
		(
			SELECT deal_id, visit_no, argMax((overdue_days, elapsed_days, is_open, manager_id, stage_id, funnel_id, plan_source), day) AS last
			FROM deal_stage_days GROUP BY deal_id, visit_no
		) AS f
		JOIN deal_stages AS v USING (deal_id, visit_no)
		WHERE f.last != (v.overdue_days, v.elapsed_days, v.is_open, v.manager_id, v.stage_id, v.funnel_id, v.plan_source)`,
		"deal_stages", "manager_id + 1 AS manager_id"},
	{"a day counts when its calendar says so and it is not paused", `
		SELECT count() FROM deal_stage_days AS f JOIN ` + counting + ` USING (funnel_id)
		WHERE is_counting != (has(days, day) AND is_paused = 0) OR (pause_source IS NULL) != (is_paused = 0)`,
		"deal_stage_days", "toUInt8(1 - is_counting * (day > '2026-03-01')) AS is_counting"},
	{"working and paused days are those of the facts", `
		SELECT count() FROM deal_stages AS v JOIN
		(
			SELECT deal_id, visit_no, countIf(day > entered_date AND has(days, day)) AS working, countIf(day > entered_date AND has(days, day) AND is_paused = 1) AS paused
			FROM deal_stage_days JOIN ` + counting + ` USING (funnel_id) GROUP BY deal_id, visit_no
		) AS f USING (deal_id, visit_no)
		WHERE elapsed_working_days != working OR paused_days != paused`,
		"deal_stages", "elapsed_working_days + 1 AS elapsed_working_days"},
	{"the planned end is the entry and the counting days of the plan", `
		SELECT count() FROM
		(
			SELECT planned_end, entered_date, plan_days, late_at_entry, has(days, entered_date) AS counts, days[1] AS first, days[-1] AS last,
				arrayCount(day -> day > entered_date AND day <= assumeNotNull(planned_end) AND NOT has(paused, day), days) AS until,
				arrayCount(day -> day > assumeNotNull(planned_end) AND day <= entered_date, days) AS late
			FROM deal_stages AS v JOIN ` + counting + ` USING (funnel_id)
			JOIN (SELECT deal_id, visit_no, groupArrayIf(day, is_paused = 1) AS paused FROM deal_stage_days GROUP BY deal_id, visit_no) AS p USING (deal_id, visit_no)
			WHERE planned_end IS NOT NULL
		)
		WHERE planned_end >= entered_date AND planned_end <= last AND until != plan_days AND NOT (plan_days = 0 AND until = 1 AND NOT counts)
			OR planned_end < entered_date AND plan_days != 0 OR (late_at_entry IS NULL) != (planned_end >= entered_date)
			OR planned_end < entered_date AND planned_end >= first AND late_at_entry != late`,
		"deal_stages", "plan_days + 1 AS plan_days"},
	{"a plan has days and an end, or neither", `
		SELECT count() FROM deal_stages
		WHERE (plan_source = 'none') != (plan_days IS NULL) OR (plan_days IS NULL) != (planned_end IS NULL) OR plan_days < 0`,
		"deal_stages", "if(deal_id % 2 = 1, NULL, plan_days) AS plan_days"},
	{"the days left are the counting days to come up to the planned end, of open visits with a plan", `
		SELECT count() FROM deal_stages AS v JOIN ` + counting + ` USING (funnel_id)
		WHERE days_left IS DISTINCT FROM if(is_open = 1 AND plan_source != 'none',
			toInt32(arrayCount(day -> day > assumeNotNull(` + newest + `) AND day <= assumeNotNull(planned_end), days)), NULL) AND ifNull(planned_end <= days[-1], 1)`,
		"deal_stages", "days_left + 1 AS days_left"},
	{"a final visit is closed at once, without a plan", `
		SELECT count() FROM deal_stages
		WHERE stage_semantics != 'process' AND (ifNull(left_date != entered_date, 1) OR plan_source != 'none' OR is_open = 1 OR overdue_days != 0 OR status != 'final')`,
		"deal_stages", "if(stage_semantics = 'success', 'no_plan', status) AS status"},
	{"a deal has at most one open visit, and it is the last", `
		SELECT count() FROM (SELECT deal_id, countIf(is_open = 1) AS open, argMax(is_open, visit_no) AS last FROM deal_stages GROUP BY deal_id) WHERE open > 1 OR open != last`,
		"deal_stages", "toUInt8(1) AS is_open"},
	{"the status is what the days of the visit come to", `
		SELECT count() FROM deal_stages AS v
		JOIN
		(
			SELECT deal_id, visit_no, sum(overdue_day) AS accrued, argMax((is_open, plan_source, ifNull(days_left = 0, 0)), day) AS last,
				any(ifNull(planned_end < entered_date, 0)) AS is_late
			FROM deal_stage_days GROUP BY deal_id, visit_no
		) AS f USING (deal_id, visit_no)
		WHERE stage_semantics = 'process' AND if(status = 'waiting', last.2 != 'none', status != multiIf(last.2 = 'none', 'no_plan',
			last.1 = 0 AND (accrued > 0 OR is_late), 'finished_late', last.1 = 0, 'finished_on_time', accrued > 0 OR is_late, 'overdue', last.3, 'due_today', 'on_time'))`,
		"deal_stages", "if(status = 'overdue', 'due_today', status) AS status"},
	{"a deal has lost the days that its facts have accrued", `
		SELECT count() FROM deals_now AS d
		FULL JOIN
		(
			SELECT deal_id, sum(overdue_day) AS days, uniqExactIf(visit_no, overdue_day = 1) AS stages FROM deal_stage_days GROUP BY deal_id
		) AS f USING (deal_id)
		FULL JOIN
		(
			SELECT deal_id, sum(overdue_day) AS now FROM deal_stage_days
			WHERE (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stage_days WHERE is_open = 1 AND day = ` + newest + `) GROUP BY deal_id
		) AS o USING (deal_id)
		WHERE d.overdue_days_total != f.days OR d.overdue_stages != f.stages OR d.overdue_days_now != o.now`,
		"deals_now", "overdue_days_now + (overdue_days_now > 9) AS overdue_days_now"},
	{"a deal stands where its last visit does", `
		SELECT count() FROM deals_now AS d
		LEFT JOIN
		(
			SELECT deal_id, max(visit_no) AS last_no, argMax((funnel_id, stage_id, stage_name, manager_id, manager_name, is_open, status), visit_no) AS last,
				argMax((if(is_open = 1, planned_end, NULL), days_left), visit_no) AS due
			FROM deal_stages GROUP BY deal_id
		) AS v USING (deal_id)
		WHERE (d.funnel_id, d.stage_id, d.stage_name, d.manager_id, d.manager_name, d.is_open, d.status) != v.last
			OR d.planned_end IS DISTINCT FROM v.due.1 OR d.days_left IS DISTINCT FROM v.due.2`,
		"deals_now", "days_left + 1 AS days_left"},
	{"a deal with a person that is unknown on any day has a gap for it", `
		SELECT count() FROM
		(
			SELECT deal_id, max(visit_no) AS visit_no FROM deal_stage_days
			WHERE manager_id IN (SELECT manager_id FROM quality_report WHERE startsWith(manager_name, '#'))
			GROUP BY deal_id
		) AS f
		FULL JOIN (SELECT deal_id, assumeNotNull(visit_no) AS visit_no FROM data_gaps WHERE reason = 'unknown_manager') AS g USING (deal_id)
		WHERE f.visit_no != g.visit_no`,
		"data_gaps", "visit_no + 1 AS visit_no"},
	{"the deals are those of the visits", `
		SELECT count() FROM (SELECT deal_id FROM deals_now) AS d FULL JOIN (SELECT DISTINCT deal_id FROM deal_stages) AS v USING (deal_id) WHERE d.deal_id != v.deal_id`,
		"deals_now", "deal_id + 1000 AS deal_id"},
	{"a visit is a return after one to the same stage", `
		SELECT count() FROM
		(
			SELECT is_return, row_number() OVER (PARTITION BY deal_id, funnel_id, stage_id ORDER BY visit_no) > 1 AS wanted FROM visits_now
		)
		WHERE is_return != wanted`,
		"visits_now", "toUInt8(0) AS is_return"},
	{"a visit is the same with its title and without", `
		SELECT count() FROM visits_now AS n
		FULL JOIN deal_stages AS v ON v.deal_id = n.deal_id AND v.visit_no = n.visit_no
		WHERE (n.funnel_id, n.funnel_name, n.stage_id, n.stage_name, n.manager_id, n.manager_name, n.entered_date, n.is_open, n.elapsed_days, n.overdue_days, n.status)
			!= (v.funnel_id, v.funnel_name, v.stage_id, v.stage_name, v.manager_id, v.manager_name, v.entered_date, v.is_open, v.elapsed_days, v.overdue_days, v.status)
			OR n.left_date IS DISTINCT FROM v.left_date OR n.planned_end IS DISTINCT FROM v.planned_end OR n.days_left IS DISTINCT FROM v.days_left
			OR n.is_final != (v.stage_semantics != 'process')`,
		"visits_now", "elapsed_days + 1 AS elapsed_days"},
	{"the portfolio of a day is its open deals and what the day accrued", `
		SELECT count() FROM portfolio_days AS p
		FULL JOIN
		(
			SELECT day, funnel_id, sum(overdue_day) AS accrued, uniqExactIf(deal_id, is_open = 1) AS open,
				uniqExactIf(deal_id, is_open = 1 AND (overdue_days > 0 OR ifNull(planned_end < entered_date, 0))) AS overdue, uniqExactIf(deal_id, is_open = 1 AND plan_source = 'none' AND (deal_id, visit_no) NOT IN ` + waiting + `) AS no_plan
			FROM deal_stage_days GROUP BY day, funnel_id
		) AS f USING (day, funnel_id)
		WHERE p.overdue_days_accrued != f.accrued OR p.open_deals != f.open OR p.overdue_deals != f.overdue OR p.no_plan_deals != f.no_plan`,
		"portfolio_days", "overdue_deals + (overdue_deals > 3) AS overdue_deals"},
	{"the portfolio has no holes", `
		SELECT count() FROM (SELECT funnel_id, count() AS days, min(day) AS first, max(day) AS last FROM portfolio_days GROUP BY funnel_id)
		WHERE days != last - first + 1 OR last != ` + newest + ` OR first != (SELECT min(entered_date) FROM deal_stages)`,
		"portfolio_days", "day + (day > '2026-03-01') AS day"},
	{"the portfolio's total is what all facts up to the day have accrued", `
		SELECT count() FROM
		(
			SELECT p.day AS day, p.funnel_id AS funnel_id, any(p.overdue_days_total) AS total, sumIf(f.accrued, f.day <= p.day) AS accrued
			FROM portfolio_days AS p
			LEFT JOIN (SELECT funnel_id, day, sum(overdue_day) AS accrued FROM deal_stage_days GROUP BY funnel_id, day) AS f ON f.funnel_id = p.funnel_id
			GROUP BY day, funnel_id
		)
		WHERE total != accrued`,
		"portfolio_days", "overdue_days_total + (overdue_days_total > 99) AS overdue_days_total"},
	{"the quality report is the sum of the facts", `
		SELECT count() FROM
		(
			SELECT day, manager_id, funnel_id, stage_id, sum(overdue_day) AS accrued, countIf(is_open = 1) AS open,
				countIf(is_open = 1 AND (overdue_days > 0 OR ifNull(planned_end < entered_date, 0))) AS overdue, countIf(is_open = 1 AND plan_source = 'none') AS no_plan,
				countIf(is_open = 0) AS closed, countIf(is_open = 0 AND plan_source != 'none') AS with_plan,
				countIf(is_open = 0 AND plan_source != 'none' AND overdue_days = 0 AND NOT ifNull(planned_end < entered_date, 0)) AS on_time, sumIf(overdue_days, is_open = 0) AS late_days
			FROM deal_stage_days
			WHERE (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stages WHERE stage_semantics = 'process' AND status != 'waiting')
			GROUP BY day, manager_id, funnel_id, stage_id
		) AS f
		FULL JOIN quality_report AS q USING (day, manager_id, funnel_id, stage_id)
		WHERE f.accrued != q.overdue_days_accrued OR f.open != q.visits_open OR f.overdue != q.visits_overdue OR f.no_plan != q.visits_no_plan
			OR f.closed != q.visits_closed OR f.with_plan != q.visits_closed_with_plan OR f.on_time != q.visits_on_time
			OR f.late_days != q.late_days`,
		"quality_report", "visits_overdue + (visits_overdue > 1) AS visits_overdue"},
	{"what the quality report says is assumed is assumed in the facts", assumedOtherwise,
		"quality_report", "overdue_days_accrued AS overdue_days_assumed"},
	{"a visit is left for the one that follows it", `
		SELECT count() FROM
		(
			SELECT next_funnel_id, next_stage_id, next_stage_name, is_open, leadInFrame(visit_no, 1, visit_no) OVER later AS no_after,
				visit_no, leadInFrame((funnel_id, toString(stage_id), stage_name), 1) OVER later AS after
			FROM deal_stages WINDOW later AS (PARTITION BY deal_id ORDER BY visit_no ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
		)
		WHERE no_after = visit_no + 1 AND NOT ifNull((next_funnel_id, toString(next_stage_id), next_stage_name) = after, 0)
			OR isNull(next_stage_id) != isNull(next_funnel_id) OR isNull(next_stage_id) != isNull(next_stage_name)
			OR is_open = 1 AND isNotNull(next_stage_id)`,
		"deal_stages", "stage_name AS next_stage_name"},
	{"a deal is closed on the entry into its final stage", `
		SELECT count() FROM deals_now AS d
		LEFT JOIN (SELECT deal_id, argMax((entered_date, stage_semantics), visit_no) AS last FROM deal_stages GROUP BY deal_id) AS v USING (deal_id)
		WHERE d.closed_date IS DISTINCT FROM if(v.last.2 = 'process', NULL, v.last.1)`,
		"deals_now", "closed_date + 1 AS closed_date"},
	{"a fact is named as its visit", `
		SELECT count() FROM deal_stage_days AS f
		JOIN (SELECT deal_id, visit_no, funnel_name, stage_name FROM deal_stages) AS v USING (deal_id, visit_no)
		JOIN (SELECT manager_id, any(manager_name) AS manager_name FROM quality_report GROUP BY manager_id) AS m USING (manager_id)
		WHERE (f.funnel_name, f.stage_name, f.manager_name) != (v.funnel_name, v.stage_name, m.manager_name)`,
		"deal_stage_days", "funnel_name AS stage_name"},
	{"the quality report counts the visits that wait", `
		SELECT count() FROM
		(
			SELECT day, manager_id, funnel_id, stage_id, count() AS waiting FROM deal_stage_days
			WHERE is_open = 1 AND (deal_id, visit_no) IN ` + waiting + ` GROUP BY day, manager_id, funnel_id, stage_id
		) AS f
		FULL JOIN (SELECT * FROM quality_report WHERE visits_waiting != 0) AS q USING (day, manager_id, funnel_id, stage_id)
		WHERE f.waiting != q.visits_waiting`,
		"quality_report", "visits_waiting + 1 AS visits_waiting"},
	{"the quality report counts the closed visits by their left date and manager", `
		SELECT count() FROM
		(
			SELECT left_date AS day, manager_id, funnel_id, stage_id, count() AS closed, countIf(status = 'finished_late') AS late, sum(overdue_days) AS days
			FROM deal_stages WHERE is_open = 0 AND stage_semantics = 'process' AND status != 'waiting' GROUP BY left_date, manager_id, funnel_id, stage_id
		) AS v
		FULL JOIN (SELECT * FROM quality_report WHERE visits_closed > 0) AS q ON q.day = v.day AND q.manager_id = v.manager_id AND q.funnel_id = v.funnel_id AND q.stage_id = v.stage_id
		WHERE v.closed != q.visits_closed OR v.late != q.visits_late OR v.days != q.late_days`,
		"quality_report", "visits_late + (visits_late > 0) AS visits_late"},
	{"what runs brought in and took back is what is shown", `
		SELECT count() FROM
		(
			SELECT deal_id, visit_no, day, sum(sign) AS rows, sum(sign * overdue_day) AS accrued FROM fact_changes GROUP BY deal_id, visit_no, day
		) AS c
		FULL JOIN deal_stage_days AS f USING (deal_id, visit_no, day)
		WHERE rows != (f.run_id > 0) OR accrued != f.overdue_day`,
		"fact_changes", "if(overdue_day = 1 AND day > '2026-03-01', 2, sign) AS sign"},
	{"a visit without a plan is a gap, once", `
		SELECT count() FROM
		(
			SELECT deal_id, visit_no, count() AS gaps FROM data_gaps WHERE reason IN ('no_plan', 'bad_plan', 'unknown_stage') GROUP BY deal_id, visit_no
		) AS g
		RIGHT JOIN (SELECT deal_id, visit_no FROM deal_stages WHERE plan_source = 'none' AND stage_semantics = 'process' AND status != 'waiting') AS v ON v.deal_id = g.deal_id AND g.visit_no = v.visit_no
		WHERE g.gaps != 1`,
		"data_gaps", "if(deal_id % 7 = 0, 'other', reason) AS reason"},
	{"a reconstructed visit is a gap", `
		SELECT count() FROM deal_stages WHERE history_source = 'reconstructed'
			AND (deal_id, visit_no) NOT IN (SELECT deal_id, assumeNotNull(visit_no) FROM data_gaps WHERE reason = 'history_reconstructed')`,
		"data_gaps", "if(reason = 'history_reconstructed', 'other', reason) AS reason"},
	{"a person without a name is a gap", `
		SELECT count() FROM deal_stages WHERE startsWith(manager_name, '#') AND deal_id NOT IN (SELECT deal_id FROM data_gaps WHERE reason = 'unknown_manager')`,
		"deal_stages", "concat('#', manager_name) AS manager_name"},
	{"what has changed since the date before is told by the facts", changedOtherwise,
		"run_changes", "deal_id + 1 AS deal_id"},
}

// changedOtherwise counts what run_changes tells other than the facts of the two dates do.
//
// The state before is made of the facts of the runs up to then. A deal is late where it has an open visit that is, and
// has ended visits that were. Which visit of a deal a change is about is not asked: corrections give them other numbers.
const changedOtherwise = `
	WITH
		` + newest + ` AS today,
		(SELECT (max(run_id), max(as_of)) FROM runs WHERE status = 'published' AND as_of < today) AS state_before,
		state_before.1 AS run_before,
		state_before.2 AS day_before,
		plan_source != 'none' AND (overdue_days > 0 OR planned_end < entered_date) AS is_late
	SELECT count() FROM
	(
		SELECT deal_id, countIf(change = 'newly_overdue') AS newly, countIf(change != 'newly_overdue') AS ended FROM run_changes GROUP BY deal_id
	) AS told
	FULL JOIN
	(
		SELECT deal_id,
			max(late AND stays AND NOT is_then) AS late_now, max(late AND stays AND is_then) AS late_then,
			countIf(late AND NOT stays AND NOT is_then) AS ended_now, countIf(late AND NOT stays AND is_then) AS ended_then
		FROM
		(
			SELECT deal_id, visit_no, false AS is_then, argMax(is_open = 1, day) AS stays, argMax(is_late, day) AS late
			FROM deal_stage_days GROUP BY deal_id, visit_no
			UNION ALL
			SELECT deal_id, visit_no, true, argMax(is_open, day), argMax(is_late, day)
			FROM
			(
				SELECT * FROM facts
				WHERE run_id <= run_before AND run_id GLOBAL IN (SELECT run_id FROM runs WHERE status = 'published')
				ORDER BY deal_id, visit_no, day, -toInt64(run_id), -sign LIMIT 1 BY deal_id, visit_no, day
			)
			WHERE sign = 1 GROUP BY deal_id, visit_no
		)
		GROUP BY deal_id
	) AS states USING (deal_id)
	WHERE run_before > 0 AND
	(
		late_now AND NOT late_then AND newly = 0 OR newly > 0 AND NOT late_now
		OR ended_now > ended_then AND ended = 0 OR ended > 0 AND ended_now = 0 AND NOT late_then
	)
	OR run_before = 0 AND newly + ended > 0`

// assumedOtherwise counts the rows of the quality report whose days and visits under assumed managers are other than
// those of the facts.
const assumedOtherwise = `
	SELECT count() FROM
	(
		SELECT day, manager_id, funnel_id, stage_id, sumIf(overdue_day, manager_source = 'assumed') AS days, countIf(is_open = 0 AND manager_source = 'assumed') AS closed
		FROM deal_stage_days
		WHERE (deal_id, visit_no) IN (SELECT deal_id, visit_no FROM deal_stages WHERE stage_semantics = 'process' AND status != 'waiting')
		GROUP BY day, manager_id, funnel_id, stage_id
	) AS f
	FULL JOIN quality_report AS q USING (day, manager_id, funnel_id, stage_id)
	WHERE f.days != q.overdue_days_assumed OR f.closed != q.visits_assumed`

// marks are laws of the tables behind the views: what is shown of a visit and of a deal is the newest
// published row.
var marks = []law{
	{name: "a visit is shown as the newest published row tells it", violations: replacedOtherwise("visits", "deal_id, visit_no")},
	{name: "a deal is shown as the newest published row tells it", violations: replacedOtherwise("deals", "deal_id")},
}

// replacedOtherwise counts the published rows of a table that are marked as replaced and are the newest
// of their key, or the other way round.
func replacedOtherwise(table, key string) string {
	published := "(SELECT run_id FROM run_events GROUP BY run_id HAVING max(status) = 'published')"
	return `SELECT count() FROM
		(
			SELECT until_run_id GLOBAL IN ` + published + ` AS is_replaced, run_id = max(run_id) OVER (PARTITION BY ` + key + `) AS is_newest
			FROM ` + table + ` WHERE run_id GLOBAL IN ` + published + `
		) WHERE is_replaced = is_newest`
}

// lawViews are the views that laws ask for.
var lawViews = []string{
	"calendar_days", "data_gaps", "deal_stage_days", "deal_stages", "deals_now", "fact_changes", "forecasts", "portfolio_days", "quality_report", "run_changes", "runs", "visits_now",
}

// dear are views whose laws only TestViewsObeyTheLaws checks in the short form: to plan a query of one costs as much
// as to check the laws of all others.
var dear = []string{"forecasts", "run_changes", "visits_now"}

// usual are the laws of all views but the dear ones; in the long form they are all laws.
func usual() []law {
	if isLong() {
		return laws
	}
	return lawsOf(slices.DeleteFunc(slices.Clone(lawViews), func(view string) bool { return slices.Contains(dear, view) })...)
}

// lawsOf are the laws that the views obey.
func lawsOf(views ...string) []law {
	return slices.DeleteFunc(slices.Clone(laws), func(l law) bool { return !slices.Contains(views, l.view) })
}

// asks is whether a law asks for a view.
func (l law) asks(view string) bool {
	return regexp.MustCompile(`\b` + view + `\b`).MatchString(l.violations)
}

// copied has what the views of some laws show in tables of the same names, beside those behind the views, while do
// works: the laws ask for each of them many times.
func (s *site) copied(of []law, do func()) {
	s.t.Helper()
	execute := func(statement string) {
		s.t.Helper()
		if err := s.w.DB().Exec(quickly, statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
	asked := slices.DeleteFunc(slices.Clone(lawViews), func(view string) bool {
		return !slices.ContainsFunc(of, func(l law) bool { return l.asks(view) })
	})
	defer func() {
		for _, view := range asked {
			execute("DROP TABLE IF EXISTS " + view + " SYNC")
		}
	}()
	for _, view := range asked {
		execute("CREATE TABLE " + view + " ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM " + s.w.Names().Views + "." + view)
	}
	do()
}

// expectLaws checks that the published state violates none of the usual laws.
func (s *site) expectLaws(when string) {
	s.t.Helper()
	s.expectAll(when, usual())
}

// expectAll checks that the published state violates none of the laws, nor those of the tables behind the views.
func (s *site) expectAll(when string, of []law) {
	s.t.Helper()
	s.copied(of, func() { s.expectNoViolations(when, of) })
}

func (s *site) expectNoViolations(when string, of []law) {
	s.t.Helper()
	of = slices.Concat(of, marks)
	var counts []string
	for i, law := range of {
		counts = append(counts, fmt.Sprintf("SELECT %d AS law, ifNull((%s), 0) AS violations", i, law.violations))
	}
	var violated []struct {
		Law        uint8  `ch:"law"`
		Violations uint64 `ch:"violations"`
	}
	query := "SELECT law, violations FROM (" + strings.Join(counts, " UNION ALL ") + ") WHERE violations > 0 ORDER BY law"
	if err := s.w.DB().Select(quickly, &violated, query); err != nil {
		s.t.Fatalf("%s: the laws: %v", when, err)
	}
	for _, row := range violated {
		s.t.Errorf("%s: %d violations of the law that %s", when, row.Violations, of[row.Law].name)
	}
}

// TestViewsObeyTheLaws lets nights pass until every kind of change was there to be told, and holds what
// the views show against the laws. Then each law finds a view that is wrong, so none of them holds for
// want of anything to look at.
func TestViewsObeyTheLaws(t *testing.T) {
	t.Parallel()
	const seed, changes, nights = 41, 100, 6
	s := generated(t, seed, 400)
	s.run(false)
	s.expectAll("after the first run", laws)
	if got, want := s.number("SELECT count() FROM deals_now"), int64(reportedDeals(s)); got != want {
		t.Errorf("deals_now has %d deals, the portal %d: a deal never drops out", got, want)
	}
	var seen []string
	for night, want := 1, []string{"brought_back", "finished_late", "newly_overdue"}; !slices.Equal(seen, want); night++ {
		if night > nights {
			t.Fatalf("in %d nights the changes %v were told, want %v", nights, seen, want)
		}
		s.nextNight(seed, changes)
		s.run(false)
		s.copied(lawsOf("run_changes"), func() {
			if n := s.kept(changedOtherwise); n != 0 {
				t.Errorf("night %d: the changes of %d deals are told other than the facts have them", night, n)
			}
		})
		seen = append(seen, s.rows("SELECT DISTINCT change FROM run_changes")...)
		slices.Sort(seen)
		seen = slices.Compact(seen)
	}
	s.copied(laws, func() {
		s.expectNoViolations("after nights with changes", laws)
		for _, law := range laws {
			wrong := "(SELECT * REPLACE (" + law.wrong + ") FROM " + law.view + ")"
			query := strings.NewReplacer("FROM "+law.view, "FROM "+wrong, "JOIN "+law.view, "JOIN "+wrong).Replace(law.violations)
			if n := s.kept(query); n == 0 {
				t.Errorf("with %s in %s nothing violates the law that %s", law.wrong, law.view, law.name)
			}
		}
	})
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
