package dashboards_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/dashboards"
	"stagelag/extractor"
	"stagelag/loader/loadertest"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// asked are the rows of a panel or a variable of a dashboard, without names and types.
func asked(t *testing.T, w *warehouse.Warehouse, lang dashboards.Lang, dashboard, name, deal string) []string {
	t.Helper()
	p := first(read(t, lang))[dashboard+".json"]
	v := view{deal: deal, from: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), to: time.Date(2026, 3, 25, 0, 0, 0, 0, time.UTC)}
	statement := ""
	for _, panel := range p.Panels {
		if panel.Title == name {
			statement = panel.Targets[0].RawSQL
		}
	}
	for _, variable := range p.Templating.List {
		if variable.Name == name {
			statement = variable.Query.RawSQL
		}
	}
	lines, err := ask(t, w, v.expand(statement))
	if err != nil || len(lines) < 2 {
		t.Fatalf("%s, %s: %d lines, %v", dashboard, name, len(lines), err)
	}
	var rows []string
	for _, line := range lines[2:] {
		rows = append(rows, strings.Join(line, "\t"))
	}
	return rows
}

// The offices of loadertest, one with working days, one where every day counts.
func TestOffices(t *testing.T) {
	t.Parallel()
	for _, office := range []struct {
		name                    string
		works                   bool
		days, dni               string
		lost, deals, ages, line []string
		sentences               map[string][]string // by the deal, or by it and the language
	}{
		{
			"working days", true, "working days", "рабочих дней",
			[]string{"10\t10\t+10\t10\t\\N"}, []string{"2\t1\t6\t1\t4"}, []string{"0–7\t1\t0\t0\t0\t0", "8–14\t1\t1\t0\t0\t8", "15–30\t0\t1\t1\t1\t15"},
			[]string{"on_time", "paused", "paused", "on_time", "on_time"},
			map[string][]string{
				"1": {"Approval: entered 2026-03-02. 10 working days after Mon 2 March, not counting Mon 9 March (a day off) and 2 paused days (10–11 March), end on Thu 19 March 2026. " +
					"Still there as of 2026-03-25: 5 overdue working days."},
				"1ru": {"«Approval»: вход 02.03.2026. 10 раб. дн. после пн 2 марта, не считая пн 9 марта (выходной) и 2 дн. на паузе (10–11 марта), — плановый срок чт 19 марта 2026. " +
					"Стадия идёт, данные на 25.03.2026: 5 раб. дн. просрочки."},
				"2": {
					"Draft: entered 2026-02-27. 3 working days after Fri 27 February end on Wed 4 March 2026. Left 2026-03-02: on time.",
					"Client: entered 2026-03-02, waiting: no plan, nothing accrues.",
				},
				"2ru": {
					"«Draft»: вход 27.02.2026. 3 раб. дн. после пт 27 февраля — плановый срок ср 4 марта 2026. Выход 02.03.2026: в срок.",
					"«Client»: вход 02.03.2026 — ожидание: плана нет, дни не начисляются.",
				},
				"4": {"Other: entered 2026-03-02, without a plan, so nothing accrues."},
				"5": {"Approval: entered 2026-03-16. 10 working days after Mon 16 March, counting Sat 21 March (worked), end on Fri 27 March 2026. Still there as of 2026-03-25: on time."},
				"6": {"Approval: entered 2026-03-18. 10 working days after Wed 18 March, not counting 6 paused days (24–25 March and later), counting Sat 21 March (worked), " +
					"end on Wed 8 April 2026. Still there as of 2026-03-25: on time."},
			},
		},
		{
			"every day counts", false, "days", "дней",
			[]string{"17\t13\t+9\t17\t\\N"}, []string{"2\t1\t6\t1\t4"}, []string{"0–7\t1\t0\t0\t0\t0", "8–14\t1\t1\t0\t0\t8", "15–30\t0\t1\t1\t1\t15"},
			[]string{"on_time", "paused", "paused", "on_time", "on_time"},
			map[string][]string{
				"1": {"Approval: entered 2026-03-02. 10 days after Mon 2 March, not counting 2 paused days (10–11 March), end on Sat 14 March 2026. Still there as of 2026-03-25: 11 overdue days."},
				"3": {
					"Draft: entered 2026-03-02 + plan of 3 d = planned end 2026-03-05. Left 2026-03-05: on time.",
					"Client: entered 2026-03-05, waiting: no plan, nothing accrues.",
					"Draft: entered 2026-03-16 + plan of 3 d = planned end 2026-03-19. Still there as of 2026-03-25: 6 overdue days.",
				},
				"3ru": {
					"«Draft»: вход 02.03.2026 + план 3 дн. = плановый срок 05.03.2026. Выход 05.03.2026: в срок.",
					"«Client»: вход 05.03.2026 — ожидание: плана нет, дни не начисляются.",
					"«Draft»: вход 16.03.2026 + план 3 дн. = плановый срок 19.03.2026. Стадия идёт, данные на 25.03.2026: 6 дн. просрочки.",
				},
			},
		},
	} {
		t.Run(office.name, func(t *testing.T) {
			t.Parallel()
			w := warehousetest.Migrated(t)
			loadertest.Office(t, w, office.works)
			for _, a := range []struct {
				lang            dashboards.Lang
				dashboard, name string
				want            []string
			}{
				{dashboards.English, "portfolio", "days", []string{office.days + "\t" + office.days}},
				{dashboards.Russian, "deal", "days", []string{office.dni + "\t" + office.dni}},
				{dashboards.English, "portfolio", "Lost ${days}", office.lost},
				{dashboards.English, "portfolio", "Deals now", office.deals},
				{dashboards.English, "stages", "Age of open work, calendar days", office.ages},
				{dashboards.English, "trust", "Coverage", []string{"0.8571428571428571\t1"}},
			} {
				if diff := cmp.Diff(a.want, asked(t, w, a.lang, a.dashboard, a.name, "1")); diff != "" {
					t.Errorf("%s, %q (-want +got):\n%s", a.dashboard, a.name, diff)
				}
			}
			for deal, want := range office.sentences {
				id, isRussian := strings.CutSuffix(deal, "ru")
				lang, title := dashboards.English, "How this number is made"
				if isRussian {
					lang, title = dashboards.Russian, "Расшифровка"
				}
				if diff := cmp.Diff(want, asked(t, w, lang, "deal", title, id)); diff != "" {
					t.Errorf("the sentences of deal %s in %s (-want +got):\n%s", id, lang, diff)
				}
			}
			var states []string
			for _, row := range asked(t, w, dashboards.English, "deal", "Stages against the plan", "1")[7:12] { // from 9 March on
				states = append(states, strings.Split(row, "\t")[2])
			}
			if diff := cmp.Diff(office.line, states); diff != "" {
				t.Errorf("deal 1 from 9 to 13 March (-want +got):\n%s", diff)
			}
			var layers []string
			for _, row := range asked(t, w, dashboards.English, "stages", "Cumulative flow: ${funnel}", "1") {
				if layer, isLast := strings.CutPrefix(row, "2026-03-25\t"); isLast {
					layers = append(layers, layer)
				}
			}
			if diff := cmp.Diff([]string{"1. Approval\t3", "2. Client\t1", "3. Draft\t1", "4. Other\t1"}, layers); diff != "" {
				t.Errorf("the layers of the last day (-want +got):\n%s", diff)
			}
			for _, row := range asked(t, w, dashboards.English, "quality", "The stages closed", "1") {
				if strings.Contains(row, "waiting") {
					t.Errorf("the list of visits closed has one that waited: %s", row)
				}
			}
			noDifference(t, w)
		})
	}
}

// TestSentencesAtTheEdges has plans that end where days do not count, and pauses over weekends and after the end.
func TestSentencesAtTheEdges(t *testing.T) {
	t.Parallel()
	january := func(of int) time.Time { return time.Date(2026, 1, of, 12, 0, 0, 0, time.UTC) }
	var off []transform.Exception
	for _, of := range []int{1, 2, 5, 6, 7, 8} {
		off = append(off, transform.Exception{Day: transform.DayOf(january(of), time.UTC), Why: "New Year (Labour Code, article 112)"})
	}
	rules := &transform.Rules{
		Zone:      time.UTC,
		Calendars: transform.Calendars{Default: transform.NewWorkingDays([7]bool{time.Saturday: true, time.Sunday: true}, off)},
		Stages:    map[transform.StageKey]extractor.Stage{},
		Norms:     map[extractor.StageID][]transform.Norm{},
		Fields:    map[extractor.StageID]transform.PlanFields{"Dated": {Date: "UF_DATE"}},
		Pauses:    transform.PauseFields{From: "UF_FROM", Until: "UF_UNTIL"},
	}
	tests := []struct {
		stage   extractor.StageID
		norm    int32
		entered int
		fields  map[string]string
		want    string
	}{
		{
			"Zero", 0, 10, nil,
			"Zero: entered 2026-01-10. A plan of 0 days ends on the next day that counts, Mon 12 January 2026. Still there as of 2026-01-20: 6 overdue working days.",
		},
		{
			"One", 1, 0, map[string]string{"UF_FROM": "2026-01-15", "UF_UNTIL": "2026-01-16"},
			"One: entered 2025-12-31. 1 working day after Wed 31 December, not counting 1–2 January (New Year) and 5–8 January (New Year), ends on Fri 9 January 2026. " +
				"Still there as of 2026-01-20: 5 overdue working days, not counting 2 paused days (15–16 January).",
		},
		{
			"Five", 5, 12, map[string]string{"UF_FROM": "2026-01-16", "UF_UNTIL": "2026-01-19"},
			"Five: entered 2026-01-12. 5 working days after Mon 12 January, not counting 2 paused days (16–19 January), end on Wed 21 January 2026. Still there as of 2026-01-20: on time.",
		},
		{
			"Dated", 3, 12, map[string]string{"UF_DATE": "2026-01-09"},
			"Dated: entered 2026-01-12. The date in the deal, 2026-01-09, is before the entry. " +
				"Still there as of 2026-01-20, entered 1 working d after that end and counted since the next day: 6 overdue working days.",
		},
	}
	tests = append(tests, tests[3])
	later := &tests[len(tests)-1]
	later.stage, later.fields = "Later", map[string]string{"UF_DATE": "2026-01-16"}
	later.want = "Later: entered 2026-01-12. The date in the deal is Fri 16 January 2026, 4 working days after the entry. Still there as of 2026-01-20: 2 overdue working days."
	rules.Fields["Later"] = rules.Fields["Dated"]
	var histories []transform.History
	for i, test := range tests {
		id := extractor.DealID(i + 1)
		rules.Stages[transform.StageKey{Stage: test.stage}] = extractor.Stage{ID: test.stage, Name: string(test.stage)}
		rules.Norms[test.stage] = []transform.Norm{{Days: test.norm, From: transform.NoDay}}
		entered := january(test.entered)
		histories = append(histories, transform.History{
			Deal: extractor.Deal{ID: id, Title: "A deal", StageID: test.stage, CreatedAt: entered, MovedAt: entered, Fields: test.fields},
			Changes: []transform.Change{{StageChange: extractor.StageChange{
				ID: extractor.ChangeID(id), DealID: id, ChangedAt: entered, StageID: test.stage, TypeID: 2,
			}}},
		})
	}
	w := warehousetest.Migrated(t)
	loadertest.Publish(t, w, rules, transform.DayOf(january(20), time.UTC), histories)
	for i, test := range tests {
		if diff := cmp.Diff([]string{test.want}, asked(t, w, dashboards.English, "deal", "How this number is made", strconv.Itoa(i+1))); diff != "" {
			t.Errorf("the sentence of %s (-want +got):\n%s", test.stage, diff)
		}
	}
	noDifference(t, w)
}
