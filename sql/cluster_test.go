package sql_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"stagelag/sql"
	"stagelag/warehouse/warehousetest"
)

func TestTheSchemaOfACluster(t *testing.T) {
	t.Parallel()
	cluster := warehousetest.NewCluster(t, 2)
	w := cluster.Open()
	if s := status(t, w); s.Version != 0 || !slices.ContainsFunc(s.Pending, func(name string) bool { return strings.Contains(name, "create_facts (shard 2, ") }) {
		t.Errorf("before Up the schema is %+v, want all of it to be missing, on each server", s)
	}
	up(t, w)
	if s := status(t, w); len(s.Pending) > 0 || s.IsHalfDone || s.Version != s.Newest {
		t.Errorf("after Up the schema is %+v", s)
	}
	for _, table := range sql.Sharded {
		for i, db := range w.Shards() {
			var engine string
			row := db.QueryRow(context.Background(), "SELECT engine FROM system.tables WHERE database = 'stagelag_shard' AND name = ?", table)
			if err := row.Scan(&engine); err != nil || !strings.HasSuffix(engine, "MergeTree") {
				t.Errorf("%s of shard %d is %q, %v", table, i+1, engine, err)
			}
		}
	}

	// A table over all shards that lacks a column is made anew, and so is what a shard lacks.
	execute(t, w, "CREATE OR REPLACE TABLE visits (deal_id UInt64) ENGINE = Distributed('"+warehousetest.ClusterName+"', 'stagelag_shard', 'visits', deal_id % 2)")
	if s := status(t, w); len(s.Pending) != 1 {
		t.Errorf("a table over all shards lacks columns, and %v is missing", s.Pending)
	}
	up(t, w)
	if s := status(t, w); len(s.Pending) > 0 {
		t.Errorf("after Up %v is missing", s.Pending)
	}

	_ = w.Close()
	cluster.Grow()
	w = cluster.Open()
	if s := status(t, w); !slices.Contains(s.Pending, "tables over all 3 shards") {
		t.Errorf("a shard has come, and %v is missing", s.Pending)
	}
	up(t, w)
	if s := status(t, w); len(s.Pending) > 0 {
		t.Errorf("after Up with another shard %v is missing", s.Pending)
	}
}
