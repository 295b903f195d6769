package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"stagelag/extractor"
	"stagelag/forecast"
	"stagelag/simulator"
	"stagelag/transform"
)

// A log is all visits of a portal, by stage, and the period that they are from.
type log struct {
	stages      map[transform.StageKey][]forecast.Visit
	first, last transform.Day
	// lots are what the visits of a generated portal were drawn with, in the order of stages.
	lots map[transform.StageKey][]lot
}

// A lot is what the generator drew for the length of a visit and no portal shows: how slow the deal is, and whether it
// is stuck in the stage.
type lot struct {
	pace    float64
	isStuck bool
}

func (l *log) add(stage transform.StageKey, v forecast.Visit) {
	if l.stages == nil {
		l.stages, l.first, l.last = map[transform.StageKey][]forecast.Visit{}, v.Entered, v.Entered
	}
	l.stages[stage] = append(l.stages[stage], v)
	l.first, l.last = min(l.first, v.Entered), max(l.last, v.Entered, v.Left)
}

// later is the date from which the later 60 % of the log's dates begin.
func (l *log) later() transform.Day { return l.first + (l.last-l.first)*2/5 }

// portal is what a generated portal's history holds: the visits that the rules make of it, with their plans.
func portal(seed uint64, deals, historyDays int) *log {
	now := time.Date(2026, 3, 31, 20, 0, 0, 0, time.UTC)
	world, suggested := simulator.Generate(simulator.GenerateOptions{Seed: seed, Deals: deals, Now: now, HistoryDays: historyDays})
	world.Advance(now)
	rules := rulesOf(world, suggested)
	dates := transform.Dates{AsOf: transform.DayOf(now, time.UTC), PublishedAsOf: transform.NoDay, Clock: now}
	l := &log{lots: map[transform.StageKey][]lot{}}
	for _, deal := range world.Deals() {
		derived := rules.Derive(historyOf(world, &deal), dates)
		if len(derived.Visits) == 0 {
			continue
		}
		pace, stuckIn := drawn(seed, &deal, len(stagesOf(world, derived.Visits[0].FunnelID)))
		for i := range derived.Visits {
			v := &derived.Visits[i]
			if v.Semantics.IsFinal() {
				continue
			}
			key := transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}
			l.add(key, forecast.Visit{Entered: v.EnteredDate, Left: v.LeftDate, Planned: v.Plan.End})
			isStuck := stuckIn == slices.IndexFunc(stagesOf(world, v.FunnelID), func(s simulator.Stage) bool { return extractor.StageID(s.ID) == v.StageID }) &&
				v.LeftDate != v.EnteredDate // it only passed through
			if isStuck {
				stuckIn = never
			}
			l.lots[key] = append(l.lots[key], lot{pace, isStuck})
		}
	}
	l.last = dates.AsOf
	return l
}

// never is the number of no stage.
const never = -2

// drawn repeats the first draws of a generated deal: how slow it is, and the number of the stage in which it gets stuck.
func drawn(seed uint64, deal *simulator.Deal, stages int) (pace float64, stuckIn int) {
	r := rand.New(rand.NewPCG(seed, uint64(deal.ID)))
	r.IntN(100) // the funnel
	pace = math.Exp(0.25 * r.NormFloat64())
	if r.Float64() < 0.28 {
		return pace, r.IntN(stages - 2)
	}
	return pace, never
}

func stagesOf(world *simulator.World, funnel extractor.FunnelID) []simulator.Stage {
	funnels := world.Funnels()
	i := slices.IndexFunc(funnels, func(f simulator.Funnel) bool { return extractor.FunnelID(f.ID) == funnel })
	if i < 0 {
		return nil
	}
	return funnels[i].Stages
}

func rulesOf(world *simulator.World, suggested simulator.Suggested) *transform.Rules {
	rules := &transform.Rules{
		Zone: time.UTC, Calendars: transform.Calendars{Default: transform.CalendarDays{}}, Stages: map[transform.StageKey]extractor.Stage{},
		StageMap: map[extractor.StageID]extractor.StageID{}, Fields: map[extractor.StageID]transform.PlanFields{}, Norms: map[extractor.StageID][]transform.Norm{},
	}
	for _, funnel := range world.Funnels() {
		for _, s := range funnel.Stages {
			key := transform.StageKey{Funnel: extractor.FunnelID(funnel.ID), Stage: extractor.StageID(s.ID)}
			rules.Stages[key] = extractor.Stage{ID: key.Stage, FunnelID: key.Funnel, Semantics: semanticsOf(s.Semantics)}
		}
	}
	for from, to := range suggested.StageMap {
		rules.StageMap[extractor.StageID(from)] = extractor.StageID(to)
	}
	for stage, fields := range suggested.Fields {
		rules.Fields[extractor.StageID(stage)] = transform.PlanFields(fields)
	}
	for _, norm := range suggested.Norms {
		from := transform.NoDay
		if norm.From != "" {
			from = date(norm.From)
		}
		stage := extractor.StageID(norm.Stage)
		rules.Norms[stage] = append(rules.Norms[stage], transform.Norm{From: from, Days: int32(norm.Days)})
	}
	return rules
}

func historyOf(world *simulator.World, deal *simulator.Deal) *transform.History {
	h := &transform.History{Deal: extractor.Deal{
		ID: extractor.DealID(deal.ID), FunnelID: extractor.FunnelID(deal.Funnel), StageID: extractor.StageID(deal.Stage),
		CreatedAt: deal.Created, MovedAt: deal.Moved, UpdatedAt: deal.Updated, IsRecurring: deal.IsRecurring, Fields: map[string]string{},
	}}
	for name, value := range deal.Fields {
		h.Deal.Fields[name] = fmt.Sprint(value)
	}
	for _, c := range world.History(deal.ID) {
		h.Changes = append(h.Changes, transform.Change{StageChange: extractor.StageChange{
			ID: extractor.ChangeID(c.ID), DealID: h.Deal.ID, ChangedAt: c.At, FunnelID: extractor.FunnelID(c.Funnel),
			StageID: extractor.StageID(c.Stage), Semantics: semanticsOf(c.Semantics), TypeID: uint8(c.TypeID),
		}})
		h.Deal.Semantics = semanticsOf(c.Semantics)
	}
	return h
}

func semanticsOf(s simulator.Semantics) extractor.Semantics {
	return map[simulator.Semantics]extractor.Semantics{
		simulator.Process: extractor.Process, simulator.Success: extractor.Success, simulator.Failure: extractor.Failure,
	}[s]
}

// faster is a log of two stages: one becomes three times as fast half-way, the other stays as it was.
func faster(seed uint64) *log {
	r := rand.New(rand.NewPCG(seed, 1))
	l := &log{}
	const days, aDay = 900, 4
	for i := range days * aDay {
		entered := start + transform.Day(i/aDay)
		for _, stage := range []transform.StageKey{changing, steady} {
			lasts := 45 * math.Exp(0.6*r.NormFloat64())
			if half := float64(start + days/2 - entered); stage == changing && lasts > half {
				lasts = max(0, half) + (lasts-max(0, half))/3 // what is left of it goes faster
			}
			l.close(stage, entered, lasts, start+days)
		}
	}
	return l
}

// twoSpeeds is a log of two stages through which most deals pass within days, and the rest after some weeks.
func twoSpeeds(seed uint64) *log {
	r := rand.New(rand.NewPCG(seed, 3))
	l := &log{}
	const days, aDay = 900, 4
	for i := range days * aDay {
		entered := start + transform.Day(i/aDay)
		for at, stage := range []transform.StageKey{changing, steady} {
			lasts := 3 * math.Exp(0.7*r.NormFloat64())
			if r.Float64() < 0.35 {
				lasts = max(0, []float64{50, 30}[at]+10*r.NormFloat64())
			}
			l.close(stage, entered, lasts, start+days)
		}
	}
	return l
}

// biased is a log in which a stage has only the visits that had ended when the log was drawn.
func biased(seed uint64) *log {
	r := rand.New(rand.NewPCG(seed, 2))
	l := &log{}
	const days, aDay = 900, 4
	for i := range days * aDay {
		entered := start + transform.Day(i/aDay)
		lasts := 120 * math.Exp(1.2*r.NormFloat64())
		if entered+transform.Day(lasts) < start+days {
			l.close(changing, entered, lasts, start+days)
		}
		l.close(steady, entered, 45*math.Exp(0.6*r.NormFloat64()), start+days)
	}
	return l
}

var (
	changing = transform.StageKey{Funnel: 1, Stage: "CHANGING"}
	steady   = transform.StageKey{Funnel: 1, Stage: "STEADY"}
	start    = date("2024-01-01")
)

// close adds a visit, which is open when its end is not before the end of the log.
func (l *log) close(stage transform.StageKey, entered transform.Day, lasts float64, end transform.Day) {
	v := forecast.Visit{Entered: entered, Left: entered + transform.Day(lasts), Planned: entered + 50}
	if v.Left >= end {
		v.Left = transform.NoDay
	}
	l.add(stage, v)
}

func date(text string) transform.Day {
	day, err := transform.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return day
}
