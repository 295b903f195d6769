package whatif

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
	"stagelag/views"
)

// Numbers add up over visits: what the days up to the as-of date come to, and what is open on it. Final and waiting
// visits are in none of them.
type Numbers struct {
	Closed         int64 `json:"visits_closed"`
	ClosedWithPlan int64 `json:"visits_closed_with_plan"`
	OnTime         int64 `json:"visits_on_time"`
	OverdueDays    int64 `json:"overdue_days"` // accrued on all days
	Open           int64 `json:"visits_open"`
	Overdue        int64 `json:"visits_overdue"` // of the open ones
	NoPlan         int64 `json:"visits_no_plan"` // of the open ones
}

func (n *Numbers) add(m *Numbers) {
	n.Closed += m.Closed
	n.ClosedWithPlan += m.ClosedWithPlan
	n.OnTime += m.OnTime
	n.OverdueDays += m.OverdueDays
	n.Open += m.Open
	n.Overdue += m.Overdue
	n.NoPlan += m.NoPlan
}

// Both are the published numbers and those under the other configuration.
type Both struct {
	Published Numbers `json:"published"`
	WhatIf    Numbers `json:"what_if"`
}

// Differs is whether the other configuration gives other numbers.
func (b *Both) Differs() bool { return b.Published != b.WhatIf }

// A Comparison is the published state beside what another configuration makes of the same landed data.
type Comparison struct {
	RunID    loader.RunID `json:"run_id"`
	AsOf     string       `json:"as_of"`
	Other    []Change     `json:"changes"` // what is configured otherwise
	Notes    []string     `json:"notes"`
	Total    Both         `json:"total"`
	Funnels  []FunnelRow  `json:"funnels"`  // by id
	Stages   []StageRow   `json:"stages"`   // by funnel, in the portal's order
	Managers []ManagerRow `json:"managers"` // those with most overdue days under the other configuration first
}

// A FunnelRow is the numbers of a funnel.
type FunnelRow struct {
	FunnelID   extractor.FunnelID `json:"funnel_id"`
	FunnelName string             `json:"funnel_name"`
	Both
}

// A StageRow is the numbers of a stage.
type StageRow struct {
	FunnelID   extractor.FunnelID `json:"funnel_id"`
	FunnelName string             `json:"funnel_name"`
	StageID    extractor.StageID  `json:"stage_id"`
	StageName  string             `json:"stage_name"`
	Both
}

// A ManagerRow is the numbers of a manager: of the visits that the manager had on their last day, and the overdue
// days of the days on which the manager was responsible.
type ManagerRow struct {
	ManagerID   extractor.ManagerID `json:"manager_id"`
	ManagerName string              `json:"manager_name"`
	Both
}

// place is where numbers belong.
type place struct {
	stage   transform.StageKey
	manager extractor.ManagerID
}

// A tally adds up numbers by place: as many rows as there are pairs of a stage and a manager.
type tally struct {
	numbers   map[place]*Numbers
	asOf      transform.Day
	calendars *transform.Calendars
}

func (t *tally) at(p place) *Numbers {
	n := t.numbers[p]
	if n == nil {
		n = &Numbers{}
		t.numbers[p] = n
	}
	return n
}

func (t *tally) take(visits []transform.Visit) {
	for i := range visits {
		v := &visits[i]
		if v.Semantics.IsFinal() || v.IsWaiting {
			continue
		}
		stage := transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}
		overdue := int32(0)
		v.OverdueDaysBy(t.asOf, t.calendars.Of(v.FunnelID), func(manager extractor.ManagerID, days int32) {
			t.at(place{stage, manager}).OverdueDays += int64(days)
			overdue += days
		})
		isLate := overdue > 0 || v.WasLateAtEntry()
		n := t.at(place{stage, v.ManagerID()})
		switch {
		case v.IsOpen():
			n.Open++
			n.Overdue += one(isLate)
			n.NoPlan += one(!v.Plan.IsPlanned())
		default:
			n.Closed++
			n.ClosedWithPlan += one(v.Plan.IsPlanned())
			n.OnTime += one(v.Plan.IsPlanned() && !isLate)
		}
	}
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// Compare derives the landed data under the configuration of o and holds the numbers against the published ones, as
// of the last published run. It publishes nothing and leaves nothing behind. Memory holds some thousand deals at a
// time and a row for each pair of a stage and a manager.
func Compare(ctx context.Context, o Options) (Comparison, error) {
	var c Comparison
	err := use(ctx, o, func(s *source) error {
		published, err := s.readPublished(ctx, views.In(o.Warehouse))
		if err != nil {
			return err
		}
		sinks, err := derive(ctx, s, func() *tally {
			return &tally{map[place]*Numbers{}, s.landed.State.AsOf, &s.other.rules.Calendars}
		}, (*tally).take)
		if err != nil {
			return err
		}
		rows := map[place]*Both{}
		at := func(p place) *Both {
			if rows[p] == nil {
				rows[p] = &Both{}
			}
			return rows[p]
		}
		for p, n := range published {
			at(p).Published.add(n)
		}
		for _, sink := range sinks {
			for p, n := range sink.numbers {
				at(p).WhatIf.add(n)
			}
		}
		c = s.comparison(rows)
		return nil
	})
	return c, err
}

// readPublished reads the numbers from the views.
func (s *source) readPublished(ctx context.Context, v views.Views) (map[place]*Numbers, error) {
	s.progress.Step("read the published numbers")
	published := map[place]*Numbers{}
	for q, err := range v.Quantities(ctx, s.landed.State.AsOf) {
		if err != nil {
			return nil, err
		}
		published[place{transform.StageKey{Funnel: q.FunnelID, Stage: q.StageID}, q.ManagerID}] = &Numbers{
			Closed: q.Closed, ClosedWithPlan: q.ClosedWithPlan, OnTime: q.OnTime, OverdueDays: q.DaysLost, Open: q.Open, Overdue: q.Overdue, NoPlan: q.NoPlan,
		}
	}
	return published, nil
}

// comparison adds up the numbers by funnel, stage and manager.
func (s *source) comparison(rows map[place]*Both) Comparison {
	c := Comparison{RunID: s.landed.State.RunID, AsOf: s.landed.State.AsOf.String(), Other: s.changes(), Notes: []string{}}
	if note := s.note(); note != "" {
		c.Notes = append(c.Notes, note)
	}
	funnels, stages, managers := map[extractor.FunnelID]*FunnelRow{}, map[transform.StageKey]*StageRow{}, map[extractor.ManagerID]*ManagerRow{}
	for p, b := range rows {
		if *b == (Both{}) {
			continue // corrected away
		}
		key := p.stage
		if funnels[key.Funnel] == nil {
			funnels[key.Funnel] = &FunnelRow{FunnelID: key.Funnel, FunnelName: s.names.funnel(key.Funnel)}
		}
		if stages[key] == nil {
			stages[key] = &StageRow{FunnelID: key.Funnel, FunnelName: s.names.funnel(key.Funnel), StageID: key.Stage, StageName: s.names.stage(key)}
		}
		if managers[p.manager] == nil {
			managers[p.manager] = &ManagerRow{ManagerID: p.manager, ManagerName: s.names.manager(p.manager)}
		}
		for _, to := range []*Both{&c.Total, &funnels[key.Funnel].Both, &stages[key].Both, &managers[p.manager].Both} {
			to.Published.add(&b.Published)
			to.WhatIf.add(&b.WhatIf)
		}
	}
	c.Funnels, c.Stages, c.Managers = values(funnels), values(stages), values(managers)
	slices.SortFunc(c.Funnels, func(a, b FunnelRow) int { return cmp.Compare(a.FunnelID, b.FunnelID) })
	slices.SortFunc(c.Stages, func(a, b StageRow) int {
		return s.names.byStage(transform.StageKey{Funnel: a.FunnelID, Stage: a.StageID}, transform.StageKey{Funnel: b.FunnelID, Stage: b.StageID})
	})
	slices.SortFunc(c.Managers, func(a, b ManagerRow) int {
		return cmp.Or(cmp.Compare(b.WhatIf.OverdueDays, a.WhatIf.OverdueDays), cmp.Compare(a.ManagerID, b.ManagerID))
	})
	return c
}

func values[K comparable, V any](rows map[K]*V) []V {
	list := make([]V, 0, len(rows))
	for row := range maps.Values(rows) {
		list = append(list, *row)
	}
	return list
}
