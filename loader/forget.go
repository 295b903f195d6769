package loader

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
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
	// A namesake keeps the label that told them apart until a run finds a change.
	var changes []string
	for _, column := range []string{"manager_name", "manager_label", "manager_id"} {
		changes = append(changes, fmt.Sprintf("%[1]s = arrayFilter((value, id) -> id != '%[2]d', %[1]s, manager_id)", column, id))
	}
	if err := mutate(ctx, conn, "names", "UPDATE "+strings.Join(changes, ", "), "has(manager_id, ?)", strconv.FormatUint(id, 10)); err != nil {
		return fmt.Errorf("take out the name of manager %d: %w", manager, err)
	}
	return nil
}

// Forgotten is whose name is not kept, and which deals are in no report.
type Forgotten struct {
	Managers map[extractor.ManagerID]bool
	Deals    map[extractor.DealID]bool
}

// Add adds what is forgotten elsewhere.
func (f Forgotten) Add(g Forgotten) {
	maps.Copy(f.Managers, g.Managers)
	maps.Copy(f.Deals, g.Deals)
}

// ReadForgotten is what is forgotten in the warehouse of a connection.
func ReadForgotten(ctx context.Context, conn driver.Conn) (Forgotten, error) {
	return readForgotten(ctx, conn, "")
}

// ForgottenIn is ReadForgotten for another database, which may have no tables for it.
func ForgottenIn(ctx context.Context, conn driver.Conn, database string) (Forgotten, error) {
	var tables uint64
	row := conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name IN ('forgotten_managers', 'forgotten_deals')", database)
	if err := row.Scan(&tables); err != nil {
		return Forgotten{}, fmt.Errorf("list what is forgotten: %w", err)
	}
	if tables < 2 {
		return Forgotten{map[extractor.ManagerID]bool{}, map[extractor.DealID]bool{}}, nil
	}
	return readForgotten(ctx, conn, database+".")
}

// readForgotten reads the tables whose names begin so.
func readForgotten(ctx context.Context, conn driver.Conn, prefix string) (Forgotten, error) {
	var managers, deals []uint64
	row := conn.QueryRow(ctx, "SELECT (SELECT groupUniqArray(manager_id) FROM "+prefix+"forgotten_managers), (SELECT groupUniqArray(deal_id) FROM "+prefix+"forgotten_deals)")
	if err := row.Scan(&managers, &deals); err != nil {
		return Forgotten{}, fmt.Errorf("list what is forgotten: %w", err)
	}
	f := Forgotten{map[extractor.ManagerID]bool{}, map[extractor.DealID]bool{}}
	for _, id := range managers {
		f.Managers[extractor.ManagerID(id)] = true
	}
	for _, id := range deals {
		f.Deals[extractor.DealID(id)] = true
	}
	return f, nil
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
	return KeepForgottenDeal(ctx, conn, deal, now)
}

// KeepForgottenDeal is ForgetDeal for a deal that the warehouse may have nothing of: one that was forgotten in another
// one.
func KeepForgottenDeal(ctx context.Context, conn driver.Conn, deal extractor.DealID, now time.Time) error {
	if err := conn.Exec(ctx, "INSERT INTO forgotten_deals (deal_id, forgotten_at) SELECT ?, toDateTime64(?, 3, 'UTC')", uint64(deal), exact(now)); err != nil {
		return fmt.Errorf("remember to forget deal %d: %w", deal, err)
	}
	return nil
}

// RemoveTitle takes the title of a deal, its company and what its fields say out of all that was published and landed.
func RemoveTitle(ctx context.Context, w *warehouse.Warehouse, deal extractor.DealID) error {
	companies, err := dealIDs(ctx, w.DB(), "look for the company of a deal", "SELECT DISTINCT company_id FROM landing_deals WHERE deal_id = ? AND company_id > 0", uint64(deal))
	if err != nil {
		return err
	}
	for _, shard := range w.Shards() {
		for _, of := range []struct{ table, update, isThere string }{
			{dealTable.name, "UPDATE title = '', company_id = 0, company_name = '', dimension_name = [], dimension_value = []", "title != '' OR company_id > 0 OR notEmpty(dimension_name)"},
			{landedDealTable.name, "UPDATE title = '', company_id = 0, fields = map()", "title != '' OR company_id > 0 OR notEmpty(fields)"},
		} {
			if err := mutate(ctx, shard, of.table, of.update, "deal_id = ? AND ("+of.isThere+")", uint64(deal)); err != nil {
				return fmt.Errorf("take out the title of deal %d: %w", deal, err)
			}
		}
	}
	for _, company := range companies {
		var deals uint64
		if err := w.DB().QueryRow(ctx, "SELECT count() FROM landing_deals WHERE company_id = ?", uint64(company)).Scan(&deals); err != nil {
			return fmt.Errorf("look for deals of company %d: %w", company, err)
		}
		if deals > 0 {
			continue
		}
		if err := mutate(ctx, w.DB(), companyTable.name, "DELETE", "company_id = ?", uint64(company)); err != nil {
			return fmt.Errorf("take out the name of company %d: %w", company, err)
		}
	}
	return nil
}
