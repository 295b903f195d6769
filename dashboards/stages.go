package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/common"

// stages shows where work waits.
func stages(lang Lang, _ Targets) *board {
	b := newBoard("stages", lang, "now-6M", "now", "age")
	b.table("stages.time", 24, 14, `
SELECT `+nameOfStage("names.stage_name")+`, if(p85_counting > median_plan, 'over', '') AS over_plan, `+label("funnel", "ifNull(nullIf(funnels.funnel_name, ''), concat('#', toString(funnel_id)))")+` AS funnel_name,
  visits_closed, days[1] AS median_days, days[2] AS p85_days, days[3] AS p95_days, median_counting, p85_counting, median_plan, coverage
FROM
(
  SELECT funnel_id, stage_id, count() AS visits_closed, quantilesExact(0.5, 0.85, 0.95)(elapsed_days) AS days,
    quantilesExact(0.5, 0.85)(elapsed_working_days - paused_days) AS counting, counting[1] AS median_counting, counting[2] AS p85_counting,
    quantileExactOrNull(0.5)(plan_days) AS median_plan, count(plan_days) / nullIf(countIf(is_waiting = 0), 0) AS coverage
  FROM visits_now
  WHERE is_open = 0 AND is_final = 0 AND `+within("left_date")+`
    AND `+chosenVisits+`
  GROUP BY funnel_id, stage_id
) AS v
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
LEFT JOIN (SELECT funnel_id, any(funnel_name) AS funnel_name FROM stage_names GROUP BY funnel_id) AS funnels USING (funnel_id)
ORDER BY median_days DESC, stage_name`,
		column{name: "stage_name", as: cut}, column{name: "over_plan", as: headed(spoken("over", 84))}, column{name: "funnel_name", as: sized(cut, 110)}, column{name: "visits_closed", unit: count, as: narrow(76)},
		column{name: "median_days", unit: "days", color: neutral, as: sized(bar, 116)}, column{name: "p85_days", unit: "days", as: wide(70)}, column{name: "p95_days", unit: "days", as: wide(70)},
		column{name: "median_counting", unit: "days", as: days(84)}, column{name: "p85_counting", unit: "days", as: days(80)}, column{name: "median_plan", unit: "days", as: days(84)}, column{name: "coverage", unit: share, as: narrow(70)})
	b.flow("stages.flow", 24, 10, `
SELECT day, concat(toString(dense_rank() OVER (ORDER BY place, layer)), '. ', layer) AS stage_name, visits_open
FROM
(
  SELECT day, if(is_shown, `+label("stage", "stage")+`, '`+b.say("stages.flow.others")+`') AS layer, max(if(is_shown, sort, 1000000)) AS place, sum(open) AS visits_open
  FROM
  (
    SELECT funnel_id, stage_id, stage, names.sort AS sort, day, open, size <= 6 OR stages <= 7 AS is_shown
    FROM
    (
      SELECT funnel_id, stage_id, stage, day, open, dense_rank() OVER (ORDER BY total DESC, stage_id) AS size, uniqExact(stage_id) OVER () AS stages
      FROM
      (
        SELECT funnel_id, stage_id, stage, day, open, sum(open) OVER (PARTITION BY stage_id) AS total
        FROM
        (
          SELECT day, funnel_id, stage_id, any(report.stage_name) AS stage, sum(visits_open) + sum(visits_waiting) AS open
          FROM `+theReport+`
          WHERE `+inPeriod+` AND (`+periodTo+` - day) % greatest(1, intDiv(`+periodTo+` - `+periodFrom+` + 31, 31)) = 0
            AND toString(funnel_id) IN (${funnel:singlequote})
            AND `+chosen+`
          GROUP BY day, funnel_id, stage_id
        )
      )
      WHERE total > 0
    ) AS v
    LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
  )
  GROUP BY day, layer
)
ORDER BY place, layer, day`)
	b.bars("stages.age", 12, 9, count, "age", common.StackingModeNormal, `
SELECT bucket.1 AS age, sum(v.on_time) AS on_time, sum(v.overdue) AS overdue, sum(v.no_plan) AS no_plan, sum(v.waiting) AS waiting, toString(bucket.2) AS age_from
FROM
(
  SELECT elapsed_days, countIf(status IN ('on_time', 'due_today')) AS on_time, countIf(status = 'overdue') AS overdue, countIf(status = 'no_plan') AS no_plan, countIf(status = 'waiting') AS waiting
  FROM visits_now
  WHERE is_open = 1
    AND `+chosenVisits+`
  GROUP BY elapsed_days
) AS v
ARRAY JOIN `+bucketsOf("age")+` AS bucket
WHERE v.elapsed_days >= bucket.2 AND v.elapsed_days <= bucket.3
GROUP BY bucket
ORDER BY bucket.2`, column{name: "age"}, column{name: "on_time", color: onTime, as: toBucket("age")}, column{name: "overdue", color: late, as: toBucket("age")}, column{name: "no_plan", color: noPlan, as: toBucket("age")},
		column{name: "waiting", color: waits, as: toBucket("age")}, forLinks("age_from"))
	b.table("stages.reentries", 12, 9, `
SELECT `+nameOfStage("names.stage_name")+`, visits, deals, reentries
FROM
(
  SELECT funnel_id, stage_id, count() AS visits, groupBitmap(deal_id) AS deals, countIf(is_return = 1) AS reentries
  FROM visits_now
  WHERE is_final = 0 AND `+within("entered_date")+`
    AND `+chosenVisits+`
  GROUP BY funnel_id, stage_id
  HAVING reentries > 0
) AS v
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
ORDER BY reentries DESC, stage_name`,
		column{name: "stage_name", as: wrapped}, column{name: "visits", unit: count, as: wide(76)}, column{name: "deals", unit: count, as: wide(76)}, column{name: "reentries", unit: count, color: soon, as: sized(bar, 120)})
	b.table("stages.oldest", 24, 12, firstVisits("deal_title, "+stageLabel+", "+managerLabel+", entered_date, elapsed_days, paused_days, planned_end, overdue_days, status, deal_id",
		"is_open = 1 AND "+inBucket("age", "elapsed_days"), "elapsed_days DESC, deal_id", 500),
		column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 150)}, column{name: "manager_name", as: sized(wrapped, 140)}, column{name: "entered_date", unit: day, as: date},
		column{name: "elapsed_days", unit: "days", color: neutral, as: sized(bar, 112)}, column{name: "paused_days", unit: "days", as: days(80)}, column{name: "planned_end", unit: day, as: date}, column{name: "overdue_days", unit: "days", color: late, as: days(98)},
		column{name: "status", as: folded("status", 118)}, forLinks("deal_id"))
	return b
}

// nameOfStage is a name that stage_names was asked for as the column stage_name: the stage's ID where the portal
// has the stage no more. Names are looked up once for each stage that is shown, and not for each visit.
func nameOfStage(name string) string {
	return label("stage", "ifNull(nullIf("+name+", ''), toString(stage_id))") + " AS stage_name"
}
