package nightly_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/sql"
	"stagelag/warehouse"
)

// seedVariable is the seed that TestWhatWasSeen begins with: the one that it named when it failed.
const seedVariable = "STAGELAG_SEED"

// TestWhatWasSeen lets portals live on which deals are hidden, deleted and brought back, histories are corrected and
// forgotten, rows come twice, the clock jumps, and the configuration changes and changes back, while runs die, are
// missed, withdrawn and full, and backups are restored. After
// each run the views show what a reference says that keeps what it saw and counts days one by one. What follows from
// those views, and what a what-if says, is looked at after the last run of a night, in the long form after each run. The
// long form takes more seeds, until its time is over.
func TestWhatWasSeen(t *testing.T) {
	t.Parallel()
	const deals = 15
	// The portal of this seed has it all: some of the funnels, calendars of their own, and rows of former funnels that
	// are not shown.
	first, seeds, nights, end := uint64(6), uint64(1), 6, time.Now()
	form := ""
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %q is not a seed", seedVariable, text)
		}
	}
	if text := os.Getenv(nightsVariable); text != "" {
		nights, end = 8, end.Add(10*time.Minute)
		form = nightsVariable + "=" + text + " "
	}
	for seed := first; seed < first+seeds || time.Now().Before(end); seed++ {
		isFine := t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { newSeenLife(t, seed, deals).live(nights) })
		if !isFine {
			t.Fatalf("%s%s=%d go test ./nightly -run '^TestWhatWasSeen$' repeats it", form, seedVariable, seed)
		}
	}
}

// The stages of the portal. The first of each funnel's is where deals begin.
var seenFunnels = []simulator.Funnel{
	{ID: 1, Name: "Sales", Stages: []simulator.Stage{
		{ID: "C1:NEW", Name: "New"}, {ID: "C1:OLD", Name: "Old documents"}, {ID: "C1:DOCS", Name: "Documents"}, {ID: "C1:TALK", Name: "Talk"},
		{ID: "C1:WON", Name: "Won", Semantics: simulator.Success}, {ID: "C1:LOST", Name: "Lost", Semantics: simulator.Failure},
	}},
	{ID: 2, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C2:NEW", Name: "New"}, {ID: "C2:BUILD", Name: "Build"}, {ID: "C2:DONE", Name: "Done", Semantics: simulator.Success},
	}},
	{ID: 3, Name: "Service", Stages: []simulator.Stage{
		{ID: "C3:NEW", Name: "New"}, {ID: "C3:REPAIR", Name: "Repair"}, {ID: "C3:DONE", Name: "Done", Semantics: simulator.Success},
	}},
}

// The fields that plans are in: numbers, texts and dates.
const (
	seenNumber = "UF_CRM_NUMBER"
	seenText   = "UF_CRM_TEXT"
	seenDue    = "UF_CRM_DUE"
)

// A seenLife is a portal with the events of its nights, drawn from a seed.
type seenLife struct {
	*site
	random *rand.Rand
	ref    *reference
	base   rulebook // of the nights without another one
	rules  rulebook
	ids    []simulator.DealID
	now    time.Time
	log    []string
	night  int
	// corrected and erased are the deals with rows taken out by somebody, and by the portal, since a run was last
	// published that saw them: of a deal with both the program can't tell which row is which.
	corrected, erased map[simulator.DealID]bool
	modes             simulator.HistoryModes
	// anew are the rows that the portal gave in place of others, and no run has seen.
	anew map[simulator.ChangeID]bool
	// bare are the deals that came back without a history before a run found them gone: where such a deal moves before
	// the next run, the program can't tell what was forgotten from what was corrected.
	bare        map[simulator.DealID]bool
	isUncertain bool // a run has died, and what it landed is not known
	isWhatIf    bool // the last run was made with the configuration of now, and nothing was read since
	published   []*publishedRun
	// hidesFormer is whether the portal shows rows of a deal's present funnel only.
	hidesFormer bool
	// repeats is whether each row of the portal's lists comes twice.
	repeats atomic.Bool
}

// A publishedRun is what the views show after a run, and what the reference knew before it.
type publishedRun struct {
	id     loader.RunID
	asOf   string
	report *report
	before knowledge
	shown  []string // each view in a word, nil until somebody has looked
}

func newSeenLife(t *testing.T, seed uint64, deals int) *seenLife {
	t.Helper()
	world := simulator.NewWorld()
	for _, f := range seenFunnels {
		world.AddFunnel(f)
	}
	for _, field := range []simulator.Field{{Name: seenNumber, Type: "integer"}, {Name: seenText, Type: "string"}, {Name: seenDue, Type: "date"},
		{Name: seenHold, Type: "boolean"}, {Name: seenFrom, Type: "date"}, {Name: seenUntil, Type: "date"},
		{Name: seenRegion, Type: "enumeration", Options: seenRegions}, {Name: seenContract, Type: "date"}} {
		world.AddField(field)
	}
	for _, id := range slices.Sorted(maps.Keys(seenDepartments)) {
		world.AddDepartment(simulator.Department{ID: id, Name: seenDepartments[id]})
	}
	for i := range 4 {
		world.AddUser(simulator.User{Name: fmt.Sprintf("Person %d", i), Departments: []simulator.DepartmentID{5, simulator.DepartmentID(2 + i%2)}})
	}
	l := &seenLife{
		random: rand.New(rand.NewPCG(seed, 0)), now: firstNight.AddDate(0, 0, -6),
		corrected: map[simulator.DealID]bool{}, erased: map[simulator.DealID]bool{},
		anew: map[simulator.ChangeID]bool{}, bare: map[simulator.DealID]bool{},
	}
	l.base.hasDimensions = true
	l.base.Suggested = simulator.Suggested{
		TimeZone: "Europe/Moscow",
		Fields: map[string]simulator.SuggestedFields{
			"C1:DOCS": {Days: seenNumber, Date: seenDue}, "C1:TALK": {Days: seenText}, "C2:BUILD": {Days: seenText, Date: seenDue}, "C3:REPAIR": {Days: seenNumber},
		},
		Norms: []simulator.SuggestedNorm{
			{Stage: "C1:NEW", Days: 2}, {Stage: "C1:OLD", Days: 1}, {Stage: "C1:DOCS", Days: 3}, {Stage: "C2:NEW", Days: 1},
			{Stage: "C2:NEW", Days: 4, From: "2026-03-12"}, {Stage: "C2:BUILD", Days: 2},
		},
		StageMap: map[string]string{"C1:OLD": "C1:DOCS"},
	}
	if seed%2 == 0 {
		l.base.Funnels = []int{1, 2}
	}
	if seed%5 < 2 {
		l.base.calendars = map[simulator.FunnelID]*refCalendar{
			1: {weekend: time.Sunday, dates: map[string]bool{"2026-03-09": false, "2026-03-13": false, "2026-03-15": true}},
			2: {weekend: time.Wednesday, dates: map[string]bool{"2026-03-12": false}},
		}
		l.base.waiting = map[simulator.StageID]bool{"C2:NEW": true}
	}
	l.site = newSite(t, world, l.base.Suggested, firstNight)
	l.hidesFormer = seed%3 == 0
	l.serve(simulator.Options{Quirks: simulator.Quirks{HidesFormerFunnels: l.hidesFormer}}, func(portal *simulator.Portal) http.Handler { return repeating(portal, &l.repeats) })
	l.cfg.Portal.CheckClock = true
	l.ref = newReference(world, l.cfg.Portal.TimeZone)
	for i := range 3 {
		name := fmt.Sprintf("Company %d", i)
		l.ref.companies[world.AddCompany(simulator.Company{Title: name, Created: l.now})] = name
	}
	l.ref.hidesFormer = l.hidesFormer
	for range deals {
		l.now = l.now.Add(30 * time.Minute)
		l.addDeal()
	}
	for day := range 5 {
		l.day(firstNight.AddDate(0, 0, day-4), 10, l.quietEvents())
	}
	return l
}

// live takes the portal through its nights.
func (l *seenLife) live(nights int) {
	for l.night = range nights {
		if l.night > 0 {
			events := l.events()
			l.day(firstNight.AddDate(0, 0, l.night), 14, events)
		}
		if !l.isUncertain {
			l.rules = l.draw()
		}
		l.repeats.Store(l.random.IntN(4) == 0)
		isLast := l.night == nights-1
		if !isLast && l.night > 0 && l.random.IntN(10) == 0 {
			l.say("the night is missed")
			continue
		}
		if l.random.IntN(4) == 0 && l.die() && !isLast && !l.hasNewlyHidden() && l.random.IntN(3) == 0 {
			l.isUncertain = true
			continue
		}
		if l.random.IntN(6) == 0 {
			l.misjudgeClock()
		}
		l.publish(l.random.IntN(6) == 0)
		if l.random.IntN(5) == 0 && !l.t.Failed() {
			l.see()
			l.restoreBackup()
		}
		for l.random.IntN(7) == 0 && (len(l.published) > 1 || l.night == 0 && len(l.published) == 1) {
			l.withdraw()
			if isLast || l.random.IntN(2) == 0 {
				l.publish(false)
			}
		}
		l.see()
		if l.t.Failed() {
			return
		}
	}
	l.publish(true)
	if wrote := l.written(l.published[len(l.published)-1].id); len(wrote) > 0 {
		l.fail("a full run writes %v, want nothing", wrote)
	}
	l.see()
	l.expectWhatWasShown()

	// After all that was seen, what other slips, waiting stages and calendars would mean is what they come to mean.
	l.rules.waiting, l.rules.calendars = map[simulator.StageID]bool{"C2:NEW": true, "C1:DOCS": true}, nil
	if l.rules.shortest = 2*time.Hour - l.rules.shortest; l.random.IntN(2) == 0 {
		l.rules.calendars = map[simulator.FunnelID]*refCalendar{1: {weekend: time.Thursday}}
	}
	l.configureNight()
	l.cfg.Portal.CheckClock = false
	l.expectRunAsWhatIf("after the last night")
}

// shownViews are all views of a state in a word, those of what was shown then with them.
var shownViews = append(slices.Clone(everyView), "run_changes", "plan_changes", "loss_changes", "gone_deals", "visits_now", "calendar_days", "stage_names",
	"(SELECT funnel_id, funnel_name, open_deals, overdue_deals, no_plan_deals, overdue_days_total FROM portfolio_days WHERE day = {day} AND (open_deals > 0 OR overdue_days_total > 0))")

// thenViews are views of what was shown then, by the view that showed it.
var thenViews = map[string]string{
	"deals_now":                   "deals_then",
	"deal_stages":                 "deal_stages_then",
	shownViews[len(shownViews)-1]: "portfolio_then",
}

// digests are those views as of a date, asked with some settings.
func (l *seenLife) digests(asOf, settings string) []string {
	l.t.Helper()
	var queries []string
	for _, view := range shownViews {
		queries = append(queries, "("+strings.ReplaceAll(digestOf(view), "{day}", "'"+asOf+"'")+")")
	}
	return strings.Split(l.rows("SELECT " + strings.Join(queries, ", ") + settings)[0], "\t")
}

// expectWhatWasShown asks for the dates on which runs were published, withdrawn ones left out, and wants what was shown
// at their ends: of the first date and the last two in all views, of each date in the views of what was shown then.
func (l *seenLife) expectWhatWasShown() {
	l.t.Helper()
	last := map[string]*publishedRun{}
	for _, run := range l.published {
		last[run.asOf] = run
	}
	dates := slices.Sorted(maps.Keys(last))
	for n, date := range dates {
		if n > 0 && n < len(dates)-2 && !isLong() {
			continue
		}
		got := l.digests(date, " SETTINGS log_comment = 'shown on "+date+"'")
		for i, view := range shownViews {
			if want := last[date].shown[i]; got[i] != want {
				l.fail("%s as shown on %s, after run %d: %s, want %s", view, date, last[date].id, got[i], want)
			}
		}
	}
	for i, view := range shownViews {
		then, ok := thenViews[view]
		if !ok {
			continue
		}
		// The columns of the view, and the rows that it is asked for.
		columns, which := "* EXCEPT (known_on, deal_url)", "known_on IN ('"+strings.Join(dates, "', '")+"')"
		if then == "portfolio_then" {
			columns, which = "* EXCEPT known_on", which+" AND (open_deals > 0 OR overdue_days_total > 0)"
		}
		got := map[string]string{}
		for _, row := range l.rows("SELECT known_on, concat(toString(count()), ' rows, ', hex(sum(digest))) FROM (SELECT known_on, cityHash64(toString(tuple(" + columns + "))) AS digest FROM " + then + " WHERE " + which + ") GROUP BY known_on") {
			date, digest, _ := strings.Cut(row, "\t")
			got[date] = digest
		}
		for _, date := range dates {
			if want := last[date].shown[i]; got[date] != want && (got[date] != "" || !strings.HasPrefix(want, "0 rows")) {
				l.fail("%s of %s, after run %d: %s, want %s", then, date, last[date].id, got[date], want)
			}
		}
	}
}

func (l *seenLife) say(format string, args ...any) {
	l.log = append(l.log, fmt.Sprintf("night %d, %s: ", l.night, l.now.Format("02 15:04"))+fmt.Sprintf(format, args...))
}

// draw gives the rules of a night: mostly those of the portal, else one thing is different.
func (l *seenLife) draw() rulebook {
	rules := l.base
	rules.Fields, rules.Norms = maps.Clone(rules.Fields), slices.Clone(rules.Norms)
	what := "as ever"
	switch l.random.IntN(12) {
	case 0:
		what, rules.Funnels = "funnel 1 only", []int{1}
	case 1:
		what, rules.Funnels = "all funnels", nil
	case 2:
		what = "other fields"
		rules.Fields["C1:DOCS"], rules.Fields["C1:NEW"] = simulator.SuggestedFields{Days: seenText}, simulator.SuggestedFields{Date: seenDue}
	case 3:
		what, rules.StageMap = "no map", nil
	case 4:
		what = "other norms"
		rules.Norms[0].Days, rules.Norms[2].Days = 5, 0
	case 5, 6:
		what, rules.shortest = "slips", 2*time.Hour
	case 7:
		what, rules.waiting = "waiting", map[simulator.StageID]bool{"C1:TALK": true, "C2:NEW": true}
	case 9:
		what, rules.hasDimensions = "no dimensions", false
	case 8:
		what, rules.calendars = "another calendar", map[simulator.FunnelID]*refCalendar{1: {weekend: time.Tuesday, dates: map[string]bool{"2026-03-11": false}}}
	}
	l.say("rules: %s", what)
	return rules
}

// configureNight makes the night's rules the site's.
func (l *seenLife) configureNight() {
	l.cfg.Plan.Norms = nil
	l.configure(l.rules.Suggested)
	l.cfg.Visits.Shortest = config.Least(l.rules.shortest)
	l.cfg.Stages.Waiting = nil
	for stage := range l.rules.waiting {
		l.cfg.Stages.Waiting = append(l.cfg.Stages.Waiting, extractor.StageID(stage))
	}
	l.cfg.Dimensions = nil
	if l.rules.hasDimensions {
		l.cfg.Dimensions = map[config.DimensionName]config.FieldName{"region": seenRegion, "signed on": seenContract}
	}
	l.cfg.Pauses = config.Pauses{Flag: seenHold, From: seenFrom, Until: seenUntil}
	l.cfg.Calendar = config.Calendar{Kind: config.CalendarDays, Funnels: map[extractor.FunnelID]config.FunnelCalendar{}}
	for funnel, c := range l.rules.calendars {
		own := config.FunnelCalendar{Kind: config.WorkingDays, Weekend: []time.Weekday{c.weekend}}
		for text, counts := range c.dates {
			day, err := time.Parse(time.DateOnly, text)
			if err != nil {
				l.t.Fatal(err)
			}
			if counts {
				own.Work = append(own.Work, day)
			} else {
				own.Off = append(own.Off, day)
			}
		}
		l.cfg.Calendar.Funnels[extractor.FunnelID(funnel)] = own
	}
	l.cfg.Funnels = nil
	for _, id := range l.rules.Funnels {
		l.cfg.Funnels = append(l.cfg.Funnels, extractor.FunnelID(id))
	}
}

// tonight is a pass a minute after the one before.
func (l *seenLife) tonight(isFull bool) nightly.Pass {
	l.now = l.now.Add(time.Minute)
	l.at(l.now)
	l.configureNight()
	pass := l.pass(isFull)
	pass.Now = func() time.Time { return l.now }
	return pass
}

// publish makes a run, and compares the views with the reference.
func (l *seenLife) publish(isFull bool) {
	l.t.Helper()
	pass := l.tonight(isFull)
	if l.random.IntN(6) == 0 {
		// Nobody holds the portal's clock against another one, and it is ahead.
		l.say("the portal's clock is ahead")
		l.at(l.now.Add(3 * time.Hour))
		pass.Config.Portal.CheckClock = false
	}
	l.ref.look(&l.rules, l.ids, l.now)
	if n, of := l.deletions(); n > 5 && n*50 > of {
		if _, err := nightly.Run(context.Background(), pass); !isOf[*nightly.DeletionsError](err) {
			l.t.Fatalf("with %d of %d deals deleted the run gives %v, want a *DeletionsError", n, of, err)
		}
		pass.AcceptDeletions = true
	}
	outcome, err := nightly.Run(context.Background(), pass)
	if err != nil {
		l.fail("the run: %v", err)
		return
	}
	run := &publishedRun{id: outcome.Run.RunID, before: l.ref.known.clone()}
	run.report, run.asOf = l.ref.publish(&l.rules, l.now), outcome.Run.AsOf
	l.published = append(l.published, run)
	l.say("run %d, full %v", outcome.Run.RunID, isFull)
	for _, id := range l.ids {
		if deal, exists := l.world.Deal(id); !exists || !deal.IsHidden {
			delete(l.corrected, id)
			delete(l.erased, id)
			delete(l.bare, id)
			for _, row := range l.world.History(id) {
				delete(l.anew, row.ID)
			}
		}
	}
	l.isUncertain = false
	l.compare(run.report)
	if l.isWhatIf = true; isLong() {
		l.see()
	}
}

// see looks at what follows from the views that were compared, and keeps what the last run shows, unless that was done:
// it stands until another run is published.
func (l *seenLife) see() {
	l.t.Helper()
	if len(l.published) == 0 || l.t.Failed() {
		return
	}
	run := l.published[len(l.published)-1]
	if run.shown != nil {
		return
	}
	run.shown = l.digests(run.asOf, "")
	if n := l.number("SELECT count() FROM deals_now JOIN (SELECT deal_id, max(is_paused) AS of_visits FROM deal_stages GROUP BY deal_id) AS v USING (deal_id) WHERE is_paused != of_visits"); n != 0 {
		l.fail("%d deals are shown as paused otherwise than their visits", n)
	}
	if n := l.number(assumedOtherwise); n != 0 {
		l.fail("%d rows of the quality report tell other assumed days or visits than the facts", n)
	}
	const unexplained = `
		WITH (SELECT max(known_on) FROM portfolio_then WHERE known_on < (SELECT max(known_on) FROM portfolio_then)) AS day_before
		SELECT sum(overdue_days_total) - (SELECT sum(overdue_days_total) FROM deals_then WHERE known_on = day_before), (SELECT sum(days) FROM loss_changes)
		FROM deals_now`
	// TestReportsAsTheyWereShown asks for the same each night.
	if l.hasEarlierDate() && (l.night%2 == 1 || isLong()) {
		if got := strings.Split(l.rows(unexplained)[0], "\t"); got[0] != got[1] {
			l.fail("the days lost are %s more than on the date before, and loss_changes explains %s", got[0], got[1])
		}
	}
	if l.isWhatIf {
		l.expectNoWhatIf(l.log[len(l.log)-1])
	}
}

// deletions counts the deals of the last report that are deleted now, and the deals of that report.
func (l *seenLife) deletions() (deleted, of int) {
	if len(l.published) == 0 {
		return 0, 0
	}
	reported := l.published[len(l.published)-1].report.deals
	for id := range reported {
		if l.ref.deals[id].isGone {
			deleted++
		}
	}
	return deleted, len(reported)
}

// hasNewlyHidden is whether a deal is hidden that no run has found to be so.
func (l *seenLife) hasNewlyHidden() bool {
	for id, s := range l.ref.deals {
		if deal, exists := l.world.Deal(id); exists && deal.IsHidden && s.hiddenSince.IsZero() {
			return true
		}
	}
	return false
}

// misjudgeClock makes a run on a clock that can't be believed, which changes nothing.
func (l *seenLife) misjudgeClock() {
	l.t.Helper()
	pass := l.tonight(false)
	by := []time.Duration{-9 * time.Hour, -2 * time.Hour, 2 * time.Hour, 9 * time.Hour, 10 * 365 * 24 * time.Hour}[l.random.IntN(5)]
	l.say("the portal's clock jumps by %s", by)
	l.at(l.now.Add(by))
	if _, err := nightly.Run(context.Background(), pass); !isOf[*nightly.ClockError](err) {
		l.t.Fatalf("on a clock that is off by %s the run gives %v, want a *ClockError", by, err)
	}
	l.at(l.now)
	l.compare(l.shown())
}

func isOf[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// shown is what the last published run has to show.
func (l *seenLife) shown() *report {
	if n := len(l.published); n > 0 {
		return l.published[n-1].report
	}
	return &report{}
}

// restoreBackup backs the warehouse up and puts the backup in its place, mostly after a run that nobody is to know of.
func (l *seenLife) restoreBackup() {
	l.t.Helper()
	ctx := context.Background()
	l.isWhatIf = false
	file := filepath.Join(l.t.TempDir(), "backup"+warehouse.BackupSuffix)
	if err := sql.Backup(ctx, l.w, file); err != nil {
		l.t.Fatal(err)
	}
	deals, known := l.ref.memory()
	published := slices.Clone(l.published)
	if l.random.IntN(3) > 0 {
		l.die()
	}
	if err := l.w.Restore(ctx, file, sql.SchemaOf(l.w), func(ctx context.Context) error { return sql.Up(ctx, l.w) }); err != nil {
		l.t.Fatal(err)
	}
	l.say("the backup of before is restored")
	l.ref.deals, l.ref.known, l.published = deals, known, published
	l.compare(l.shown())
}

// repeating has each row of the portal's lists come twice, when it is told to.
func repeating(portal http.Handler, repeats *atomic.Bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !repeats.Load() {
			portal.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		portal.ServeHTTP(answer, r)
		decoder := json.NewDecoder(answer.Body)
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.WriteHeader(answer.Code)
		if err := json.NewEncoder(w).Encode(repeated(value)); err != nil {
			panic(err)
		}
	})
}

func repeated(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = repeated(value[key])
		}
	case []any:
		var twice []any
		for _, row := range value {
			twice = append(twice, row)
			if _, isRow := row.(map[string]any); isRow {
				twice = append(twice, row)
			}
		}
		return twice
	}
	return value
}

// die makes a run that ends somewhere, and tells whether it did.
func (l *seenLife) die() bool {
	l.isWhatIf = false
	pass := l.tonight(l.random.IntN(4) == 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 1 + l.random.IntN(5)
	if l.random.IntN(2) == 0 {
		pass.Progress = &countdown{left: n, cut: cancel}
	} else {
		l.portal.Inject(simulator.FromNth(n, simulator.Fault{Error: &simulator.NoAuthFound}))
		defer l.portal.Inject(nil)
	}
	outcome, err := nightly.Run(ctx, pass)
	if err != nil {
		l.say("a run dies at %d: %v", n, err)
		return true
	}
	l.say("a run gets by, %d", n)
	l.ref.look(&l.rules, l.ids, l.now)
	run := &publishedRun{id: outcome.Run.RunID, before: l.ref.known.clone()}
	run.report, run.asOf = l.ref.publish(&l.rules, l.now), outcome.Run.AsOf
	l.published = append(l.published, run)
	return false
}

// withdraw takes the last run back.
func (l *seenLife) withdraw() {
	l.t.Helper()
	l.isWhatIf = false
	last := l.published[len(l.published)-1]
	if _, err := loader.Withdraw(context.Background(), l.w, last.id, l.now); err != nil {
		l.t.Fatal(err)
	}
	l.say("run %d is withdrawn", last.id)
	l.published = l.published[:len(l.published)-1]
	l.ref.known = last.before
	l.compare(l.shown())
}

// compare holds the views against what they have to show.
func (l *seenLife) compare(want *report) {
	l.t.Helper()
	for _, view := range []struct {
		query string
		want  []string
	}{
		{"SELECT deal_id, visit_no, stage_id, entered_date, left_date, plan_days, plan_source, planned_end, overdue_days, late_at_entry, status, manager_id, is_open, elapsed_working_days, paused_days, first_plan_days, first_planned_end, first_plan_overdue_days, next_funnel_id, next_stage_id, is_paused FROM deal_stages ORDER BY deal_id, visit_no", want.stages},
		{"SELECT deal_id, visit_no, day, manager_id, manager_source, overdue_day, is_counting, pause_source FROM deal_stage_days ORDER BY deal_id, visit_no, day", want.days},
		{"SELECT deal_id, extract(detail, 'since (\\\\d{4}-\\\\d\\\\d-\\\\d\\\\d)') FROM data_gaps WHERE reason = 'hidden' ORDER BY deal_id", want.hidden},
		{"SELECT deal_id, overdue_days_total, closed_date, department, company_id, company_name, dimensions['region'], dimensions['signed on'] FROM deals_now ORDER BY deal_id", want.totals},
	} {
		if got := l.rows(view.query); !slices.Equal(got, view.want) {
			l.fail("%s%s", view.query, firstDifference(got, view.want))
			return
		}
	}
	for _, row := range l.rows("SELECT DISTINCT manager_id, toString(day), department FROM quality_report") {
		parts := strings.Split(row, "\t")
		id, err := strconv.Atoi(parts[0])
		day, err2 := time.Parse(time.DateOnly, parts[1])
		if err := errors.Join(err, err2); err != nil {
			l.t.Fatal(err)
		}
		if want := l.ref.known.departmentOn(simulator.UserID(id), day); parts[2] != want {
			l.fail("the quality report has person %d in %s on %s, want %s", id, parts[2], parts[1], want)
		}
	}
}

// hasEarlierDate is whether runs of two dates are published.
func (l *seenLife) hasEarlierDate() bool {
	return len(l.published) > 1 && l.published[0].asOf != l.published[len(l.published)-1].asOf
}

// fail tells a difference with all that happened to the deal that it names, in the rows of its text.
func (l *seenLife) fail(format string, args ...any) {
	l.t.Helper()
	text := fmt.Sprintf(format, args...)
	var about []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimPrefix(strings.TrimPrefix(line, " got "), "want ")
		if id, err := strconv.Atoi(strings.SplitN(line, "\t", 2)[0]); err == nil {
			about = append(about, fmt.Sprintf(": deal %d ", id), fmt.Sprintf(": deal %d:", id))
		}
	}
	var log strings.Builder
	for _, line := range l.log {
		if !strings.Contains(line, ": deal ") || slices.ContainsFunc(about, func(a string) bool { return strings.Contains(line, a) }) {
			log.WriteString(line + "\n")
		}
	}
	l.t.Errorf("%s\nwhat happened:\n%s", text, log.String())
}

// A seenEvent is something that may happen to a deal, with its weight. It gives false where it can't.
type seenEvent struct {
	weight int
	of     seenKind
	do     func(id simulator.DealID, deal simulator.Deal, exists bool) bool
}

// A seenKind is what deals something happens to.
type seenKind int

const (
	anyDeal seenKind = iota
	hiddenDeal
	deletedDeal
)

// some draws a deal, of a kind if there is one.
func (l *seenLife) some(of seenKind) (simulator.DealID, simulator.Deal, bool) {
	ids := slices.DeleteFunc(slices.Clone(l.ids), func(id simulator.DealID) bool {
		deal, exists := l.world.Deal(id)
		return of == hiddenDeal && (!exists || !deal.IsHidden) || of == deletedDeal && exists
	})
	if len(ids) == 0 {
		ids = l.ids
	}
	id := ids[l.random.IntN(len(ids))]
	deal, exists := l.world.Deal(id)
	return id, deal, exists
}

// day lets a day pass up to its night.
func (l *seenLife) day(night time.Time, events int, of []seenEvent) {
	begun := l.now
	l.modes = simulator.HistoryModes{FunnelChangeErases: l.random.IntN(3) == 0, ReopenErases: l.random.IntN(3) == 0}
	if l.isUncertain {
		l.modes = simulator.HistoryModes{}
	}
	l.world.SetHistoryModes(l.modes)
	l.say("the portal erases: %+v", l.modes)
	sum := 0
	for _, e := range of {
		sum += e.weight
	}
	step := night.Sub(begun) / time.Duration(events+1)
	for i := range events {
		l.now = begun.Add(step*time.Duration(i) + time.Duration(1+l.random.IntN(10))*time.Minute)
		l.world.Advance(l.now)
		for range 20 { // tries
			dice := l.random.IntN(sum)
			n := 0
			for dice >= of[n].weight {
				dice -= of[n].weight
				n++
			}
			if id, deal, exists := l.some(of[n].of); of[n].do(id, deal, exists) {
				break
			}
		}
	}
	l.now = night
	l.world.Advance(night)
}

// later lets some minutes pass within an event.
func (l *seenLife) later() {
	l.now = l.now.Add(time.Duration(2+l.random.IntN(30)) * time.Minute)
	l.world.Advance(l.now)
}

func (l *seenLife) quietEvents() []seenEvent {
	return []seenEvent{{6, anyDeal, l.move}, {2, anyDeal, l.manage}, {2, anyDeal, l.plan}, {1, anyDeal, l.changeFunnel}}
}

func (l *seenLife) events() []seenEvent {
	return []seenEvent{
		{8, anyDeal, l.move}, {3, anyDeal, l.passBy}, {5, anyDeal, l.manage}, {5, anyDeal, l.plan},
		{2, anyDeal, func(simulator.DealID, simulator.Deal, bool) bool { l.addDeal(); return true }},
		{3, anyDeal, l.changeFunnel}, {3, anyDeal, l.roundTrip}, {4, anyDeal, l.hide}, {3, hiddenDeal, l.show},
		{3, anyDeal, l.remove}, {3, deletedDeal, l.restore}, {4, anyDeal, l.correct}, {4, anyDeal, l.takeBack},
		{4, anyDeal, l.hold}, {3, anyDeal, l.giveAnew}, {3, anyDeal, l.restage}, {2, anyDeal, l.blank}, {1, anyDeal, l.deleteStage},
		{5, anyDeal, l.label},
	}
}

// funnel is one as the portal has it.
func (l *seenLife) funnel(id simulator.FunnelID) simulator.Funnel {
	all := l.world.Funnels()
	return all[slices.IndexFunc(all, func(f simulator.Funnel) bool { return f.ID == id })]
}

func (l *seenLife) stageOf(id simulator.FunnelID) simulator.StageID {
	f := l.funnel(id)
	return f.Stages[l.random.IntN(len(f.Stages))].ID
}

func isFinal(s simulator.Semantics) bool { return s == simulator.Success || s == simulator.Failure }

func (l *seenLife) addDeal() {
	f := l.world.Funnels()[l.random.IntN(3)]
	deal := simulator.Deal{
		Funnel: f.ID, Stage: f.Stages[0].ID, Manager: simulator.UserID(1 + l.random.IntN(4)), Created: l.now,
		HasNoHistory: l.random.IntN(8) == 0, Fields: map[string]any{},
	}
	if l.random.IntN(8) == 0 {
		deal.Stage = f.Stages[len(f.Stages)-1].ID
	}
	if l.random.IntN(2) == 0 {
		deal.Fields[seenNumber] = l.random.IntN(6)
	}
	id := l.world.AddDeal(deal)
	l.ids = append(l.ids, id)
	l.say("deal %d is new in %s, without history: %v, %v", id, deal.Stage, deal.HasNoHistory, deal.Fields)
}

// to moves a deal, unless the portal would erase a closing after somebody corrected rows.
func (l *seenLife) to(deal simulator.Deal, stage simulator.StageID) bool {
	stands, isKnown := l.ref.stages[place{deal.Funnel, deal.Stage}]
	erases := l.modes.ReopenErases && (!isKnown || isFinal(stands.Semantics))
	if l.corrected[deal.ID] && erases || deal.Stage == stage || l.bare[deal.ID] {
		return false
	}
	l.erased[deal.ID] = l.erased[deal.ID] || erases
	l.world.Move(deal.ID, l.now, stage)
	l.say("deal %d moves from %s to %s, now %v", deal.ID, deal.Stage, stage, l.history(deal.ID))
	return true
}

// history is a short form for the log.
func (l *seenLife) history(id simulator.DealID) string {
	var b strings.Builder
	for _, row := range l.world.History(id) {
		fmt.Fprintf(&b, "%d:%s@%s ", row.ID, row.Stage, row.At.Format("02 15:04"))
	}
	return b.String()
}

func (l *seenLife) move(_ simulator.DealID, deal simulator.Deal, exists bool) bool {
	return exists && l.to(deal, l.stageOf(deal.Funnel))
}

// passBy moves a deal twice within minutes.
func (l *seenLife) passBy(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	if !exists || !l.to(deal, l.stageOf(deal.Funnel)) {
		return false
	}
	l.later()
	moved, _ := l.world.Deal(id)
	back := deal.Stage
	if back == "" || l.random.IntN(2) == 0 {
		back = l.stageOf(deal.Funnel)
	}
	l.to(moved, back)
	return true
}

func (l *seenLife) manage(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	manager := simulator.UserID(1 + l.random.IntN(4))
	if !exists || manager == deal.Manager {
		return false
	}
	l.world.SetManager(id, l.now, manager)
	l.say("deal %d gets manager %d", id, manager)
	return true
}

func (l *seenLife) plan(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	if !exists {
		return false
	}
	var name string
	var value any
	switch l.random.IntN(3) {
	case 0:
		name, value = seenNumber, l.random.IntN(8)-1
	case 1:
		name, value = seenText, []string{"", "0", "2", "5", "-3", "soon"}[l.random.IntN(6)]
	default:
		name, value = seenDue, l.now.AddDate(0, 0, l.random.IntN(10)-3)
		if l.random.IntN(3) == 0 {
			value = nil
		}
	}
	l.world.SetField(id, l.now, name, value)
	l.say("deal %d gets %s = %v", id, name, value)
	return true
}

// hold pauses a deal by its flag or by dates, or lets it go on.
func (l *seenLife) hold(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	if !exists {
		return false
	}
	name, value := seenHold, any(l.random.IntN(2) == 0)
	if kind := l.random.IntN(4); kind > 1 {
		name, value = map[int]string{2: seenFrom, 3: seenUntil}[kind], l.now.AddDate(0, 0, l.random.IntN(6)-2)
		if l.random.IntN(3) == 0 {
			value = nil
		}
	}
	l.world.SetField(id, l.now, name, value)
	held, _ := l.world.Deal(id)
	l.say("deal %d gets %s = %v, held %v from %v until %v", id, name, value, held.Fields[seenHold], held.Fields[seenFrom], held.Fields[seenUntil])
	return true
}

// label gives a deal a company or what it is grouped by, renames a company, or moves a person to another department.
func (l *seenLife) label(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	switch kind := l.random.IntN(6); {
	case kind < 3 && !exists:
		return false
	case kind == 0:
		company := int64(l.random.IntN(4))
		l.world.EditDeal(id, l.now, func(d *simulator.Deal) { d.Company = company })
		l.say("deal %d is of company %d", id, company)
	case kind == 1:
		value := any(41 + l.random.IntN(3))
		if l.random.IntN(4) == 0 {
			value = nil
		}
		l.world.SetField(id, l.now, seenRegion, value)
		l.say("deal %d gets the region %v", id, value)
	case kind == 2:
		day := l.now.AddDate(0, 0, -l.random.IntN(5))
		l.world.SetField(id, l.now, seenContract, day)
		l.say("deal %d was signed on %s", id, day.Format(time.DateOnly))
	case kind == 3:
		company := simulator.CompanyID(1 + l.random.IntN(3))
		l.ref.companies[company] = fmt.Sprintf("Company of %s", l.now.Format("02 15:04"))
		l.world.EditCompany(company, l.now, func(c *simulator.Company) { c.Title = l.ref.companies[company] })
		l.say("company %d is called %s", company, l.ref.companies[company])
	default:
		person, department := simulator.UserID(1+l.random.IntN(4)), []simulator.DepartmentID{2, 3, 5}[l.random.IntN(3)]
		l.world.EditUser(person, l.now, func(u *simulator.User) { u.Departments = []simulator.DepartmentID{5, department} })
		l.say("person %d goes to %s", person, seenDepartments[department])
	}
	return true
}

func (l *seenLife) goTo(deal simulator.Deal, to simulator.FunnelID, stage simulator.StageID) bool {
	erases := l.modes.FunnelChangeErases || l.hidesFormer
	if (l.corrected[deal.ID] || l.isUncertain) && erases || to == deal.Funnel || l.bare[deal.ID] {
		return false
	}
	l.erased[deal.ID] = l.erased[deal.ID] || erases
	l.world.ChangeFunnel(deal.ID, l.now, to, stage)
	l.say("deal %d goes from %s to %s, now %v", deal.ID, deal.Stage, stage, l.history(deal.ID))
	return true
}

func (l *seenLife) changeFunnel(_ simulator.DealID, deal simulator.Deal, exists bool) bool {
	to := simulator.FunnelID(1 + l.random.IntN(3))
	return exists && l.goTo(deal, to, l.stageOf(to))
}

// roundTrip takes a deal through another funnel within minutes.
func (l *seenLife) roundTrip(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	if !l.changeFunnel(id, deal, exists) {
		return false
	}
	l.later()
	there, _ := l.world.Deal(id)
	back := simulator.FunnelID(1 + l.random.IntN(3))
	if l.random.IntN(3) > 0 {
		back = deal.Funnel
	}
	l.goTo(there, back, l.stageOf(back))
	return true
}

// isSeen is whether a run has read the deal, which is in the report or was.
func (l *seenLife) isSeen(id simulator.DealID) bool {
	return l.ref.deals[id] != nil && !l.ref.deals[id].isGone
}

func (l *seenLife) hide(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	if !exists || deal.IsHidden || !l.isSeen(id) || l.isUncertain {
		return false
	}
	l.world.HideDeal(id, l.now)
	l.say("deal %d is hidden", id)
	return true
}

func (l *seenLife) show(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	if !exists || !deal.IsHidden {
		return false
	}
	l.world.ShowDeal(id, l.now)
	l.say("deal %d is shown", id)
	return true
}

// remove deletes a deal, rarely many.
func (l *seenLife) remove(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	if !exists || l.corrected[id] || l.isUncertain {
		return false
	}
	ids := []simulator.DealID{id}
	if l.random.IntN(8) == 0 {
		ids = l.ids[:8]
	}
	for _, id := range ids {
		if deal, exists := l.world.Deal(id); exists && !l.corrected[id] && !deal.IsHidden {
			l.erased[id] = true
			l.world.DeleteDeal(id, l.now)
			l.say("deal %d is deleted", id)
		}
	}
	return true
}

// restore brings a deleted deal back.
func (l *seenLife) restore(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	if exists {
		return false
	}
	withHistory := l.random.IntN(2) == 0 || l.ref.deals[id] == nil
	if !withHistory && l.isSeen(id) {
		l.bare[id] = true
	}
	l.world.RestoreDeal(id, l.now, withHistory)
	l.say("deal %d is restored, now %v", id, l.history(id))
	return true
}

// someRow draws a row to be corrected, and gives the moments of those beside it.
func (l *seenLife) someRow(id simulator.DealID, exists bool) (row simulator.Change, after, before time.Time, ok bool) {
	if !exists || l.erased[id] {
		return row, after, before, false
	}
	deal, _ := l.world.Deal(id)
	rows := l.ref.rows(deal)
	if len(rows) == 0 {
		return row, after, before, false
	}
	row = rows[l.random.IntN(len(rows))]
	all := slices.Clone(rows)
	if s := l.ref.deals[id]; s != nil {
		all = slices.AppendSeq(all, maps.Values(s.rows))
	}
	after, before = row.At.AddDate(0, 0, -2), l.now
	for _, other := range all {
		switch {
		case other.ID == row.ID:
		case !other.At.After(row.At) && other.At.After(after):
			after = other.At
		case !other.At.Before(row.At) && other.At.Before(before):
			before = other.At
		}
	}
	return row, after, before, true
}

// correct moves a row in time, between its neighbours. One that was given anew keeps its time until a run has seen it:
// by nothing else is it the row of before.
func (l *seenLife) correct(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	row, after, before, ok := l.someRow(id, exists)
	minutes := int(before.Sub(after).Minutes())
	if !ok || minutes < 3 || l.anew[row.ID] {
		return false
	}
	at := after.Add(time.Duration(1+l.random.IntN(minutes-2)) * time.Minute)
	l.corrected[id] = true
	l.world.CorrectChange(id, row.ID, l.now, func(c *simulator.Change) { c.At = at })
	l.say("deal %d: row %d is moved to %s, now %v", id, row.ID, at.Format("02 15:04"), l.history(id))
	return true
}

// restage has a row lead into another stage that is none of the final ones.
func (l *seenLife) restage(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	row, _, _, ok := l.someRow(id, exists)
	if !ok || isFinal(row.Semantics) || l.anew[row.ID] {
		return false
	}
	stages := slices.DeleteFunc(slices.Clone(l.funnel(row.Funnel).Stages), func(s simulator.Stage) bool { return isFinal(s.Semantics) || s.ID == row.Stage })
	stage := stages[l.random.IntN(len(stages))].ID
	l.corrected[id] = true
	l.world.CorrectChange(id, row.ID, l.now, func(c *simulator.Change) { c.Stage = stage })
	if deal.Stage == row.Stage && deal.Moved.Equal(row.At) && l.random.IntN(2) == 0 {
		l.world.EditDeal(id, l.now, func(d *simulator.Deal) { d.Stage = stage })
	}
	l.say("deal %d: row %d leads into %s, now %v", id, row.ID, stage, l.history(id))
	return true
}

// takeBack takes a row out. A closing may as well have been erased because the deal was opened again, and the only
// row of a stay in a funnel because the deal left it.
func (l *seenLife) takeBack(id simulator.DealID, _ simulator.Deal, exists bool) bool {
	row, _, _, ok := l.someRow(id, exists)
	if !ok || isFinal(row.Semantics) || !l.hasOther(id, row) {
		return false
	}
	l.corrected[id] = true
	l.world.RemoveChange(id, row.ID, l.now)
	l.ref.takenBack[row.ID] = true
	l.say("deal %d: row %d is taken out, now %v", id, row.ID, l.history(id))
	return true
}

// hasOther is whether there is another row of the same stay in a funnel.
func (l *seenLife) hasOther(id simulator.DealID, row simulator.Change) bool {
	rows := l.world.History(id)
	slices.SortFunc(rows, func(a, b simulator.Change) int { return a.At.Compare(b.At) })
	i := slices.IndexFunc(rows, func(c simulator.Change) bool { return c.ID == row.ID })
	begins := func(k int) bool {
		return rows[k].TypeID == 1 || rows[k].TypeID == 5 || rows[k].Funnel != rows[k-1].Funnel
	}
	return i > 0 && !begins(i) || i+1 < len(rows) && !begins(i+1)
}

// giveAnew gives a row under another id. One that is moved in time as well is another row.
func (l *seenLife) giveAnew(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	row, _, _, ok := l.someRow(id, exists)
	if !ok || row.Funnel != deal.Funnel || isFinal(row.Semantics) || deal.Stage == "" || l.corrected[id] {
		return false
	}
	l.corrected[id], l.erased[id] = true, true
	l.world.RemoveChange(id, row.ID, l.now)
	l.ref.takenBack[row.ID] = true
	l.world.EditDeal(id, l.now, func(d *simulator.Deal) { d.Stage = "" })
	l.world.MoveStamped(id, l.now, row.At, row.Stage)
	l.world.EditDeal(id, l.now, func(d *simulator.Deal) { d.Stage, d.Moved = deal.Stage, deal.Moved })
	history := l.world.History(id)
	given := history[len(history)-1].ID
	l.anew[given] = true
	l.world.CorrectChange(id, given, l.now, func(c *simulator.Change) { c.TypeID, c.Semantics = row.TypeID, row.Semantics })
	l.say("deal %d: row %d is given anew, now %v", id, row.ID, l.history(id))
	if deal.Stage == row.Stage && l.random.IntN(2) == 0 {
		// The visit has ended with another plan in the deal than it was seen with.
		l.plan(id, deal, true)
		l.later()
		l.to(deal, l.stageOf(deal.Funnel))
	}
	return true
}

// blank shows a deal without a stage.
func (l *seenLife) blank(id simulator.DealID, deal simulator.Deal, exists bool) bool {
	if !exists || deal.IsHidden || !l.isSeen(id) || l.isUncertain {
		return false
	}
	l.world.EditDeal(id, l.now, func(d *simulator.Deal) { d.Stage = "" })
	l.say("deal %d has no stage", id)
	return true
}

// deleteStage deletes the one stage that is mapped, once a run has published its name.
func (l *seenLife) deleteStage(simulator.DealID, simulator.Deal, bool) bool {
	if !slices.ContainsFunc(l.funnel(1).Stages, func(s simulator.Stage) bool { return s.ID == "C1:OLD" }) || len(l.published) == 0 {
		return false
	}
	l.world.DeleteStage(1, l.now, "C1:OLD")
	l.say("the stage C1:OLD is deleted")
	return true
}
