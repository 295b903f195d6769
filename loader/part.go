package loader

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/extractor"
	"stagelag/transform"
	"stagelag/warehouse"
)

// A Part is some of the deals of a run that is split: those of a range in one shard. Whoever holds
// the lease of its name derives it, in whichever process.
type Part struct {
	Run         RunID
	No          uint32 // from 1
	Shard       int    // index among the run's shards
	First, Last extractor.DealID
	IsDone      bool

	stage    string // where its rows wait
	appended Appended
}

// Lease is the name of the lock under which the part is derived.
func (p Part) Lease() string { return fmt.Sprintf("part %d of run %d", p.No, p.Run) }

// Among are those of the deals, which are ascending, that are in a part.
func (p Part) Among(ids []extractor.DealID) []extractor.DealID {
	first, _ := slices.BinarySearch(ids, p.First)
	end, isThere := slices.BinarySearch(ids, p.Last)
	if isThere {
		end++
	}
	return ids[first:end]
}

// A partEvent is a row of run_parts: a part was made, or somebody has derived it.
type partEvent struct {
	no          uint32
	status      string
	shardNo     uint32 // from 1
	first, last extractor.DealID
	clock       time.Time
	isAll       bool
	// Of a part that is done.
	stage    string
	appended Appended
}

const partMade, partDone = "open", "done"

var partTable = table[partEvent]{"run_parts", []column[partEvent]{
	plain("part_no", func(e *partEvent) *uint32 { return &e.no }),
	plain("status", func(e *partEvent) *string { return &e.status }),
	plain("shard_no", func(e *partEvent) *uint32 { return &e.shardNo }),
	id64("first_deal_id", func(e *partEvent) *extractor.DealID { return &e.first }),
	id64("last_deal_id", func(e *partEvent) *extractor.DealID { return &e.last }),
	moment("clock", func(e *partEvent) *time.Time { return &e.clock }),
	plain("is_all", func(e *partEvent) *bool { return &e.isAll }),
	plain("stage", func(e *partEvent) *string { return &e.stage }),
	plain("facts", func(e *partEvent) *uint64 { return &e.appended.Facts }),
	plain("visits", func(e *partEvent) *uint64 { return &e.appended.Visits }),
	plain("deals", func(e *partEvent) *uint64 { return &e.appended.Deals }),
	plain("knowledge", func(e *partEvent) *uint64 { return &e.appended.Knowledge }),
	plain("deals_changed", func(e *partEvent) *uint64 { return &e.appended.Changed }),
}}

// A Split is a run whose parts can be derived by any process.
type Split struct {
	conn   driver.Conn // of the front
	shards []*Shard
	run    RunID
	// AsOf and RulesHash are the run's.
	AsOf      transform.Day
	RulesHash string
	// Clock is the portal's when the run began.
	Clock time.Time
	// IsAll is whether the run derives all deals.
	IsAll bool
	// Before is the state that the run starts from.
	Before State
}

// Shards are where the parts lie.
func (s *Split) Shards() []*Shard { return s.shards }

// Split lets any process derive the deals, which are given for each shard, ascending, in about so
// many parts.
func (r *Run) Split(ctx context.Context, ids [][]extractor.DealID, parts int, clock time.Time, isAll bool) (*Split, error) {
	s := &Split{
		conn: r.conn, shards: r.shards, run: r.row.RunID, AsOf: r.start.AsOf, RulesHash: r.start.RulesHash, Clock: clock, IsAll: isAll, Before: r.before,
	}
	total := 0
	for _, list := range ids {
		total += len(list)
	}
	size := max(1, (total+parts-1)/max(1, parts))
	var made []partEvent
	for shard, list := range ids {
		for part := range slices.Chunk(list, size) {
			made = append(made, partEvent{
				no: uint32(len(made) + 1), status: partMade, shardNo: uint32(shard + 1), first: part[0], last: part[len(part)-1], clock: clock, isAll: isAll,
			})
		}
	}
	if err := partTable.insert(ctx, r.conn, s.run, made); err != nil {
		return nil, fmt.Errorf("split the run: %w", err)
	}
	return s, nil
}

// FindSplit finds the run that is under way and split, nil where there is none.
func FindSplit(ctx context.Context, w *warehouse.Warehouse) (*Split, error) {
	s := &Split{conn: w.DB()}
	var run, parts uint32
	var status string
	var asOf, startedAt time.Time
	row := s.conn.QueryRow(ctx, `
		SELECT max(run_id), argMax(toString(status), (run_id, status)), argMax(as_of, (run_id, status)), argMax(started_at, (run_id, status)),
			argMax(rules_hash, (run_id, status)), (SELECT toUInt32(count()) FROM run_parts WHERE run_id = (SELECT max(run_id) FROM run_events))
		FROM run_events`)
	err := row.Scan(&run, &status, &asOf, &startedAt, &s.RulesHash, &parts)
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for a run that is split: %w", err)
	case status != Running || parts == 0:
		return nil, nil
	}
	s.run, s.AsOf = RunID(run), loadedDay(asOf)
	if err := s.conn.QueryRow(ctx, "SELECT any(clock), any(is_all) FROM run_parts WHERE run_id = ? AND status = 'open'", run).Scan(&s.Clock, &s.IsAll); err != nil {
		return nil, fmt.Errorf("read how the run is split: %w", err)
	}
	if s.Before, err = LastPublished(ctx, s.conn); err != nil {
		return nil, err
	}
	if s.shards, err = shardsOf(ctx, w, s.run, startedAt, s.Before); err != nil {
		return nil, err
	}
	return s, nil
}

// Run is the number of the run.
func (s *Split) Run() RunID { return s.run }

// Parts are the parts as they are now, by their numbers.
func (s *Split) Parts(ctx context.Context) ([]Part, error) {
	var parts []Part
	err := partTable.read(ctx, s.conn, "WHERE run_id = ? ORDER BY part_no, status", func(e *partEvent) {
		if e.status == partMade {
			parts = append(parts, Part{Run: s.run, No: e.no, Shard: int(e.shardNo) - 1, First: e.first, Last: e.last})
			return
		}
		// A run that was overtaken has no parts any more, and yet some may be told to be done.
		if last := len(parts) - 1; last >= 0 && parts[last].No == e.no {
			p := &parts[last]
			p.IsDone, p.stage, p.appended = true, e.stage, e.appended
		}
	}, uint32(s.run))
	if err != nil {
		return nil, fmt.Errorf("read the parts of the run: %w", err)
	}
	return parts, nil
}

// Done tells that the rows of a part are in the tables of the stage, or in their place where that
// is nil. The caller holds the part's lease.
func (s *Split) Done(ctx context.Context, p Part, stage *Stage, appended Appended) error {
	done := partEvent{no: p.No, status: partDone, appended: appended}
	if stage != nil {
		done.stage = stage.name
	}
	if err := partTable.insert(ctx, s.conn, s.run, []partEvent{done}); err != nil {
		return fmt.Errorf("record that part %d is done: %w", p.No, err)
	}
	return nil
}

// stagedTables are those that the rows of a part go into.
var stagedTables = []string{"facts", "visits", "deals", "knowledge"}

// stagePrefix is how the names of all stages begin.
const stagePrefix = "part_"

// A Stage is tables of its own for what one process derives of one part. The run takes the rows
// over when the part is done. So those of a process that is killed, or that was taken for dead and
// goes on, are never among the run's.
type Stage struct{ name string }

// NewStage makes the tables for an attempt at a part.
func (s *Shard) NewStage(ctx context.Context, p Part) (*Stage, error) {
	stage := &Stage{fmt.Sprintf("%s%d_%d_%s_", stagePrefix, p.Run, p.No, strings.ToLower(rand.Text()))}
	for _, table := range stagedTables {
		if err := s.conn.Exec(ctx, "CREATE TABLE "+stage.name+table+" AS "+table); err != nil {
			return nil, fmt.Errorf("make a stage for part %d: %w", p.No, err)
		}
	}
	return stage, nil
}

// Collect takes over what was derived of the parts, all of which are done, and tells how much that
// is in each shard.
func (s *Split) Collect(ctx context.Context, parts []Part) ([]Appended, error) {
	sums := make([]Appended, len(s.shards))
	for _, p := range parts {
		sums[p.Shard].Add(p.appended)
		if p.stage == "" {
			continue
		}
		for _, table := range stagedTables {
			if err := s.shards[p.Shard].takeOver(ctx, p.stage+table, table); err != nil {
				return nil, fmt.Errorf("take over part %d: %w", p.No, err)
			}
		}
	}
	for i, shard := range s.shards {
		if err := shard.verify(ctx, sums[i]); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// takeOver moves all rows of a table into another one. It can be called again.
func (s *Shard) takeOver(ctx context.Context, from, to string) error {
	rows, err := s.conn.Query(ctx, "SELECT DISTINCT partition_id FROM system.parts WHERE database = currentDatabase() AND table = ? AND active", from)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var partition string
		if err := rows.Scan(&partition); err != nil {
			return err
		}
		if err := s.conn.Exec(ctx, "ALTER TABLE "+from+" MOVE PARTITION ID '"+partition+"' TO TABLE "+to); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return s.conn.Exec(ctx, "DROP TABLE IF EXISTS "+from+" SYNC")
}

// verify checks that the run has as many rows in the shard as were derived.
func (s *Shard) verify(ctx context.Context, want Appended) error {
	for table, want := range map[string]uint64{"facts": want.Facts, "visits": want.Visits, "deals": want.Deals, "knowledge": want.Knowledge} {
		var got uint64
		if err := s.conn.QueryRow(ctx, "SELECT count() FROM "+table+" WHERE run_id = ?", uint32(s.run)).Scan(&got); err != nil {
			return fmt.Errorf("count the rows of the run in %s: %w", table, err)
		}
		if got != want {
			return fmt.Errorf("the parts of the run have %d rows for %s, and %d are there: run again, nothing is lost", want, table, got)
		}
	}
	return nil
}

// ErrReplicatedParts is a run that is to be split on servers that replicate each other.
var ErrReplicatedParts = errors.New("a run on a cluster with replicas can't be split into parts: leave --parts out")

// removeStages removes what processes have left that were killed. No run is under way.
func removeStages(ctx context.Context, w *warehouse.Warehouse) error {
	for _, shard := range w.Shards() {
		if err := dropStages(ctx, shard); err != nil {
			return fmt.Errorf("remove what is left of parts: %w", err)
		}
	}
	var parts uint64
	if err := w.DB().QueryRow(ctx, "SELECT count() FROM run_parts").Scan(&parts); err != nil {
		return fmt.Errorf("look for parts of earlier runs: %w", err)
	}
	if parts == 0 {
		return nil
	}
	if err := w.DB().Exec(ctx, "TRUNCATE TABLE run_parts SYNC"); err != nil {
		return fmt.Errorf("remove the parts of earlier runs: %w", err)
	}
	return nil
}

func dropStages(ctx context.Context, shard driver.Conn) error {
	rows, err := shard.Query(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, ?)", stagePrefix)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if err := shard.Exec(ctx, "DROP TABLE IF EXISTS "+name+" SYNC"); err != nil {
			return err
		}
	}
	return rows.Err()
}
