package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"stagelag/extractor"
)

// A Landing keeps what the portal said, stamped with a run. It is an
// extractor.Landing for one goroutine.
//
// Nothing is ever updated in place: a new version of a row is appended and the tables
// keep the newest. So a run that dies leaves whole rows, and the next one goes on.
type Landing struct {
	run     *Run
	version uint64 // of the last row: the run's number, then the order of landing
}

// Landing is where the run lands.
func (r *Run) Landing() *Landing { return &Landing{run: r, version: uint64(r.row.RunID) << 32} }

// Run is the number that rows are stamped with.
func (l *Landing) Run() uint64 { return uint64(l.run.row.RunID) }

func (l *Landing) nextVersion() uint64 {
	l.version++
	return l.version
}

// State is what SaveState saved last.
func (l *Landing) State(ctx context.Context) (extractor.State, error) {
	var text string
	if err := l.run.conn.QueryRow(ctx, "SELECT argMax(state, version) FROM extraction_state").Scan(&text); err != nil {
		return extractor.State{}, fmt.Errorf("read the state of the extraction: %w", err)
	}
	var state extractor.State
	if text == "" {
		return state, nil
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return extractor.State{}, fmt.Errorf("read the state of the extraction: %w", err)
	}
	return state, nil
}

// SaveState appends the state. Rows are durable when their insert returns.
func (l *Landing) SaveState(ctx context.Context, state extractor.State) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("save the state of the extraction: %w", err)
	}
	err = l.run.conn.Exec(ctx, "INSERT INTO extraction_state (version, state) VALUES (?, ?)", l.nextVersion(), string(text))
	if err != nil {
		return fmt.Errorf("save the state of the extraction: %w", err)
	}
	return nil
}

// LandDeals appends the deals as they are now.
func (l *Landing) LandDeals(ctx context.Context, deals []extractor.Deal) error {
	if len(deals) == 0 {
		return nil
	}
	batch, err := l.run.conn.PrepareBatch(ctx, `INSERT INTO landing_deals (deal_id, version, run_id, title, funnel_id, stage_id,
		semantics, manager_id, amount, currency, created_at, moved_at, updated_at, is_recurring, fields, vanished_at)`)
	if err != nil {
		return fmt.Errorf("land deals: %w", err)
	}
	defer batch.Close()
	version := l.nextVersion()
	for i := range deals {
		d := &deals[i]
		fields := d.Fields
		if fields == nil {
			fields = map[string]string{}
		}
		err := batch.Append(uint64(d.ID), version, uint32(l.run.row.RunID), d.Title, uint32(d.FunnelID), string(d.StageID),
			int8(d.Semantics), uint64(d.ManagerID), bounded(d.Amount), d.Currency, moment(d.CreatedAt), moment(d.MovedAt), moment(d.UpdatedAt),
			d.IsRecurring, fields, nil)
		if err != nil {
			return fmt.Errorf("land deal %d: %w", d.ID, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("land deals: %w", err)
	}
	return nil
}

// mostAmount is the largest amount that the warehouse's Decimal(18, 2) can hold.
var mostAmount = decimal.New(1e18-1, -2)

// bounded keeps an amount that no deal is worth from failing the night.
func bounded(amount decimal.Decimal) decimal.Decimal {
	amount = amount.Round(2)
	if amount.Abs().GreaterThan(mostAmount) {
		return mostAmount.Mul(decimal.NewFromInt(int64(amount.Sign())))
	}
	return amount
}

// The times that the warehouse's DateTime64 can hold.
var (
	firstMoment = time.Unix(0, 0).UTC()
	lastMoment  = time.Date(2149, 6, 6, 23, 59, 59, 0, time.UTC)
)

// moment is the stored form of a time: the first one for none, and nothing that the
// warehouse can't hold.
func moment(t time.Time) time.Time {
	switch {
	case t.Before(firstMoment):
		return firstMoment
	case t.After(lastMoment):
		return lastMoment
	default:
		return t.UTC()
	}
}

// LandStageChanges appends the changes as they are now.
func (l *Landing) LandStageChanges(ctx context.Context, changes []extractor.StageChange) error {
	if len(changes) == 0 {
		return nil
	}
	batch, err := l.run.conn.PrepareBatch(ctx, `INSERT INTO landing_stage_changes (deal_id, change_id, version, run_id, changed_at,
		funnel_id, stage_id, semantics, type_id, vanished_at)`)
	if err != nil {
		return fmt.Errorf("land stage changes: %w", err)
	}
	defer batch.Close()
	version := l.nextVersion()
	for i := range changes {
		c := &changes[i]
		err := batch.Append(uint64(c.DealID), uint64(c.ID), version, uint32(l.run.row.RunID), moment(c.ChangedAt),
			uint32(c.FunnelID), string(c.StageID), int8(c.Semantics), c.TypeID, nil)
		if err != nil {
			return fmt.Errorf("land stage change %d: %w", c.ID, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("land stage changes: %w", err)
	}
	return nil
}

// ReplaceStageChanges lands whole histories: what is known of these deals and not among
// the changes has vanished. Killed between its two statements it leaves the vanished
// rows known; the next extraction reads the deals again.
func (l *Landing) ReplaceStageChanges(ctx context.Context, deals []extractor.DealID, changes []extractor.StageChange) error {
	if err := l.LandStageChanges(ctx, changes); err != nil {
		return err
	}
	if len(deals) == 0 {
		return nil
	}
	where := "deal_id IN (" + list(deals) + ")"
	if len(changes) > 0 {
		// Rows of the version just landed are the whole history.
		where += " AND version != " + strconv.FormatUint(l.version, 10)
	}
	return l.vanishChanges(ctx, where)
}

// VanishDeals marks deals and all their changes.
func (l *Landing) VanishDeals(ctx context.Context, deals []extractor.DealID) error {
	if len(deals) == 0 {
		return nil
	}
	where := "deal_id IN (" + list(deals) + ")"
	if err := l.vanishDeals(ctx, where); err != nil {
		return err
	}
	return l.vanishChanges(ctx, where)
}

// VanishUnseen marks what was not landed since the run.
func (l *Landing) VanishUnseen(ctx context.Context, since uint64) error {
	where := "run_id < " + strconv.FormatUint(since, 10)
	if err := l.vanishDeals(ctx, where); err != nil {
		return err
	}
	return l.vanishChanges(ctx, where)
}

func (l *Landing) vanishDeals(ctx context.Context, where string) error {
	err := l.run.inEachShard(ctx, fmt.Sprintf(`
		INSERT INTO landing_deals (deal_id, version, run_id, title, funnel_id, stage_id, semantics, manager_id, amount, currency,
			created_at, moved_at, updated_at, is_recurring, fields, vanished_at)
		SELECT deal_id, %d, %d, title, funnel_id, stage_id, semantics, manager_id, amount, currency,
			created_at, moved_at, updated_at, is_recurring, fields, now64(3)
		FROM landing_deals FINAL
		WHERE vanished_at IS NULL AND %s
		SETTINGS max_query_size = 10000000`, l.nextVersion(), l.run.row.RunID, where))
	if err != nil {
		return fmt.Errorf("mark vanished deals: %w", err)
	}
	return nil
}

func (l *Landing) vanishChanges(ctx context.Context, where string) error {
	err := l.run.inEachShard(ctx, fmt.Sprintf(`
		INSERT INTO landing_stage_changes (deal_id, change_id, version, run_id, changed_at, funnel_id, stage_id, semantics, type_id, vanished_at)
		SELECT deal_id, change_id, %d, %d, changed_at, funnel_id, stage_id, semantics, type_id, now64(3)
		FROM landing_stage_changes FINAL
		WHERE vanished_at IS NULL AND %s
		SETTINGS max_query_size = 10000000`, l.nextVersion(), l.run.row.RunID, where))
	if err != nil {
		return fmt.Errorf("mark vanished stage changes: %w", err)
	}
	return nil
}

// KnownDeals gives known deals above an id, by id.
func (l *Landing) KnownDeals(ctx context.Context, after extractor.DealID, limit int) ([]extractor.KnownDeal, error) {
	rows, err := l.run.conn.Query(ctx, `
		SELECT deal_id, funnel_id, run_id FROM landing_deals FINAL
		WHERE deal_id > ? AND vanished_at IS NULL ORDER BY deal_id LIMIT ?`, uint64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read the known deals: %w", err)
	}
	defer rows.Close()
	var deals []extractor.KnownDeal
	for rows.Next() {
		var id uint64
		var funnel, run uint32
		if err := rows.Scan(&id, &funnel, &run); err != nil {
			return nil, fmt.Errorf("read the known deals: %w", err)
		}
		deals = append(deals, extractor.KnownDeal{ID: extractor.DealID(id), FunnelID: extractor.FunnelID(funnel), LandedBy: uint64(run)})
	}
	return deals, rows.Err()
}

// HistoryCounts counts the known changes of deals.
func (l *Landing) HistoryCounts(ctx context.Context, deals []extractor.DealID) (map[extractor.DealID]int, error) {
	counts := make(map[extractor.DealID]int, len(deals))
	if len(deals) == 0 {
		return counts, nil
	}
	for _, id := range deals {
		counts[id] = 0
	}
	rows, err := l.run.conn.Query(ctx, `
		SELECT deal_id, count() FROM landing_stage_changes FINAL
		WHERE vanished_at IS NULL AND deal_id IN (`+list(deals)+`) GROUP BY deal_id SETTINGS max_query_size = 10000000`)
	if err != nil {
		return nil, fmt.Errorf("count the known stage changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, count uint64
		if err := rows.Scan(&id, &count); err != nil {
			return nil, fmt.Errorf("count the known stage changes: %w", err)
		}
		counts[extractor.DealID(id)] = int(count)
	}
	return counts, rows.Err()
}

// landedSince are the known deals landed since a run.
const landedSince = "SELECT deal_id FROM landing_deals FINAL WHERE vanished_at IS NULL AND run_id >= ?"

// Inconsistent gives the deals whose history ends elsewhere than they stand.
func (l *Landing) Inconsistent(ctx context.Context, since uint64) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find deals whose history ends elsewhere", `
		SELECT d.deal_id
		FROM (SELECT deal_id, funnel_id, stage_id FROM landing_deals FINAL WHERE vanished_at IS NULL AND run_id >= ?) AS d
		JOIN
		(
			SELECT deal_id, argMax((funnel_id, toString(stage_id)), (changed_at, change_id)) AS last
			FROM landing_stage_changes FINAL
			WHERE vanished_at IS NULL AND deal_id IN (`+landedSince+`)
			GROUP BY deal_id
		) AS h ON h.deal_id = d.deal_id
		WHERE h.last != (d.funnel_id, toString(d.stage_id))
		ORDER BY d.deal_id`, since, since)
}

// OrphanOwners gives the deals that own landed changes and were not landed with them.
func (l *Landing) OrphanOwners(ctx context.Context, since uint64) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find changes without a deal", `
		SELECT DISTINCT deal_id FROM landing_stage_changes FINAL
		WHERE vanished_at IS NULL AND run_id >= ? AND deal_id NOT IN (`+landedSince+`)
		ORDER BY deal_id`, since, since)
}

// MovedFunnel gives the deals whose history may lack what happened in other funnels.
func (l *Landing) MovedFunnel(ctx context.Context, since uint64, funnels []extractor.FunnelID) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find deals that changed funnels", `
		SELECT d.deal_id
		FROM (SELECT deal_id, funnel_id FROM landing_deals FINAL WHERE vanished_at IS NULL AND run_id >= ?) AS d
		LEFT JOIN
		(
			SELECT deal_id, argMin(type_id, (changed_at, change_id)) AS first_type, countIf(type_id = 5) AS moves
			FROM landing_stage_changes FINAL
			WHERE vanished_at IS NULL AND deal_id IN (`+landedSince+`)
			GROUP BY deal_id
		) AS h ON h.deal_id = d.deal_id
		WHERE d.funnel_id NOT IN (`+list(funnels)+`) OR h.moves > 0 OR h.first_type != 1
		ORDER BY d.deal_id`, since, since)
}

// ManagerIDs gives the managers of the known deals and of all published visits.
func (l *Landing) ManagerIDs(ctx context.Context) ([]extractor.ManagerID, error) {
	rows, err := l.run.conn.Query(ctx, `
		SELECT DISTINCT manager_id FROM
		(
			SELECT manager_id FROM landing_deals FINAL WHERE vanished_at IS NULL
			UNION ALL
			SELECT manager_id FROM day_measures
		)
		WHERE manager_id > 0 ORDER BY manager_id`)
	if err != nil {
		return nil, fmt.Errorf("list the managers: %w", err)
	}
	defer rows.Close()
	var ids []extractor.ManagerID
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list the managers: %w", err)
		}
		ids = append(ids, extractor.ManagerID(id))
	}
	return ids, rows.Err()
}

// list is numbers as SQL wants them.
func list[N ~uint32 | ~uint64](numbers []N) string {
	var b strings.Builder
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	return b.String()
}
