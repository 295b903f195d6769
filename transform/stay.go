package transform

import (
	"cmp"
	"slices"
	"time"

	"stagelag/extractor"
)

// moment is a stage change on its way to becoming a visit.
type moment struct {
	extractor.StageChange
	source HistorySource
	// isPlaceUnknown marks the last one of a deal that the portal shows without a stage.
	isPlaceUnknown bool
}

// A stay is a visit in the making: the changes that led the deal into its stage. There are several where a stage
// was replaced by another, or left for less than a visit lasts; the first of them began the visit.
type stay struct {
	moments   []moment
	key       StageKey
	semantics extractor.Semantics
	isKnown   bool // to the portal of today
}

func (s *stay) first() *moment { return &s.moments[0] }

// days are those of the entry and of leaving of the i-th stay, which lasts to the as-of date where none follows.
func (s *stay) days(i int, stays []stay, asOf Day, zone *time.Location) (entered, left Day) {
	if i+1 < len(stays) {
		asOf = DayOf(stays[i+1].first().ChangedAt, zone)
	}
	return DayOf(s.first().ChangedAt, zone), asOf
}

// moments are the beginnings of the deal's stays in their order, later ones than any as-of date included.
func (r *Rules) moments(h *History) []moment {
	deal := &h.Deal
	var moments []moment
	for _, change := range survivors(h) {
		moments = append(moments, moment{StageChange: change})
	}
	last := len(moments) - 1
	if deal.IsPlaceUnknown && last >= 0 && (deal.StageID == "" || !moments[last].ChangedAt.Before(deal.MovedAt)) {
		moments[last].isPlaceUnknown = true
		return moments
	}
	if last >= 0 && moments[last].StageID == deal.StageID && moments[last].FunnelID == deal.FunnelID {
		return moments
	}
	begun := moment{StageChange: extractor.StageChange{
		DealID: deal.ID, FunnelID: deal.FunnelID, StageID: deal.StageID, Semantics: deal.Semantics,
		ChangedAt: cmp.Or(deal.MovedAt, deal.CreatedAt, deal.UpdatedAt),
	}, source: Reconstructed, isPlaceUnknown: deal.IsPlaceUnknown}
	if last >= 0 && begun.ChangedAt.Before(moments[last].ChangedAt) {
		// The deal's last move can't be before a change that its history has.
		begun.ChangedAt = moments[last].ChangedAt
	}
	return append(moments, begun)
}

// stays are the deal's visits up to the as-of date, over all funnels: changes between stages that the map makes
// the same are no moves, and what was left too soon is no visit.
func (r *Rules) stays(moments []moment, asOf Day) []stay {
	stays := make([]stay, 0, len(moments))
	for i := range moments {
		m := &moments[i]
		if DayOf(m.ChangedAt, r.Zone) > asOf {
			continue
		}
		s := stay{moments: moments[i : i+1 : i+1]}
		s.key, s.semantics, s.isKnown = r.stage(m.FunnelID, m.StageID, m.Semantics)
		if last := len(stays) - 1; last >= 0 && stays[last].key == s.key && !stays[last].hasLed(m) {
			stays[last].moments = append(stays[last].moments, *m)
			continue
		}
		stays = append(stays, s)
	}
	if r.Shortest > 0 {
		return withoutSlips(stays, r.Shortest)
	}
	return stays
}

// hasLed is whether the last change of the stay was into the same stage of the portal: coming to it once more is
// a visit of its own.
func (s *stay) hasLed(m *moment) bool {
	last := &s.moments[len(s.moments)-1]
	return last.FunnelID == m.FunnelID && last.StageID == m.StageID
}

// withoutSlips drops the stays that were left sooner than a visit lasts, all at once. The stay before one lasts on,
// and is one with the stay after it where both are in the same stage.
func withoutSlips(stays []stay, shortest time.Duration) []stay {
	kept := make([]stay, 0, len(stays))
	hasSlipped := false
	for i := range stays {
		if i+1 < len(stays) && stays[i+1].first().ChangedAt.Sub(stays[i].first().ChangedAt) < shortest {
			hasSlipped = true
			continue
		}
		if last := len(kept) - 1; hasSlipped && last >= 0 && kept[last].key == stays[i].key {
			kept[last].moments = slices.Concat(kept[last].moments, stays[i].moments)
		} else {
			kept = append(kept, stays[i])
		}
		hasSlipped = false
	}
	return kept
}

// survivors are the changes that count, by time and id. One that the portal has stopped returning was a mistake
// that somebody corrected, unless the portal has rather lost it: with all that it had of a funnel that the deal
// left, with the deal, or as the closing of a deal that was reopened.
func survivors(h *History) []extractor.StageChange {
	changes := withoutTwins(h.Changes)
	told := slices.IndexFunc(changes, func(c Change) bool { return !c.HasVanished() })
	isLost := make([]bool, len(changes))
	for begin := 0; begin < len(changes); {
		end := begin + 1
		for end < len(changes) && !isAnotherFunnel(&changes[end-1], &changes[end]) {
			end++
		}
		if end < len(changes) {
			markForgotten(changes[begin:end], isLost[begin:end])
		}
		begin = end
	}
	kept := make([]extractor.StageChange, 0, len(changes))
	follower := h.Deal.Semantics // of the change that comes next, from the end backwards
	for i, change := range slices.Backward(changes) {
		wasReopened := change.Semantics.IsFinal() && !follower.IsFinal()
		// Where the portal returns a change of before the deal was gone, it returns all that there are.
		isBack := told >= 0 && changes[told].ChangedAt.Before(change.VanishedAt)
		if change.HasVanished() && !isLost[i] && !wasReopened && (!change.WentWithDeal || isBack) {
			continue
		}
		follower = change.Semantics
		kept = append(kept, change.StageChange)
	}
	slices.Reverse(kept)
	return kept
}

// withoutTwins are the changes by time and id, without those that the portal has given anew under another id.
func withoutTwins(changes []Change) []Change {
	kept := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.IsTwin })
	slices.SortFunc(kept, func(a, b Change) int {
		return cmp.Or(a.ChangedAt.Compare(b.ChangedAt), cmp.Compare(a.ID, b.ID))
	})
	return kept
}

// The types of a stage change that begin the history of a deal in a funnel.
const (
	typeCreated       = 1
	typeChangedFunnel = 5
)

// isAnotherFunnel is whether the deal changed its funnel between two changes that follow each other, possibly by
// way of others and back. Some portals write the change of a funnel as the creation.
func isAnotherFunnel(before, after *Change) bool {
	return before.FunnelID != after.FunnelID || after.TypeID == typeChangedFunnel || after.TypeID == typeCreated
}

// markForgotten marks the changes of a stay in a funnel that the portal has forgotten after the deal had left the
// funnel: all that it had still returned then. Where it returns some, the others were corrected.
func markForgotten(changes []Change, isLost []bool) {
	var at time.Time
	for i := range changes {
		if !changes[i].HasVanished() {
			return
		}
		if changes[i].VanishedAt.After(at) {
			at = changes[i].VanishedAt
		}
	}
	for i := range changes {
		isLost[i] = changes[i].VanishedAt.Equal(at)
	}
}
