package transform

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/extractor"
)

// A plainWorld counts days one by one: it shares no arithmetic with the program.
type plainWorld struct {
	weekend    map[extractor.FunnelID]map[time.Weekday]bool
	exceptions map[extractor.FunnelID]map[Day]bool // whether the date counts
	// paused are the days that a run has published as paused.
	paused map[Day]PauseSource

	// The deal as it is now.
	isSet       bool
	from, until Day
	published   Day
	asOf        Day
}

func (w *plainWorld) counts(funnel extractor.FunnelID, d Day) bool {
	if counts, ok := w.exceptions[funnel][d]; ok {
		return counts
	}
	return !w.weekend[funnel][d.Time().Weekday()]
}

// pause is how a day of a visit is paused; later than the as-of date only of an open visit.
func (w *plainWorld) pause(d Day) PauseSource {
	if source, ok := w.paused[d]; ok {
		return source
	}
	isInDates := w.from != NoDay && w.from <= d
	switch {
	case isInDates && w.until != NoDay && d <= w.until, isInDates && w.until == NoDay && d <= w.asOf:
		return PauseDates
	case w.isSet && d == w.asOf:
		return PauseFlag
	case w.isSet && w.published != NoDay && w.published < d && d < w.asOf:
		return PauseAssumed
	}
	return NoPause
}

func (w *plainWorld) isCounting(v *Visit, d Day) bool {
	isOfVisit := v.IsOpen() || d <= v.LeftDate
	return w.counts(v.FunnelID, d) && (!isOfVisit || w.pause(d) == NoPause)
}

func (w *plainWorld) count(v *Visit, after, until Day) int32 {
	n := int32(0)
	for d := after + 1; d <= until; d++ {
		if w.isCounting(v, d) {
			n++
		}
	}
	return n
}

// plannedEnd counts the days of a plan from the entry on.
func (w *plainWorld) plannedEnd(v *Visit) Day {
	d := v.EnteredDate
	if v.Plan.Days == 0 {
		for !w.isCounting(v, d) {
			d++
		}
		return d
	}
	for left := v.Plan.Days; left > 0; {
		d++
		if w.isCounting(v, d) {
			left--
		}
	}
	return d
}

// checkManagers holds the overdue days by manager against the facts.
func (w *plainWorld) checkManagers(t *rapid.T, v *Visit, calendar Calendar, facts map[factKey]Fact) {
	want, got := map[extractor.ManagerID]int32{}, map[extractor.ManagerID]int32{}
	for d := v.EnteredDate; d <= v.End(w.asOf); d++ {
		if f := facts[factKey{v.No, d}]; f.OverdueDay == 1 {
			want[f.ManagerID]++
		}
	}
	v.OverdueDaysBy(w.asOf, calendar, func(manager extractor.ManagerID, days int32) { got[manager] += days })
	if !maps.Equal(got, want) {
		t.Fatalf("%s: overdue days by manager %v, want %v", v, got, want)
	}
}

// checkLasted looks for the least plan under which a visit that has ended is on time.
func (w *plainWorld) checkLasted(t *rapid.T, v *Visit, calendar Calendar) {
	planned := *v
	for planned.Plan.Days = 0; w.count(v, w.plannedEnd(&planned), v.LeftDate) > 0; {
		planned.Plan.Days++
	}
	if got := v.Lasted(calendar); got != planned.Plan.Days {
		t.Fatalf("%s lasted %d days, want %d", v, got, planned.Plan.Days)
	}
}

// check holds a visit and its facts against the days.
func (w *plainWorld) check(t *rapid.T, v *Visit, calendar Calendar, facts map[factKey]Fact) {
	end := v.End(w.asOf)
	if v.Plan.Source == PlanDealDate {
		if want := w.count(v, v.EnteredDate, v.Plan.End); v.Plan.Days != want {
			t.Fatalf("%s: a plan up to %s has %d days, want %d", v, v.Plan.End, v.Plan.Days, want)
		}
	} else if v.Plan.IsPlanned() {
		if want := w.plannedEnd(v); v.Plan.End != want {
			t.Fatalf("%s: a plan of %d days ends on %s, want %s", v, v.Plan.Days, v.Plan.End, want)
		}
	}
	overdue, working, paused := int32(0), int32(0), int32(0)
	for d := v.EnteredDate; d <= end; d++ {
		f, ok := facts[factKey{v.No, d}]
		if !ok {
			t.Fatalf("%s has no fact for %s", v, d)
		}
		if f.Visit.Plan != v.Plan {
			t.Fatalf("%s, on %s: the plan is %s, want %s", v, d, inWords(f.Visit.Plan), inWords(v.Plan))
		}
		isCounting, left := w.isCounting(v, d), NoDaysLeft
		if d > v.EnteredDate && w.counts(v.FunnelID, d) {
			working++
			if !isCounting {
				paused++
			}
		}
		accrued := uint8(0)
		if v.Plan.IsPlanned() {
			if isCounting && d > v.Plan.End && d > v.EnteredDate {
				accrued = 1
			}
			if v.IsOpen() || d < v.LeftDate {
				left = w.count(v, d, v.Plan.End)
			}
		}
		overdue += int32(accrued)
		if f.IsCounting != isCounting || f.Pause != w.pause(d) || f.OverdueDay != accrued || f.OverdueDays != overdue || f.DaysLeft != left {
			t.Fatalf("%s, on %s: counts %v, pause %q, overdue %d %d, left %d; want %v, %q, %d %d, %d", v, d,
				f.IsCounting, f.Pause, f.OverdueDay, f.OverdueDays, f.DaysLeft, isCounting, w.pause(d), accrued, overdue, left)
		}
	}
	w.checkManagers(t, v, calendar, facts)
	if !v.IsOpen() {
		w.checkLasted(t, v, calendar)
	}
	// What readers make of the numbers on the as-of date.
	n, number := v.Numbers, calendar.Number(w.asOf)
	clock := min(number, n.Stops)
	if got := max(0, clock-n.Accrues); v.Plan.IsPlanned() && got != overdue {
		t.Fatalf("%s: %d days overdue by its numbers %+v, want %d", v, got, n, overdue)
	}
	if got, want := max(0, n.Due-clock), w.count(v, w.asOf, v.Plan.End); v.Plan.IsPlanned() && v.IsOpen() && got != want {
		t.Fatalf("%s: %d days left by its numbers %+v, want %d", v, got, n, want)
	}
	gotWorking, gotPaused := n.Stops-n.Entered, n.Paused
	if v.IsOpen() {
		gotWorking, gotPaused = number-n.Entered, n.Paused+max(0, number-max(n.Stops, n.Entered))
	}
	if gotWorking != working || gotPaused != paused {
		t.Fatalf("%s: %d working days, %d paused by its numbers %+v, want %d and %d", v, gotWorking, gotPaused, n, working, paused)
	}
}

// lateAtEntry counts the days by which the last of the visits began too late. A flag has paused days of visits only.
func (w *plainWorld) lateAtEntry(visits []Visit) (n int32) {
	last := &visits[len(visits)-1]
	for d := last.Plan.End + 1; last.Plan.IsPlanned() && d <= last.EnteredDate; d++ {
		isIn := slices.ContainsFunc(visits, func(v Visit) bool { return v.EnteredDate <= d && (v.IsOpen() || d <= v.LeftDate) })
		_, isKnown := w.paused[d]
		isPaused := w.pause(d) == PauseDates || w.pause(d) != NoPause && (isKnown || isIn)
		if w.counts(last.FunnelID, d) && !isPaused {
			n++
		}
	}
	return n
}

// remember keeps the paused days of the visits, which are published now.
func (w *plainWorld) remember(visits []Visit) {
	paused := maps.Clone(w.paused)
	for i := range visits {
		for d := visits[i].EnteredDate; d <= visits[i].End(w.asOf); d++ {
			if source := w.pause(d); source != NoPause {
				paused[d] = source
			}
		}
	}
	w.paused, w.published = paused, w.asOf
}

// drawCalendars are random ones, with the days for the reference.
func (w *plainWorld) drawCalendars(t *rapid.T) Calendars {
	w.weekend, w.exceptions = map[extractor.FunnelID]map[time.Weekday]bool{}, map[extractor.FunnelID]map[Day]bool{}
	draw := func(funnels ...extractor.FunnelID) Calendar {
		off, dates := map[time.Weekday]bool{}, map[Day]bool{}
		for _, funnel := range funnels {
			w.weekend[funnel], w.exceptions[funnel] = off, dates
		}
		if rapid.IntRange(0, 4).Draw(t, "every day counts") == 0 {
			return CalendarDays{}
		}
		var weekend [7]bool
		for _, day := range rapid.SliceOfN(rapid.IntRange(0, 6), 0, 3).Draw(t, "weekend") {
			weekend[day], off[time.Weekday(day)] = true, true
		}
		var exceptions []Exception
		for range rapid.IntRange(0, 20).Draw(t, "exceptions") {
			e := Exception{Day: day("2026-01-25") + Day(rapid.IntRange(0, 80).Draw(t, "date")), Counts: rapid.Bool().Draw(t, "counts")}
			exceptions = append(exceptions, e)
			dates[e.Day] = e.Counts
		}
		return NewWorkingDays(weekend, exceptions)
	}
	if rapid.Bool().Draw(t, "one calendar") {
		return Calendars{Default: draw(5, 7)}
	}
	return Calendars{Default: draw(5), Funnels: map[extractor.FunnelID]Calendar{7: draw(7)}}
}

// drawPauses has the deal carry other pauses.
func (w *plainWorld) drawPauses(t *rapid.T, h *History) {
	w.isSet, w.from, w.until = rapid.IntRange(0, 2).Draw(t, "flag") == 0, NoDay, NoDay
	fields := maps.Clone(h.Deal.Fields)
	fields["UF_CRM_WAITING"] = map[bool]string{true: "Y", false: "N"}[w.isSet]
	delete(fields, "UF_CRM_FROM")
	delete(fields, "UF_CRM_UNTIL")
	if rapid.IntRange(0, 2).Draw(t, "dates") == 0 {
		w.from = day("2026-01-30") + Day(rapid.IntRange(0, 50).Draw(t, "from"))
		fields["UF_CRM_FROM"] = w.from.String()
		if rapid.Bool().Draw(t, "has end") {
			w.until = w.from + Day(rapid.IntRange(0, 12).Draw(t, "until"))
			fields["UF_CRM_UNTIL"] = w.until.String()
		}
	}
	h.Deal.Fields = fields
}

// TestDaysAreCountedOneByOne: under random calendars, pauses and waiting stages, over nights with corrections of all
// of them, facts and numbers are what counting day by day gives, and another run on the same date appends nothing.
func TestDaysAreCountedOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := testRules()
		rules.Pauses = PauseFields{Flag: "UF_CRM_WAITING", From: "UF_CRM_FROM", Until: "UF_CRM_UNTIL"}
		rules.Waiting = map[extractor.StageID]bool{rapid.SampledFrom(lawStages).Draw(t, "waiting"): rapid.Bool().Draw(t, "waits")}
		w := &plainWorld{paused: map[Day]PauseSource{}, published: NoDay}
		rules.Calendars = w.drawCalendars(t)
		h := drawHistory(t)
		w.drawPauses(t, &h)
		l := newLedger()
		for _, asOf := range drawNights(t) {
			w.asOf = asOf
			l.run(t, rules, h, night(asOf, w.published))
			visits := slices.SortedFunc(maps.Values(l.visits), func(a, b Visit) int { return int(a.No) - int(b.No) })
			for i := range visits {
				v := &visits[i]
				w.check(t, v, rules.Calendars.Of(v.FunnelID), l.shown())
				if want := w.lateAtEntry(visits[:i+1]); v.Numbers.LateAtEntry != want {
					t.Fatalf("%s: %d days late at its entry, want %d", v, v.Numbers.LateAtEntry, want)
				}
				if isWaiting := rules.Waiting[v.StageID] && !v.Semantics.IsFinal(); v.IsWaiting != isWaiting || isWaiting && v.Plan.IsPlanned() {
					t.Fatalf("%s waits: %v, with a plan: %v", v, v.IsWaiting, v.Plan.IsPlanned())
				}
			}
			w.remember(visits)
			l.run(t, rules, h, night(asOf, w.published))
			if l.rows != 0 {
				t.Fatalf("the second run on %s appends %d rows, want none", asOf, l.rows)
			}
			switch rapid.IntRange(0, 5).Draw(t, "what changes") {
			case 0:
				again := testRules()
				again.Pauses, again.Waiting, again.Calendars = rules.Pauses, rules.Waiting, w.drawCalendars(t)
				rules = again
			case 1, 2:
				drawCorrection(t, &h)
			case 3, 4:
				w.drawPauses(t, &h)
			}
		}
	})
}

// TestAPausedPlanMovesOn tells the example of a plan of ten working days.
func TestAPausedPlanMovesOn(t *testing.T) {
	rules := testRules()
	holiday := Exception{Day: day("2026-03-09"), Why: "Women's Day, moved from Sunday"}
	rules.Calendars.Default = NewWorkingDays([7]bool{time.Saturday: true, time.Sunday: true}, []Exception{holiday})
	rules.Pauses = PauseFields{From: "UF_CRM_FROM", Until: "UF_CRM_UNTIL"}
	h := history(step{1, "2026-03-02 10:00", "C5:DOCS", false})
	h.Deal.Fields = map[string]string{"UF_CRM_DAYS": "10", "UF_CRM_FROM": "2026-03-10", "UF_CRM_UNTIL": "2026-03-11"}
	for asOf, want := range map[string]string{"2026-03-02": "left 10", "2026-03-08": "left 6", "2026-03-11": "left 6", "2026-03-19": "left 0", "2026-03-23": "overdue 2"} {
		v := rules.Derive(h, on(asOf)).Visits[0]
		if v.Plan.End != day("2026-03-19") {
			t.Errorf("as of %s the plan ends on %s, want 2026-03-19", asOf, v.Plan.End)
		}
		clock := min(rules.Calendars.Default.Number(day(asOf)), v.Numbers.Stops)
		got := "left " + strconv.Itoa(int(v.Numbers.Due-clock))
		if clock > v.Numbers.Accrues {
			got = fmt.Sprintf("overdue %d", clock-v.Numbers.Accrues)
		}
		if got != want {
			t.Errorf("as of %s: %s, want %s", asOf, got, want)
		}
	}
}

// TestAPauseLeavesTheDaysBefore: a pause moves the planned end night by night, and a night appends its own day and not
// the days before, however old the visit is.
func TestAPauseLeavesTheDaysBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := testRules()
		rules.Pauses = PauseFields{Flag: "UF_CRM_WAITING"}
		h := history(step{1, "2026-01-10 10:00", "C5:DOCS", false})
		planDays := strconv.Itoa(rapid.IntRange(0, 60).Draw(t, "plan"))
		l := newLedger()
		before := NoDay
		for asOf := day("2026-02-01"); asOf < day("2026-02-20"); asOf++ {
			h.Deal.Fields = map[string]string{"UF_CRM_DAYS": planDays}
			if before != NoDay && rapid.Bool().Draw(t, "flag") {
				h.Deal.Fields["UF_CRM_WAITING"] = "Y"
			}
			l.run(t, rules, *h, night(asOf, before))
			// The fact of the day, the visit, and what is known.
			if before != NoDay && l.rows > 3 {
				t.Fatalf("the night of %s appends %d rows, want 3 at most", asOf, l.rows)
			}
			before = asOf
		}
	})
}

func TestBadPauses(t *testing.T) {
	rules := testRules()
	rules.Pauses = PauseFields{Flag: "UF_CRM_WAITING", From: "UF_CRM_FROM", Until: "UF_CRM_UNTIL"}
	for name, fields := range map[string]map[string]string{
		"ends before it begins": {"UF_CRM_FROM": "2026-02-10", "UF_CRM_UNTIL": "2026-02-09"},
		"has an end alone":      {"UF_CRM_UNTIL": "2026-02-09"},
		"has a date that is no": {"UF_CRM_FROM": "soon"},
		"is a flag of texts":    {"UF_CRM_WAITING": "perhaps"},
	} {
		h := history(step{1, "2026-02-01 10:00", "C5:DOCS", false})
		h.Deal.Fields = fields
		visits, gaps := visitsOf(rules, h, on("2026-02-20"))
		if len(gaps) != 1 || gaps[0].Reason != GapBadPause {
			t.Errorf("a pause that %s gives the gaps %+v, want bad_pause", name, gaps)
		}
		if len(visits[0].Pauses) > 0 {
			t.Errorf("a pause that %s pauses %+v", name, visits[0].Pauses)
		}
	}
}
