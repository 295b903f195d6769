package nightly_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagelag/simulator"
)

// A rulebook is how a night is configured. Its norms are in the order of their dates.
type rulebook struct {
	simulator.Suggested
	shortest time.Duration
	waiting  map[simulator.StageID]bool
	// hasDimensions is whether deals are grouped by fields.
	hasDimensions bool
	// calendars are of the funnels in which not every day counts.
	calendars map[simulator.FunnelID]*refCalendar
}

// A refCalendar is a weekly day off, and dates that count or do not, whatever their weekday.
type refCalendar struct {
	weekend time.Weekday
	dates   map[string]bool
}

// counts is whether a date counts in a funnel, pauses aside.
func (b *rulebook) counts(funnel simulator.FunnelID, day time.Time) bool {
	c := b.calendars[funnel]
	if c == nil {
		return true
	}
	if counts, isSet := c.dates[day.Format(time.DateOnly)]; isSet {
		return counts
	}
	return day.Weekday() != c.weekend
}

// covers is whether a funnel is in the report.
func (b *rulebook) covers(funnel simulator.FunnelID) bool {
	return len(b.Funnels) == 0 || slices.Contains(b.Funnels, int(funnel))
}

// normsOf are the norms of one stage.
func (b *rulebook) normsOf(stage simulator.StageID) []simulator.SuggestedNorm {
	return slices.DeleteFunc(slices.Clone(b.Norms), func(n simulator.SuggestedNorm) bool { return n.Stage != string(stage) })
}

// A reference says what the views have to show after each night. It looks at the world itself, keeps what it saw,
// and counts days one by one; it shares nothing with the program. A date is midnight UTC.
//
// Why a row of a history is there no longer, the program has to guess. The reference is told: takenBack holds those
// that somebody took out, all others the portal has lost.
type reference struct {
	world     *simulator.World
	zone      *time.Location
	takenBack map[simulator.ChangeID]bool
	stages    map[place]simulator.Stage // of today and of before
	isThere   map[place]bool            // today
	deals     map[simulator.DealID]*sighting
	known     knowledge
	companies map[simulator.CompanyID]string // by the names that they have now
	// hidesFormer is whether the portal shows rows of a deal's present funnel only.
	hidesFormer bool
}

// A place is where a deal stands.
type place struct {
	funnel simulator.FunnelID
	stage  simulator.StageID
}

func placeOf(row *simulator.Change) place { return place{row.Funnel, row.Stage} }

// A sighting is a deal as the portal showed it last, to any run.
type sighting struct {
	deal        simulator.Deal
	at          place     // where it was shown last with a stage
	moved       time.Time // and since when
	rows        map[simulator.ChangeID]simulator.Change
	isGone      bool
	hiddenSince time.Time // a date
}

// knowledge is what published runs saw of the deals and the portal does not tell again.
type knowledge struct {
	responsible map[simulator.DealID]map[time.Time]responsible
	plans       map[simulator.DealID][]openPlan
	firsts      map[simulator.DealID][]openPlan           // what first plans were made of, by the rows that began the visits
	paused      map[simulator.DealID]map[time.Time]string // how each day of a visit is known to be
	departments map[simulator.UserID][]departmentSince
	asOf        time.Time // of the last published run, zero for none
}

func (k *knowledge) clone() knowledge {
	c := knowledge{
		map[simulator.DealID]map[time.Time]responsible{}, map[simulator.DealID][]openPlan{}, map[simulator.DealID][]openPlan{},
		map[simulator.DealID]map[time.Time]string{}, map[simulator.UserID][]departmentSince{}, k.asOf,
	}
	for id, list := range k.departments {
		c.departments[id] = slices.Clone(list)
	}
	for id, plans := range k.firsts {
		c.firsts[id] = slices.Clone(plans)
	}
	for id, days := range k.paused {
		c.paused[id] = maps.Clone(days)
	}
	for id, days := range k.responsible {
		c.responsible[id] = maps.Clone(days)
	}
	for id, plans := range k.plans {
		c.plans[id] = slices.Clone(plans)
	}
	return c
}

// A departmentSince is where a person was from a day on.
type departmentSince struct {
	day  time.Time
	name string
}

// departmentOn is where a person was on a day, as the first run saw it that computed the day.
func (k *knowledge) departmentOn(id simulator.UserID, day time.Time) string {
	name := `\N`
	for _, d := range k.departments[id] {
		if !d.day.After(day) {
			name = d.name
		}
	}
	return name
}

// seeDepartments looks where the people of the deals are today, and those who were responsible on any day.
func (r *reference) seeDepartments(today time.Time) {
	people := map[simulator.UserID]bool{}
	for _, s := range r.deals {
		if !s.isGone {
			people[s.deal.Manager] = true
		}
	}
	for _, days := range r.known.responsible {
		for _, day := range days {
			people[day.manager] = true
		}
	}
	since := today
	if !r.known.asOf.IsZero() && r.known.asOf.Before(today) {
		since = r.known.asOf.AddDate(0, 0, 1)
	}
	for _, user := range r.world.Users() {
		name := seenDepartments[slices.Min(user.Departments)]
		switch now := r.known.departmentOn(user.ID, today); {
		case !people[user.ID], now == name, now != `\N` && today.Equal(r.known.asOf):
		default:
			r.known.departments[user.ID] = append(r.known.departments[user.ID], departmentSince{since, name})
		}
	}
}

// responsible is who had a deal on a day, and how that is known.
type responsible struct {
	manager simulator.UserID
	source  string
}

// An openPlan is what the plan of a visit was made of when it was last computed as open, under a row that led into it.
type openPlan struct {
	row         simulator.Change
	date, days  string
	normsOfThen []simulator.SuggestedNorm
}

func newReference(world *simulator.World, zone *time.Location) *reference {
	return &reference{
		world: world, zone: zone, takenBack: map[simulator.ChangeID]bool{}, stages: map[place]simulator.Stage{},
		deals: map[simulator.DealID]*sighting{}, known: (&knowledge{}).clone(), companies: map[simulator.CompanyID]string{},
	}
}

// date is the calendar date of an instant.
func (r *reference) date(t time.Time) time.Time {
	year, month, day := t.In(r.zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// look takes in what the portal shows now of the deals, to a run with these rules.
func (r *reference) look(rules *rulebook, ids []simulator.DealID, now time.Time) {
	r.isThere = map[place]bool{}
	for _, f := range r.world.Funnels() {
		for _, stage := range f.Stages {
			r.stages[place{f.ID, stage.ID}] = stage
			r.isThere[place{f.ID, stage.ID}] = true
		}
	}
	for _, id := range ids {
		deal, exists := r.world.Deal(id)
		s := r.deals[id]
		switch {
		case !exists:
			if s != nil {
				s.isGone, s.hiddenSince = true, time.Time{}
			}
		case deal.IsHidden:
			if s != nil && !s.isGone && s.hiddenSince.IsZero() {
				s.hiddenSince = r.date(now)
			}
		default:
			r.read(rules, deal)
		}
	}
}

// rows are those of a deal's history that the portal shows.
func (r *reference) rows(deal simulator.Deal) []simulator.Change {
	return slices.DeleteFunc(r.world.History(deal.ID), func(c simulator.Change) bool { return r.hidesFormer && c.Funnel != deal.Funnel })
}

// memory is a copy of what the reference has seen.
func (r *reference) memory() (map[simulator.DealID]*sighting, knowledge) {
	deals := map[simulator.DealID]*sighting{}
	for id, s := range r.deals {
		c := *s
		c.rows = maps.Clone(s.rows)
		deals[id] = &c
	}
	return deals, r.known.clone()
}

// read takes in a deal that is shown. One that never was in a configured funnel is not asked for.
func (r *reference) read(rules *rulebook, deal simulator.Deal) {
	history := r.rows(deal)
	s := r.deals[deal.ID]
	if s == nil {
		isIn := rules.covers(deal.Funnel) || slices.ContainsFunc(history, func(c simulator.Change) bool { return rules.covers(c.Funnel) })
		if !isIn {
			return
		}
		s = &sighting{rows: map[simulator.ChangeID]simulator.Change{}}
		r.deals[deal.ID] = s
	}
	s.deal, s.isGone, s.hiddenSince = deal, false, time.Time{}
	if deal.Stage != "" {
		s.at, s.moved = place{deal.Funnel, deal.Stage}, deal.Moved
	}
	for _, row := range history {
		s.rows[row.ID] = row
	}
	maps.DeleteFunc(s.rows, func(id simulator.ChangeID, _ simulator.Change) bool { return r.takenBack[id] })
}

// history are the beginnings of the deal's stays. One that no row tells of has no id.
func (s *sighting) history() []simulator.Change {
	rows := slices.SortedFunc(maps.Values(s.rows), func(a, b simulator.Change) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	begun := simulator.Change{At: s.moved, Funnel: s.at.funnel, Stage: s.at.stage}
	if begun.At.IsZero() {
		begun.At = s.deal.Created
	}
	if len(rows) > 0 {
		last := &rows[len(rows)-1]
		if placeOf(last) == s.at || s.deal.Stage == "" && !last.At.Before(s.moved) {
			return rows
		}
		if begun.At.Before(last.At) {
			begun.At = last.At
		}
	}
	return append(rows, begun)
}

// A refVisit is a visit as the reference has it.
type refVisit struct {
	no            int
	rows          []simulator.Change // that led into it
	in, next      place              // that it counts under, and where the deal went from there
	isFinal       bool
	isOpen        bool
	entered, left time.Time // dates; the left one of an open visit is the as-of date
	isWaiting     bool
	plan, first   refPlan
	late          int // days from the planned end to the entry
	daysLeft      int
	days          []refDay // from the entry on
}

// A refDay is a day of a visit.
type refDay struct {
	responsible
	counts bool   // under the calendar
	pause  string // how it is known, empty where it is none
}

// A refPlan has an empty source where there is none.
type refPlan struct {
	source string
	end    time.Time
	days   int
}

// counted is what a row counts as, and whether it closes the deal.
func (r *reference) counted(rules *rulebook, row *simulator.Change) (place, bool) {
	at := placeOf(row)
	target, isMapped := rules.StageMap[string(at.stage)]
	if !r.isThere[at] && isMapped {
		at.stage = simulator.StageID(target)
	}
	if stage, isKnown := r.stages[at]; isKnown {
		return at, stage.Semantics == simulator.Success || stage.Semantics == simulator.Failure
	}
	return at, row.Semantics == simulator.Success || row.Semantics == simulator.Failure
}

// visits are those of a deal up to a date, in all funnels.
func (r *reference) visits(rules *rulebook, s *sighting, today time.Time) []refVisit {
	var visits []refVisit
	var before simulator.Change
	for _, row := range s.history() {
		v := refVisit{rows: []simulator.Change{row}}
		v.in, v.isFinal = r.counted(rules, &row)
		last := len(visits) - 1
		if last >= 0 && visits[last].in == v.in && placeOf(&before) != placeOf(&row) {
			visits[last].rows = append(visits[last].rows, row) // the map makes it no move
		} else {
			visits = append(visits, v)
		}
		before = row
	}
	visits = withoutShort(visits, rules.shortest)
	for i := range visits {
		v := &visits[i]
		v.no, v.entered, v.left = i+1, r.date(v.rows[0].At), today
		if i+1 < len(visits) {
			v.next = visits[i+1].in
		}
		switch {
		case v.isFinal:
			v.left = v.entered
		case i+1 < len(visits):
			v.left = r.date(visits[i+1].rows[0].At)
		default:
			v.isOpen = true
		}
	}
	return visits
}

// withoutShort leaves out the visits that were left sooner than the shortest one.
func withoutShort(visits []refVisit, shortest time.Duration) []refVisit {
	isShort := make([]bool, len(visits)+1)
	for i := range visits {
		isShort[i] = i+1 < len(visits) && visits[i+1].rows[0].At.Sub(visits[i].rows[0].At) < shortest
	}
	var kept []refVisit
	for i := range visits {
		last := len(kept) - 1
		switch {
		case isShort[i]:
		case last >= 0 && isShort[i-1] && kept[last].in == visits[i].in:
			kept[last].rows = append(slices.Clone(kept[last].rows), visits[i].rows...)
		default:
			kept = append(kept, visits[i])
		}
	}
	return kept
}

// planFrom finds the plan among what a deal carries and the norms of a stage.
func planFrom(date, days string, norms []simulator.SuggestedNorm, entered time.Time, counts func(time.Time) bool) refPlan {
	if end, err := time.Parse(time.DateOnly, date); err == nil {
		return refPlan{"deal_date", end, between(entered, end, counts)}
	}
	if n, err := strconv.Atoi(days); err == nil && n >= 0 {
		return refPlan{"deal_days", countTo(entered, n, counts), n}
	}
	for _, norm := range slices.Backward(norms) {
		if norm.From <= entered.Format(time.DateOnly) {
			return refPlan{"stage_norm", countTo(entered, norm.Days, counts), norm.Days}
		}
	}
	return refPlan{}
}

// countTo is the n-th day after one that counts; for 0 the day itself, or the next that counts.
func countTo(from time.Time, n int, counts func(time.Time) bool) time.Time {
	day := from
	if n == 0 && !counts(day) {
		n = 1
	}
	for n > 0 {
		if day = day.AddDate(0, 0, 1); counts(day) {
			n--
		}
	}
	return day
}

// between counts the days after one date up to another, one by one.
func between(after, until time.Time, counts func(time.Time) bool) int {
	n := 0
	for day := after.AddDate(0, 0, 1); !day.After(until); day = day.AddDate(0, 0, 1) {
		if counts(day) {
			n++
		}
	}
	return n
}

// seenOpen is what is known of a visit from when it was open, nil if it was not seen so: of the rows that led into it,
// the last one of which something is known decides.
func (k *knowledge) seenOpen(id simulator.DealID, v *refVisit) *openPlan {
	for _, row := range slices.Backward(v.rows) {
		if i := placeOfPlan(k.plans[id], &row); i >= 0 {
			return &k.plans[id][i]
		}
	}
	return nil
}

// firstOf finds what the first plan of a visit was made of, nil where it has had none: the earliest of its rows of
// which something is known decides.
func (k *knowledge) firstOf(id simulator.DealID, v *refVisit) *openPlan {
	for _, row := range v.rows {
		if i := placeOfPlan(k.firsts[id], &row); i >= 0 {
			return &k.firsts[id][i]
		}
	}
	return nil
}

// placeOfPlan finds a row by its id, else by its moment; -1 for none.
func placeOfPlan(plans []openPlan, row *simulator.Change) int {
	byID := slices.IndexFunc(plans, func(p openPlan) bool {
		return row.ID != 0 && p.row.ID == row.ID && placeOf(&p.row) == placeOf(row)
	})
	if byID >= 0 {
		return byID
	}
	return slices.IndexFunc(plans, func(p openPlan) bool {
		return p.row.At.Equal(row.At) && placeOf(&p.row) == placeOf(row)
	})
}

// A report is what the views have to show, as rows of text by deal.
type report struct {
	stages, days, totals, hidden []string
	deals                        map[simulator.DealID]bool
}

// publish gives what a run has to show, and remembers what it saw.
func (r *reference) publish(rules *rulebook, now time.Time) *report {
	today := r.date(now)
	out := &report{deals: map[simulator.DealID]bool{}}
	defer func() { r.known.asOf = today }()
	r.seeDepartments(today)
	for _, id := range slices.Sorted(maps.Keys(r.deals)) {
		s := r.deals[id]
		if s.isGone {
			continue
		}
		total, closed, department := 0, `\N`, `\N`
		for _, v := range r.visits(rules, s, today) {
			if !rules.covers(v.rows[0].Funnel) {
				continue
			}
			r.complete(rules, s, &v, today)
			total += out.add(id, &v)
			if closed = `\N`; v.isFinal {
				closed = v.entered.Format(time.DateOnly)
			}
			department = r.known.departmentOn(v.days[len(v.days)-1].manager, v.left)
		}
		if !out.deals[id] {
			continue
		}
		out.totals = append(out.totals, fmt.Sprintf("%d\t%d\t%s\t%s\t%s", id, total, closed, department, r.labels(rules, s)))
		if !s.hiddenSince.IsZero() {
			out.hidden = append(out.hidden, fmt.Sprintf("%d\t%s", id, s.hiddenSince.Format(time.DateOnly)))
		}
	}
	return out
}

// The fields of the portal that pause a deal.
const (
	seenHold  = "UF_CRM_HOLD"
	seenFrom  = "UF_CRM_HOLD_FROM"
	seenUntil = "UF_CRM_HOLD_UNTIL"
)

// pause is how a day of a deal is paused; later than today only by dates with an end.
func (r *reference) pause(s *sighting, day, today time.Time) string {
	if source, isKnown := r.known.paused[s.deal.ID][day]; isKnown {
		return source
	}
	text := func(field string) string { text, _ := s.deal.Fields[field].(string); return text }
	from, until := text(seenFrom), text(seenUntil)
	is := day.Format(time.DateOnly)
	isPair := from != "" && (until == "" || from <= until)
	switch {
	case isPair && from <= is && (until != "" && is <= until || until == "" && !day.After(today)):
		return "dates"
	case text(seenHold) != "1" || day.After(today):
		return ""
	case day.Equal(today) && s.hiddenSince.IsZero():
		return "flag"
	case day.Equal(today) && !today.Equal(r.known.asOf), !r.known.asOf.IsZero() && day.After(r.known.asOf) && day.Before(today):
		return "assumed"
	default:
		return ""
	}
}

// complete finds the plan, the managers and the pauses of a visit, and remembers what is new of them.
func (r *reference) complete(rules *rulebook, s *sighting, v *refVisit, today time.Time) {
	id := s.deal.ID
	if r.known.responsible[id] == nil {
		r.known.responsible[id], r.known.paused[id] = map[time.Time]responsible{}, map[time.Time]string{}
	}
	counts := func(day time.Time) bool {
		isOfVisit := v.isOpen || !day.After(v.left)
		return rules.counts(v.in.funnel, day) && (!isOfVisit || r.pause(s, day, today) == "")
	}
	if !v.isFinal {
		fields := rules.Fields[string(v.in.stage)]
		carries := func(field string) string { text, _ := s.deal.Fields[field].(string); return text }
		now := openPlan{date: carries(fields.Date), days: carries(fields.Days), normsOfThen: rules.normsOf(v.in.stage)}
		used := &now
		if seen := r.known.seenOpen(id, v); seen != nil && !v.isOpen {
			used = seen
		}
		v.plan = planFrom(used.date, used.days, used.normsOfThen, v.entered, counts)
		for _, row := range v.rows {
			now.row = row
			if i := placeOfPlan(r.known.plans[id], &row); i >= 0 && v.isOpen {
				r.known.plans[id][i] = now
			} else if v.isOpen {
				r.known.plans[id] = append(r.known.plans[id], now)
			}
		}
		if v.isWaiting = rules.waiting[v.in.stage]; v.isWaiting {
			v.plan = refPlan{}
		}
		first := r.known.firstOf(id, v)
		if first == nil && v.plan.source != "" {
			first = used
		}
		if first != nil {
			if begun := *first; placeOfPlan(r.known.firsts[id], &v.rows[0]) < 0 {
				begun.row = v.rows[0]
				r.known.firsts[id] = append(r.known.firsts[id], begun)
			}
			if !v.isWaiting {
				v.first = planFrom(first.date, first.days, first.normsOfThen, v.entered, counts)
			}
		}
	}
	known := r.known.responsible[id]
	for day := v.entered; !day.After(v.left); day = day.AddDate(0, 0, 1) {
		if _, isKnown := known[day]; !isKnown {
			known[day] = responsible{s.deal.Manager, "assumed"}
			if day.Equal(today) && s.hiddenSince.IsZero() {
				known[day] = responsible{s.deal.Manager, "seen"}
			}
		}
		v.days = append(v.days, refDay{known[day], rules.counts(v.in.funnel, day), r.pause(s, day, today)})
	}
	for i, day := range v.days {
		if day.pause != "" {
			r.known.paused[id][v.entered.AddDate(0, 0, i)] = day.pause
		}
	}
	if v.plan.source != "" {
		v.daysLeft = between(today, v.plan.end, counts)
		v.late = between(v.plan.end, v.entered, func(day time.Time) bool {
			return rules.counts(v.in.funnel, day) && r.pause(s, day, today) != "dates" && r.known.paused[id][day] == ""
		})
	}
}

// add adds the rows of a visit, and gives its overdue days.
func (o *report) add(id simulator.DealID, v *refVisit) int {
	const none = `\N`
	o.deals[id] = true
	overdue, overdueByFirst, working, paused, day := 0, 0, 0, 0, v.entered
	for _, d := range v.days {
		accrued, counting, pause := 0, 0, none
		if d.pause != "" {
			pause = d.pause
		} else if d.counts {
			counting = 1
		}
		if d.counts && day.After(v.entered) {
			working++
			if d.pause != "" {
				paused++
			}
		}
		if v.plan.source != "" && counting == 1 && day.After(v.plan.end) && day.After(v.entered) {
			accrued = 1
		}
		overdue += accrued
		if v.first.source != "" && counting == 1 && day.After(v.first.end) && day.After(v.entered) {
			overdueByFirst++
		}
		o.days = append(o.days, fmt.Sprintf("%d\t%d\t%s\t%d\t%s\t%d\t%d\t%s", id, v.no, day.Format(time.DateOnly), d.manager, d.source, accrued, counting, pause))
		day = day.AddDate(0, 0, 1)
	}
	planDays, source, end, late, left := none, "none", none, none, none
	isLate := false
	if v.plan.source != "" {
		planDays, source, end = strconv.Itoa(v.plan.days), v.plan.source, v.plan.end.Format(time.DateOnly)
		if isLate = v.plan.end.Before(v.entered); isLate {
			late = strconv.Itoa(v.late)
		}
	}
	firstDays, firstEnd := none, none
	if v.first.source != "" {
		firstDays, firstEnd = strconv.Itoa(v.first.days), v.first.end.Format(time.DateOnly)
	}
	isOpen := 1
	if !v.isOpen {
		isOpen, left = 0, v.left.Format(time.DateOnly)
	}
	var status string
	switch isBad := overdue > 0 || isLate; {
	case v.isFinal:
		status = "final"
	case v.isWaiting:
		status = "waiting"
	case v.plan.source == "":
		status = "no_plan"
	case !v.isOpen && isBad:
		status = "finished_late"
	case !v.isOpen:
		status = "finished_on_time"
	case isBad:
		status = "overdue"
	case v.daysLeft == 0:
		status = "due_today"
	default:
		status = "on_time"
	}
	nextFunnel, nextStage := none, none
	if v.next.stage != "" {
		nextFunnel, nextStage = fmt.Sprint(v.next.funnel), string(v.next.stage)
	}
	isPaused := 0
	if v.isOpen && v.days[len(v.days)-1].pause != "" {
		isPaused = 1
	}
	o.stages = append(o.stages, strings.Join([]string{
		fmt.Sprint(id), strconv.Itoa(v.no), string(v.in.stage), v.entered.Format(time.DateOnly), left, planDays, source, end,
		strconv.Itoa(overdue), late, status, fmt.Sprint(v.days[len(v.days)-1].manager), strconv.Itoa(isOpen), strconv.Itoa(working), strconv.Itoa(paused),
		firstDays, firstEnd, strconv.Itoa(overdueByFirst), nextFunnel, nextStage, strconv.Itoa(isPaused),
	}, "\t"))
	return overdue
}

// The fields by which deals are grouped.
const (
	seenRegion   = "UF_CRM_REGION"
	seenContract = "UF_CRM_SIGNED"
)

var (
	seenRegions     = []string{"North", "South", "East"}
	seenDepartments = map[simulator.DepartmentID]string{2: "Sales", 3: "Projects", 5: "Service"}
)

// labels are the company of a deal, with the name that it has now, and what the fields say, as the deal was shown last.
func (r *reference) labels(rules *rulebook, s *sighting) string {
	id, name := `\N`, `\N`
	if s.deal.Company > 0 {
		id, name = fmt.Sprint(s.deal.Company), r.companies[simulator.CompanyID(s.deal.Company)]
	}
	region, contract := "", ""
	if rules.hasDimensions {
		if text, _ := s.deal.Fields[seenRegion].(string); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				panic(err)
			}
			region = seenRegions[n-41]
		}
		contract, _ = s.deal.Fields[seenContract].(string)
	}
	return strings.Join([]string{id, name, region, contract}, "\t")
}
