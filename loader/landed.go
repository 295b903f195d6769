package loader

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// A Landed is what was read from the portal and what published runs saw, for a derivation that appends nothing. It
// takes no lease: a run that is under way may land newer rows meanwhile, see Newer.
type Landed struct {
	// State is the last published one; its RunID is 0 where there is none.
	State  State
	conn   driver.Conn // of the front
	shards []*Shard
}

// OpenLanded looks for the last published state.
func OpenLanded(ctx context.Context, w *warehouse.Warehouse) (*Landed, error) {
	l := &Landed{conn: w.DB()}
	var err error
	if l.State, err = LastPublished(ctx, l.conn); err != nil {
		return nil, err
	}
	l.shards, err = shardsOf(ctx, w, 0, l.State.StartedAt, l.State)
	return l, err
}

// Shards are where the deals lie.
func (l *Landed) Shards() []*Shard { return l.shards }

// Newer counts the deals of which a run after the published one has landed something. Their numbers may differ from
// the published ones under the same rules.
func (l *Landed) Newer(ctx context.Context) (deals uint64, err error) {
	for _, shard := range l.shards {
		var n uint64
		row := shard.conn.QueryRow(ctx, `
			SELECT uniqExact(deal_id) FROM
			(
				SELECT deal_id FROM landing_deals WHERE run_id > ?
				UNION ALL
				SELECT deal_id FROM landing_stage_changes WHERE run_id > ?
			)`, uint32(l.State.RunID), uint32(l.State.RunID))
		if err := row.Scan(&n); err != nil {
			return 0, fmt.Errorf("look for what was read since the last published run: %w", err)
		}
		deals += n
	}
	return deals, nil
}

// Managers are the names of people, as they were published; one that is forgotten has none.
func (l *Landed) Managers(ctx context.Context) (map[extractor.ManagerID]string, error) {
	names := map[extractor.ManagerID]string{}
	err := managerTable.read(ctx, l.conn, setOf(managerTable.name), func(m *extractor.Manager) { names[m.ID] = m.Name }, uint32(0))
	if err != nil {
		return nil, fmt.Errorf("read the managers: %w", err)
	}
	return names, nil
}

// LandedHistories is Histories for all deals of a range of the shard, without what is published of them.
func (s *Shard) LandedHistories(ctx context.Context, ids []extractor.DealID) iter.Seq2[*Known, error] {
	return histories(ctx, s.conn, ids, s.readLandedChunk)
}

func (s *Shard) readLandedChunk(ctx context.Context, ids []extractor.DealID) ([]Known, error) {
	where := fmt.Sprintf("deal_id BETWEEN %d AND %d", slices.Min(ids), slices.Max(ids))
	var deals []Known
	var changes map[extractor.DealID][]transform.Change
	var known map[extractor.DealID]transform.Knowledge
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { deals, err = landedDeals(ctx, s.conn, where); return err })
	group.Go(func() (err error) { changes, err = s.landedChanges(ctx, where); return err })
	group.Go(func() (err error) { known, err = s.knowledge(ctx, where); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i := range deals {
		d := &deals[i]
		d.Changes, d.Knowledge, d.IsForgotten = changes[d.Deal.ID], known[d.Deal.ID], s.forgotten.Deals[d.Deal.ID]
	}
	return deals, nil
}
