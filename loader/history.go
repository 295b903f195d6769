package loader

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// chunkDeals is how many deals are read at once: few round trips, bounded memory.
const chunkDeals = 5_000

// A Known is all that the warehouse knows of one deal.
type Known struct {
	transform.History
	// Deal is what readers see of the deal, nil when it was never published. IsGone in
	// it says that it was, and is no more.
	Published *DealRow
	// IsForgotten is whether somebody took the deal out of the report.
	IsForgotten bool
	// CompanyName is empty where none is known.
	CompanyName string
}

// DealIDs are the deals of the shard that the run has to derive, ascending: all of them, or those that
// can have changed since the last published run. These are the deals that were landed
// since, the open ones that don't grow, those with a date that did not exist for that run or lay
// ahead of the portal's clock, those that were taken out, those of companies with another name, and open ones of people
// who have moved to another department. A growth of nil lets no deal grow.
func (s *Shard) DealIDs(ctx context.Context, all bool, zone *time.Location, growth *Growth, departments *Departments, asOf transform.Day) ([]extractor.DealID, error) {
	query, args := "SELECT deal_id FROM landing_deals", []any{}
	if !all {
		renamed, err := s.renamedCompanies(ctx, s.before.RunID)
		if err != nil {
			return nil, err
		}
		others := ""
		if renamed != nil {
			ctx = with(ctx, renamed)
			others += "UNION ALL SELECT deal_id FROM landing_deals WHERE company_id IN (SELECT company_id FROM renamed_companies)\n"
		}
		if moved := departments.moved(s.before.AsOf, asOf); len(moved) > 0 {
			others += "UNION ALL SELECT deal_id FROM deals WHERE is_open AND NOT is_gone AND " + s.shown + " AND manager_id IN (" + list(moved) + ")\n"
		}
		since := uint32(s.before.RunID)
		ahead := s.before.AsOf.Start(zone).UTC()
		query = `
			SELECT deal_id FROM
			(
				SELECT deal_id FROM landing_deals WHERE run_id > ? OR greatest(created_at, moved_at) >= ?
				UNION ALL
				SELECT deal_id FROM landing_stage_changes WHERE run_id > ? OR changed_at >= ?
				UNION ALL
				SELECT deal_id FROM visits WHERE ` + s.ungrown(growth) + `
				` + others + s.stillForgotten() + `
			)
			WHERE deal_id IN (SELECT deal_id FROM landing_deals)`
		args = []any{since, ahead, since, ahead}
	}
	return dealIDs(ctx, s.conn, "select the deals to derive", query+" GROUP BY deal_id ORDER BY deal_id"+frugal, args...)
}

// frugal keeps a query over all deals within some hundred megabytes: a set of a million deals, held against the index
// of a table, takes more than reading the table, and groups and joins in the order of the key take little.
const frugal = " SETTINGS use_index_for_in_with_subqueries_max_values = 100000, optimize_aggregation_in_order = 1, " +
	"join_algorithm = 'full_sorting_merge', max_bytes_before_external_group_by = 100000000, max_bytes_before_external_sort = 100000000"

// stillForgotten adds the deals that were taken out and are in the report.
func (s *Shard) stillForgotten() string {
	if len(s.forgotten.Deals) == 0 {
		return ""
	}
	return "UNION ALL SELECT deal_id FROM deals WHERE NOT is_gone AND " + s.shown + " AND deal_id IN (" + list(slices.Collect(maps.Keys(s.forgotten.Deals))) + ")"
}

// notForgotten leaves them out.
func (s *Shard) notForgotten() string {
	if len(s.forgotten.Deals) == 0 {
		return ""
	}
	return " AND deal_id NOT IN (" + list(slices.Collect(maps.Keys(s.forgotten.Deals))) + ")"
}

// dealIDs reads the ids that a query gives; what says what they are for.
func dealIDs(ctx context.Context, conn driver.Conn, what, query string, args ...any) ([]extractor.DealID, error) {
	var ids []extractor.DealID
	err := warehouse.Retry(ctx, conn, func() error {
		ids = nil
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id uint64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, extractor.DealID(id))
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ids, nil
}

// Histories gives what is known of the deals, in their order, in bounded memory. The
// next deals are read while the caller works on the ones before.
func (s *Shard) Histories(ctx context.Context, ids []extractor.DealID) iter.Seq2[*Known, error] {
	return histories(ctx, s.conn, ids, s.readChunk)
}

// histories reads the deals in chunks.
func histories(ctx context.Context, conn driver.Conn, ids []extractor.DealID,
	readChunk func(context.Context, []extractor.DealID) ([]Known, error),
) iter.Seq2[*Known, error] {
	return func(yield func(*Known, error) bool) {
		type chunk struct {
			deals []Known
			err   error
		}
		ctx, cancel := context.WithCancel(ctx)
		chunks := make(chan chunk)
		defer func() {
			cancel()
			for range chunks { // until nothing is read any more
			}
		}()
		go func() {
			defer close(chunks)
			for part := range slices.Chunk(ids, chunkDeals) {
				var deals []Known
				err := warehouse.Retry(ctx, conn, func() (err error) { deals, err = readChunk(ctx, part); return err })
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

// readChunk reads the deals that were landed, by id, which are ascending. Before the first run nothing is published.
func (s *Shard) readChunk(ctx context.Context, ids []extractor.DealID) ([]Known, error) {
	where, isExact := amongMany(ids)
	var deals []Known
	var changes map[extractor.DealID][]transform.Change
	var visits map[extractor.DealID][]transform.Visit
	var published map[extractor.DealID]*DealRow
	var known map[extractor.DealID]transform.Knowledge
	naming := ctx
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { deals, err = landedDeals(ctx, s.conn, where); return err })
	group.Go(func() (err error) { changes, err = s.landedChanges(ctx, where); return err })
	if s.before.RunID > 0 {
		group.Go(func() (err error) { visits, err = s.publishedVisits(ctx, where); return err })
		group.Go(func() (err error) { published, err = s.publishedDeals(ctx, where); return err })
		group.Go(func() (err error) { known, err = s.knowledge(ctx, where); return err })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if !isExact {
		deals = slices.DeleteFunc(deals, func(d Known) bool { _, isWanted := slices.BinarySearch(ids, d.Deal.ID); return !isWanted })
	}
	for i := range deals {
		d := &deals[i]
		id := d.Deal.ID
		d.Changes, d.History.Published, d.Published, d.Knowledge = changes[id], visits[id], published[id], known[id]
		d.IsForgotten = s.forgotten.Deals[id]
	}
	return deals, s.nameCompanies(naming, deals)
}

// inRange is the condition for a chunk. The range lets the engine use the key, the list
// picks the deals.
func inRange(ids []extractor.DealID) string {
	return fmt.Sprintf("deal_id BETWEEN %d AND %d AND deal_id IN (%s)", slices.Min(ids), slices.Max(ids), list(ids))
}

// amongMany is the condition for a chunk of ascending ids, which may hold for some others where the ids stand close
// together: to read a few deals more costs the engine less than a long list.
func amongMany(ids []extractor.DealID) (where string, isExact bool) {
	first, last := ids[0], ids[len(ids)-1]
	if span := uint64(last - first + 1); len(ids) > fewDeals && span <= 2*uint64(len(ids)) {
		return fmt.Sprintf("deal_id BETWEEN %d AND %d", first, last), false
	}
	return inRange(ids), true
}

// fewDeals are so few that it does not matter how a condition names them.
const fewDeals = 100

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

// largeQuery lets a statement name a chunk of deals one by one.
const largeQuery = " SETTINGS max_query_size = 10000000, optimize_move_to_prewhere_if_final = 1"

func landedDeals(ctx context.Context, conn driver.Conn, where string) ([]Known, error) {
	var deals []Known
	err := landedDealTable.read(ctx, conn, "FINAL WHERE "+where+" ORDER BY deal_id"+largeQuery, func(d *landedDeal) {
		known := Known{History: transform.History{Deal: d.Deal, IsGone: d.vanishedAt != nil}}
		if d.hiddenSince != nil {
			known.HiddenSince = *d.hiddenSince
		}
		deals = append(deals, known)
	})
	return deals, err
}

func (s *Shard) landedChanges(ctx context.Context, where string) (map[extractor.DealID][]transform.Change, error) {
	changes := map[extractor.DealID][]transform.Change{}
	err := landedChangeTable.read(ctx, s.conn, "FINAL WHERE "+where+" ORDER BY deal_id, change_id"+largeQuery, func(c *landedChange) {
		change := transform.Change{StageChange: c.StageChange, WentWithDeal: c.wentWithDeal, IsTwin: c.isTwin}
		if c.vanishedAt != nil {
			change.VanishedAt = *c.vanishedAt
		}
		changes[c.DealID] = append(changes[c.DealID], change)
	})
	return changes, err
}

func (s *Shard) knowledge(ctx context.Context, where string) (map[extractor.DealID]transform.Knowledge, error) {
	known := map[extractor.DealID]transform.Knowledge{}
	var broken error
	err := knowledgeTable.read(ctx, s.conn, "WHERE "+where+" AND "+s.published+" ORDER BY deal_id, -toInt64(run_id) LIMIT 1 BY deal_id"+largeQuery, func(r *knowledgeRow) {
		k, err := r.restored()
		known[r.dealID], broken = k, cmp.Or(broken, err)
	})
	return known, cmp.Or(err, broken)
}

func (s *Shard) publishedVisits(ctx context.Context, where string) (map[extractor.DealID][]transform.Visit, error) {
	visits := map[extractor.DealID][]transform.Visit{}
	var broken error
	err := visitTable.read(ctx, s.conn, "WHERE NOT is_gone AND "+where+" AND "+s.shown+" ORDER BY deal_id, visit_no"+largeQuery, func(r *visitRow) {
		v, err := r.restored()
		visits[r.DealID], broken = append(visits[r.DealID], v), cmp.Or(broken, err)
	})
	return visits, cmp.Or(err, broken)
}

func (s *Shard) publishedDeals(ctx context.Context, where string) (map[extractor.DealID]*DealRow, error) {
	deals := map[extractor.DealID]*DealRow{}
	err := dealTable.read(ctx, s.conn, "WHERE "+where+" AND "+s.shown+largeQuery, func(d *DealRow) {
		d.restore()
		deals[d.DealID] = d
	})
	return deals, err
}
