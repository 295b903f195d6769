package writeback

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/loader"
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
		if at, ok := left[deal.ID]; ok && at.Equal(deal.UpdatedAt) {
			candidates = append(candidates, deal)
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	landed, err := loader.LandedDeals(ctx, conn, idsOf(candidates))
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
		landed.Amount.Equal(now.Amount) && landed.BadAmount == now.BadAmount && landed.IsRecurring == now.IsRecurring &&
		landed.CreatedAt.Equal(now.CreatedAt) && landed.MovedAt.Equal(now.MovedAt) &&
		maps.Equal(landed.Fields, now.Fields)
}

func idsOf(deals []extractor.Deal) []extractor.DealID {
	ids := make([]extractor.DealID, len(deals))
	for i, deal := range deals {
		ids[i] = deal.ID
	}
	return ids
}

// leftTimes are the times of the last change that write-back left, by deal.
func leftTimes(ctx context.Context, conn driver.Conn, ids []extractor.DealID) (map[extractor.DealID]time.Time, error) {
	rows, err := conn.Query(ctx, "SELECT deal_id, updated_at FROM write_backs FINAL WHERE deal_id IN (?)", ids)
	if err != nil {
		return nil, fmt.Errorf("read what write-back left: %w", err)
	}
	defer rows.Close()
	left := map[extractor.DealID]time.Time{}
	for rows.Next() {
		var id uint64
		var at time.Time
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("read what write-back left: %w", err)
		}
		left[extractor.DealID(id)] = at
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what write-back left: %w", err)
	}
	return left, nil
}

// remember keeps the times that writes have left.
func remember(ctx context.Context, conn driver.Conn, left map[extractor.DealID]time.Time, now time.Time) error {
	if len(left) == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO write_backs (deal_id, updated_at, written_at)")
	if err != nil {
		return fmt.Errorf("remember the writes: %w", err)
	}
	defer batch.Close()
	for _, id := range slices.Sorted(maps.Keys(left)) {
		if err := batch.Append(uint64(id), left[id], now.UTC()); err != nil {
			return fmt.Errorf("remember the writes: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("remember the writes: %w", err)
	}
	return nil
}
