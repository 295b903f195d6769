package sql

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"stagelag/warehouse"
)

// Sharded are the tables with the rows of deals. On a cluster each shard has its own, and the
// front has a table over all of them under the same name.
var Sharded = []string{"landing_deals", "landing_stage_changes", "deals", "visits", "facts", "day_measures", "knowledge"}

// A place is a database that holds the schema or a part of it.
type place struct {
	server
	name     string // for a person, empty where there is only one
	database string
	files    fs.FS // the migrations of the part
	hasViews bool
}

type server interface {
	DB() driver.Conn
	OpenDB() *sql.DB
}

// places are where the schema has to be brought up, in the order of it: the views need the
// tables.
func places(w *warehouse.Warehouse) ([]place, error) {
	cluster, names := w.Cluster(), w.Names()
	if cluster == nil {
		return []place{{server: w, database: names.Internal, files: migrations, hasViews: true}}, nil
	}
	ofShard, err := partOf(cluster, names.Shard, func(table string) bool { return slices.Contains(Sharded, table) })
	if err != nil {
		return nil, err
	}
	ofFront, err := partOf(cluster, names.Internal, func(table string) bool { return !w.IsSharded() || !slices.Contains(Sharded, table) })
	if err != nil {
		return nil, err
	}
	var list []place
	for _, shard := range cluster.Shards {
		for _, host := range shard.Hosts {
			list = append(list, place{server: host, name: fmt.Sprintf("shard %d, %s", shard.No, host.Address), database: names.Shard, files: ofShard})
		}
	}
	for _, host := range cluster.Fronts {
		list = append(list, place{server: host, name: "front, " + host.Address, database: names.Internal, files: ofFront, hasViews: true})
	}
	return list, nil
}

// A statement is a migration.
type statement struct{ table, text string }

var (
	subject = regexp.MustCompile(`TABLE (?:IF (?:NOT )?EXISTS )?(\w+)`)
	engine  = regexp.MustCompile(`(?m)^ENGINE = (\w*MergeTree)(?:\((.*)\))?$`)
)

// partOf are the migrations of some of the tables, as a database of a cluster needs them. There is no
// way back: a cluster only goes on.
func partOf(cluster *warehouse.Cluster, database string, has func(table string) bool) (fs.FS, error) {
	files, err := fs.Glob(migrations, "migrations/*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("list the migrations: %w", err)
	}
	part := fstest.MapFS{}
	for _, file := range files {
		text, err := migrations.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a migration: %w", err)
		}
		found := subject.FindSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("migration %s is about no table", path.Base(file))
		}
		if m := (statement{string(found[1]), string(text)}); has(m.table) {
			part[file] = &fstest.MapFile{Data: []byte(m.on(cluster, database))}
		}
	}
	return part, nil
}

// on is the statement for a cluster. The servers of a replicated one find each other by a path
// that the shard and the table make, and tell themselves apart by a name; both are macros of
// their configuration.
func (m statement) on(cluster *warehouse.Cluster, database string) string {
	if !cluster.IsReplicated {
		return m.text
	}
	text := engine.ReplaceAllStringFunc(m.text, func(line string) string {
		parts := engine.FindStringSubmatch(line)
		arguments := fmt.Sprintf("'/clickhouse/tables/{shard}/%s/%s', '{replica}'", database, m.table)
		if parts[2] != "" {
			arguments += ", " + parts[2]
		}
		return fmt.Sprintf("ENGINE = Replicated%s(%s)", parts[1], arguments)
	})
	return strings.ReplaceAll(text, "non_replicated_deduplication_window", "replicated_deduplication_window")
}

// placements tells which deals are in which shard. A deal stays where it is for good: from the
// first deal of a row on, deals are spread over that many shards by their numbers, and a shard
// that is added gets its share of the deals that come after it.
const placements = `
CREATE TABLE IF NOT EXISTS deal_placements
(
    from_deal_id UInt64 COMMENT 'First deal, up to the next row''s, that is placed so',
    shards       UInt32 COMMENT 'Number of shards that the deals are spread over, by deal_id modulo shards',
    recorded_at  DateTime('UTC') DEFAULT now() COMMENT 'When the shards became so many'
)
ENGINE = MergeTree
ORDER BY from_deal_id
SETTINGS non_replicated_deduplication_window = 0
COMMENT 'Which shard of a cluster a deal is in'`

// A placement is a row of deal_placements.
type placement struct {
	From   uint64 `ch:"from_deal_id"`
	Shards uint32 `ch:"shards"`
}

// shardOf is the expression for the number of a deal's shard, from 0.
func shardOf(list []placement) string {
	if len(list) == 0 {
		return ""
	}
	last := len(list) - 1
	expression := fmt.Sprintf("deal_id %% %d", list[0].Shards)
	if last == 0 {
		return expression
	}
	var cases []string
	for _, p := range slices.Backward(list[1:]) {
		cases = append(cases, fmt.Sprintf("deal_id >= %d, deal_id %% %d", p.From, p.Shards))
	}
	return "multiIf(" + strings.Join(cases, ", ") + ", " + expression + ")"
}

// readPlacements reads the placements by their first deal, none where there is no table yet.
func readPlacements(ctx context.Context, w *warehouse.Warehouse) ([]placement, error) {
	var list []placement
	exists, err := has(ctx, w.DB(), "deal_placements")
	if err == nil && exists {
		err = w.DB().Select(ctx, &list, "SELECT from_deal_id, max(shards) AS shards FROM deal_placements GROUP BY from_deal_id ORDER BY from_deal_id")
	}
	if err != nil {
		return nil, fmt.Errorf("read which deals are in which shard: %w", err)
	}
	if shards := len(w.Cluster().Shards); len(list) > 0 && int(list[len(list)-1].Shards) > shards {
		return nil, fmt.Errorf("cluster %s has %d shards, and deals lie in %d: bring the others back into remote_servers", w.Cluster().Name, shards, list[len(list)-1].Shards)
	}
	return list, nil
}

// spread lets the front's tables reach all shards, and have the columns that are there. They
// hold no rows: another one takes the place of each.
func spread(ctx context.Context, w *warehouse.Warehouse) error {
	cluster := w.Cluster()
	create := statement{"deal_placements", placements}.on(cluster, w.Names().Internal)
	for _, front := range cluster.Fronts {
		if err := front.DB().Exec(ctx, create); err != nil {
			return fmt.Errorf("migrate: create deal_placements on %s: %w", front.Address, err)
		}
	}
	list, err := readPlacements(ctx, w)
	if err != nil {
		return err
	}
	if shards := len(cluster.Shards); len(list) == 0 || int(list[len(list)-1].Shards) < shards {
		p := placement{Shards: uint32(shards)}
		if len(list) > 0 {
			if p.From, err = firstFree(ctx, w); err != nil {
				return err
			}
		}
		if err := w.DB().Exec(ctx, "INSERT INTO deal_placements (from_deal_id, shards) SELECT ?, ?", p.From, p.Shards); err != nil {
			return fmt.Errorf("record which deals are in which shard: %w", err)
		}
		if list, err = readPlacements(ctx, w); err != nil {
			return err
		}
	}
	for _, front := range cluster.Fronts {
		for table, engine := range overAll(w, list) {
			if err := front.DB().Exec(ctx, "CREATE OR REPLACE TABLE "+table+" ENGINE = "+engine); err != nil {
				return fmt.Errorf("migrate: create %s on %s: %w", table, front.Address, err)
			}
		}
	}
	return nil
}

// overAll are the engines of the front's tables.
func overAll(w *warehouse.Warehouse, list []placement) map[string]string {
	engines := map[string]string{}
	for _, table := range Sharded {
		place := ", " + shardOf(list)
		if table == "day_measures" {
			place = "" // sums over the deals of a shard, which only the shard itself can write
		}
		engines[table] = fmt.Sprintf("Distributed('%s', '%s', '%s'%s)", w.Cluster().Name, w.Names().Shard, table, place)
	}
	return engines
}

// firstFree is a number that is greater than those of all deals that are in a shard.
func firstFree(ctx context.Context, w *warehouse.Warehouse) (uint64, error) {
	var free uint64
	for _, shard := range w.Shards() {
		for _, table := range []string{"landing_deals", "landing_stage_changes"} {
			exists, err := has(ctx, shard, table)
			if err != nil {
				return 0, err
			}
			if !exists {
				continue
			}
			var last uint64
			if err := shard.QueryRow(ctx, "SELECT max(deal_id) FROM "+table).Scan(&last); err != nil {
				return 0, fmt.Errorf("find the last deal: %w", err)
			}
			free = max(free, last+1)
		}
	}
	return free, nil
}

// isSpread is whether spread would change nothing.
func isSpread(ctx context.Context, w *warehouse.Warehouse) (bool, error) {
	if !w.IsSharded() {
		return true, nil
	}
	list, err := readPlacements(ctx, w)
	if err != nil || len(list) == 0 || int(list[len(list)-1].Shards) < len(w.Cluster().Shards) {
		return false, err
	}
	wanted, err := columns(ctx, w.Shards()[0])
	if err != nil {
		return false, err
	}
	for _, front := range w.Cluster().Fronts {
		engines, err := engines(ctx, front.DB())
		if err != nil {
			return false, err
		}
		columns, err := columns(ctx, front.DB())
		if err != nil || !slices.Equal(columns, wanted) || !maps.Equal(engines, overAll(w, list)) {
			return false, err
		}
	}
	return true, nil
}

// A column is one of a table.
type column struct {
	Table string `ch:"table"`
	Name  string `ch:"name"`
	Type  string `ch:"type"`
}

// columns are those of the sharded tables.
func columns(ctx context.Context, db driver.Conn) ([]column, error) {
	var list []column
	err := db.Select(ctx, &list, `
		SELECT table, name, type FROM system.columns
		WHERE database = currentDatabase() AND table IN (?) ORDER BY table, position`, Sharded)
	if err != nil {
		return nil, fmt.Errorf("read the columns of the tables: %w", err)
	}
	return list, nil
}

// engines are those of the sharded tables.
func engines(ctx context.Context, db driver.Conn) (map[string]string, error) {
	var list []struct {
		Name   string `ch:"name"`
		Engine string `ch:"engine_full"`
	}
	err := db.Select(ctx, &list, "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND name IN (?)", Sharded)
	if err != nil {
		return nil, fmt.Errorf("read the engines of the tables: %w", err)
	}
	engines := map[string]string{}
	for _, row := range list {
		engines[row.Name] = row.Engine
	}
	return engines, nil
}

func has(ctx context.Context, db driver.Conn, table string) (bool, error) {
	var tables uint64
	row := db.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = ?", table)
	if err := row.Scan(&tables); err != nil {
		return false, fmt.Errorf("look for %s: %w", table, err)
	}
	return tables > 0, nil
}
