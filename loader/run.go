// Package loader appends what a run derived to the warehouse and publishes it in one
// step. It also keeps what the extraction landed, and gives it back deal by deal.
//
// Every row carries the number of its run. The views read the rows of published runs
// only, so all that a run wrote comes in with the one row that says it is published,
// and a run that dies leaves nothing that a reader could see.
package loader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/transform"
	"stagelag/warehouse"
)

// A RunID is the number of a run, ascending from 1.
type RunID uint32

// A Row is what the runs view shows of a run.
type Row struct {
	RunID          RunID      `json:"run_id"`
	AsOf           string     `json:"as_of"`
	StartedAt      time.Time  `json:"started_at"`
	FinishedAt     *time.Time `json:"finished_at"`
	Status         string     `json:"status"`
	DealsSeen      uint64     `json:"deals_seen"`
	DealsChanged   uint64     `json:"deals_changed"`
	HistoryRows    uint64     `json:"history_rows"`
	FactsAppended  uint64     `json:"facts_appended"`
	PortalRequests uint64     `json:"portal_requests"`
	SecondsWaited  float64    `json:"seconds_waited"`
	Warnings       []string   `json:"warnings"`
	Error          *string    `json:"error"`
}

// The states of a run.
const (
	Running   = "running"
	Failed    = "failed"
	Published = "published"
	Withdrawn = "withdrawn"
)

// A State is a run that was published: what the views show.
type State struct {
	RunID RunID // 0: nothing was ever published
	AsOf  transform.Day
	// PortalHost is the host of the portal that was read.
	PortalHost string
	// RulesHash is the fingerprint of the rules that the state was derived under, and Rules what the configuration
	// said of them.
	RulesHash, Rules string
	// Curves is the run whose forecasts are in force, 0 for none.
	Curves RunID
	// StartedAt and FinishedAt are the run's, zero for none.
	StartedAt, FinishedAt time.Time
}

// LastPublished is the state that the views show.
func LastPublished(ctx context.Context, conn driver.Conn) (State, error) {
	var state State
	var id, curves uint32
	var asOf, started, finished time.Time
	row := conn.QueryRow(ctx, `
		SELECT max(run_id), argMax(curves_run, run_id), argMax(as_of, run_id), argMax(portal_host, run_id), argMax(rules_hash, run_id), argMax(rules, run_id),
			argMax(started_at, run_id), argMax(assumeNotNull(finished_at), run_id)
		FROM run_events WHERE status = 'published' AND run_id IN (`+publishedRuns+`)`)
	if err := row.Scan(&id, &curves, &asOf, &state.PortalHost, &state.RulesHash, &state.Rules, &started, &finished); err != nil {
		return State{}, fmt.Errorf("read the last published run: %w", err)
	}
	state.RunID, state.Curves, state.AsOf = RunID(id), RunID(curves), transform.NoDay
	if id > 0 {
		state.AsOf = loadedDay(asOf)
		state.StartedAt, state.FinishedAt = started.UTC(), finished.UTC()
	}
	return state, nil
}

// PublishedDates are the first and the last as-of date of the runs that readers see, NoDay where there is none.
func PublishedDates(ctx context.Context, conn driver.Conn) (first, last transform.Day, err error) {
	var runs uint64
	var from, until time.Time
	row := conn.QueryRow(ctx, "SELECT count(), min(as_of), max(as_of) FROM run_events WHERE status = 'published' AND run_id IN ("+publishedRuns+")")
	if err := row.Scan(&runs, &from, &until); err != nil {
		return transform.NoDay, transform.NoDay, fmt.Errorf("read the published dates: %w", err)
	}
	if runs == 0 {
		return transform.NoDay, transform.NoDay, nil
	}
	return loadedDay(from), loadedDay(until), nil
}

// A Start is what is known of a run when it begins.
type Start struct {
	// Now is the clock of this machine, At what it showed when the run began.
	Now  func() time.Time
	At   time.Time
	AsOf transform.Day
	// PortalHost is the host in the addresses of the portal's pages.
	PortalHost string
	// RulesHash is the fingerprint of the rules that the run derives under.
	RulesHash string
	// Rules is what the configuration says of them, JSON.
	Rules string
	// Calendars are those that the run counts under.
	Calendars *transform.Calendars
	// FinishedAt is when the run is told to have ended, zero for when it is published.
	FinishedAt time.Time
	// Before is the state that is published, as the caller has read it under the lease; nil where nobody has.
	Before *State
}

// A Run is a run that is under way. It is for one goroutine.
type Run struct {
	conn   driver.Conn // of the front
	shards []*Shard
	before State
	start  Start
	row    Row
	curves RunID // whose forecasts are in force once the run is published
}

// Begin makes a run that is not published yet. Runs that have died are marked failed
// and their rows removed. The caller holds the lease that keeps other runs out.
func Begin(ctx context.Context, w *warehouse.Warehouse, start Start) (*Run, error) {
	conn := w.DB()
	if start.Before == nil {
		before, err := LastPublished(ctx, conn)
		if err != nil {
			return nil, err
		}
		start.Before = &before
	}
	before := *start.Before
	newest, err := buryTheDead(ctx, w, before.RunID, start.Now())
	if err != nil {
		return nil, err
	}
	r := &Run{conn: conn, before: before, start: start, row: Row{
		RunID: newest + 1, AsOf: start.AsOf.String(), StartedAt: start.At.UTC().Truncate(time.Millisecond), Status: Running, Warnings: []string{},
	}}
	if r.shards, err = shardsOf(ctx, w, r.row.RunID, r.row.StartedAt, before); err != nil {
		return nil, err
	}
	if err := r.record(ctx, Running); err != nil {
		return nil, err
	}
	return r, nil
}

// ID is the number of the run.
func (r *Run) ID() RunID { return r.row.RunID }

// Before is the state that the run starts from.
func (r *Run) Before() State { return r.before }

// HasSameRules is whether what is published was derived under the rules of this run.
func (r *Run) HasSameRules() bool {
	return r.before.RunID > 0 && r.before.RulesHash == r.start.RulesHash
}

// Figures are what the runs row tells of the portal.
type Figures struct {
	PortalRequests uint64
	SecondsWaited  float64
}

// SetPortalFigures takes what the portal was asked so far.
func (r *Run) SetPortalFigures(f Figures) {
	r.row.PortalRequests = f.PortalRequests
	r.row.SecondsWaited = math.Round(f.SecondsWaited*1000) / 1000
}

// SetHistoryRows takes how many stage changes were read.
func (r *Run) SetHistoryRows(rows int) { r.row.HistoryRows = uint64(rows) }

// SetAppended takes what was appended in all shards.
func (r *Run) SetAppended(a Appended) {
	r.row.FactsAppended, r.row.DealsChanged = a.Facts, a.Changed
}

// SetWarnings takes what only thins the result.
func (r *Run) SetWarnings(warnings []string) { r.row.Warnings = warnings }

// CountDeals counts the deals that the portal has, and gives how many of them it does not let be read, without those
// that somebody took out.
func (r *Run) CountDeals(ctx context.Context) (hidden uint64, err error) {
	row := r.conn.QueryRow(ctx, "SELECT count(), countIf(hidden_since IS NOT NULL"+r.shards[0].notForgotten()+") FROM landing_deals FINAL WHERE vanished_at IS NULL AND NOT is_recurring")
	if err := row.Scan(&r.row.DealsSeen, &hidden); err != nil {
		return 0, fmt.Errorf("count the deals: %w", err)
	}
	return hidden, nil
}

// Deletions counts the deals that the last published run had in the report, and those of them that the portal has
// been found to have no longer. Those that somebody took out are not among the latter.
func (r *Run) Deletions(ctx context.Context) (deleted, reported uint64, err error) {
	if r.before.RunID == 0 {
		return 0, 0, nil
	}
	for _, shard := range r.shards {
		inReport := "SELECT deal_id FROM deals WHERE NOT is_gone AND " + shard.shown
		var d, n uint64
		row := shard.conn.QueryRow(ctx, `
			SELECT (SELECT count() FROM landing_deals FINAL WHERE vanished_at IS NOT NULL AND deal_id IN (`+inReport+`)`+shard.notForgotten()+`),
				(SELECT count() FROM (`+inReport+`))`)
		if err := row.Scan(&d, &n); err != nil {
			return 0, 0, fmt.Errorf("count the deals that were deleted: %w", err)
		}
		deleted, reported = deleted+d, reported+n
	}
	return deleted, reported, nil
}

// FurthestPlannedEnd is the last planned end of a visit that is open in what the run will publish, NoDay for none.
func (r *Run) FurthestPlannedEnd(ctx context.Context) (transform.Day, error) {
	furthest := transform.NoDay
	for _, shard := range r.shards {
		var end time.Time
		var deals uint64
		row := shard.conn.QueryRow(ctx, "SELECT max(planned_end), count() FROM deals WHERE is_open AND is_planned AND "+shard.willBeShown())
		if err := row.Scan(&end, &deals); err != nil {
			return transform.NoDay, fmt.Errorf("look for the furthest planned end: %w", err)
		}
		if deals > 0 {
			furthest = max(furthest, loadedDay(end))
		}
	}
	return furthest, nil
}

// ErrOvertaken is what Publish gives when another run has begun meanwhile: this one had
// lost its lease.
var ErrOvertaken = errors.New("another run has begun since; this one is not published")

// Publish makes everything that the run appended visible, in one step. Calling it again
// after an error is safe.
func (r *Run) Publish(ctx context.Context) error {
	finished := cmp.Or(r.start.FinishedAt, r.now())
	r.row.FinishedAt = &finished
	// The condition keeps out a run that another one has overtaken: it would bring rows
	// that the other did not know of.
	sent := r.event(Published).insert(ctx, r.conn, "WHERE (SELECT max(run_id) FROM run_events) = ?", uint32(r.row.RunID))
	var published uint64
	row := r.conn.QueryRow(ctx, "SELECT count() FROM run_events WHERE run_id = ? AND status = 'published'", uint32(r.row.RunID))
	if err := row.Scan(&published); err != nil {
		if sent != nil {
			err = fmt.Errorf("%w, and then whether it came in is not known: %w", sent, err)
		}
		return fmt.Errorf("publish run %d: %w", r.row.RunID, err)
	}
	switch {
	case published > 0: // also when the answer to the insert was lost
		r.row.Status = Published
		return nil
	case sent != nil:
		return fmt.Errorf("publish run %d: %w", r.row.RunID, sent)
	default:
		return fmt.Errorf("publish run %d: %w", r.row.RunID, ErrOvertaken)
	}
}

// Fail records why the run failed. Its rows stay unseen until the next run removes them.
func (r *Run) Fail(ctx context.Context, cause error) error {
	now, text := r.now(), cause.Error()
	r.row.FinishedAt, r.row.Error, r.row.Status = &now, &text, Failed
	return r.record(ctx, Failed)
}

// Row is the run's row of the runs view.
func (r *Run) Row() Row { return r.row }

func (r *Run) record(ctx context.Context, status string) error {
	if err := r.event(status).insert(ctx, r.conn, ""); err != nil {
		return fmt.Errorf("record run %d as %s: %w", r.row.RunID, status, err)
	}
	return nil
}

func (r *Run) now() time.Time { return r.start.Now().UTC().Truncate(time.Millisecond) }

// An event is something that happened to a run: it began, or came to an end.
type event struct {
	Row        // Status is what has become of the run
	recordedAt time.Time
	holder     string // process that runs it
	portalHost string
	rulesHash  string
	rules      string
	// How many days count up to the as-of date: by default, and in the funnels with another calendar.
	number  int32
	funnels []uint32
	numbers []int32
	curves  RunID
}

func (r *Run) event(status string) event {
	host, _ := os.Hostname()
	e := event{
		Row: r.row, recordedAt: r.now(), holder: fmt.Sprintf("%s, process %d", host, os.Getpid()),
		portalHost: r.start.PortalHost, rulesHash: r.start.RulesHash, rules: r.start.Rules, curves: r.curves,
	}
	if e.Warnings == nil {
		e.Warnings = []string{}
	}
	if c := r.start.Calendars; c != nil {
		e.number = c.Default.Number(r.start.AsOf)
		for _, funnel := range slices.Sorted(maps.Keys(c.Funnels)) {
			e.funnels, e.numbers = append(e.funnels, uint32(funnel)), append(e.numbers, c.Funnels[funnel].Number(r.start.AsOf))
		}
	}
	e.Status = status
	return e
}

// insert appends the event, if the condition holds.
func (e event) insert(ctx context.Context, conn driver.Conn, condition string, args ...any) error {
	const moment = "toDateTime64(?, 3, 'UTC')"
	var finished *string
	if e.FinishedAt != nil {
		text := exact(*e.FinishedAt)
		finished = &text
	}
	var columns, forms []string
	var values []any
	for _, c := range []struct {
		name, form string
		value      any
	}{
		{"run_id", "?", uint32(e.RunID)},
		{"status", "?", e.Status},
		{"recorded_at", moment, exact(e.recordedAt)},
		{"as_of", "toDate(?)", e.AsOf},
		{"started_at", moment, exact(e.StartedAt)},
		{"finished_at", moment, finished},
		{"holder", "?", e.holder},
		{"portal_host", "?", e.portalHost},
		{"rules_hash", "?", e.rulesHash},
		{"rules", "?", e.rules},
		{"as_of_number", "?", e.number},
		{"calendar_funnels", "?", append([]uint32{}, e.funnels...)},
		{"calendar_numbers", "?", append([]int32{}, e.numbers...)},
		{"curves_run", "?", uint32(e.curves)},
		{"deals_seen", "?", e.DealsSeen},
		{"deals_changed", "?", e.DealsChanged},
		{"history_rows", "?", e.HistoryRows},
		{"facts_appended", "?", e.FactsAppended},
		{"portal_requests", "?", e.PortalRequests},
		{"seconds_waited", "?", e.SecondsWaited},
		{"error", "?", e.Error},
		{"warnings", "?", append([]string{}, e.Warnings...)},
	} {
		columns, forms, values = append(columns, c.name), append(forms, c.form), append(values, c.value)
	}
	return conn.Exec(ctx, "INSERT INTO run_events ("+strings.Join(columns, ", ")+") SELECT "+strings.Join(forms, ", ")+" "+condition,
		append(values, args...)...)
}

// exact is a time with its milliseconds, which a bound time.Time would lose.
func exact(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// publishedRuns are the numbers of the runs that readers see.
// A run that was withdrawn counts as one that never was.
const publishedRuns = "SELECT run_id FROM run_events GROUP BY run_id HAVING max(status) = 'published'"

// What a run writes: the rows of deals, in the shard of each, and what is of no deal.
var (
	dealTables = []string{"facts", "day_measures", "visits", "deals", "knowledge"}
	nameTables = []string{"funnels", "stages", "managers", "departments", "names", "dimensions", "calendars", "forecast_curves"}
)

// buryTheDead marks the runs that were killed as failed and removes the rows of all
// that came to nothing since the last published one. The views never show such rows;
// they would only take room. It gives the newest run, 0 for none.
func buryTheDead(ctx context.Context, w *warehouse.Warehouse, published RunID, now time.Time) (newest RunID, err error) {
	newest, killed, err := killedRuns(ctx, w.DB())
	if err != nil {
		return 0, fmt.Errorf("look for killed runs: %w", err)
	}
	for _, e := range killed {
		text := fmt.Sprintf("the run was killed (%s); the next one does its work", e.holder)
		e.Status, e.recordedAt, e.FinishedAt, e.Error = Failed, now, &now, &text
		if err := e.insert(ctx, w.DB(), ""); err != nil {
			return 0, fmt.Errorf("mark killed run %d as failed: %w", e.RunID, err)
		}
	}
	if err := removeStages(ctx, w); err != nil {
		return 0, err
	}
	if newest == published {
		return newest, nil // a run tells that it has begun before it writes anything else
	}
	if err := removeAfter(ctx, w.DB(), nameTables, published); err != nil {
		return 0, err
	}
	for _, shard := range w.Shards() {
		if err := removeAfter(ctx, shard, dealTables, published); err != nil {
			return 0, err
		}
	}
	return newest, nil
}

// killedRuns are the runs that began and of which nothing was heard since, and the newest of all, 0 for none.
func killedRuns(ctx context.Context, conn driver.Conn) (newest RunID, killed []event, err error) {
	rows, err := conn.Query(ctx, `
		SELECT run_id, toString(max(as_of)), min(started_at), any(holder), max(status) = 'running' AS is_killed
		FROM run_events GROUP BY run_id HAVING is_killed OR run_id = (SELECT max(run_id) FROM run_events)`)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e event
		var run uint32
		var isKilled uint8
		if err := rows.Scan(&run, &e.AsOf, &e.StartedAt, &e.holder, &isKilled); err != nil {
			return 0, nil, err
		}
		e.RunID = RunID(run)
		newest = max(newest, e.RunID)
		if isKilled == 1 {
			killed = append(killed, e)
		}
	}
	return newest, killed, rows.Err()
}

// removeAfter removes the rows of all runs after the newest one that was published.
func removeAfter(ctx context.Context, conn driver.Conn, tables []string, newest RunID) error {
	counts := make([]string, len(tables))
	for i, table := range tables {
		counts[i] = fmt.Sprintf("SELECT '%s' AS name, count() AS rows FROM %s WHERE run_id > %d", table, table, newest)
	}
	var filled []struct {
		Name string `ch:"name"`
	}
	// One statement for all: most runs find nothing, and planning is what costs here.
	query := "SELECT name FROM (" + strings.Join(counts, " UNION ALL ") + ") WHERE rows > 0"
	if err := conn.Select(ctx, &filled, query); err != nil {
		return fmt.Errorf("look for rows of dead runs in %s: %w", strings.Join(tables, ", "), err)
	}
	for _, table := range filled {
		if err := mutate(ctx, conn, table.Name, "DELETE", "run_id > ?", uint32(newest)); err != nil {
			return fmt.Errorf("remove rows of dead runs from %s: %w", table.Name, err)
		}
	}
	return nil
}

// StatusOf is the state of a run.
func StatusOf(ctx context.Context, conn driver.Conn, run RunID) (string, error) {
	var status string
	if err := conn.QueryRow(ctx, "SELECT toString(max(status)) FROM run_events WHERE run_id = ?", uint32(run)).Scan(&status); err != nil {
		return "", fmt.Errorf("read the state of run %d: %w", run, err)
	}
	return status, nil
}
