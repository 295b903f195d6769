package transform

import (
	"time"

	"stagelag/extractor"
)

// Rules is what a derivation needs to know beside the deals: the configuration, and
// the portal's stages as they are today.
type Rules struct {
	Zone      *time.Location
	Calendars Calendars
	// Funnels are the funnels in the report; all of them when it is empty.
	Funnels map[extractor.FunnelID]bool
	// Stages are the portal's stages of today, and those that it had once.
	Stages map[StageKey]extractor.Stage
	// StageMap leads from a stage that no longer exists to the one that it counts as.
	StageMap map[extractor.StageID]extractor.StageID
	Fields   map[extractor.StageID]PlanFields
	// Norms are in the order of their dates for each stage.
	Norms map[extractor.StageID][]Norm
	// Waiting are the stages in which a deal waits for somebody else.
	Waiting map[extractor.StageID]bool
	Pauses  PauseFields
	// Published is what the published state was derived under.
	Published Published
	// Shortest is how long a visit lasts at least; what was left sooner is a slip. Zero: there are none.
	Shortest time.Duration
	// WhatIf is nil for a run.
	WhatIf *WhatIf
}

// Published is what the published state was derived under.
type Published struct {
	// Calendars are those of then: the same pointer as those of the rules, or nil, where they are equal.
	Calendars *Calendars
	// HasSameRules is whether it was derived under the same rules.
	HasSameRules bool
}

// A StageKey names a stage: its id alone is unique on most portals, not on all.
type StageKey struct {
	Funnel extractor.FunnelID
	Stage  extractor.StageID
}

// stage tells what a stage id of the portal counts as today. One that the portal has no more and that is not mapped
// counts as itself, with the semantics that the portal last gave it, else with those that it came with.
func (r *Rules) stage(funnel extractor.FunnelID, id extractor.StageID, then extractor.Semantics) (key StageKey, semantics extractor.Semantics, isKnown bool) {
	key = StageKey{funnel, id}
	stage, ok := r.Stages[key]
	if ok && !stage.IsGone {
		return key, stage.Semantics, true
	}
	if target, isMapped := r.StageMap[id]; isMapped {
		to, found := r.target(funnel, target)
		if !found {
			return StageKey{funnel, target}, then, false
		}
		return StageKey{to.FunnelID, to.ID}, to.Semantics, !to.IsGone
	}
	if ok {
		return key, stage.Semantics, false
	}
	return key, then, false
}

// publishedCalendars are those that the published state was counted under.
func (r *Rules) publishedCalendars() *Calendars {
	if r.Published.Calendars == nil {
		return &r.Calendars
	}
	return r.Published.Calendars
}

// target is the stage that the map leads to, preferably in the funnel that it leads from.
func (r *Rules) target(funnel extractor.FunnelID, id extractor.StageID) (extractor.Stage, bool) {
	if stage, ok := r.Stages[StageKey{funnel, id}]; ok {
		return stage, true
	}
	var found extractor.Stage
	ok := false
	for key, stage := range r.Stages {
		if key.Stage == id && (!ok || key.Funnel < found.FunnelID) {
			found, ok = stage, true
		}
	}
	return found, ok
}

// covers is whether a funnel is in the report.
func (r *Rules) covers(funnel extractor.FunnelID) bool {
	return len(r.Funnels) == 0 || r.Funnels[funnel]
}

// Dates are the dates of a derivation. All days are in the portal's zone.
type Dates struct {
	// RunID is the number of the run that derives.
	RunID uint32
	AsOf  Day
	// PublishedAsOf is the as-of date of the published visits; NoDay where there are none.
	PublishedAsOf Day
	// Clock is the portal's own clock when the run began.
	Clock time.Time
}
