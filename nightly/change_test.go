package nightly_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"stagelag/simulator"
)

// A life changes a world from night to night, the same way for the same seed and night.
type life struct {
	world *simulator.World
	seed  uint64
}

// lostField and stateField are where the result is written back to.
const (
	lostField  = "UF_CRM_STAGELAG_LOST"
	stateField = "UF_CRM_STAGELAG_STATE"
)

// before lets happen what people do in the day before a night: as many changes as told, and
// always a new deal, a move, and a deleted deal, so that every step of a run has work.
func (l life) before(night time.Time, changes int) {
	random := rand.New(rand.NewPCG(l.seed, uint64(night.Unix())))
	at := func() time.Time { return night.Add(-time.Duration(1+random.IntN(20*60)) * time.Minute) }
	deals := l.world.Deals()
	some := func() simulator.Deal {
		for {
			if d := deals[random.IntN(len(deals))]; !d.IsRecurring {
				return d
			}
		}
	}
	funnels := l.world.Funnels()
	stage := func(funnel simulator.FunnelID) simulator.StageID {
		for _, f := range funnels {
			if f.ID == funnel {
				return f.Stages[random.IntN(len(f.Stages))].ID
			}
		}
		return ""
	}
	f := funnels[random.IntN(len(funnels))]
	l.world.AddDeal(simulator.Deal{Title: fmt.Sprintf("New of %s", night.Format(time.DateOnly)), Funnel: f.ID, Stage: f.Stages[0].ID,
		Manager: simulator.UserID(2 + random.IntN(8)), Cents: int64(random.IntN(1e7)), Currency: "EUR", Created: at()})
	l.world.DeleteDeal(some().ID, at())
	moved := some()
	l.world.Move(moved.ID, at(), stage(moved.Funnel))
	fields := []string{"UF_CRM_DOCS_DAYS", "UF_CRM_OFFER_DAYS", "UF_CRM_BUILD_DAYS", "UF_CRM_REPAIR_DAYS"}
	for range changes {
		d := some()
		switch random.IntN(8) {
		case 0, 1, 2:
			l.world.Move(d.ID, at(), stage(d.Funnel))
		case 3:
			l.world.SetField(d.ID, at(), fields[random.IntN(len(fields))], random.IntN(40)-1)
		case 4:
			l.world.SetManager(d.ID, at(), simulator.UserID(2+random.IntN(10)))
		case 5:
			to := funnels[random.IntN(len(funnels))]
			l.world.ChangeFunnel(d.ID, at(), to.ID, to.Stages[0].ID)
		case 6:
			if history := l.world.History(d.ID); len(history) > 0 {
				row := history[random.IntN(len(history))]
				earlier := row.At.Add(-time.Duration(random.IntN(48)) * time.Hour)
				l.world.CorrectChange(d.ID, row.ID, at(), func(c *simulator.Change) { c.At = earlier })
			}
		case 7:
			l.world.EditDeal(d.ID, at(), func(d *simulator.Deal) { d.Title += "!"; d.Cents += 100 })
		}
	}
}
