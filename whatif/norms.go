package whatif

import (
	"context"
	"maps"
	"slices"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
)

// LeastVisits is how many visits to a stage must have ended for a norm to be proposed.
const LeastVisits = 20

// Durations counts how many visits lasted how many days: see transform.Visit.Lasted.
type Durations map[int32]int64

// Count is how many visits there are.
func (d Durations) Count() (n int64) {
	for _, visits := range d {
		n += visits
	}
	return n
}

// Within is how many lasted at most so many days.
func (d Durations) Within(days int32) (n int64) {
	for lasted, visits := range d {
		if lasted <= days {
			n += visits
		}
	}
	return n
}

// Least is the fewest days within which the share of the visits ended. There is at least one visit.
func (d Durations) Least(share float64) int32 {
	const rounding = 1e-9 // 0.07 of a hundred are a little more than seven
	wanted := share*float64(d.Count()) - rounding
	days, within := int32(0), int64(0)
	for _, lasted := range slices.Sorted(maps.Keys(d)) {
		days = lasted
		if within += d[lasted]; float64(within) >= wanted {
			break
		}
	}
	return days
}

// A StageNorm is how long visits to a stage lasted, and what norms would have meant for them. Days are those that
// count in the calendar of the funnel, without paused ones.
type StageNorm struct {
	FunnelID   extractor.FunnelID `json:"funnel_id"`
	FunnelName string             `json:"funnel_name"`
	StageID    extractor.StageID  `json:"stage_id"`
	StageName  string             `json:"stage_name"`
	Ended      int64              `json:"visits_ended"`
	// Median is the fewest days within which half of the visits ended, Days those within which the share did; null
	// without visits.
	Median *int32 `json:"median_days"`
	Days   *int32 `json:"share_days"`
	// Norm is the norm in force on the as-of date, null for none, and NormRate the share of the visits that ended
	// within it.
	Norm     *int32   `json:"norm_days"`
	NormRate *float64 `json:"norm_on_time_rate"`
	// Proposed is the proposed norm, null for too few visits, and ProposedRate the share that ended within it.
	Proposed     *int32   `json:"proposed_days"`
	ProposedRate *float64 `json:"proposed_on_time_rate"`
	// IsWorking is whether not all days count.
	IsWorking bool `json:"counts_working_days"`
}

// Norms are proposals from the visits that have ended.
type Norms struct {
	RunID  loader.RunID `json:"run_id"`
	AsOf   string       `json:"as_of"`
	Share  float64      `json:"share"`
	Least  int          `json:"least_visits"` // for a proposal
	Stages []StageNorm  `json:"stages"`       // by funnel, in the portal's order
}

// durations are those of each stage.
type durations struct {
	of        map[transform.StageKey]Durations
	calendars *transform.Calendars
}

func (d *durations) take(visits []transform.Visit) {
	for i := range visits {
		v := &visits[i]
		if v.IsOpen() || v.IsWaiting || v.Semantics.IsFinal() {
			continue
		}
		key := transform.StageKey{Funnel: v.FunnelID, Stage: v.StageID}
		if d.of[key] == nil {
			d.of[key] = Durations{}
		}
		d.of[key][v.Lasted(d.calendars.Of(v.FunnelID))]++
	}
}

// Propose proposes norms for the process stages of the configuration's funnels, except the waiting ones: the fewest
// days within which the share, between 0 and 1, of the visits ended. The visits are those of the landed data under
// the configuration of o, as of the last published run; open ones are left out.
func Propose(ctx context.Context, o Options, share float64) (Norms, error) {
	var n Norms
	err := use(ctx, o, func(s *source) error {
		sinks, err := derive(ctx, s, func() *durations {
			return &durations{map[transform.StageKey]Durations{}, &s.other.rules.Calendars}
		}, (*durations).take)
		if err != nil {
			return err
		}
		of := map[transform.StageKey]Durations{}
		for _, sink := range sinks {
			for key, d := range sink.of {
				if of[key] == nil {
					of[key] = Durations{}
				}
				for days, visits := range d {
					of[key][days] += visits
				}
			}
		}
		n = s.norms(of, share)
		return nil
	})
	return n, err
}

func (s *source) norms(of map[transform.StageKey]Durations, share float64) Norms {
	asOf := s.landed.State.AsOf
	return Norms{RunID: s.landed.State.RunID, AsOf: asOf.String(), Share: share, Least: LeastVisits, Stages: s.stageNorms(of, share, asOf)}
}

// stageNorms are those of the process stages that the portal has, by funnel and in its order.
func (s *source) stageNorms(of map[transform.StageKey]Durations, share float64, asOf transform.Day) []StageNorm {
	rules := s.other.rules
	var keys []transform.StageKey
	for key, stage := range s.names.stages {
		isCovered := len(rules.Funnels) == 0 || rules.Funnels[key.Funnel]
		if isCovered && !stage.IsGone && !stage.Semantics.IsFinal() && !rules.Waiting[key.Stage] {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, s.names.byStage)
	rows := make([]StageNorm, 0, len(keys))
	for _, key := range keys {
		_, isWorking := rules.Calendars.Of(key.Funnel).(*transform.WorkingDays)
		row := StageNorm{
			FunnelID: key.Funnel, FunnelName: s.names.funnel(key.Funnel), StageID: key.Stage, StageName: s.names.stage(key), IsWorking: isWorking,
		}
		d := of[key]
		row.Ended = d.Count()
		rate := func(days int32) *float64 { return new(float64(d.Within(days)) / float64(row.Ended)) }
		if norm := rules.NormDays(key.Stage, asOf); norm >= 0 {
			row.Norm = &norm
			if row.Ended > 0 {
				row.NormRate = rate(norm)
			}
		}
		if row.Ended > 0 {
			row.Median, row.Days = new(d.Least(0.5)), new(d.Least(share))
		}
		if row.Ended >= LeastVisits {
			row.Proposed, row.ProposedRate = row.Days, rate(*row.Days)
		}
		rows = append(rows, row)
	}
	return rows
}

// HasProposal is whether a norm is proposed for any stage.
func (n *Norms) HasProposal() bool {
	return slices.ContainsFunc(n.Stages, func(s StageNorm) bool { return s.Proposed != nil })
}
