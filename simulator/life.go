package simulator

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A life is one generated deal from its creation to its end, which may be far in the
// future.
type life struct {
	*generator
	r       *rand.Rand
	now     time.Time
	plan    *funnelPlan
	deal    DealID
	created time.Time
	// stretch is how slow this deal is; stalls is the stage where it gets stuck, from 0.
	stretch float64
	stalls  int
}

func (l *life) chance(percent float64) bool { return l.r.Float64()*100 < percent }

// live adds the deal and all that happens to it.
func (l *life) live() {
	l.created = l.now
	l.plan = &funnelPlans[l.funnel()]
	l.stretch = 1.2 * math.Exp(0.25*l.r.NormFloat64())
	l.stalls = -1
	if l.chance(28) {
		l.stalls = l.r.IntN(len(l.plan.stages) - 2)
	}
	d := l.newDeal(l.r, l.now, l.plan)
	l.planAhead(d.Fields)
	isOld := l.now.Before(l.retired())
	switch {
	case isOld && l.chance(6):
		l.imported(d)
		return
	case isOld && l.chance(4):
		d.HasNoHistory = true // its first row will be a move
	case l.chance(0.5):
		d.Stage = l.plan.won // entered after the fact
	}
	l.deal = l.world.AddDeal(d)
	if d.Stage == l.plan.won {
		return
	}
	l.walk(0)
	l.handOver()
}

func (l *life) funnel() int {
	dice := l.r.IntN(100)
	for i, plan := range funnelPlans {
		if dice -= plan.share; dice < 0 {
			return i
		}
	}
	return len(funnelPlans) - 1
}

// imported adds a deal without any history, somewhere on its way. Of some the portal does
// not even know when they moved.
func (l *life) imported(d Deal) {
	d.HasNoHistory = true
	d.Stage = l.plan.won
	if l.chance(35) {
		d.Stage = l.plan.stages[l.r.IntN(len(l.plan.stages)-3)].id
	}
	d.Moved = l.atWork(l.r, l.now.AddDate(0, 0, 5+l.r.IntN(40)))
	d.AppearsAt, d.Updated = d.Moved, d.Moved
	id := l.world.AddDeal(d)
	if l.chance(40) {
		l.world.EditDeal(id, time.Time{}, func(d *Deal) { d.Moved = time.Time{} })
	}
}

// walk takes the deal through the stages of its funnel from one on.
func (l *life) walk(from int) {
	last := len(l.plan.stages) - 1
	for last >= 0 && l.plan.stages[last].semantics != 0 {
		last--
	}
	for i := from; i <= last; i++ {
		l.stay(i)
		switch {
		case l.chance(5):
			l.close(l.plan.lost, i)
			return
		case l.plan.id == 0 && i == 1 && l.chance(8):
			l.changeFunnel()
			return
		case i > 0 && l.chance(5):
			l.move(l.plan.stages[i-1].id)
			l.stay(i - 1)
			l.move(l.plan.stages[i].id)
			l.stay(i)
		case i+2 <= last && l.chance(4):
			i++ // a stage is skipped, or passed on the same day
			if l.chance(60) {
				l.move(l.stageID(i))
				l.now = l.now.Add(time.Duration(1+l.r.IntN(50)) * time.Minute)
			}
		}
		if i < last {
			l.move(l.stageID(i + 1))
		}
	}
	l.close(l.plan.won, last)
}

// stageID is the id under which a stage went at the time.
func (l *life) stageID(i int) StageID {
	id := l.plan.stages[i].id
	if id == docs && l.now.Before(l.retired()) {
		if l.chance(8) {
			return oldSurvey
		}
		return oldDocs
	}
	return id
}

func (l *life) move(to StageID) { l.world.Move(l.deal, l.now, to) }

// stay lets the time of a stage pass, with what happens to its plan meanwhile.
func (l *life) stay(i int) {
	stage, entered := &l.plan.stages[i], l.now
	days := stage.days * l.stretch * math.Exp(0.55*l.r.NormFloat64())
	if i == l.stalls {
		days *= 4 + 5*l.r.Float64()
		l.stalls = -1
	}
	l.now = l.later(entered, days)
	if stage.dateField != "" && l.chance(55) {
		due := entered.AddDate(0, 0, l.planDays(stage))
		if l.chance(3) {
			due = entered.AddDate(0, 0, -2-l.r.IntN(10)) // no plan: it ended before it began
		}
		l.world.SetField(l.deal, entered, stage.dateField, due)
	}
	if stage.daysField != "" && days > 6 && l.chance(10) {
		changed := l.later(entered, days*l.r.Float64())
		if changed.Before(l.now) {
			l.world.SetField(l.deal, changed, stage.daysField, l.planDays(stage)+5)
		}
	}
}

// later is a moment in working hours some days after another, always after it.
func (l *life) later(than time.Time, days float64) time.Time {
	at := l.atWork(l.r, than.AddDate(0, 0, int(days+0.5)))
	if !at.After(than) {
		at = than.Add(time.Duration(5+l.r.IntN(90)) * time.Minute)
	}
	return at
}

func (l *life) planDays(s *stagePlan) int {
	return max(1, int(float64(s.planned)*math.Exp(0.25*l.r.NormFloat64())+0.5))
}

// planAhead gives the deal the plans that are known from the start.
func (l *life) planAhead(fields map[string]any) {
	isUnplanned := l.chance(9)
	for i := range l.plan.stages {
		stage := &l.plan.stages[i]
		if stage.daysField == "" || isUnplanned || l.chance(8) {
			continue
		}
		fields[stage.daysField] = l.planDays(stage)
		if l.chance(2) {
			fields[stage.daysField] = -1 - l.r.IntN(9)
		}
		if stage.daysField == "UF_CRM_APPROVAL_DAYS" && l.chance(4) {
			fields[stage.daysField] = []string{"abc", "?", "2 weeks", "до 15-го"}[l.r.IntN(4)]
		}
	}
}

// changeFunnel takes the deal from sales to projects.
func (l *life) changeFunnel() {
	i := slices.IndexFunc(funnelPlans, func(p funnelPlan) bool { return p.id == 5 })
	l.plan = &funnelPlans[i]
	l.world.ChangeFunnel(l.deal, l.now, l.plan.id, l.plan.stages[0].id)
	fields := make(map[string]any)
	l.planAhead(fields)
	for _, name := range customFields { // in their order: a map has none
		if v, isPlanned := fields[name.name]; isPlanned {
			l.world.SetField(l.deal, l.now, name.name, v)
		}
	}
	l.walk(0)
}

// close ends the deal. Few are opened again, go back to where they were, and end well.
func (l *life) close(as StageID, from int) {
	l.move(as)
	if !l.chance(3) {
		return
	}
	l.now = l.later(l.now, 3+20*l.r.Float64())
	l.move(l.plan.stages[from].id)
	l.stay(from)
	l.move(l.plan.won)
}

// handOver gives the deal to another manager at some time of its life.
func (l *life) handOver() {
	if !l.chance(15) {
		return
	}
	days := l.now.Sub(l.created).Hours() / 24
	at := l.later(l.created, days*l.r.Float64())
	l.world.SetManager(l.deal, at, l.manager(l.r, at))
}
