package transform

import (
	"cmp"
	"slices"
	"time"

	"stagelag/extractor"
)

// Knowledge is what runs saw of a deal and the portal does not tell again. It hangs on the deal, its days and its stage
// changes, not on its visits: these come and go with corrections, maps and funnels.
type Knowledge struct {
	// Days tell who was responsible, in their order; none is told twice.
	Days []KnownDays
	// Plans are those of visits that a run has computed as open, by the stage changes that led into them: the last
	// value that a visit had as an open one counts. With them are the pasts of visits that are not in the published
	// state any more.
	Plans []KnownPlan
	// Pauses are the days of visits that were paused, in their order; what went on at the as-of date of the last
	// published run lasts until Still.
	Pauses []Pause
}

// KnownDays are days that were computed under one manager.
type KnownDays struct {
	Tenure
	Until Day // the last day, or Still
}

// A KnownPlan is the plan under which a visit was last computed as open, or of a visit that has left the report.
type KnownPlan struct {
	ChangeID  extractor.ChangeID // 0: the visit was reconstructed
	ChangedAt time.Time
	FunnelID  extractor.FunnelID // as the portal named it, also StageID
	StageID   extractor.StageID

	EnteredDate Day // of the visit
	Until       Day // the last day on which it was open, or Still
	Plan        Plan
	// IsKept is whether it is that of an open visit, which stays when the visit ends.
	IsKept  bool
	Carried Carried // what a kept plan was read from
	// Past is empty while the visit itself has it.
	Past
}

// Still stands for the as-of date of the last published run: what lasts on does not change by the passing of days.
const Still = LastDay

// Equal is whether both are the same.
func (k *Knowledge) Equal(l *Knowledge) bool {
	return slices.Equal(k.Days, l.Days) && slices.Equal(k.Pauses, l.Pauses) && slices.EqualFunc(k.Plans, l.Plans, func(p, q KnownPlan) bool {
		return p.ChangeID == q.ChangeID && p.ChangedAt.Equal(q.ChangedAt) && p.FunnelID == q.FunnelID && p.StageID == q.StageID &&
			p.EnteredDate == q.EnteredDate && p.Until == q.Until && p.Plan == q.Plan && p.IsKept == q.IsKept && p.Carried == q.Carried &&
			p.Equal(&q.Past)
	})
}

// until is a copy in which what lasted to the last published run ends on its as-of date.
func (k *Knowledge) until(publishedAsOf Day) Knowledge {
	t := Knowledge{slices.Clone(k.Days), slices.Clone(k.Plans), ended(k.Pauses, publishedAsOf)}
	for i := range t.Days {
		if t.Days[i].Until == Still {
			t.Days[i].Until = publishedAsOf
		}
	}
	for i := range t.Plans {
		if t.Plans[i].Until == Still {
			t.Plans[i].Until = publishedAsOf
		}
	}
	return t
}

// isOf is whether the plan is of a visit that the change led into.
func (p *KnownPlan) isOf(m *moment) bool { return p.ChangeID != 0 && p.ChangeID == m.ID && p.isIn(m) }

// isIn is whether the change led into the stage of the plan.
func (p *KnownPlan) isIn(m *moment) bool { return p.FunnelID == m.FunnelID && p.StageID == m.StageID }

// isAt is isOf where the portal gave the row of the change anew, under another id.
func (p *KnownPlan) isAt(m *moment) bool { return p.ChangedAt.Equal(m.ChangedAt) && p.isIn(m) }

// plansOf finds the plans that the stays were last seen open with, nil where none was: of the changes that led
// into a stay the last one that has a plan decides.
func (k *Knowledge) plansOf(stays []stay, asOf Day, zone *time.Location) []*KnownPlan {
	plans := make([]*KnownPlan, len(stays))
	if len(k.Plans) == 0 {
		return plans
	}
	isTaken := make([]bool, len(k.Plans))
	for i := range stays {
		for m := range stays[i].moments {
			isFree := func(n int) bool { return !isTaken[n] }
			if n := k.planOf(&stays[i].moments[m], isFree); n >= 0 && k.Plans[n].IsKept {
				plans[i], isTaken[n] = &k.Plans[n], true
			}
		}
	}
	// The moment of a reconstructed visit is a guess. Once the history tells the visit, its plan is known by the
	// stage and by the days on which both were there.
	for n := range k.Plans {
		p := &k.Plans[n]
		if isTaken[n] || p.ChangeID != 0 || !p.IsKept {
			continue
		}
		for i := range stays {
			entered, left := stays[i].days(i, stays, asOf, zone)
			isInStage := slices.ContainsFunc(stays[i].moments, func(m moment) bool { return p.isIn(&m) })
			if plans[i] == nil && isInStage && p.EnteredDate <= left && entered <= p.Until {
				plans[i] = p
				break
			}
		}
	}
	return plans
}

// planOf is the place of the plan under a change, -1 for none. By its moment alone no plan is given that is not free.
func (k *Knowledge) planOf(m *moment, isFree func(int) bool) int {
	n := slices.IndexFunc(k.Plans, func(p KnownPlan) bool { return p.isOf(m) })
	for i := 0; n < 0 && i < len(k.Plans); i++ {
		if k.Plans[i].isAt(m) && isFree(i) {
			n = i
		}
	}
	return n
}

// see remembers the plan of a visit that is open, under each change that led into it.
func (k *Knowledge) see(of *stay, entered Day, plan Plan, carried Carried) {
	for i := range of.moments {
		m := &of.moments[i]
		seen := KnownPlan{
			ChangeID: m.ID, ChangedAt: m.ChangedAt, FunnelID: m.FunnelID, StageID: m.StageID,
			EnteredDate: entered, Until: Still, Plan: plan, IsKept: true, Carried: carried,
		}
		if n := k.planOf(m, func(int) bool { return true }); n >= 0 {
			seen.Past = k.Plans[n].Past
			k.Plans[n] = seen
		} else {
			k.Plans = append(k.Plans, seen)
		}
	}
}

// seeManagers remembers the managers of the days of the visits, which are by number and end with the as-of date.
func (k *Knowledge) seeManagers(visits []Visit, asOf Day) {
	days := k.Days
	for i := range visits {
		visit := &visits[i]
		for n, tenure := range visit.Tenures {
			until := visit.End(asOf)
			if n+1 < len(visit.Tenures) {
				until = visit.Tenures[n+1].From - 1
			}
			days = append(days, KnownDays{tenure, until})
		}
	}
	// Where a day is there twice, it is under the same manager: a published one keeps it, and the day of a move is
	// of both visits.
	slices.SortStableFunc(days, func(a, b KnownDays) int { return cmp.Compare(a.From, b.From) })
	joined := days[:0]
	for _, d := range days {
		last := len(joined) - 1
		if last >= 0 && d.From <= joined[last].Until {
			d.From = joined[last].Until + 1
		}
		switch {
		case d.From > d.Until:
		case last >= 0 && d.From == joined[last].Until+1 && d.ManagerID == joined[last].ManagerID && d.Source == joined[last].Source:
			joined[last].Until = d.Until
		default:
			joined = append(joined, d)
		}
	}
	if n := len(visits); n > 0 && visits[n-1].IsOpen() {
		joined[len(joined)-1].Until = Still
	}
	k.Days = joined
}

// seePauses remembers the paused days of the visits.
func (k *Knowledge) seePauses(visits []Visit, asOf Day) {
	for i := range visits {
		visit := &visits[i]
		for _, p := range visit.Pauses {
			switch {
			case p.From > asOf:
				continue
			case p.Until > asOf:
				p.Until = Still
			}
			k.Pauses = cover(k.Pauses, p)
		}
	}
}
