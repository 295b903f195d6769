package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/common"

// trust lets a doubter follow the headline down to the facts.
func trust(lang Lang, _ Targets) *board {
	b := newBoard("trust", lang, "now-90d", "now")
	b.stat("trust.run", 16, 4, `
SELECT max(as_of) AS as_of_day, formatDateTime(toTimeZone(assumeNotNull(max(finished_at)), ${zone:singlequote}), '`+b.say("date.format.long")+` %H:%i') AS published, dateDiff('second', argMax(started_at, run_id), argMax(finished_at, run_id)) AS run_seconds
FROM runs
WHERE status = 'published'
HAVING count() > 0`,
		column{name: "as_of_day", unit: day}, column{name: "published"}, column{name: "run_seconds", unit: b.say("unit.seconds")})
	b.stat("trust.coverage", 8, 4, `
SELECT count(plan_days) / nullIf(count(), 0) AS coverage, if(count() = 0, NULL, countIf(plan_days IS NULL)) AS without_plan
FROM visits_now
WHERE is_final = 0 AND is_waiting = 0
  AND `+chosenVisits, column{name: "coverage", unit: share, color: noPlan}, column{name: "without_plan", unit: count, color: noPlan})

	b.isOfNow = true // what became of a run is known only after it
	b.table("trust.runs", 24, 9, `
SELECT status AS run_status, run_id, as_of, concat(formatDateTime(toTimeZone(started_at, ${zone:singlequote}), '`+b.say("date.format.long")+` %H:%i'), if(max(status = 'published') OVER () = 0, ' UTC', '')) AS started, dateDiff('second', started_at, finished_at) AS run_seconds, deals_seen, deals_changed,
  `+errorKind+` AS error_kind, error
FROM runs
ORDER BY run_id DESC
LIMIT 30`,
		column{name: "run_status", as: spoken("run_status", 112)}, column{name: "run_id", unit: count, as: wide(70)}, column{name: "as_of", unit: day, as: date}, column{name: "started", as: wide(166)},
		column{name: "run_seconds", unit: b.say("unit.seconds"), as: wide(75)}, column{name: "deals_seen", unit: count, as: wide(76)}, column{name: "deals_changed", unit: count, as: wide(104)},
		column{name: "error_kind", as: folded("error_kind", 150)}, column{name: "error", as: wrapped})
	b.isOfNow = false

	b.row("trust.row.rebuilt")
	b.table("trust.rebuilt", 24, 8, `
SELECT step, things, days_lost, days_lost - first_value(days_lost) OVER (ORDER BY step) AS difference
FROM
(
  SELECT '1' AS step, toInt64(sum(sign)) AS things, toInt64(sum(sign * overdue_day)) AS days_lost FROM fact_changes
  UNION ALL SELECT '2', toInt64(count()), toInt64(sum(overdue_days)) FROM visits_now
  UNION ALL SELECT '3', toInt64(count()), toInt64(sum(overdue_days_total)) FROM deals_now
  UNION ALL SELECT '4', toInt64(count()), toInt64(sum(overdue_days_accrued)) FROM quality_report
  UNION ALL SELECT '5', toInt64(count()), toInt64(sum(overdue_days_accrued)) FROM portfolio_days
)
WHERE `+asOf+` IS NOT NULL
ORDER BY step`,
		column{name: "step", as: spoken("step", 0)}, column{name: "things", unit: count, as: wide(140)}, column{name: "days_lost", unit: "days", color: late, as: days(160)}, column{name: "difference", unit: "days", as: zero})
	for _, laws := range []struct{ key, sql string }{{"trust.visit_laws", visitLaws}, {"trust.day_laws", dayLaws}, {"trust.plan_laws", planLaws}, {"trust.report_laws", reportLaws}} {
		b.table(laws.key, 12, 5, laws.sql, column{name: "law", as: spoken("law", 0)}, column{name: "violations", unit: count, as: sized(zero, 100)})
	}
	b.table("trust.facts", 8, 10, `
SELECT `+nameOfStage("any(names.stage_name)")+`, sum(f.things) AS things, sum(f.days_lost) AS days_lost
FROM (SELECT funnel_id, stage_id, toInt64(sum(sign)) AS things, toInt64(sum(sign * overdue_day)) AS days_lost FROM fact_changes GROUP BY funnel_id, stage_id) AS f
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
GROUP BY funnel_id, stage_id
ORDER BY days_lost DESC, stage_name`, column{name: "stage_name", as: cut}, column{name: "things", unit: count, as: wide(74)}, column{name: "days_lost", unit: "days", color: late, as: days(100)})
	b.table("trust.visits", 8, 10, `
SELECT `+nameOfStage("any(names.stage_name)")+`, sum(v.visits) AS visits, sum(v.days_lost) AS days_lost
FROM (SELECT funnel_id, stage_id, count() AS visits, sum(overdue_days) AS days_lost FROM visits_now GROUP BY funnel_id, stage_id) AS v
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
GROUP BY funnel_id, stage_id
ORDER BY days_lost DESC, stage_name`, column{name: "stage_name", as: cut}, column{name: "visits", unit: count, as: wide(76)}, column{name: "days_lost", unit: "days", color: late, as: days(100)})
	b.table("trust.deals", 8, 10, `
SELECT deal_title, overdue_stages, overdue_days_total, deal_id
FROM deals_now
WHERE overdue_days_total > 0
ORDER BY overdue_days_total DESC, deal_id
LIMIT 200`, column{name: "deal_title", as: toDeal}, column{name: "overdue_stages", unit: count, as: wide(75)}, column{name: "overdue_days_total", unit: "days", color: late, as: days(80)}, forLinks("deal_id"))

	b.row("trust.row.gaps")
	b.table("trust.reasons", 9, 12, `
SELECT reason, count() AS gaps, groupBitmap(deal_id) AS deals
FROM data_gaps
GROUP BY reason
ORDER BY gaps DESC, reason`, column{name: "reason", as: spoken("reason", 0)}, column{name: "gaps", unit: count, as: wide(85)}, column{name: "deals", unit: count, as: wide(75)})
	b.table("trust.gaps", 15, 12, `
SELECT reason, deal_title, visit_no, `+detail(lang)+` AS detail, deal_id, deal_url
FROM data_gaps
WHERE deal_id IN (SELECT deal_id FROM data_gaps ORDER BY reason, deal_id, visit_no LIMIT 1000)
ORDER BY reason, deal_id, visit_no
LIMIT 1000`, column{name: "reason", as: folded("reason", 140)}, column{name: "deal_title", as: sized(toDeal, 190)}, column{name: "visit_no", unit: count, as: wide(50)}, column{name: "detail", as: wrapped}, forLinks("deal_id"), column{name: "deal_url", as: toPortal})

	b.row("trust.row.runs")
	b.isOfNow = true // what became of a run is known only after it
	for _, effort := range []struct{ key, column, sql, unit string }{
		{"trust.took", "run_seconds", "dateDiff('second', started_at, finished_at)", b.say("unit.seconds")},
		{"trust.waited", "seconds_waited", "seconds_waited", b.say("unit.seconds")},
		{"trust.requests", "portal_requests", "portal_requests", count},
	} {
		b.bars(effort.key, 8, 7, effort.unit, "run", common.StackingModeNone, `
SELECT toString(run_id) AS run, `+effort.sql+` AS `+effort.column+`
FROM runs
WHERE finished_at IS NOT NULL
  AND `+within("as_of")+`
ORDER BY run_id`, column{name: "run"}, column{name: effort.column, color: neutral})
	}
	return b
}

// errorKind is a code for what failed a run: the error itself is in the words of the program.
const errorKind = `multiIf(
    error IS NULL, '',
    match(error, 'QUERY_LIMIT_EXCEEDED|OPERATION_TIME_LIMIT|OVERLOAD_LIMIT|Too many requests'), 'limits',
    match(error, 'insufficient_scope|ACCESS_DENIED|INVALID_CREDENTIALS|NO_AUTH_FOUND|expired_token|user_access_error|401|403'), 'rights',
    match(error, 'connection refused|no such host|timeout|i/o|EOF|unreachable|reset by peer'), 'unreachable',
    match(error, 'process ended|killed|canceled|interrupted|signal'), 'stopped',
    'other')`

// countedDays are how many days count up to each day, by calendar: the funnels with a calendar other than the default
// one with its place, and keys made of a place and a day with their numbers. The engine looks them up in hash tables
// that it makes once.
const countedDays = `
  (
    SELECT (
      (SELECT (groupArray(funnel_id), groupArray(place)) FROM (SELECT DISTINCT arrayJoin(funnels) AS funnel_id, calendar_place AS place FROM numbered)),
      (SELECT (groupArray(calendar_place * 70000 + toUInt32(day)), groupArray(number)) FROM numbered))
  ) AS counted_days`

const numbered = `
  numbered AS
  (
    SELECT day, funnels, toUInt32(dense_rank() OVER (ORDER BY calendar)) - 1 AS calendar_place, toInt64(sum(counts) OVER (PARTITION BY calendar ORDER BY day)) AS number
    FROM calendar_days
  ),`

// countedUpTo is how many days count up to a day in the funnel of a row, -1 for a day beyond the calendar.
func countedUpTo(day string) string {
	return "transform(toUInt32(transform(funnel_id, counted_days.1.1, counted_days.1.2, toUInt32(0))) * 70000 + toUInt32(" + day + "), counted_days.2.1, counted_days.2.2, toInt64(-1))"
}

// visitLaws counts the violations of the laws of a visit and of a deal's visits. A law's number is
// its place in the catalogue. A deal is open by its last visit: any other open one is a violation. A plan ends so many
// counting days after the entry, later by paused days, of which those to come are not told; a plan of no days
// on a day that does not count ends on the next that does.
var visitLaws = `
WITH` + numbered + countedDays + `
SELECT law, violations
FROM
(
  SELECT arrayJoin([('1', toInt64(plans)), ('3', toInt64(finals))]) AS counted, counted.1 AS law, counted.2 AS violations
  FROM
  (
    SELECT countIf(multiIf(
        planned_end IS NULL, 0,
        planned_end < entered_date, plan_days != 0,
        until < 0, 0,
        until - since < plan_days, 1,
        until - since > plan_days + paused_days, NOT (plan_days = 0 AND until - since = 1) AND NOT (is_open = 1 AND planned_end > ` + asOf + `),
        0)) AS plans,
      countIf(is_final = 1 AND (planned_end IS NOT NULL OR is_open = 1 OR overdue_days != 0)) AS finals
    FROM
    (
      SELECT planned_end, entered_date, plan_days, paused_days, is_open, is_final, overdue_days,
        ` + countedUpTo("entered_date") + ` AS since, ` + countedUpTo("ifNull(planned_end, entered_date)") + ` AS until
      FROM visits_now
    )
  )
  UNION ALL
  SELECT ('2', toInt64(count())) AS counted, counted.1, counted.2
  FROM
  (
    SELECT deal_id, sum(open) AS difference
    FROM (SELECT deal_id, toInt8(1) AS open FROM visits_now WHERE is_open = 1 UNION ALL SELECT deal_id, toInt8(-1) FROM deals_now WHERE is_open = 1)
    GROUP BY deal_id
    HAVING difference != 0
  )
)
WHERE ` + asOf + ` IS NOT NULL
ORDER BY law`

// dayLaws counts the counting days of a stage on which the report does not show what the dates of
// the visits give. Both are compared by how they change from counting day to counting day: a visit begins
// to accrue on the one after its planned end, or after its entry where that is later, and stops on the one after its
// end. Where visits were paused, only the sums of their stage are held against each other. A number stands
// for the stage: the engine groups numbers faster than texts.
var dayLaws = `
WITH` + numbered + countedDays + `
SELECT '4' AS law, toInt64(countIf(if(has_pauses, sums != 0 AND number = 0, difference != 0))) AS violations
FROM
(
  SELECT stage, number, sum(change) AS difference, max(max(is_paused)) OVER (PARTITION BY stage) AS has_pauses, sum(sum(days)) OVER (PARTITION BY stage) AS sums
  FROM
  (
    SELECT stage, is_paused, event.1 AS number, event.2 AS change, event.3 AS days
    FROM
    (
      SELECT cityHash64(funnel_id, stage_id) AS stage, max(paused_days) > 0 AS is_paused,
        arrayJoin([
          (` + countedUpTo("after") + ` + 1, toInt64(count()), toInt64(0)),
          (` + countedUpTo("until") + ` + 1, -toInt64(count()), toInt64(0)),
          (toInt64(0), toInt64(0), toInt64(sum(overdue_days)))]) AS event
      FROM
      (
        SELECT funnel_id, stage_id, greatest(assumeNotNull(planned_end), entered_date) AS after, ifNull(left_date, assumeNotNull(` + asOf + `)) AS until, paused_days, overdue_days
        FROM visits_now WHERE overdue_days > 0
      )
      GROUP BY funnel_id, stage_id, after, until
    )
    UNION ALL
    SELECT cityHash64(funnel_id, stage_id), 0, event.1, event.2, event.3
    FROM
    (
      SELECT funnel_id, stage_id,
        arrayJoin([
          (` + countedUpTo("day") + `, -overdue_days_accrued, toInt64(0)),
          (` + countedUpTo("day") + ` + 1, overdue_days_accrued, toInt64(0)),
          (toInt64(0), toInt64(0), -overdue_days_accrued)]) AS event
      FROM quality_report
    )
  )
  GROUP BY stage, number
)
WHERE ` + asOf + ` IS NOT NULL
HAVING ` + asOf + ` IS NOT NULL`

// planLaws counts the visits whose changes of plan are not as many as they were counted, and those whose first planned
// end, moved by them, is not the planned end.
var planLaws = `
SELECT law, violations
FROM
(
  SELECT '5' AS law, toInt64(count()) AS violations
  FROM
  (
    SELECT deal_id, visit_no
    FROM
    (
      SELECT deal_id, visit_no, toInt64(plan_changes) AS changes FROM visits_now WHERE visits_now.plan_changes != 0
      UNION ALL
      SELECT deal_id, visit_no, toInt64(-1) FROM plan_changes WHERE cause IN ('deal', 'norm')
    )
    GROUP BY deal_id, visit_no
    HAVING sum(changes) != 0
  )
  UNION ALL
  SELECT '6', toInt64(count()) FROM visits_now WHERE first_planned_end + days_moved != planned_end
)
WHERE ` + asOf + ` IS NOT NULL
ORDER BY law`

// reportLaws counts the days and stages for which the report shows other visits by their first plans than were left
// then, and the stages where other visits wait now.
var reportLaws = `
SELECT law, violations
FROM
(
  SELECT '7' AS law, toInt64(count()) AS violations
  FROM
  (
    SELECT day, funnel_id, stage_id
    FROM
    (
      SELECT assumeNotNull(left_date) AS day, funnel_id, stage_id,
        toInt64(count()) AS with_first_plan, toInt64(countIf(first_plan_overdue_days = 0 AND first_planned_end >= entered_date)) AS on_time, toInt64(sum(first_plan_overdue_days)) AS late_days
      FROM visits_now
      WHERE is_open = 0 AND first_planned_end IS NOT NULL
      GROUP BY left_date, funnel_id, stage_id
      UNION ALL
      SELECT day, funnel_id, stage_id, -visits_closed_with_first_plan, -visits_on_time_first_plan, -first_plan_late_days FROM quality_report
    )
    GROUP BY day, funnel_id, stage_id
    HAVING sum(with_first_plan) != 0 OR sum(on_time) != 0 OR sum(late_days) != 0
  )
  UNION ALL
  SELECT '8', toInt64(count())
  FROM
  (
    SELECT funnel_id, stage_id
    FROM
    (
      SELECT funnel_id, stage_id, toInt64(count()) AS waiting FROM visits_now WHERE is_open = 1 AND is_waiting = 1 GROUP BY funnel_id, stage_id
      UNION ALL
      SELECT funnel_id, stage_id, -visits_waiting FROM quality_report WHERE day = ` + asOf + `
    )
    GROUP BY funnel_id, stage_id
    HAVING sum(waiting) != 0
  )
)
WHERE ` + asOf + ` IS NOT NULL
ORDER BY law`
