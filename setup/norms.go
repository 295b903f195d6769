package setup

import (
	"fmt"
	"slices"

	"stagelag/extractor"
)

// HasNorms is whether the portal's history suggests any norm.
func (p Proposal) HasNorms() bool {
	return slices.ContainsFunc(p.Stages, func(s Stage) bool { return s.Norm != nil })
}

// NormLine is an item of plan.norms, with a remark behind it.
func NormLine(stage extractor.StageID, days int32, remark string) string {
	return fmt.Sprintf("- {stage: %s, days: %d}%s", quote(string(stage)), days, comment(remark))
}
