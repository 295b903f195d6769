package views

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/loader"
	"stagelag/transform"
)

// Published is the run whose state the views show.
type Published struct {
	RunID loader.RunID // 0: no run was published yet
	AsOf  transform.Day
	// StartedAt and FinishedAt are zero where no run was published.
	StartedAt, FinishedAt time.Time
}

// Published is the newest published run. A warehouse without views has none, which is no error.
func (v Views) Published(ctx context.Context) (Published, error) {
	newest := read(ctx, v, "runs", `
		SELECT run_id, toInt32(as_of), started_at, ifNull(finished_at, started_at)
		FROM runs WHERE status = 'published' ORDER BY run_id DESC LIMIT 1`,
		func(rows driver.Rows, p *Published) error {
			err := rows.Scan((*uint32)(&p.RunID), (*int32)(&p.AsOf), &p.StartedAt, &p.FinishedAt)
			p.StartedAt, p.FinishedAt = p.StartedAt.UTC(), p.FinishedAt.UTC()
			return err
		})
	for published, err := range newest {
		if err != nil && !isMissing(err) {
			return Published{}, err
		}
		if err == nil {
			return published, nil
		}
	}
	return Published{AsOf: transform.NoDay}, nil
}

// Runs are the newest runs, the newest first, at most so many.
func (v Views) Runs(ctx context.Context, most int) ([]loader.Row, error) {
	return list(read(ctx, v, "runs", `
		SELECT run_id, toString(as_of), started_at, finished_at, toString(status), deals_seen, deals_changed, history_rows,
			facts_appended, portal_requests, seconds_waited, error
		FROM runs ORDER BY run_id DESC LIMIT ?`,
		func(rows driver.Rows, r *loader.Row) error {
			return rows.Scan((*uint32)(&r.RunID), &r.AsOf, &r.StartedAt, &r.FinishedAt, &r.Status, &r.DealsSeen, &r.DealsChanged,
				&r.HistoryRows, &r.FactsAppended, &r.PortalRequests, &r.SecondsWaited, &r.Error)
		}, most))
}

// DateBefore is the last published as-of date before that of the newest run, NoDay for none.
func (v Views) DateBefore(ctx context.Context) (transform.Day, error) {
	return one(read(ctx, v, "runs", `
		SELECT toInt32(maxIf(as_of, as_of < newest)), countIf(as_of < newest)
		FROM (SELECT as_of, max(as_of) OVER () AS newest FROM runs WHERE status = 'published')`,
		func(rows driver.Rows, day *transform.Day) error {
			var earlier uint64
			err := rows.Scan((*int32)(day), &earlier)
			if earlier == 0 {
				*day = transform.NoDay
			}
			return err
		}))
}

// KnownFrom is the first date whose managers were seen and not assumed: the as-of date of the first published run, NoDay
// before it.
func (v Views) KnownFrom(ctx context.Context) (transform.Day, error) {
	return one(read(ctx, v, "runs", "SELECT toInt32(minOrNull(as_of)) FROM runs WHERE status = 'published'", func(rows driver.Rows, day *transform.Day) error {
		var first *int32
		err := rows.Scan(&first)
		*day = dayOrNone(first)
		return err
	}))
}
