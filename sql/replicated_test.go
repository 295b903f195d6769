package sql

import (
	"io/fs"
	"strings"
	"testing"

	"stagelag/warehouse"
)

// Servers that replicate each other can't be run here: what they are told can be read.
func TestReplicatedEngines(t *testing.T) {
	t.Parallel()
	part, err := partOf(&warehouse.Cluster{IsReplicated: true}, "stagelag_shard", func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{
		"000013_create_facts":         {"ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/stagelag_shard/facts', '{replica}')\n", "\nSETTINGS replicated_deduplication_window = 10000\n"},
		"000004_create_landing_deals": {"ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/stagelag_shard/landing_deals', '{replica}', version)\n"},
	} {
		text, err := fs.ReadFile(part, "migrations/"+file+".up.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range want {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, text)
			}
		}
	}
	files, err := fs.Glob(part, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(part, file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "ENGINE = MergeTree") || strings.Contains(string(text), "ENGINE = ReplacingMergeTree") {
			t.Errorf("%s makes a table that no other server has", file)
		}
	}
}

func TestShardOf(t *testing.T) {
	t.Parallel()
	for want, list := range map[string][]placement{
		"deal_id % 2": {{0, 2}},
		"multiIf(deal_id >= 500, deal_id % 4, deal_id >= 100, deal_id % 3, deal_id % 2)": {{0, 2}, {100, 3}, {500, 4}},
	} {
		if got := shardOf(list); got != want {
			t.Errorf("shardOf(%v) = %s, want %s", list, got, want)
		}
	}
}
