package extractor

import (
	"context"
	"fmt"

	"stagelag/bitrix24"
)

// Changes reads the stage changes in the funnels, all of them if none is given, where there are at most so many. Of
// more it reads none beyond that, and returns isMore alone.
func Changes(ctx context.Context, c *bitrix24.Client, d Description, funnels []FunnelID, most int, progress func(rows, total int)) (changes []StageChange, isMore bool, err error) {
	r, err := newReader(c, d, funnels, nil)
	if err != nil {
		return nil, false, err
	}
	_, total, err := r.sizes(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("count stage changes: %w", err)
	}
	if total > most {
		return nil, true, nil
	}
	for block, err := range r.changes(ctx, 0, total) {
		if err != nil {
			return nil, false, fmt.Errorf("stage changes: %w", err)
		}
		// The portal may not have said how many there are.
		if changes = append(changes, block.rows...); len(changes) > most {
			return nil, true, nil
		}
		progress(len(changes), total)
	}
	return changes, false, nil
}
