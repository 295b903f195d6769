package transform

import (
	"testing"

	"stagelag/extractor"
)

func TestFacts(t *testing.T) {
	tests := []struct {
		name     string
		entered  string
		planDays int32
		asOf     string
		want     int32 // overdue days
		left     int32
	}{
		{"before its planned end", "2026-03-02", 3, "2026-03-04", 0, 1},
		{"on its planned end", "2026-03-02", 3, "2026-03-05", 0, 0},
		{"a day past its planned end", "2026-03-02", 3, "2026-03-06", 1, 0},
		{"a plan of zero is due the same day", "2026-03-02", 0, "2026-03-02", 0, 0},
		{"and overdue the next", "2026-03-02", 0, "2026-03-03", 1, 0},
		{"over the change to summer time a day is a day", "2026-03-28", 1, "2026-03-30", 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			entered := day(test.entered)
			visit := &Visit{EnteredDate: entered, LeftDate: NoDay, Tenures: []Tenure{{entered, 1, Seen}},
				Plan: Plan{Source: PlanDealDays, Days: test.planDays, End: entered + Day(test.planDays)}}
			var last Fact
			var accrued int32
			rows := 0
			Facts(visit, day(test.asOf), CalendarDays{}, func(f *Fact) { last = *f; accrued += int32(f.OverdueDay); rows++ })
			if last.OverdueDays != test.want || accrued != test.want || last.DaysLeft != test.left {
				t.Errorf("last fact has %d overdue days, %d left, accrued %d; want %d, %d", last.OverdueDays, last.DaysLeft, accrued, test.want, test.left)
			}
			if want := int(day(test.asOf)-entered) + 1; rows != want {
				t.Errorf("%d facts, want one for each of %d days", rows, want)
			}
		})
	}
}

func TestManagerOfADay(t *testing.T) {
	rules := testRules()
	h := history(step{1, "2026-02-01 10:00", "C5:NEW", false})
	dates := on("2026-02-03")
	first := rules.Derive(h, dates)
	want := []Tenure{{day("2026-02-01"), 12, Assumed}, {day("2026-02-03"), 12, Seen}}
	expectTenures(t, "the first run assumes the past", first.Visits[0].Tenures, want)

	// A night is missed, the manager changes, and the next run is two days later.
	h.Published, h.Knowledge, h.Deal.ManagerID = first.Visits, first.Knowledge, 13
	dates = on("2026-02-05")
	dates.PublishedAsOf = day("2026-02-03")
	second := rules.Derive(h, dates)
	want = append(want, Tenure{day("2026-02-04"), 13, Assumed}, Tenure{day("2026-02-05"), 13, Seen})
	expectTenures(t, "a change moves the days that follow", second.Visits[0].Tenures, want)

	// A correction: the deal had moved on the 2nd. The days keep their managers.
	corrected := history(step{1, "2026-02-01 10:00", "C5:NEW", false}, step{2, "2026-02-02 10:00", "C5:DESIGN", false})
	corrected.Published, corrected.Knowledge, corrected.Deal.ManagerID = second.Visits, second.Knowledge, 14
	dates.PublishedAsOf = day("2026-02-05")
	third, _ := visitsOf(rules, corrected, dates)
	expectTenures(t, "a correction keeps the manager of a day", third[1].Tenures,
		[]Tenure{{day("2026-02-02"), 12, Assumed}, {day("2026-02-03"), 12, Seen}, {day("2026-02-04"), 13, Assumed}, {day("2026-02-05"), 13, Seen}})
	if got := third[1].ManagerID(); got != extractor.ManagerID(13) {
		t.Errorf("the visit belongs to manager %d, want 13, who had its last day", got)
	}
}

func expectTenures(t *testing.T, rule string, got, want []Tenure) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: got %v, want %v", rule, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: got %v, want %v", rule, got, want)
			return
		}
	}
}

func BenchmarkFacts(b *testing.B) {
	visit := &Visit{EnteredDate: 20000, LeftDate: NoDay, Tenures: []Tenure{{20000, 1, Assumed}, {20500, 2, Seen}},
		Plan: Plan{Source: PlanDealDays, Days: 10, End: 20010}}
	const days = 1000
	var sum int64
	b.ReportAllocs()
	for b.Loop() {
		Facts(visit, 20000+days-1, CalendarDays{}, func(f *Fact) { sum += int64(f.OverdueDay) })
	}
	b.ReportMetric(float64(days)*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}

// BenchmarkCopy copies as many bytes as ten million facts have from one place of the memory to another:
// no derivation that writes facts down could be faster.
func BenchmarkCopy(b *testing.B) {
	from, to := make([]Fact, 10_000_000), make([]Fact, 10_000_000)
	copy(to, from) // so that the memory is there
	for b.Loop() {
		copy(to, from)
	}
	b.ReportMetric(float64(len(to))*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
}
