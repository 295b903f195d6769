package transform

import (
	"slices"

	"stagelag/extractor"
)

// A Past is how the plan of a visit came about.
type Past struct {
	// First is the plan of the first run that computed the visit with one, as corrected entries, calendars and
	// pauses have moved it since; without a source where there was none yet.
	First Plan
	// Changes are those of the plan between two published states, in their order.
	Changes []PlanChange
}

// Equal is whether both are the same.
func (p *Past) Equal(q *Past) bool { return p.First == q.First && slices.Equal(p.Changes, q.Changes) }

// Moves are the changes that are somebody's doing, and not those of a corrected entry or calendar.
func (p *Past) Moves() int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].Cause.IsMove() {
			n++
		}
	}
	return n
}

// DaysMoved are the calendar days from the first planned end to the current one, to the last one where the plan
// was taken away since; 0 where there was no plan.
func (v *Visit) DaysMoved() int32 {
	if !v.Past.First.IsPlanned() {
		return 0
	}
	if v.Plan.IsPlanned() {
		return int32(v.Plan.End - v.Past.First.End)
	}
	for _, c := range slices.Backward(v.Past.Changes) {
		if c.Before.IsPlanned() {
			return int32(c.Before.End - v.Past.First.End)
		}
	}
	return 0
}

// A Cause is why a plan changed.
type Cause uint8

// The causes, under the names that the views show, in the order in which changes of one night follow each other.
const (
	CauseEntry    Cause = iota // the history was corrected
	CauseCalendar              // other dates count
	CauseNorm                  // the configuration
	CauseDeal                  // the deal's own value
)

// String is the name in the views.
func (c Cause) String() string { return [...]string{"entry", "calendar", "norm", "deal"}[c] }

// IsMove is whether somebody gave the visit another plan.
func (c Cause) IsMove() bool { return c == CauseNorm || c == CauseDeal }

// A PlanChange is a change of the planned end of a visit, or of its plan to or from none, between two published
// states.
type PlanChange struct {
	RunID     uint32 // of the run that saw it
	KnownOn   Day    // the as-of date of that run
	Cause     Cause
	ManagerID extractor.ManagerID // of that day
	// Before and After are the plans, without their problems.
	Before, After Plan
	// OverdueBefore and Overdue are the overdue days on that day under either.
	OverdueBefore, Overdue int32
	// PastBefore and Past are those of the days that an earlier date had shown.
	PastBefore, Past int32
}

// An origin is what the published state, or an earlier one, has of a visit.
type origin struct {
	Past
	plan    Plan
	entered Day // under which the plans are
	// published is the visit in the published state, nil where only an earlier one had it.
	published *Visit
	// carried is what the plan was read from, nil where that is not known.
	carried *Carried
}

// origins finds those of the stays, nil where a stay has none. What the knowledge holds of a visit that is back is
// taken out of it: from now on the visit has it.
func (r *Rules) origins(h *History, known *Knowledge, stays []stay, plans []*KnownPlan, dates Dates) []*origin {
	origins := make([]*origin, len(stays))
	if len(h.Published) == 0 && len(known.Plans) == 0 {
		return origins
	}
	isTaken := make([]bool, len(h.Published))
	take := func(i, n int) {
		v := &h.Published[n]
		origins[i], isTaken[n] = &origin{Past: v.Past, plan: v.Plan, entered: v.EnteredDate, published: v}, true
		if plans[i] != nil {
			carried := plans[i].Carried
			origins[i].carried = &carried
		}
	}
	begunBy := begun(h.Published, stays)
	for i := range stays {
		s := &stays[i]
		if !r.covers(s.first().FunnelID) {
			continue
		}
		for m := range s.moments {
			if n := begunBy[&s.moments[m]]; n > 0 {
				take(i, n-1)
			} else if p := known.pastOf(&s.moments[m]); p != nil {
				origins[i] = &origin{Past: p.Past, plan: p.Plan, entered: p.EnteredDate}
				if p.IsKept {
					carried := p.Carried
					origins[i].carried = &carried
				}
				if m == 0 {
					p.Past = Past{}
				}
			} else {
				continue
			}
			if o := origins[i]; o.First.IsPlanned() {
				if m > 0 && o.published != nil {
					// It has become one with an earlier visit, and may be one by itself again.
					known.keepPast(o.published, dates.PublishedAsOf)
				}
				break
			}
		}
	}
	// The moment of a reconstructed visit is a guess. Once the history has the visit, it is known by the stage and by
	// the days on which both were there.
	for n := range h.Published {
		v := &h.Published[n]
		if isTaken[n] || v.ChangeID != 0 {
			continue
		}
		for i := range stays {
			entered, left := stays[i].days(i, stays, dates.AsOf, r.Zone)
			if origins[i] == nil && stays[i].key == (StageKey{v.FunnelID, v.StageID}) && v.EnteredDate <= left && entered <= v.End(dates.PublishedAsOf) {
				take(i, n)
				break
			}
		}
	}
	for n := range h.Published {
		if v := &h.Published[n]; !isTaken[n] && v.Past.First.IsPlanned() {
			known.keepPast(v, dates.PublishedAsOf)
		}
	}
	return origins
}

// begun gives the place of the published visit, from 1, that each change began, 0 for none. A row that the portal gave
// anew is known by its moment, if no row has its id any more; one that was corrected to lead elsewhere began another
// visit.
func begun(published []Visit, stays []stay) map[*moment]int {
	places := map[*moment]int{}
	isFound := make([]bool, len(published))
	for _, isSame := range []func(*Visit, *moment) bool{
		func(v *Visit, m *moment) bool { return m.ID != 0 && v.ChangeID == m.ID },
		func(v *Visit, m *moment) bool { return v.EnteredAt.Equal(m.ChangedAt) },
	} {
		for i := range stays {
			for m := range stays[i].moments {
				m := &stays[i].moments[m]
				for n := range published {
					if places[m] == 0 && !isFound[n] && isSame(&published[n], m) && published[n].Raw == (StageKey{m.FunnelID, m.StageID}) {
						places[m], isFound[n] = n+1, true
					}
				}
			}
		}
	}
	return places
}

// pastOf is what is known of a visit that the change began and no published state has any more, nil for nothing.
func (k *Knowledge) pastOf(m *moment) *KnownPlan {
	n := k.planOf(m, func(int) bool { return true })
	if n < 0 || !k.Plans[n].First.IsPlanned() {
		return nil
	}
	return &k.Plans[n]
}

// keepPast remembers the plans of a published visit that is not in the report any more.
func (k *Knowledge) keepPast(v *Visit, asOf Day) {
	m := moment{StageChange: extractor.StageChange{ID: v.ChangeID, ChangedAt: v.EnteredAt, FunnelID: v.Raw.Funnel, StageID: v.Raw.Stage}}
	if n := k.planOf(&m, func(int) bool { return true }); n >= 0 {
		k.Plans[n].Past = v.Past
		if !k.Plans[n].IsKept {
			k.Plans[n].Plan, k.Plans[n].EnteredDate = v.Plan, v.EnteredDate
		}
		return
	}
	k.Plans = append(k.Plans, KnownPlan{
		ChangeID: m.ID, ChangedAt: m.ChangedAt, FunnelID: m.FunnelID, StageID: m.StageID,
		EnteredDate: v.EnteredDate, Until: v.End(asOf), Plan: v.Plan, Past: v.Past,
	})
}

// dropEmpty takes out what is left of visits that are back.
func (k *Knowledge) dropEmpty() {
	k.Plans = slices.DeleteFunc(k.Plans, func(p KnownPlan) bool { return !p.IsKept && !p.First.IsPlanned() })
}

// past is how the plan of a visit came about, up to the plan that it has now.
func (r *Rules) past(o *origin, visit *Visit, days *counting, isSeenOpen bool, dates Dates) Past {
	now := visit.Plan
	now.Problem = ""
	if o == nil || !o.First.IsPlanned() {
		return Past{First: now}
	}
	p := Past{First: r.movedPlan(o.First, nil, o.entered, visit, days), Changes: slices.Clone(o.Changes)}
	end := visit.End(dates.AsOf)
	shown := min(end, dates.PublishedAsOf, dates.AsOf-1)
	entered, last := o.entered, o.plan
	last.Problem = ""
	// step goes on to the next plan, which has the entry of the visit.
	step := func(cause Cause, next Plan) {
		next.Problem = ""
		if last.IsPlanned() != next.IsPlanned() || last.IsPlanned() && last.End != next.End {
			p.Changes = append(p.Changes, PlanChange{
				RunID: dates.RunID, KnownOn: dates.AsOf, Cause: cause, ManagerID: visit.ManagerID(), Before: last, After: next,
				OverdueBefore: overdueUnder(last, entered, end, days), Overdue: overdueUnder(next, visit.EnteredDate, end, days),
				PastBefore: overdueUnder(last, entered, shown, days), Past: overdueUnder(next, visit.EnteredDate, shown, days),
			})
		}
		entered, last = visit.EnteredDate, next
	}
	if o.published != nil {
		then := countingOf(o.published, r.publishedCalendars().Of(o.published.FunnelID), dates.PublishedAsOf)
		step(CauseEntry, r.movedPlan(last, o.carried, entered, visit, &then))
		then.calendar = days.calendar
		step(CauseCalendar, r.movedPlan(last, nil, entered, visit, &then))
	}
	// Pauses move a planned end, and so does what counts differently since the visit was in no state.
	last = r.movedPlan(last, o.carried, entered, visit, days)
	entered = visit.EnteredDate
	switch {
	case !visit.IsOpen() && isSeenOpen && r.Published.HasSameRules:
		// The plan was kept, and where it is another one all the same, the visit has become one with another.
		step(CauseEntry, now)
	case r.isOfNorms(o, last, now, visit):
		step(CauseNorm, now)
	default:
		if o.carried != nil && visit.IsOpen() && !r.Published.HasSameRules {
			next := Plan{End: NoDay}
			if !visit.IsWaiting {
				next = r.plan(*o.carried, visit.StageID, visit.EnteredDate, days)
			}
			step(CauseNorm, next)
		}
		step(CauseDeal, now)
	}
	return p
}

// isOfNorms is whether the plan of now differs from the last one by the configuration alone, where what the last
// one was read from does not say it.
func (r *Rules) isOfNorms(o *origin, last, now Plan, visit *Visit) bool {
	if o.carried != nil && visit.IsOpen() {
		return false
	}
	isOfDeal := func(p Plan) bool { return p.Source == PlanDealDate || p.Source == PlanDealDays }
	if !isOfDeal(last) && !isOfDeal(now) {
		return true
	}
	return !r.Published.HasSameRules && (o.carried != nil || visit.IsWaiting || last.Source != now.Source)
}

// movedPlan is a plan of an entry on the day then, as it is for the entry of the visit and the days that count: days
// stay days and a date stays a date, and a norm is the one in force. carried is nil where it is not known.
func (r *Rules) movedPlan(plan Plan, carried *Carried, then Day, visit *Visit, days *counting) Plan {
	seen := KnownPlan{EnteredDate: then, Plan: plan}
	switch {
	case carried != nil:
		seen.Carried = *carried
	case plan.Source != PlanStageNorm:
		seen.EnteredDate = visit.EnteredDate
	}
	moved := r.keptPlan(&seen, visit, days)
	if plan.IsPlanned() && !moved.IsPlanned() {
		return plan // its end would be beyond all dates
	}
	return moved
}

// overdueUnder are the overdue days of a visit under a plan.
func overdueUnder(plan Plan, entered, end Day, days *counting) int32 {
	if !plan.IsPlanned() {
		return 0
	}
	return days.between(max(plan.End, entered), end)
}
