package whatif

import (
	"cmp"
	"strconv"

	"stagelag/extractor"
	"stagelag/transform"
)

// names are those of what was published.
type names struct {
	funnels  map[extractor.FunnelID]string
	stages   map[transform.StageKey]extractor.Stage
	places   map[transform.StageKey]int // in the portal's order
	managers map[extractor.ManagerID]string
}

func newNames(funnels []extractor.Funnel, managers map[extractor.ManagerID]string) names {
	n := names{map[extractor.FunnelID]string{}, map[transform.StageKey]extractor.Stage{}, map[transform.StageKey]int{}, managers}
	for _, funnel := range funnels {
		n.funnels[funnel.ID] = funnel.Name
		for _, stage := range funnel.Stages {
			key := transform.StageKey{Funnel: stage.FunnelID, Stage: stage.ID}
			n.stages[key], n.places[key] = stage, int(stage.Sort)
		}
	}
	return n
}

func (n *names) funnel(id extractor.FunnelID) string {
	return cmp.Or(n.funnels[id], "#"+strconv.FormatUint(uint64(id), 10))
}

func (n *names) stage(key transform.StageKey) string {
	return cmp.Or(n.stages[key].Name, string(key.Stage))
}

func (n *names) manager(id extractor.ManagerID) string {
	return cmp.Or(n.managers[id], "#"+strconv.FormatUint(uint64(id), 10))
}

// byStage orders stages by funnel and as the portal does; those that it has no longer come last.
func (n *names) byStage(a, b transform.StageKey) int {
	place := func(key transform.StageKey) int {
		if stage, ok := n.stages[key]; ok && !stage.IsGone {
			return n.places[key]
		}
		return 1 << 30
	}
	return cmp.Or(cmp.Compare(a.Funnel, b.Funnel), cmp.Compare(place(a), place(b)), cmp.Compare(a.Stage, b.Stage))
}
