package whatif

import (
	"time"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/transform"
)

// ProposeFrom proposes norms from the stage changes of a portal that no run has read, as Propose does, by stage of its
// funnels in their order. Days are calendar days in the zone; visits that had not ended at the portal's clock are left
// out.
func ProposeFrom(portal extractor.Description, changes []extractor.StageChange, zone *time.Location, share float64) []StageNorm {
	calendars := transform.Calendars{Default: transform.CalendarDays{}}
	rules := nightly.Rules(config.Config{Portal: config.Portal{TimeZone: zone}}, portal.Funnels, calendars)
	dates := transform.Dates{AsOf: transform.DayOf(portal.Clock, zone), PublishedAsOf: transform.NoDay, Clock: portal.Clock}
	histories := map[extractor.DealID]*transform.History{}
	for _, change := range changes {
		h := histories[change.DealID]
		if h == nil {
			h = &transform.History{Deal: extractor.Deal{ID: change.DealID}}
			histories[change.DealID] = h
		}
		h.Changes = append(h.Changes, transform.Change{StageChange: change})
	}
	sink := durations{map[transform.StageKey]Durations{}, &calendars}
	for _, h := range histories {
		// The deal is taken to be where its history ends.
		last := &h.Changes[0]
		for i := range h.Changes {
			if c := &h.Changes[i]; c.ChangedAt.After(last.ChangedAt) || c.ChangedAt.Equal(last.ChangedAt) && c.ID > last.ID {
				last = c
			}
		}
		h.Deal.FunnelID, h.Deal.StageID, h.Deal.Semantics = last.FunnelID, last.StageID, last.Semantics
		sink.take(rules.Derive(h, dates).Visits)
	}
	s := source{names: newNames(portal.Funnels, nil), other: rulebook{rules: rules}}
	return s.stageNorms(sink.of, share, dates.AsOf)
}
