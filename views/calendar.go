package views

import (
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
)

// CountsWorkingDays is whether a calendar of the funnels has days that do not count, so that plans and overdue days are
// in working days there.
func (v Views) CountsWorkingDays(ctx context.Context, in Funnels) (bool, error) {
	type calendar struct {
		name       string // empty for the one of all funnels that have none of their own
		funnels    []uint32
		hasDaysOff bool
	}
	calendars, err := list(read(ctx, v, "calendar_days", "SELECT calendar, any(funnels), max(counts = 0) FROM calendar_days GROUP BY calendar",
		func(rows driver.Rows, c *calendar) error {
			var off uint8
			err := rows.Scan(&c.name, &c.funnels, &off)
			c.hasDaysOff = off > 0
			return err
		}))
	if err != nil {
		return false, err
	}
	has := func(c calendar) func(extractor.FunnelID) bool {
		return func(id extractor.FunnelID) bool { return slices.Contains(c.funnels, uint32(id)) }
	}
	rest := slices.DeleteFunc(slices.Clone(in), func(id extractor.FunnelID) bool {
		return slices.ContainsFunc(calendars, func(c calendar) bool { return has(c)(id) })
	})
	return slices.ContainsFunc(calendars, func(c calendar) bool {
		isOf := len(in) == 0 || slices.ContainsFunc(in, has(c)) || c.name == "" && len(rest) > 0
		return c.hasDaysOff && isOf
	}), nil
}
