package loader

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/transform"
)

// chunkDeals is how many deals are read at once: few round trips, bounded memory.
const chunkDeals = 5_000

// A Known is all that the warehouse knows of one deal.
type Known struct {
	transform.History
	// Deal is what readers see of the deal, nil when it was never published. IsGone in
	// it says that it was, and is no more.
	Published *DealRow
}

// DealIDs are the deals of the shard that the run has to derive, ascending: all of them, or those that
// can have changed since the last published run. These are the deals that were landed
// since, the open ones, and those with a date that did not exist for that run or lay
// ahead of the portal's clock.
func (s *Shard) DealIDs(ctx context.Context, all bool, zone *time.Location) ([]extractor.DealID, error) {
	query, args := "SELECT DISTINCT deal_id FROM landing_deals ORDER BY deal_id", []any{}
	if !all {
		since := uint32(s.before.RunID)
		ahead := s.before.AsOf.Start(zone).UTC()
		query = `
			SELECT DISTINCT deal_id FROM
			(
				SELECT deal_id FROM landing_deals WHERE run_id > ? OR greatest(created_at, moved_at) >= ?
				UNION ALL
				SELECT deal_id FROM landing_stage_changes WHERE run_id > ? OR changed_at >= ?
				UNION ALL
				SELECT deal_id FROM visits WHERE is_open AND NOT is_gone AND ` + s.shown + `
			)
			WHERE deal_id IN (SELECT deal_id FROM landing_deals)
			ORDER BY deal_id`
		args = []any{since, ahead, since, ahead}
	}
	return dealIDs(ctx, s.conn, "select the deals to derive", query, args...)
}

// dealIDs reads the ids that a query gives; what says what they are for.
func dealIDs(ctx context.Context, conn driver.Conn, what, query string, args ...any) ([]extractor.DealID, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var ids []extractor.DealID
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		ids = append(ids, extractor.DealID(id))
	}
	return ids, rows.Err()
}

// Histories gives what is known of the deals, in their order, in bounded memory. The
// next deals are read while the caller works on the ones before.
func (s *Shard) Histories(ctx context.Context, ids []extractor.DealID) iter.Seq2[*Known, error] {
	return func(yield func(*Known, error) bool) {
		type chunk struct {
			deals []Known
			err   error
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		chunks := make(chan chunk)
		go func() {
			defer close(chunks)
			for part := range slices.Chunk(ids, chunkDeals) {
				deals, err := s.readChunk(ctx, part)
				select {
				case chunks <- chunk{deals, err}:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
		}()
		for c := range chunks {
			if c.err != nil {
				yield(nil, fmt.Errorf("read what is known of the deals: %w", c.err))
				return
			}
			for i := range c.deals {
				if !yield(&c.deals[i], nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// readChunk reads the deals that were landed, by id.
func (s *Shard) readChunk(ctx context.Context, ids []extractor.DealID) ([]Known, error) {
	where := inRange(ids)
	var deals []Known
	var changes map[extractor.DealID][]transform.Change
	var visits map[extractor.DealID][]transform.Visit
	var published map[extractor.DealID]*DealRow
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { deals, err = landedDeals(ctx, s.conn, where); return err })
	group.Go(func() (err error) { changes, err = s.landedChanges(ctx, where); return err })
	group.Go(func() (err error) { visits, err = s.publishedVisits(ctx, where); return err })
	group.Go(func() (err error) { published, err = s.publishedDeals(ctx, where); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range deals {
		id := deals[i].Deal.ID
		deals[i].Changes, deals[i].History.Published, deals[i].Published = changes[id], visits[id], published[id]
	}
	return deals, nil
}

// inRange is the condition for a chunk. The range lets the engine use the key, the list
// picks the deals.
func inRange(ids []extractor.DealID) string {
	return fmt.Sprintf("deal_id BETWEEN %d AND %d AND deal_id IN (%s)", slices.Min(ids), slices.Max(ids), list(ids))
}

// LandedDeals gives those of the deals that are known, as they were landed last. ids is not
// empty.
func LandedDeals(ctx context.Context, conn driver.Conn, ids []extractor.DealID) (map[extractor.DealID]extractor.Deal, error) {
	landed, err := landedDeals(ctx, conn, inRange(ids))
	if err != nil {
		return nil, fmt.Errorf("read the landed deals: %w", err)
	}
	deals := make(map[extractor.DealID]extractor.Deal, len(landed))
	for _, known := range landed {
		if !known.IsGone {
			deals[known.Deal.ID] = known.Deal
		}
	}
	return deals, nil
}

func landedDeals(ctx context.Context, conn driver.Conn, where string) ([]Known, error) {
	rows, err := conn.Query(ctx, `
		SELECT deal_id, title, funnel_id, stage_id, toInt8(semantics), manager_id, amount, currency,
			created_at, moved_at, updated_at, is_recurring, fields, vanished_at IS NOT NULL
		FROM landing_deals FINAL WHERE `+where+` ORDER BY deal_id SETTINGS max_query_size = 10000000`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var deals []Known
	for rows.Next() {
		var k Known
		d := &k.Deal
		var id, manager uint64
		var funnel uint32
		var stage string
		var semantics int8
		if err := rows.Scan(&id, &d.Title, &funnel, &stage, &semantics, &manager, &d.Amount, &d.Currency,
			&d.CreatedAt, &d.MovedAt, &d.UpdatedAt, &d.IsRecurring, &d.Fields, &k.IsGone); err != nil {
			return nil, err
		}
		d.ID, d.FunnelID, d.StageID, d.ManagerID = extractor.DealID(id), extractor.FunnelID(funnel), extractor.StageID(stage), extractor.ManagerID(manager)
		d.Semantics = extractor.Semantics(semantics)
		d.CreatedAt, d.MovedAt, d.UpdatedAt = absent(d.CreatedAt), absent(d.MovedAt), absent(d.UpdatedAt)
		deals = append(deals, k)
	}
	return deals, rows.Err()
}

// absent turns the stored form of an absent time back.
func absent(t time.Time) time.Time {
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t
}

func (s *Shard) landedChanges(ctx context.Context, where string) (map[extractor.DealID][]transform.Change, error) {
	rows, err := s.conn.Query(ctx, `
		SELECT deal_id, change_id, changed_at, funnel_id, stage_id, toInt8(semantics), type_id, vanished_at IS NOT NULL
		FROM landing_stage_changes FINAL WHERE `+where+` ORDER BY deal_id, change_id SETTINGS max_query_size = 10000000`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	changes := map[extractor.DealID][]transform.Change{}
	for rows.Next() {
		var c transform.Change
		var deal, id uint64
		var funnel uint32
		var stage string
		var semantics int8
		if err := rows.Scan(&deal, &id, &c.ChangedAt, &funnel, &stage, &semantics, &c.TypeID, &c.HasVanished); err != nil {
			return nil, err
		}
		c.DealID, c.ID, c.FunnelID, c.StageID = extractor.DealID(deal), extractor.ChangeID(id), extractor.FunnelID(funnel), extractor.StageID(stage)
		c.Semantics = extractor.Semantics(semantics)
		changes[c.DealID] = append(changes[c.DealID], c)
	}
	return changes, rows.Err()
}

func (s *Shard) publishedVisits(ctx context.Context, where string) (map[extractor.DealID][]transform.Visit, error) {
	rows, err := s.conn.Query(ctx, `
		SELECT deal_id, visit_no, funnel_id, stage_id, toInt8(semantics), is_return, change_id, toInt8(history_source), entered_at,
			entered_date, is_open, left_date, toInt8(plan_source), plan_days, planned_end, plan_problem,
			carried_date, carried_days, was_open,
			arrayMap(d -> toUInt16(d), tenure_from), tenure_manager, arrayMap(s -> toInt8(s), tenure_source)
		FROM visits WHERE NOT is_gone AND `+where+" AND "+s.shown+" ORDER BY deal_id, visit_no SETTINGS max_query_size = 10000000")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	visits := map[extractor.DealID][]transform.Visit{}
	for rows.Next() {
		var v transform.Visit
		var deal, change uint64
		var funnel uint32
		var stage string
		var semantics, history, planSource int8
		var isOpen bool
		var entered, left, plannedEnd time.Time
		var tenureFrom []uint16
		var tenureManager []uint64
		var tenureSource []int8
		if err := rows.Scan(&deal, &v.No, &funnel, &stage, &semantics, &v.IsReturn, &change, &history, &v.EnteredAt,
			&entered, &isOpen, &left, &planSource, &v.Plan.Days, &plannedEnd, &v.Plan.Problem,
			&v.Carried.Date, &v.Carried.Days, &v.WasOpen,
			&tenureFrom, &tenureManager, &tenureSource); err != nil {
			return nil, err
		}
		v.DealID, v.ChangeID, v.FunnelID, v.StageID = extractor.DealID(deal), extractor.ChangeID(change), extractor.FunnelID(funnel), extractor.StageID(stage)
		v.Semantics, v.History, v.Plan.Source = extractor.Semantics(semantics), transform.HistorySource(history), transform.PlanSource(planSource)
		v.EnteredDate, v.LeftDate, v.Plan.End = transform.DayOf(entered, time.UTC), transform.NoDay, transform.NoDay
		if !isOpen {
			v.LeftDate = transform.DayOf(left, time.UTC)
		}
		if v.Plan.IsPlanned() {
			v.Plan.End = transform.DayOf(plannedEnd, time.UTC)
		}
		for i, from := range tenureFrom {
			v.Tenures = append(v.Tenures, transform.Tenure{From: transform.Day(from), ManagerID: extractor.ManagerID(tenureManager[i]), Source: transform.ManagerSource(tenureSource[i])})
		}
		visits[v.DealID] = append(visits[v.DealID], v)
	}
	return visits, rows.Err()
}

func (s *Shard) publishedDeals(ctx context.Context, where string) (map[extractor.DealID]*DealRow, error) {
	rows, err := s.conn.Query(ctx, `
		SELECT deal_id, is_gone, title, amount, currency, created_date, gap_visit_no, gap_stage_id, gap_manager_id, gap_reason, gap_detail,
			visits, first_entered, funnel_id, stage_id, toInt8(semantics), manager_id, is_open, is_planned, planned_end, is_late,
			overdue_days, late_visits, managers, manager_visit_no, manager_stage_id
		FROM deals WHERE `+where+" AND "+s.shown+" SETTINGS max_query_size = 10000000")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	deals := map[extractor.DealID]*DealRow{}
	for rows.Next() {
		d := &DealRow{Amount: decimal.Decimal{}}
		var id uint64
		var created time.Time
		var visitNo []uint32
		var stageID, reason, detail []string
		var managerID []uint64
		s := &d.Standing
		var firstEntered, plannedEnd time.Time
		var funnel uint32
		var stage string
		var semantics int8
		var manager uint64
		var managers []uint64
		var managerVisitNo []uint32
		var managerStageID []string
		if err := rows.Scan(&id, &d.IsGone, &d.Title, &d.Amount, &d.Currency, &created, &visitNo, &stageID, &managerID, &reason, &detail,
			&s.Visits, &firstEntered, &funnel, &stage, &semantics, &manager, &s.IsOpen, &s.IsPlanned, &plannedEnd, &s.IsLate,
			&s.OverdueDays, &s.LateVisits, &managers, &managerVisitNo, &managerStageID); err != nil {
			return nil, err
		}
		s.FunnelID, s.StageID, s.Semantics, s.ManagerID = extractor.FunnelID(funnel), extractor.StageID(stage), extractor.Semantics(semantics), extractor.ManagerID(manager)
		s.FirstEntered, s.PlannedEnd = transform.NoDay, transform.NoDay
		if s.Visits > 0 {
			s.FirstEntered = transform.DayOf(firstEntered, time.UTC)
		}
		if s.IsPlanned {
			s.PlannedEnd = transform.DayOf(plannedEnd, time.UTC)
		}
		for i, id := range managers {
			s.Managers = append(s.Managers, transform.LastVisit{ManagerID: extractor.ManagerID(id), VisitNo: managerVisitNo[i], StageID: extractor.StageID(managerStageID[i])})
		}
		d.DealID, d.CreatedDate = extractor.DealID(id), transform.DayOf(created, time.UTC)
		for i := range visitNo {
			d.Gaps = append(d.Gaps, transform.Gap{VisitNo: visitNo[i], StageID: extractor.StageID(stageID[i]),
				ManagerID: extractor.ManagerID(managerID[i]), Reason: reason[i], Detail: detail[i]})
		}
		deals[d.DealID] = d
	}
	return deals, rows.Err()
}
