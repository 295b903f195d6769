package loader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
)

// A Growth is how visits go on from the published state of which nothing changes but the date. The engine makes their
// facts, so that a night reads the deals that have changed, and not all that are open.
//
// Such a visit is open, its manager was seen on the published as-of date, it is paused neither on that date nor on the
// next; of its deal nothing was landed since. Everything that a deal is derived from is then what it was: its moments,
// its plan, and its manager, whom the portal shows today as well. So it gets the facts of the days since, and no other
// row: pauses that are over, or still to come, are in the numbers of the visit.
type Growth struct {
	// AsOf is the date of the facts; NoDay where the published state has that date already.
	AsOf transform.Day
	// Published is the as-of date of the published state.
	Published transform.Day
	// Pauses are the fields that pause a deal. One whose flag is set, and one whose pause has a first day and no last,
	// is derived: its visits do not have all that they say.
	Pauses    transform.PauseFields
	Calendars *transform.Calendars
}

// GrowthOf is how the published state goes on under the same rules, nil where the managers of days are not known
// because a night was missed or the as-of date is not today's.
func GrowthOf(rules *transform.Rules, dates transform.Dates) *Growth {
	g := Growth{AsOf: dates.AsOf, Published: dates.PublishedAsOf, Pauses: rules.Pauses, Calendars: &rules.Calendars}
	switch {
	case dates.AsOf == dates.PublishedAsOf:
		g.AsOf = transform.NoDay
		return &g
	case dates.AsOf == dates.PublishedAsOf+1 && dates.AsOf == transform.DayOf(dates.Clock, rules.Zone):
		return &g
	}
	return nil
}

// growing is the condition for the visits of the published state that grow if their deals have not changed.
func (s *Shard) growing(g *Growth) string {
	where := s.shown + " AND is_open AND NOT is_gone AND tenure_source[-1] = 'seen'"
	var pauses []string
	if g.Pauses.Flag != "" {
		pauses = append(pauses, fmt.Sprintf("upper(trimBoth(fields['%s'])) NOT IN ('', 'N', '0', 'FALSE')", g.Pauses.Flag))
	}
	if g.Pauses.From != "" {
		open := fmt.Sprintf("fields['%s'] != ''", g.Pauses.From)
		if g.Pauses.Until != "" {
			open += fmt.Sprintf(" AND fields['%s'] = ''", g.Pauses.Until)
		}
		pauses = append(pauses, open)
	}
	// Published pauses count also where the configuration names no field for them any more.
	where += fmt.Sprintf(" AND NOT arrayExists((f, u) -> f <= toDate(%d) AND u >= toDate(%d), pause_from, pause_until)", g.Published+1, g.Published)
	if len(pauses) > 0 {
		where += " AND deal_id NOT IN (SELECT deal_id FROM landing_deals WHERE " + strings.Join(pauses, " OR ") + ")"
	}
	return where
}

// ungrown is the condition for the open visits whose deals have to be derived.
func (s *Shard) ungrown(g *Growth) string {
	open := "is_open AND NOT is_gone AND " + s.shown
	if g == nil {
		return open
	}
	return open + " AND NOT (" + s.growing(g) + ")"
}

// grownFact is what a fact has in place of what its visit has.
var grownFact = map[string]string{
	"run_id":         "run",
	"sign":           "1",
	"day":            "as_of",
	"manager_source": "'seen'",
	"overdue_days":   "if(is_planned, greatest(0, number - accrues_number), 0)",
	"overdue_day":    "is_planned AND as_of > greatest(planned_end, entered_date) AND counts",
	"days_left":      "if(is_planned, greatest(0, due_number - number), -1)",
	"is_counting":    "counts",
	"pause_source":   "''",
}

// Grow appends the facts of the visits that grow, without those of the deals that are derived, whose ids are ascending.
func (s *Shard) Grow(ctx context.Context, g *Growth, derived []extractor.DealID) (Appended, error) {
	if g == nil || g.AsOf == transform.NoDay {
		return Appended{}, nil
	}
	others, err := ext.NewTable("derived_deals", ext.Column("deal_id", "UInt64"))
	if err != nil {
		return Appended{}, err
	}
	ids := make([]uint64, len(derived))
	for i, id := range derived {
		ids[i] = uint64(id)
	}
	if _, err := others.Block().Columns[0].Append(ids); err != nil {
		return Appended{}, fmt.Errorf("list the deals that are derived: %w", err)
	}
	from := "FROM visits WHERE " + s.growing(g) + " AND deal_id NOT IN (SELECT deal_id FROM derived_deals)"
	var appended Appended
	withOthers := clickhouse.Context(ctx, clickhouse.WithExternalTable(others))
	if err := s.conn.QueryRow(withOthers, "SELECT count() "+from).Scan(&appended.Facts); err != nil {
		return Appended{}, fmt.Errorf("count the visits that grow: %w", err)
	}
	if appended.Facts == 0 {
		return appended, nil
	}
	statement := fmt.Sprintf(`
		INSERT INTO %s (%s)
		WITH
			toUInt32(%d) AS run, toDate(%d) AS as_of, plan_source != 'none' AS is_planned,
			%s AS number, number > %s AS counts
		SELECT %s %s`,
		factTable.name, factTable.names(), s.run, g.AsOf, numberOf(g.Calendars, g.AsOf), numberOf(g.Calendars, g.AsOf-1),
		factTable.selection(grownFact), from)
	s.appenders++
	insert := &sender{
		conn: s.conn, table: factTable.name, token: s.token(factTable.name),
		write: func(ctx context.Context, conn driver.Conn, _ string, _ []any) error {
			return conn.Exec(clickhouse.Context(ctx, clickhouse.WithExternalTable(others)), statement)
		},
	}
	if err := insert.insert(ctx, sending{token: insert.token}); err != nil {
		return Appended{}, fmt.Errorf("append the facts of the visits that grow: %w", err)
	}
	return appended, nil
}

// numberOf is the number of a day in the calendar of a visit's funnel, as an expression.
func numberOf(c *transform.Calendars, day transform.Day) string {
	usual := fmt.Sprintf("toInt32(%d)", c.Default.Number(day))
	if len(c.Funnels) == 0 {
		return usual
	}
	var funnels, numbers []string
	for _, funnel := range slices.Sorted(maps.Keys(c.Funnels)) {
		funnels = append(funnels, fmt.Sprint(funnel))
		numbers = append(numbers, fmt.Sprint(c.Funnels[funnel].Number(day)))
	}
	return fmt.Sprintf("transform(funnel_id, CAST([%s], 'Array(UInt32)'), CAST([%s], 'Array(Int32)'), %s)",
		strings.Join(funnels, ", "), strings.Join(numbers, ", "), usual)
}
