package letter

import (
	"context"

	"stagelag/config"
	"stagelag/warehouse"
)

// Content is what letters tell, for tests that send many times what is read once.
type Content = content

// ReadContent reads what the letters tell, with the report.
func ReadContent(ctx context.Context, w *warehouse.Warehouse) (*Content, error) {
	return readContent(ctx, w, true, config.Targets{})
}

// RunOn is Run for what was read before.
func RunOn(ctx context.Context, m Mailing, c *Content) (Summary, error) {
	return m.run(ctx, func(context.Context) (*content, error) { return c, nil })
}
