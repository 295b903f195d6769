package dashboards

import (
	"fmt"
	"strings"
	"time"
)

// how says in words how the number of each visit of the deal is made. The sentences are the one thing that differs
// between the languages: they are made of the deal's own dates. A plan of days that all count is a sum of dates; else
// the sentence names the days up to the planned end that do not count, and those that count though they seem not to,
// with the reasons of the calendar, without its sources.
func how(lang Lang) string {
	var b strings.Builder
	for _, key := range []string{"weekdays", "months"} {
		fmt.Fprintf(&b, ", splitByChar(' ', '%s') AS %s", say(lang, "how."+key), key)
	}
	words := b.String()
	sql := `
WITH
  (
    SELECT groupArray((day, counts, multiIf(name IN ('', 'day off'), {day_off}, name = 'working day', {worked}, ` + holiday(lang) + `), funnels))
    FROM (SELECT day, counts, replaceRegexpOne(toString(why), ' [(][^()]*[)]$', '') AS name, funnels FROM calendar_days WHERE counts = 0 OR why != '' ORDER BY day)
  ) AS exceptions,
  (SELECT groupUniqArrayArray(funnels) FROM calendar_days) AS other_funnels` + words + `
SELECT concat({open}, stage_name, {entered}, ` + on(lang, "entered_date") + `,
  multiIf(stage_semantics != 'process', {final},
    status = 'waiting', {waiting},
    plan_days IS NULL, {no_plan},
    concat(
      multiIf(
        plan_source = 'deal_date' AND end < entered_date, concat({own_past}, ` + on(lang, "end") + `, {past}),
        plan_source = 'deal_date' AND end > entered_date AND works + (paused > 0) > 0, concat({own_date}, ` + dated("end") + `, ' ', toString(toYear(end)), {which_is}, ` + inDays("toInt64(assumeNotNull(plan_days))") + `, {after_entry},
          if(empty(reasons), '', concat({not_counting}, arrayStringConcat(reasons, {and}))), '. '),
        plan_days = 0 AND end > entered_date, concat({next}, ` + dated("end") + `, ' ', toString(toYear(end)), '. '),
        works + (paused > 0) = 0 OR end <= entered_date, concat({plus}, toString(assumeNotNull(plan_days)), if(works, {working_d}, {d}), {planned_end}, ` + on(lang, "end") + `, '. '),
        concat('. ', ` + inDays("toInt64(assumeNotNull(plan_days))") + `, {after}, ` + dated("entered_date") + `,
          if(empty(reasons), '', concat({not_counting}, arrayStringConcat(reasons, {and}))),
          if(empty(worked), '', concat({counting}, arrayStringConcat(arrayMap(e -> concat(` + dated("e.1") + `, ' (', e.3, ')'), worked), ', '))),
          if(empty(reasons) AND empty(worked), '', ','), if(plan_days = 1, {ends}, {end}), ` + dated("end") + `, ' ', toString(toYear(end)), '. ')),
      if(is_open = 1, concat({still}, ifNull(` + on(lang, asOf) + `, '—')), concat({left}, ifNull(` + on(lang, "left_date") + `, '—'))),
      if(late_at_entry > 0, concat({late_before}, toString(assumeNotNull(late_at_entry)), if(works, {working_d}, {d}), {late_after}), ''),
      multiIf(overdue_days > 0, concat(': ', toString(overdue_days), multiIf(works AND overdue_days = 1, {overdue_working_day}, works, {overdue_working}, overdue_days = 1, {overdue_day}, {overdue})), late_at_entry > 0, {late}, {on_time}),
      if(paused_later = 0, '', concat({not_counting}, toString(paused_later), if(paused_later = 1, {paused_day}, {paused_days}), ' (', ` + ranges("later") + `, ')')), '.'))) AS sentence
FROM
(
  SELECT visit_no, stage_name, stage_semantics, status, entered_date, left_date, plan_days, plan_source, is_open, late_at_entry, overdue_days,
    ifNull(planned_end, entered_date) AS end,
    arrayFilter(e -> if(has(other_funnels, funnel_id), has(e.4, funnel_id), empty(e.4)), exceptions) AS mine,
    arrayMap(e -> e.1, arrayFilter(e -> e.2 = 0, mine)) AS free,
    notEmpty(free) AS works,
    arrayFilter(e -> e.1 > entered_date AND e.1 <= end, mine) AS within,
    arrayFilter(e -> e.2 = 1, within) AS worked,
    arrayFilter(e -> e.2 = 0 AND e.3 != 'weekend', within) AS off,
    arrayFilter(d -> d > entered_date AND d <= end, p.days) AS known,
    arrayFilter(d -> d > end AND d > entered_date, p.days) AS later,
    arrayCount(d -> NOT has(free, d), known) AS paused_known,
    greatest(toInt64(paused_known), if(plan_days > 0, (end - entered_date) - arrayCount(e -> e.2 = 0, within) - plan_days, 0)) AS paused,
    arrayCount(d -> NOT has(free, d), later) AS paused_later,
    arrayConcat(
      arrayMap(g -> concat(if(g[1].1 = g[-1].1, ` + dated("g[1].1") + `, ` + span("g[1].1", "g[-1].1") + `), ' (', g[1].3, ')'),
        arraySplit((e, i) -> e.1 - off[i - 1].1 > 1 OR e.3 != off[i - 1].3, off, arrayEnumerate(off))),
      if(paused = 0, [], [concat(toString(paused), if(paused = 1, {paused_day}, {paused_days}),
        if(empty(known), '', concat(' (', ` + ranges("known") + `, if(paused > paused_known, {and_later}, ''), ')')))])) AS reasons
  FROM visits_now
  LEFT JOIN (SELECT visit_no, arraySort(groupArray(day)) AS days FROM deal_stage_days WHERE ` + theDeal + ` AND is_paused = 1 GROUP BY visit_no) AS p USING (visit_no)
  WHERE ` + theDeal + `
)
ORDER BY visit_no`
	var pairs []string
	for _, key := range howWords {
		pairs = append(pairs, "{"+key+"}", "'"+say(lang, "how."+key)+"'")
	}
	return strings.NewReplacer(pairs...).Replace(sql)
}

var howWords = []string{
	"open", "entered", "final", "waiting", "no_plan", "plus", "d", "working_d", "planned_end", "own_past", "past", "own_date", "which_is", "after_entry", "next", "after", "not_counting", "counting",
	"and", "and_later", "day_off", "worked", "paused_day", "paused_days", "end", "ends", "still", "left", "late_before", "late_after",
	"overdue", "overdue_day", "overdue_working", "overdue_working_day", "late", "on_time", "day", "days", "working_day", "working_days",
}

// on is a date as it is written in the language.
func on(lang Lang, day string) string {
	return "formatDateTime(" + day + ", '" + say(lang, "date.format.long") + "')"
}

// holidays are the names in the lists that come with the program, in Russian.
var holidays = [][2]string{
	{"New Year holidays", "новогодние каникулы"}, {"New Year", "Новый год"}, {"Orthodox Christmas", "Рождество"}, {"Catholic Christmas", "католическое Рождество"},
	{"Victory Day", "День Победы"}, {"Nauryz", "Наурыз"}, {"Independence Day", "День независимости"}, {"International Women\\'s Day", "Международный женский день"},
	{"Women\\'s Day", "Женский день"}, {"Defender of the Fatherland Day", "День защитника Отечества"}, {"Unity Day of the People of Kazakhstan", "День единства народа Казахстана"},
	{"Unity Day", "День народного единства"}, {"Radunitsa", "Радуница"}, {"Spring and Labour Day", "Праздник Весны и Труда"}, {"Labour Day", "Праздник труда"},
	{"Russia Day", "День России"}, {"October Revolution Day", "День Октябрьской революции"}, {"Constitution Day", "День Конституции"}, {"Capital Day", "День столицы"},
	{"Kurban Ait", "Курбан айт"}, {"Republic Day", "День Республики"},
}

// holiday is the name of a day off in the language. Names of a company's own lists stay as they are.
func holiday(lang Lang) string {
	if lang == English {
		return "name"
	}
	var names, words []string
	for _, h := range holidays {
		names, words = append(names, "'"+h[0]+"'"), append(words, "'"+h[1]+"'")
	}
	months := make([]string, 12)
	for i := range months {
		months[i] = "'" + time.Month(i+1).String() + "'"
	}
	return `multiIf(
      startsWith(name, 'Day off moved from '), concat('выходной, перенесён с ', toString(toUInt8OrZero(splitByChar(' ', name)[6])), ' ', months[indexOf([` + strings.Join(months, ", ") + `], splitByChar(' ', name)[7])]),
      match(name, '^Working (Saturday|Sunday) moved from '), concat('рабочий, перенесён с ', toString(toUInt8OrZero(splitByChar(' ', name)[6])), ' ', months[indexOf([` + strings.Join(months, ", ") + `], splitByChar(' ', name)[7])]),
      transform(name, [` + strings.Join(names, ", ") + `], [` + strings.Join(words, ", ") + `], name))`
}

// dated is a date by its weekday, day and month.
func dated(day string) string {
	return "concat(weekdays[toDayOfWeek(" + day + ")], ' ', " + inMonth(day) + ")"
}

func inMonth(day string) string {
	return "concat(toString(toDayOfMonth(" + day + ")), ' ', months[toMonth(" + day + ")])"
}

// span is the dates from one to another, or the one.
func span(from, to string) string {
	return fmt.Sprintf("multiIf(%[1]s = %[2]s, %[4]s, toStartOfMonth(%[1]s) = toStartOfMonth(%[2]s), concat(toString(toDayOfMonth(%[1]s)), '–', %[4]s), concat(%[3]s, ' – ', %[4]s))",
		from, to, inMonth(from), inMonth(to))
}

// ranges is a sorted list of dates, those that follow each other as one.
func ranges(days string) string {
	return "arrayStringConcat(arrayMap(r -> " + span("r[1]", "r[-1]") + ", arraySplit((d, i) -> d - " + days + "[i - 1] > 1, " + days + ", arrayEnumerate(" + days + "))), ', ')"
}

// inDays is a number of days that count.
func inDays(n string) string {
	return fmt.Sprintf("concat(toString(%[1]s), multiIf(works AND %[1]s = 1, {working_day}, works, {working_days}, %[1]s = 1, {day}, {days}))", n)
}
