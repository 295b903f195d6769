package loader

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/warehouse"
)

// An UnknownManagerError is a person whom the warehouse has nothing of.
type UnknownManagerError struct{ ManagerID extractor.ManagerID }

func (e *UnknownManagerError) Error() string {
	return fmt.Sprintf("no run has seen a manager %d; SELECT DISTINCT manager_id, manager_name FROM quality_report lists them", e.ManagerID)
}

// Forget takes the name of a person out of every run, for good: no later run brings it back.
// The person's days and deals stay, under #ID. No run may be under way, which would append the
// names that it has read. Cut off in the middle it is called again; a second time it changes
// nothing.
func Forget(ctx context.Context, conn driver.Conn, manager extractor.ManagerID, now time.Time) error {
	id := uint64(manager)
	var known uint64
	row := conn.QueryRow(ctx, `
		SELECT count() FROM
		(
			SELECT 1 FROM managers WHERE manager_id = ?
			UNION ALL
			SELECT 1 FROM landing_deals WHERE manager_id = ?
			UNION ALL
			SELECT 1 FROM day_measures WHERE manager_id = ?
		)`, id, id, id)
	if err := row.Scan(&known); err != nil {
		return fmt.Errorf("look for manager %d: %w", manager, err)
	}
	if known == 0 || manager == 0 {
		return &UnknownManagerError{manager}
	}
	return KeepForgotten(ctx, conn, manager, now)
}

// KeepForgotten is Forget for a person whom the warehouse may have nothing of: one that was
// forgotten in another one.
func KeepForgotten(ctx context.Context, conn driver.Conn, manager extractor.ManagerID, now time.Time) error {
	id := uint64(manager)
	// First, so that a name that is gone can't come back.
	if err := conn.Exec(ctx, "INSERT INTO forgotten_managers (manager_id, forgotten_at) SELECT ?, toDateTime64(?, 3, 'UTC')", id, exact(now)); err != nil {
		return fmt.Errorf("remember to forget manager %d: %w", manager, err)
	}
	if err := mutate(ctx, conn, "managers", "UPDATE name = ''", "manager_id = ? AND name != ''", id); err != nil {
		return fmt.Errorf("take out the name of manager %d: %w", manager, err)
	}
	return nil
}

// Forgotten are the people whose names are not kept.
func Forgotten(ctx context.Context, conn driver.Conn) (map[extractor.ManagerID]bool, error) {
	return forgottenIn(ctx, conn, "forgotten_managers")
}

// ForgottenIn is Forgotten for a database that may have no such table.
func ForgottenIn(ctx context.Context, conn driver.Conn, database string) (map[extractor.ManagerID]bool, error) {
	table := database + ".forgotten_managers"
	var exists uint8
	if err := conn.QueryRow(ctx, "EXISTS TABLE "+table).Scan(&exists); err != nil {
		return nil, fmt.Errorf("list who is forgotten: %w", err)
	}
	if exists == 0 {
		return nil, nil
	}
	return forgottenIn(ctx, conn, table)
}

func forgottenIn(ctx context.Context, conn driver.Conn, table string) (map[extractor.ManagerID]bool, error) {
	rows, err := conn.Query(ctx, "SELECT DISTINCT manager_id FROM "+table)
	if err != nil {
		return nil, fmt.Errorf("list who is forgotten: %w", err)
	}
	defer rows.Close()
	forgotten := map[extractor.ManagerID]bool{}
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list who is forgotten: %w", err)
		}
		forgotten[extractor.ManagerID(id)] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list who is forgotten: %w", err)
	}
	return forgotten, nil
}

// An UnknownDealError is a deal that the warehouse has nothing of.
type UnknownDealError struct{ DealID extractor.DealID }

func (e *UnknownDealError) Error() string {
	return fmt.Sprintf("no run has seen a deal %d; SELECT deal_id, deal_title FROM deals_now lists them", e.DealID)
}

// ForgetDeal has the next run take a deal out of the report, for good: no later one brings it back. A second time
// it changes nothing.
func ForgetDeal(ctx context.Context, conn driver.Conn, deal extractor.DealID, now time.Time) error {
	var known uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM landing_deals WHERE deal_id = ?", uint64(deal)).Scan(&known); err != nil {
		return fmt.Errorf("look for deal %d: %w", deal, err)
	}
	if known == 0 {
		return &UnknownDealError{deal}
	}
	if err := conn.Exec(ctx, "INSERT INTO forgotten_deals (deal_id, forgotten_at) SELECT ?, toDateTime64(?, 3, 'UTC')", uint64(deal), exact(now)); err != nil {
		return fmt.Errorf("remember to forget deal %d: %w", deal, err)
	}
	return nil
}

func forgottenDeals(ctx context.Context, conn driver.Conn) (map[extractor.DealID]bool, error) {
	ids, err := dealIDs(ctx, conn, "list the deals that are forgotten", "SELECT DISTINCT deal_id FROM forgotten_deals")
	forgotten := make(map[extractor.DealID]bool, len(ids))
	for _, id := range ids {
		forgotten[id] = true
	}
	return forgotten, err
}

// RemoveTitle takes the title of a deal out of all that was published and landed.
func RemoveTitle(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID) error {
	for _, shard := range w.Shards() {
		for _, table := range []string{dealTable.name, landedDealTable.name} {
			err := mutate(ctx, shard, table, "UPDATE title = ''", "deal_id = ? AND title != ''", uint64(deal))
			if err != nil {
				return fmt.Errorf("take out the title of deal %d: %w", deal, err)
			}
		}
	}
	return nil
}
