package setup

import (
	"fmt"

	"stagelag/extractor"
)

// NormLine is an item of plan.norms, with a remark behind it.
func NormLine(stage extractor.StageID, days int32, remark string) string {
	return fmt.Sprintf("- {stage: %s, days: %d}%s", quote(string(stage)), days, comment(remark))
}
