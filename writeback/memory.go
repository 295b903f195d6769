package writeback

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"

	"stagelag/extractor"
)

// Every write moves the time of a deal's last change, by which the next extraction finds what
// to read again. So it is remembered which time a write has left, where nobody else had
// changed the deal since it was landed: whoever changes it later moves the time on.

// OwnWrites gives those of the deals, as the portal shows them now, that are as they were
// landed but for what write-back wrote. It may leave deals out, which are then read again; it
// never holds one that somebody else has changed in anything that is landed.
func OwnWrites(ctx context.Context, conn driver.Conn, deals []extractor.Deal) (map[extractor.DealID]bool, error) {
	left, err := leftTimes(ctx, conn, idsOf(deals))
	if err != nil {
		return nil, err
	}
	var candidates []extractor.Deal
	for _, deal := range deals {
		if at, ok := left[deal.ID]; ok && at.Equal(stored(deal.UpdatedAt)) {
			candidates = append(candidates, deal)
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	landed, err := landedDeals(ctx, conn, idsOf(candidates))
	if err != nil {
		return nil, err
	}
	own := map[extractor.DealID]bool{}
	for _, deal := range candidates {
		// The portal's times are whole seconds, and somebody may have been in the same one.
		if known, ok := landed[deal.ID]; ok && isSame(known, deal) {
			own[deal.ID] = true
		}
	}
	return own, nil
}

// isSame is whether a deal is as it was landed, but for the time of its last change.
func isSame(landed, now extractor.Deal) bool {
	return landed.Title == now.Title && landed.FunnelID == now.FunnelID && landed.StageID == now.StageID &&
		landed.Semantics == now.Semantics && landed.ManagerID == now.ManagerID && landed.Currency == now.Currency &&
		landed.Amount.Equal(now.Amount) && landed.IsRecurring == now.IsRecurring &&
		landed.CreatedAt.Equal(stored(now.CreatedAt)) && landed.MovedAt.Equal(stored(now.MovedAt)) &&
		maps.Equal(landed.Fields, now.Fields)
}

// stored is a time as the warehouse keeps it: 1970 for none.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC().Truncate(time.Millisecond)
}

func idsOf(deals []extractor.Deal) []extractor.DealID {
	ids := make([]extractor.DealID, len(deals))
	for i, deal := range deals {
		ids[i] = deal.ID
	}
	return ids
}

// among is a condition on deal_id; the range lets the engine use the key.
func among(ids []extractor.DealID) string {
	numbers := make([]string, len(ids))
	for i, id := range ids {
		numbers[i] = strconv.FormatUint(uint64(id), 10)
	}
	return fmt.Sprintf("deal_id BETWEEN %d AND %d AND deal_id IN (%s)", slices.Min(ids), slices.Max(ids), strings.Join(numbers, ","))
}

const wideQuery = " SETTINGS max_query_size = 10000000"

// leftTimes are the times of the last change that write-back left, by deal.
func leftTimes(ctx context.Context, conn driver.Conn, ids []extractor.DealID) (map[extractor.DealID]time.Time, error) {
	return times(ctx, conn, "read what write-back left", "SELECT deal_id, updated_at FROM write_backs FINAL WHERE "+among(ids)+wideQuery)
}

// landedTimes are the times of the last change with which deals were landed.
func landedTimes(ctx context.Context, conn driver.Conn, ids []extractor.DealID) (map[extractor.DealID]time.Time, error) {
	return times(ctx, conn, "read the landed deals",
		"SELECT deal_id, updated_at FROM landing_deals FINAL WHERE vanished_at IS NULL AND "+among(ids)+wideQuery)
}

func times(ctx context.Context, conn driver.Conn, doing, query string) (map[extractor.DealID]time.Time, error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	found := map[extractor.DealID]time.Time{}
	for rows.Next() {
		var id uint64
		var at time.Time
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		found[extractor.DealID(id)] = at
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return found, nil
}

func landedDeals(ctx context.Context, conn driver.Conn, ids []extractor.DealID) (map[extractor.DealID]extractor.Deal, error) {
	const doing = "read the landed deals"
	rows, err := conn.Query(ctx, `
		SELECT deal_id, title, funnel_id, toString(stage_id), toInt8(semantics), manager_id, amount, toString(currency),
			created_at, moved_at, is_recurring, fields
		FROM landing_deals FINAL WHERE vanished_at IS NULL AND `+among(ids)+wideQuery)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	deals := map[extractor.DealID]extractor.Deal{}
	for rows.Next() {
		var d extractor.Deal
		var id, manager uint64
		var funnel uint32
		var stage string
		var semantics int8
		var amount decimal.Decimal
		if err := rows.Scan(&id, &d.Title, &funnel, &stage, &semantics, &manager, &amount, &d.Currency,
			&d.CreatedAt, &d.MovedAt, &d.IsRecurring, &d.Fields); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		d.ID, d.FunnelID, d.StageID, d.ManagerID = extractor.DealID(id), extractor.FunnelID(funnel), extractor.StageID(stage), extractor.ManagerID(manager)
		d.Semantics, d.Amount = extractor.Semantics(semantics), amount
		deals[d.ID] = d
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return deals, nil
}

// remember keeps the times that writes have left.
func remember(ctx context.Context, conn driver.Conn, left map[extractor.DealID]time.Time) error {
	if len(left) == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO write_backs (deal_id, updated_at, written_at)")
	if err != nil {
		return fmt.Errorf("remember the writes: %w", err)
	}
	defer batch.Close()
	now := time.Now().UTC()
	for _, id := range slices.Sorted(maps.Keys(left)) {
		if err := batch.Append(uint64(id), stored(left[id]), now); err != nil {
			return fmt.Errorf("remember the writes: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("remember the writes: %w", err)
	}
	return nil
}
