package views

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// CountsWorkingDays is whether a calendar of the funnels has days that do not count, so that plans and overdue days are
// in working days there.
func (v Views) CountsWorkingDays(ctx context.Context, in Funnels) (bool, error) {
	count, err := one(read(ctx, v, "calendar_days", "SELECT count() FROM calendar_days WHERE counts = 0 AND "+in.haveCalendar(),
		func(rows driver.Rows, n *uint64) error { return rows.Scan(n) }))
	return count > 0, err
}

// haveCalendar is the condition that a row of calendar_days belongs to the calendar of one of the funnels.
func (f Funnels) haveCalendar() string {
	if len(f) == 0 {
		return "1"
	}
	ids := "[" + strings.Join(f.texts(), ", ") + "]"
	return fmt.Sprintf("if(calendar != '', hasAny(funnels, %[1]s), NOT hasAll((SELECT groupUniqArrayArray(funnels) FROM calendar_days), %[1]s))", ids)
}
