package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// probable is the probability from which a deal is called probably late.
const probable = "0.5"

// stillOnTime is a deal that is not late, and can be within the next days if it does not leave its stage.
const stillOnTime = "is_open = 1 AND status IN ('on_time', 'due_today') AND planned_end < " + asOf + " + "

// held is where past forecasts can be held against what came: those of the Mondays of the last half year, without visits
// that are no longer in the report. All dates would be seven times as many, of the same visits.
const held = "known_on >= " + asOf + " - 182 AND toDayOfWeek(known_on) = 1 AND outcome != 'gone'"

// came is the date on which a forecast visit ended, the as-of date while it has not.
const came = "ifNull(left_date, " + asOf + ")"

// ahead is what will probably be late, and how good that was in the past.
func ahead(lang Lang, _ Targets) *board {
	b := newBoard("ahead", lang, "now-90d", "now")
	b.table("ahead.horizons", 24, 9, `
SELECT horizon, currency, countIf(late_probability >= `+probable+`) AS likely_deals, sum(late_probability) AS expected_deals,
  toFloat64(sumIf(amount, late_probability >= `+probable+`)) AS amount_likely, count() AS coming_deals, countIf(isNull(late_probability)) AS unknown_deals
FROM (SELECT *, arrayJoin([7, 14, 30]) AS horizon FROM deals_now WHERE `+stillOnTime+`30)
WHERE planned_end < `+asOf+` + horizon
  AND `+chosenDeals+`
GROUP BY horizon, currency
ORDER BY horizon, currency`,
		column{name: "horizon", unit: "days", as: wide(120)}, column{name: "likely_deals", unit: count, color: late, as: sized(bar, 190)}, column{name: "expected_deals", as: oneDecimal, unit: count},
		column{name: "amount_likely", unit: "locale", as: narrow(150)}, column{name: "currency", as: wide(100)}, column{name: "coming_deals", unit: count}, column{name: "unknown_deals", unit: count, color: noPlan})
	b.table("ahead.deals", 24, 14, `
SELECT deal_title, `+stageLabel+`, `+managerLabel+`, late_probability, planned_end, expected_end, expected_closed_date, toFloat64(deals_now.amount) AS amount, currency, deal_id
FROM deals_now
WHERE `+stillOnTime+`30 AND late_probability >= `+probable+`
  AND `+chosenDeals+`
ORDER BY late_probability DESC, amount DESC, deal_id
LIMIT 50`,
		column{name: "deal_title", as: toDeal}, column{name: "stage_name", as: sized(wrapped, 146)}, column{name: "manager_name", as: sized(wrapped, 140)},
		column{name: "late_probability", unit: share, color: late, as: percentBar}, column{name: "planned_end", unit: day, as: date}, column{name: "expected_end", unit: day, as: narrow(108)},
		column{name: "expected_closed_date", unit: day, as: narrow(98)}, column{name: "amount", unit: "locale", as: wide(95)}, column{name: "currency", as: wide(80)},
		column{name: "deal_id", unit: count, as: hidden})
	b.bars("ahead.losses", 24, 8, "days", "week_end", common.StackingModeNone, `
SELECT formatDateTime(week, '`+b.say("date.format.long")+`') AS week_end, round(greatest(0, sum(expected_losses.expected_days) - 1.28 * sqrt(sum(days_variance)))) AS days_low, round(sum(expected_losses.expected_days)) AS days_expected,
  round(sum(expected_losses.expected_days) + 1.28 * sqrt(sum(days_variance))) AS days_high
FROM (SELECT *, week_end AS week FROM expected_losses) AS expected_losses
WHERE `+chosenBut(departmentOn(asOf), isOfAllDeals)+`
GROUP BY week
ORDER BY week`, column{name: "week_end"}, column{name: "days_low", color: soon}, column{name: "days_expected", color: late}, column{name: "days_high", color: noPlan})
	b.table("ahead.stages", 24, 9, `
SELECT `+nameOfStage("names.stage_name")+`, visits_planned, late_share, median_plan, median_days_counted
FROM
(
  SELECT funnel_id, stage_id, count() AS visits_planned, countIf(status = 'finished_late') / count() AS late_share,
    quantileExact(0.5)(assumeNotNull(plan_days)) AS median_plan, quantileExact(0.5)(elapsed_working_days - paused_days) AS median_days_counted
  FROM visits_now
  WHERE is_open = 0 AND is_final = 0 AND status IN ('finished_late', 'finished_on_time') AND `+within("left_date")+`
    AND `+chosenVisits+`
  GROUP BY funnel_id, stage_id
) AS v
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
ORDER BY late_share DESC, visits_planned DESC, stage_name`,
		column{name: "stage_name", as: wrapped}, column{name: "late_share", unit: share, color: late, as: percentBar}, column{name: "visits_planned", unit: count, as: narrow(100)},
		column{name: "median_plan", unit: "days", as: days(110)}, column{name: "median_days_counted", unit: "days", as: days(110)})
	b.row("ahead.check")
	b.stat("ahead.better", 24, 4, `
SELECT multiIf(forecasts < 20, 'unknown', off < naive_off, 'better', 'not_better') AS verdict, if(forecasts > 0, off, NULL) AS median_off, if(forecasts > 0, naive_off, NULL) AS median_naive_off, forecasts AS forecasts_compared
FROM
(
  SELECT count() AS forecasts, quantileExact(0.5)(abs(assumeNotNull(expected_end) - `+came+`)) AS off, quantileExact(0.5)(abs(assumeNotNull(naive_end) - `+came+`)) AS naive_off
  FROM forecasts
  WHERE `+held+` AND isNotNull(expected_end) AND greatest(expected_end, naive_end) < `+asOf+`
    AND `+inFunnel+`
    AND `+inStage+`
)`,
		column{name: "verdict", as: spoken("forecast", 0)}, column{name: "median_off", unit: "days"}, column{name: "median_naive_off", unit: "days", color: noPlan}, column{name: "forecasts_compared", unit: count, color: noPlan})
	b.bars("ahead.calibration", 11, 10, share, "bin", common.StackingModeNone, `
SELECT concat(toString(10 * tenth), '–', toString(10 * tenth + 10)) AS bin, avg(late_probability) AS foreseen, avg(was_late) AS came_late
FROM
(
  SELECT late_probability, least(9, toUInt8(floor(10 * assumeNotNull(late_probability)))) AS tenth, toFloat64(`+came+` > planned_end) AS was_late
  FROM forecasts
  WHERE `+held+` AND isNotNull(late_probability) AND planned_end >= known_on AND planned_end < `+asOf+`
    AND `+inFunnel+`
    AND `+inStage+`
)
GROUP BY tenth
ORDER BY tenth`, column{name: "bin"}, column{name: "foreseen", color: neutral}, column{name: "came_late", color: late})
	b.table("ahead.errors", 13, 10, `
SELECT `+nameOfStage("names.stage_name")+`, if(forecasts < 20, 'unknown', if(off < naive_off, 'better', 'not_better')) AS verdict, off AS median_off, naive_off AS median_naive_off, forecasts AS forecasts_compared
FROM
(
  SELECT funnel_id, stage_id, count() AS forecasts, quantileExact(0.5)(abs(assumeNotNull(expected_end) - `+came+`)) AS off, quantileExact(0.5)(abs(assumeNotNull(naive_end) - `+came+`)) AS naive_off
  FROM forecasts
  WHERE `+held+` AND isNotNull(expected_end) AND greatest(expected_end, naive_end) < `+asOf+`
    AND `+inFunnel+`
    AND `+inStage+`
  GROUP BY funnel_id, stage_id
) AS f
LEFT JOIN stage_names AS names USING (funnel_id, stage_id)
ORDER BY stage_name`,
		column{name: "stage_name", as: wrapped}, column{name: "verdict", as: folded("forecast", 150)}, column{name: "median_off", unit: "days", as: narrow(85)},
		column{name: "median_naive_off", unit: "days", color: noPlan, as: narrow(85)}, column{name: "forecasts_compared", unit: count, as: narrow(95)})
	return b
}

// oneDecimal is a number that is no count.
func oneDecimal(*board) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "decimals", Value: 1}, {Id: "custom.wrapHeaderText", Value: true}}
}

// percentBar is a share as a bar against the whole. A bar of 1.2 would be cut at the whole, see barScale.
func percentBar(b *board) []dashboard.DynamicConfigValue {
	return append(bar(b), dashboard.DynamicConfigValue{Id: "max", Value: 1.2}, dashboard.DynamicConfigValue{Id: "decimals", Value: 0}, width(118))
}

// aheadWords are the words of this board alone, as in catalogue.
var aheadWords = map[string]text{
	"ahead.link":  {"Впереди", "Ahead"},
	"ahead.title": {"Впереди", "Ahead"},
	"ahead.about": {"Что, скорее всего, опоздает и насколько верны были прежние прогнозы", "What will probably be late, and how good the forecasts have been"},

	"ahead.horizons":          {"Скоро опоздают", "Late soon"},
	"ahead.horizons.about":    {"Сделки, которые сегодня в срок, а плановый срок стадии истекает в ближайшие 7, 14 и 30 дней. «Скорее опоздают» — с вероятностью не меньше 50 %. «Ожидается опозданий» — сумма вероятностей. Без прогноза — сделки, для стадии которых истории мало или прогноз не лучше медианы.", "Deals that are on time today and whose stage reaches its planned end within 7, 14 and 30 days. Probably late: with a probability of at least 50 %. Late deals expected: the probabilities added up. Without a forecast: too little history of the stage, or its forecasts would be no better than its median."},
	"ahead.horizons.empty":    {"Нет сроков", "None"},
	"ahead.deals":             {"Сделки, которые скорее опоздают", "Deals that will probably be late"},
	"ahead.deals.about":       {"До 50 сделок, которые сегодня в срок, со сроком в ближайшие 30 дней и вероятностью опоздания не меньше 50 %: сначала самые вероятные, затем самые крупные. Вероятность — доля таких стадий, длившихся столько же, что кончились позже срока. Ожидаемое закрытие — по обычному пути сделок через воронку.", "Up to 50 deals that are on time today, with a planned end within 30 days and a probability to be late of at least 50 %: the most probable first, then the largest. The probability is the share of such visits, which lasted as long, that ended after the planned end. The closing is expected by the usual way of deals through the funnel."},
	"ahead.deals.empty":       {"Таких сделок нет", "No such deal"},
	"ahead.losses":            {"Сколько ${days} будет потеряно", "Lost ${days} to come"},
	"ahead.losses.about":      {"Сколько дней потеряют по неделям сделки, открытые сейчас, в нынешних стадиях: ожидание и границы, внутри которых число останется в 8 случаях из 10, если стадии кончаются независимо друг от друга. Стадии без прогноза не учтены; следующих стадий и новых сделок здесь нет.", "Days that the deals open now will lose week by week in their present stages: what is expected, and the band that holds the number in 8 cases of 10 if visits end independently. Stages without a forecast are left out; stages to come and new deals are not in it."},
	"ahead.losses.empty":      {"Прогнозов нет, или выбраны отдельные сделки", "No forecasts, or some deals alone are chosen"},
	"ahead.stages":            {"Где план не сбывается", "Where the plan is not what happens"},
	"ahead.stages.about":      {"Стадии с планом, завершённые за период: у какой доли срок был нарушен, медиана плана и медиана того, что вышло, в днях, которые идут в счёт.", "Visits with a plan that were closed in the period: the share that ended late, the median plan and the median of what came, in days that count."},
	"ahead.stages.empty":      {"За период не завершена ни одна стадия с планом", "No visit with a plan was closed in the period"},
	"ahead.check":             {"Насколько верны были прогнозы", "How good the forecasts have been"},
	"ahead.better":            {"Лучше ли прогноз медианы стадии", "Is the forecast better than the stage's median"},
	"ahead.better.about":      {"Прогнозы по понедельникам последних 182 дней, сроки которых прошли: на сколько дней в медиане ошибся ожидаемый конец и на сколько — наивный прогноз (медиана стадии, а если стадия длится дольше, то сегодня). Что ещё открыто, считается кончившимся сегодня.", "Forecasts of the Mondays of the last 182 days that have come due: by how many days the expected end was off in the median, and by how many the naive forecast (the stage's median, or the date itself where the visit had lasted longer). What is still open counts as ended today."},
	"ahead.calibration":       {"Обещано и сбылось", "Foreseen and come true"},
	"ahead.calibration.about": {"Прогнозы по понедельникам последних 182 дней, сделанные до наступления срока, по десяткам обещанной вероятности: средняя вероятность и доля опоздавших на деле. Чем ближе столбцы, тем вернее прогноз.", "Forecasts of the Mondays of the last 182 days, made before the planned end, in ten bins of the probability: the mean probability, and the share that was late. The closer the bars, the better the forecast."},
	"ahead.calibration.empty": {"Ещё не наступил ни один срок, для которого был прогноз", "No planned end that was forecast has come yet"},
	"ahead.errors":            {"Ошибка по стадиям", "Errors by stage"},
	"ahead.errors.about":      {"То же по стадиям: медианная ошибка прогноза и наивного прогноза. Где прогноз не лучше, сказано словами.", "The same by stage: the median error of the forecast and of the naive one. Where the forecast is no better, it says so."},
	"ahead.errors.empty":      {"Нет прогнозов", "No forecasts"},

	"alert.likely_late":         {"Сделки скоро опоздают", "Deals will probably be late soon"},
	"alert.likely_late.summary": {`Скорее всего опоздают сделки ({{ printf "%.0f" $values.A.Value }}): {{ $labels.deals }}`, `{{ printf "%.0f" $values.A.Value }} deals will probably be late: {{ $labels.deals }}`},
	"alert.likely_late.do":      {"По меньшей мере одна сделка, которая сейчас в срок, опоздает в ближайшие {days} дней с вероятностью не меньше 50 %. Список — на дашборде «Впереди».", "At least one deal that is on time now will be late within {days} days with a probability of at least 50 %. The list is on the Ahead dashboard."},

	"forecast.better":     {"лучше медианы", "better than the median"},
	"forecast.not_better": {"не лучше медианы", "no better than the median"},
	"forecast.unknown":    {"судить рано", "too early to tell"},

	"column.horizon":              {"В ближайшие", "Within"},
	"column.likely_deals":         {"Скорее опоздают", "Probably late"},
	"column.expected_deals":       {"Ожидается опозданий", "Late deals expected"},
	"column.amount_likely":        {"Сумма скорее опоздающих", "Amount probably late"},
	"column.coming_deals":         {"Срок истекает", "Planned end comes"},
	"column.unknown_deals":        {"Без прогноза", "Without a forecast"},
	"column.late_probability":     {"Опоздает", "Will be late"},
	"column.expected_end":         {"Ожидаемый конец", "Expected end"},
	"column.expected_closed_date": {"Ожидаемое закрытие", "Expected closing"},
	"column.days_low":             {"Не меньше", "At least"},
	"column.days_expected":        {"Ожидается", "Expected"},
	"column.days_high":            {"Не больше", "At most"},
	"column.visits_planned":       {"Завершено с планом", "Closed with a plan"},
	"column.late_share":           {"Позже срока", "Ended late"},
	"column.median_days_counted":  {"Медиана, ${days}", "Median, ${days}"},
	"column.verdict":              {"Вывод", "Verdict"},
	"column.median_off":           {"Ошибка прогноза", "Forecast off by"},
	"column.median_naive_off":     {"Ошибка медианы", "Median off by"},
	"column.forecasts_compared":   {"Прогнозов проверено", "Forecasts compared"},
	"column.bin":                  {"Вероятность, %", "Probability, %"},
	"column.foreseen":             {"Обещано", "Foreseen"},
	"column.came_late":            {"Опоздало", "Came late"},
}
