package transform

import (
	"time"

	"stagelag/extractor"
)

// Rules is what a derivation needs to know beside the deals: the configuration, and
// the portal's stages as they are today.
type Rules struct {
	Zone     *time.Location
	Calendar Calendar
	// Funnels are the funnels in the report; all of them when it is empty.
	Funnels map[extractor.FunnelID]bool
	// Stages are the portal's stages of today.
	Stages map[StageKey]extractor.Stage
	// StageMap leads from a stage that no longer exists to the one that it counts as.
	StageMap map[extractor.StageID]extractor.StageID
	Fields   map[extractor.StageID]PlanFields
	// Norms are in the order of their dates for each stage.
	Norms map[extractor.StageID][]Norm
}

// A StageKey names a stage: its id alone is unique on most portals, not on all.
type StageKey struct {
	Funnel extractor.FunnelID
	Stage  extractor.StageID
}

// stage tells what a stage id of the portal counts as today. An id that neither the
// portal nor the map knows counts as itself, with the semantics that it came with.
func (r *Rules) stage(funnel extractor.FunnelID, id extractor.StageID, then extractor.Semantics) (key StageKey, semantics extractor.Semantics, isKnown bool) {
	key = StageKey{funnel, id}
	if stage, ok := r.Stages[key]; ok {
		return key, stage.Semantics, true
	}
	target, ok := r.StageMap[id]
	if !ok {
		return key, then, false
	}
	if stage, ok := r.Stages[StageKey{funnel, target}]; ok {
		return StageKey{funnel, target}, stage.Semantics, true
	}
	found := false
	for other, stage := range r.Stages {
		if other.Stage == target && (!found || other.Funnel < key.Funnel) {
			key, semantics, found = other, stage.Semantics, true
		}
	}
	if !found {
		return key, then, false
	}
	return key, semantics, true
}

// covers is whether a funnel is in the report.
func (r *Rules) covers(funnel extractor.FunnelID) bool {
	return len(r.Funnels) == 0 || r.Funnels[funnel]
}

// Dates are the dates of a derivation. All days are in the portal's zone.
type Dates struct {
	AsOf Day
	// PublishedAsOf is the as-of date of the published visits; NoDay where there are none.
	PublishedAsOf Day
	// Clock is the portal's own clock when the run began.
	Clock time.Time
}
