package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
	"stagelag/warehouse"
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
	return ExtractionState(ctx, l.run.conn)
}

// ExtractionState is what the last extraction saved.
func ExtractionState(ctx context.Context, conn driver.Conn) (extractor.State, error) {
	var text string
	if err := conn.QueryRow(ctx, "SELECT argMax(state, version) FROM extraction_state").Scan(&text); err != nil {
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

// LandDeals appends the deals as they are now. Those that somebody took out have no title.
func (l *Landing) LandDeals(ctx context.Context, deals []extractor.Deal) error {
	if len(deals) == 0 {
		return nil
	}
	version := l.nextVersion()
	rows := make([]landedDeal, len(deals))
	forgotten := l.run.forgotten()
	for i := range deals {
		rows[i] = landedDeal{Deal: deals[i], version: version}
		if forgotten.Deals[deals[i].ID] {
			rows[i].Title = ""
		}
	}
	err := warehouse.Retry(ctx, l.run.conn, func() error { return landedDealTable.insert(ctx, l.run.conn, l.run.row.RunID, rows) })
	if err != nil {
		return fmt.Errorf("land deals: %w", err)
	}
	return nil
}

// A landedDeal is a deal as the portal last showed it.
type landedDeal struct {
	extractor.Deal
	version     uint64
	vanishedAt  *time.Time // nil while the portal has it
	hiddenSince *time.Time // nil while it can be read
}

var landedDealTable = table[landedDeal]{"landing_deals", []column[landedDeal]{
	id64("deal_id", func(d *landedDeal) *extractor.DealID { return &d.ID }),
	plain("version", func(d *landedDeal) *uint64 { return &d.version }),
	plain("title", func(d *landedDeal) *string { return &d.Title }),
	id32("funnel_id", func(d *landedDeal) *extractor.FunnelID { return &d.FunnelID }),
	text("stage_id", func(d *landedDeal) *extractor.StageID { return &d.StageID }),
	plain("is_place_unknown", func(d *landedDeal) *bool { return &d.IsPlaceUnknown }),
	enum("semantics", func(d *landedDeal) *extractor.Semantics { return &d.Semantics }),
	id64("manager_id", func(d *landedDeal) *extractor.ManagerID { return &d.ManagerID }),
	amount("amount", func(d *landedDeal) *decimal.Decimal { return &d.Amount }),
	plain("bad_amount", func(d *landedDeal) *string { return &d.BadAmount }),
	plain("currency", func(d *landedDeal) *string { return &d.Currency }),
	id64("company_id", func(d *landedDeal) *extractor.CompanyID { return &d.CompanyID }),
	moment("created_at", func(d *landedDeal) *time.Time { return &d.CreatedAt }),
	moment("moved_at", func(d *landedDeal) *time.Time { return &d.MovedAt }),
	moment("updated_at", func(d *landedDeal) *time.Time { return &d.UpdatedAt }),
	plain("is_recurring", func(d *landedDeal) *bool { return &d.IsRecurring }),
	plain("fields", func(d *landedDeal) *map[string]string { return &d.Fields }),
	plain("vanished_at", func(d *landedDeal) **time.Time { return &d.vanishedAt }),
	plain("hidden_since", func(d *landedDeal) **time.Time { return &d.hiddenSince }),
}}

// amount is an amount of money, held within what the warehouse can hold.
func amount[R any](name string, of func(*R) *decimal.Decimal) field[R, decimal.Decimal, decimal.Decimal] {
	f := plain(name, of)
	f.store = bounded
	return f
}

// bounded keeps an amount that no deal is worth from failing the night. The extractor hands on none.
func bounded(amount decimal.Decimal) decimal.Decimal {
	amount = amount.Round(2)
	if amount.Abs().GreaterThan(extractor.MostAmount) {
		return extractor.MostAmount.Mul(decimal.NewFromInt(int64(amount.Sign())))
	}
	return amount
}

// LandStageChanges appends the changes as they are now.
func (l *Landing) LandStageChanges(ctx context.Context, changes []extractor.StageChange) error {
	if len(changes) == 0 {
		return nil
	}
	version := l.nextVersion()
	rows := make([]landedChange, len(changes))
	for i := range changes {
		rows[i] = landedChange{StageChange: changes[i], version: version}
	}
	err := warehouse.Retry(ctx, l.run.conn, func() error { return landedChangeTable.insert(ctx, l.run.conn, l.run.row.RunID, rows) })
	if err != nil {
		return fmt.Errorf("land stage changes: %w", err)
	}
	return nil
}

// A landedChange is a stage change as the portal last showed it.
type landedChange struct {
	extractor.StageChange
	version      uint64
	vanishedAt   *time.Time // nil while the portal has it
	wentWithDeal bool
	isTwin       bool
}

var landedChangeTable = table[landedChange]{"landing_stage_changes", []column[landedChange]{
	id64("deal_id", func(c *landedChange) *extractor.DealID { return &c.DealID }),
	id64("change_id", func(c *landedChange) *extractor.ChangeID { return &c.ID }),
	plain("version", func(c *landedChange) *uint64 { return &c.version }),
	moment("changed_at", func(c *landedChange) *time.Time { return &c.ChangedAt }),
	id32("funnel_id", func(c *landedChange) *extractor.FunnelID { return &c.FunnelID }),
	text("stage_id", func(c *landedChange) *extractor.StageID { return &c.StageID }),
	enum("semantics", func(c *landedChange) *extractor.Semantics { return &c.Semantics }),
	plain("type_id", func(c *landedChange) *uint8 { return &c.TypeID }),
	plain("vanished_at", func(c *landedChange) **time.Time { return &c.vanishedAt }),
	plain("went_with_deal", func(c *landedChange) *bool { return &c.wentWithDeal }),
	plain("is_twin", func(c *landedChange) *bool { return &c.isTwin }),
}}

// ReplaceStageChanges lands whole histories: what is known of these deals and not among
// the changes has vanished. Killed between its statements it leaves the vanished
// rows known; the next extraction reads the deals again.
func (l *Landing) ReplaceStageChanges(ctx context.Context, deals []extractor.DealID, changes []extractor.StageChange) error {
	if err := l.LandStageChanges(ctx, changes); err != nil {
		return err
	}
	hasChanges := map[extractor.DealID]bool{}
	for i := range changes {
		hasChanges[changes[i].DealID] = true
	}
	var told, untold []extractor.DealID
	for _, id := range deals {
		if hasChanges[id] {
			told = append(told, id)
		} else {
			untold = append(untold, id)
		}
	}
	if len(told) > 0 {
		// Rows of the version just landed are the whole history.
		landed := "deal_id IN (" + list(told) + ") AND version = " + strconv.FormatUint(l.version, 10)
		if err := l.vanishTold(ctx, "deal_id IN ("+list(told)+") AND version != "+strconv.FormatUint(l.version, 10), landed); err != nil {
			return err
		}
	}
	if len(untold) == 0 {
		return nil
	}
	// Nobody corrects a history to nothing: the deal was away for a while, and came back without it.
	return l.vanishChanges(ctx, "deal_id IN ("+list(untold)+")", true)
}

// VanishDeals marks deals and all their changes.
func (l *Landing) VanishDeals(ctx context.Context, deals []extractor.DealID) error {
	if len(deals) == 0 {
		return nil
	}
	where := "deal_id IN (" + list(deals) + ")"
	if err := l.vanishChanges(ctx, where, true); err != nil {
		return err
	}
	if err := l.mark(ctx, &landedDealTable, "vanished_at IS NULL AND "+where, map[string]string{"vanished_at": l.moment(), "hidden_since": "NULL"}); err != nil {
		return fmt.Errorf("mark vanished deals: %w", err)
	}
	return nil
}

// HideDeals marks known deals that the portal does not let be read.
func (l *Landing) HideDeals(ctx context.Context, deals []extractor.DealID) error {
	if len(deals) == 0 {
		return nil
	}
	err := l.mark(ctx, &landedDealTable, "vanished_at IS NULL AND hidden_since IS NULL AND deal_id IN ("+list(deals)+")",
		map[string]string{"hidden_since": l.moment()})
	if err != nil {
		return fmt.Errorf("mark hidden deals: %w", err)
	}
	return nil
}

// VanishUnseenChanges marks the changes that were not landed since the run, of deals that were.
func (l *Landing) VanishUnseenChanges(ctx context.Context, since uint64) error {
	run := strconv.FormatUint(since, 10)
	var earlier uint64
	for _, shard := range l.run.shards {
		var rows uint64
		if err := shard.conn.QueryRow(ctx, "SELECT count() FROM (SELECT 1 FROM landing_stage_changes WHERE run_id < "+run+" LIMIT 1)").Scan(&rows); err != nil {
			return fmt.Errorf("look for earlier stage changes: %w", err)
		}
		earlier += rows
	}
	if earlier == 0 { // the first reading
		return nil
	}
	unseen := "run_id < " + run + " AND deal_id IN (SELECT deal_id FROM landing_deals FINAL WHERE " + isShown + " AND run_id >= " + run + ") AND deal_id "
	landed := "vanished_at IS NULL AND run_id >= " + run
	told := "IN (SELECT deal_id FROM landing_stage_changes FINAL WHERE " + landed + ")"
	if err := l.vanishTold(ctx, unseen+told, landed+" AND deal_id IN (SELECT deal_id FROM landing_stage_changes FINAL WHERE run_id < "+run+")"); err != nil {
		return err
	}
	return l.vanishChanges(ctx, unseen+"NOT "+told, true)
}

// vanishTold marks changes of histories of which others have landed. One that landed under another id is a twin, also
// where it vanished earlier.
func (l *Landing) vanishTold(ctx context.Context, where, landed string) error {
	const identity = "(deal_id, changed_at, funnel_id, stage_id)"
	isTwin := identity + " IN (SELECT " + identity + " FROM landing_stage_changes FINAL WHERE " + landed + ")"
	err := l.mark(ctx, &landedChangeTable, where+" AND (vanished_at IS NULL OR NOT is_twin AND "+isTwin+")", map[string]string{
		"vanished_at": "ifNull(vanished_at, " + l.moment() + ")", "went_with_deal": "went_with_deal AND vanished_at IS NOT NULL", "is_twin": isTwin,
	})
	if err != nil {
		return fmt.Errorf("mark vanished stage changes: %w", err)
	}
	return nil
}

// vanishChanges marks changes; withDeal says that nothing was left then of the deal, or of its history.
func (l *Landing) vanishChanges(ctx context.Context, where string, withDeal bool) error {
	err := l.mark(ctx, &landedChangeTable, "vanished_at IS NULL AND "+where,
		map[string]string{"vanished_at": l.moment(), "went_with_deal": strconv.FormatBool(withDeal)})
	if err != nil {
		return fmt.Errorf("mark vanished stage changes: %w", err)
	}
	return nil
}

// marker is a table in which rows are marked.
type marker interface {
	selection(instead map[string]string) string
	String() string
}

// mark appends the rows that the condition is about once more, with other values in some columns.
func (l *Landing) mark(ctx context.Context, t marker, where string, marks map[string]string) error {
	instead := maps.Clone(marks)
	instead["run_id"], instead["version"] = fmt.Sprint(l.run.row.RunID), strconv.FormatUint(l.nextVersion(), 10)
	return l.run.inEachShard(ctx, "INSERT INTO "+t.String()+" ("+t.selection(nil)+") SELECT "+t.selection(instead)+
		" FROM "+t.String()+" FINAL WHERE "+where+largeQuery)
}

// moment is the run's beginning, as SQL: one moment for all that it marks.
func (l *Landing) moment() string {
	return "toDateTime64('" + exact(l.run.row.StartedAt) + "', 3, 'UTC')"
}

// isShown is the condition for deals that the portal has, and shows.
const isShown = "vanished_at IS NULL AND hidden_since IS NULL"

// KnownDeals gives known deals above an id, by id.
func (l *Landing) KnownDeals(ctx context.Context, after extractor.DealID, limit int) ([]extractor.KnownDeal, error) {
	rows, err := l.run.conn.Query(ctx, `
		SELECT deal_id, funnel_id, run_id, hidden_since IS NOT NULL FROM landing_deals FINAL
		WHERE deal_id > ? AND vanished_at IS NULL ORDER BY deal_id LIMIT ?`, uint64(after), limit)
	if err != nil {
		return nil, fmt.Errorf("read the known deals: %w", err)
	}
	defer rows.Close()
	var deals []extractor.KnownDeal
	for rows.Next() {
		var id uint64
		var funnel, run uint32
		var isHidden uint8
		if err := rows.Scan(&id, &funnel, &run, &isHidden); err != nil {
			return nil, fmt.Errorf("read the known deals: %w", err)
		}
		deals = append(deals, extractor.KnownDeal{
			ID: extractor.DealID(id), FunnelID: extractor.FunnelID(funnel), LandedBy: uint64(run), IsHidden: isHidden == 1,
		})
	}
	return deals, rows.Err()
}

// DeletedDeals gives the deals that vanished so many days ago at most.
func (l *Landing) DeletedDeals(ctx context.Context, days int) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "list the deleted deals", "SELECT deal_id FROM landing_deals FINAL WHERE vanished_at >= "+l.moment()+" - toIntervalDay(?) ORDER BY deal_id", days)
}

// Places gives the deals that were ever landed in a stage, as they were landed last.
func (l *Landing) Places(ctx context.Context, deals []extractor.DealID) (map[extractor.DealID]extractor.Deal, error) {
	places := map[extractor.DealID]extractor.Deal{}
	if len(deals) == 0 {
		return places, nil
	}
	landed, err := landedDeals(ctx, l.run.conn, inRange(deals)+" AND stage_id != ''")
	if err != nil {
		return nil, fmt.Errorf("read where deals were: %w", err)
	}
	for i := range landed {
		places[landed[i].Deal.ID] = landed[i].Deal
	}
	return places, nil
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
const landedSince = "SELECT deal_id FROM landing_deals FINAL WHERE " + isShown + " AND run_id >= ?"

// Inconsistent gives the deals whose history ends elsewhere than they stand.
func (l *Landing) Inconsistent(ctx context.Context, since uint64) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find deals whose history ends elsewhere", `
		SELECT d.deal_id
		FROM (SELECT deal_id, funnel_id, stage_id FROM landing_deals FINAL WHERE `+isShown+` AND NOT is_place_unknown AND run_id >= ?) AS d
		JOIN
		(
			SELECT deal_id, argMax((funnel_id, toString(stage_id)), (changed_at, change_id)) AS last
			FROM landing_stage_changes FINAL
			WHERE vanished_at IS NULL AND deal_id IN (`+landedSince+`)
			GROUP BY deal_id
		) AS h ON h.deal_id = d.deal_id
		WHERE h.last != (d.funnel_id, toString(d.stage_id))
		ORDER BY d.deal_id`+frugal, since, since)
}

// OrphanOwners gives the deals that own landed changes and were not landed with them.
func (l *Landing) OrphanOwners(ctx context.Context, since uint64) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find changes without a deal", `
		SELECT DISTINCT deal_id FROM landing_stage_changes FINAL
		WHERE vanished_at IS NULL AND run_id >= ? AND deal_id NOT IN (`+landedSince+`)
		ORDER BY deal_id`+frugal, since, since)
}

// MovedFunnel gives the deals whose history may lack what happened in other funnels.
func (l *Landing) MovedFunnel(ctx context.Context, since uint64, funnels []extractor.FunnelID) ([]extractor.DealID, error) {
	return l.run.dealIDs(ctx, "find deals that changed funnels", `
		SELECT d.deal_id
		FROM (SELECT deal_id, funnel_id FROM landing_deals FINAL WHERE `+isShown+` AND run_id >= ?) AS d
		LEFT JOIN
		(
			SELECT deal_id, argMin(type_id, (changed_at, change_id)) AS first_type, countIf(type_id = 5) AS moves
			FROM landing_stage_changes FINAL
			WHERE vanished_at IS NULL AND deal_id IN (`+landedSince+`)
			GROUP BY deal_id
		) AS h ON h.deal_id = d.deal_id
		WHERE d.funnel_id NOT IN (`+list(funnels)+`) OR h.moves > 0 OR h.first_type != 1
		ORDER BY d.deal_id`+frugal, since, since)
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
