package warehouse

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"stagelag/warehouse/embedded"
	"stagelag/warehouse/exception"
)

// The engine's codes for what it refuses.
const (
	unknownFunction     = 46
	readonlyRefused     = 164
	tooManyRows         = 396
	outfileRefused      = 358
	constraintViolation = 452
	accessDenied        = 497
	notInEngine         = 1001 // anything from outside ClickHouse itself
)

const (
	versionsText = "CREATE TABLE versions (no UInt8) ENGINE = MergeTree ORDER BY no"
	factsText    = "CREATE TABLE facts (day Date, overdue_days Int32) ENGINE = MergeTree ORDER BY day"
)

// withViews makes what the schema makes in small: a table, a view over it that takes a parameter
// and runs with the rights of the program, and views for people over that one.
func withViews(t *testing.T, w *Warehouse) {
	views, internal := w.Names().Views, w.Names().Internal
	mustExec(t, w,
		versionsText, factsText,
		"INSERT INTO facts SELECT toDate('2026-03-02') + number, number FROM numbers(100)",
		"CREATE VIEW at_days DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT day, overdue_days FROM facts WHERE day < {until:Date}",
		"CREATE VIEW internal_days DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM facts",
		"CREATE VIEW "+views+".deal_stage_days_v1 SQL SECURITY INVOKER AS SELECT day, overdue_days FROM "+internal+".at_days(until = '2027-01-01')",
		"CREATE VIEW "+views+".deal_stage_days SQL SECURITY INVOKER AS SELECT * FROM "+views+".deal_stage_days_v1")
}

// eachReader runs a test as analyst and as grafana, who differ in their limits only.
func eachReader(t *testing.T, test func(t *testing.T, names Names, ask func(sql string) (string, error))) {
	w := newWarehouse(t)
	withViews(t, w)
	e, _ := w.Endpoints()
	for name, reader := range map[string]analyst{
		"analyst": {user: e.User, password: e.Password},
		"grafana": {user: e.GrafanaUser, password: e.GrafanaPassword},
	} {
		t.Run(name, func(t *testing.T) {
			reader.url, reader.database = w.analyst.url, w.analyst.database
			test(t, w.Names(), func(sql string) (string, error) {
				var out strings.Builder
				err := reader.query(t.Context(), &out, sql, "TSV")
				return out.String(), err
			})
		})
	}
}

// inNames is a statement with the names of the databases in the places that are kept for them.
func inNames(names Names, sql string) string {
	return strings.NewReplacer("VIEWS", names.Views, "INTERNAL", names.Internal).Replace(sql)
}

func TestReadersReadTheViews(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		{"a view", "SELECT count(), sum(overdue_days) FROM deal_stage_days", "100\t4950\n"},
		{"its numbered version", "SELECT count() FROM deal_stage_days_v1", "100\n"},
		{"the list of tables holds only these", "SHOW TABLES", "deal_stage_days\ndeal_stage_days_v1\n"},
		{"and the databases only the two of this warehouse", "SHOW DATABASES", "VIEWS\nINTERNAL\n"},
		{"of the internal one it sees what the views are made of", "SHOW TABLES FROM INTERNAL", "at_days\n"},
		{"which can be asked for another state", "SELECT count() FROM INTERNAL.at_days(until = '2026-03-03')", "1\n"},
		{"the columns, for Grafana's editor", "SELECT name, type FROM system.columns WHERE table = 'deal_stage_days' ORDER BY position", "day\tDate\noverdue_days\tInt32\n"},
		{"a limit can be lowered", "SELECT 1 SETTINGS max_execution_time = 10, max_result_rows = 100", "1\n"},
		{"other settings can be sent", "SELECT 1 SETTINGS max_threads = 1, log_comment = 'panel'", "1\n"},
		{"what Grafana's plugin sends with its time-out of 60 s", "SELECT 1 SETTINGS max_execution_time = 65", "1\n"},
		{"a whole day of panels", "SELECT queries < max_queries AND max_queries >= 50000 FROM system.quota_usage", "1\n"},
		{"all tables at once are the views", "SELECT DISTINCT _table FROM merge('VIEWS', '.*') ORDER BY _table", "deal_stage_days\ndeal_stage_days_v1\n"},
	}
	eachReader(t, func(t *testing.T, names Names, ask func(string) (string, error)) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				sql, want := inNames(names, test.sql), inNames(names, test.want)
				if got, err := ask(sql); got != want || err != nil {
					t.Errorf("%s: %q, %v, want %q", sql, got, err, want)
				}
			})
		}
	})
}

func TestReadersDoNothingElse(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, sql string
		want      int
	}{
		{"no table under a view", "SELECT * FROM INTERNAL.facts", accessDenied},
		{"no other view", "SELECT * FROM INTERNAL.internal_days", accessDenied},
		{"no table under a view as a function", "SELECT * FROM mergeTreeIndex('INTERNAL', 'facts')", accessDenied},
		{"no queries of others", "SELECT * FROM system.processes", accessDenied},
		{"no list of them", "SHOW PROCESSLIST", accessDenied},
		{"no end to them", "KILL QUERY WHERE user != ''", accessDenied},
		{"no log of them", "SELECT * FROM system.query_log", unknownTable},
		{"no users", "SELECT * FROM system.users", accessDenied},
		{"no grants of others", "SELECT * FROM system.grants", accessDenied},
		{"no settings of the server", "SELECT * FROM system.server_settings", accessDenied},
		{"no errors of others", "SELECT * FROM system.errors", accessDenied},
		{"no definition of a table", "SHOW CREATE TABLE INTERNAL.facts", accessDenied},
		{"no plan over a table", "EXPLAIN SELECT * FROM INTERNAL.facts", accessDenied},
		{"no insert", "INSERT INTO INTERNAL.facts VALUES ('2026-03-02', 1)", accessDenied},
		{"no change", "ALTER TABLE INTERNAL.facts DELETE WHERE 1", accessDenied},
		{"no table of its own", "CREATE TABLE mine (a Int32) ENGINE = Memory", accessDenied},
		{"no temporary table", "CREATE TEMPORARY TABLE mine (a Int32)", accessDenied},
		{"no drop", "DROP TABLE deal_stage_days", accessDenied},
		{"no copy", "BACKUP DATABASE INTERNAL TO File('" + secret + "')", accessDenied},
		{"no file as a result", "SELECT 1 INTO OUTFILE '" + secret + ".tsv'", outfileRefused},
		{"no function", "CREATE FUNCTION f AS (x) -> x", accessDenied},
		{"no longer time", "SELECT 1 SETTINGS max_execution_time = 601", constraintViolation},
		{"no endless time", "SELECT 1 SETTINGS max_execution_time = 0", constraintViolation},
		{"no more memory", "SELECT 1 SETTINGS max_memory_usage = 0", constraintViolation},
		{"no larger result", "SELECT 1 SETTINGS max_result_rows = 0", constraintViolation},
		{"no result cut off without a word", "SELECT 1 SETTINGS result_overflow_mode = 'break'", constraintViolation},
		{"no writing after all", "SELECT 1 SETTINGS readonly = 0", readonlyRefused},
		{"no file as a table", "SELECT * FROM file('" + secret + "', LineAsString)", notInEngine},
		{"no file as a value", "SELECT file('" + secret + "')", notInEngine},
		{"no file as a value with a default", "SELECT file('" + secret + "', 'none')", notInEngine},
		{"no file as a template", "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '" + secret + "', format_template_row_format = ''", constraintViolation},
		{"no file as a schema", "SELECT 1 AS a FORMAT Protobuf SETTINGS format_schema = '" + secret + ":M'", notInEngine},
		{"no other host", "SELECT * FROM remote('127.0.0.1:1', system, one)", accessDenied},
		{"no web page", "SELECT * FROM url('http://127.0.0.1:1/', TSV, 'a String')", accessDenied},
		{"no bucket", "SELECT * FROM s3('http://127.0.0.1:1/bucket/key', TSV, 'a String')", accessDenied},
		{"no program", "SELECT * FROM executable('true', TSV, 'a String')", accessDenied},
		{"no other database server", "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')", accessDenied},
		{"no database in a file", "SELECT * FROM sqlite('" + secret + "', 'a')", notInEngine},
		{"no stop", "SYSTEM STOP LISTEN HTTP", accessDenied},
		{"no end of the server", "SYSTEM SHUTDOWN", accessDenied},
	}
	eachReader(t, func(t *testing.T, names Names, ask func(string) (string, error)) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				sql := inNames(names, test.sql)
				out, err := ask(sql)
				if got := exception.Code(err); got != test.want {
					t.Errorf("%s: %q, %v, want code %d", sql, out, err, test.want)
				}
			})
		}
	})
}

// What Grafana shows everybody may look at, so it may take less than a person.
func TestGrafanaTakesLessThanTheAnalyst(t *testing.T) {
	eachReader(t, func(t *testing.T, _ Names, ask func(string) (string, error)) {
		isGrafana := strings.HasSuffix(t.Name(), "grafana")
		for sql, code := range map[string]int{
			"SELECT * FROM numbers(1000001) FORMAT Null":      tooManyRows,
			"SELECT 1 SETTINGS max_execution_time = 301":      constraintViolation,
			"SELECT 1 SETTINGS max_memory_usage = 4000000000": constraintViolation,
		} {
			want := map[bool]int{true: code}[isGrafana]
			if _, err := ask(sql); exception.Code(err) != want {
				t.Errorf("%s: %v, want code %d", sql, err, want)
			}
		}
	})
}

// The readers and the program of one warehouse see and change nothing of another one that the
// same engine serves.
func TestAWarehouseIsClosedToTheOthers(t *testing.T) {
	w, other := newWarehouse(t), newWarehouse(t)
	withViews(t, w)
	withViews(t, other)
	e, _ := w.Endpoints()
	program := w.Options().Auth
	tests := []struct {
		name, sql string
		want      int
	}{
		{"a view", "SELECT count() FROM VIEWS.deal_stage_days", accessDenied},
		{"what it is made of", "SELECT count() FROM INTERNAL.at_days(until = '2027-01-01')", accessDenied},
		{"a table", "SELECT count() FROM INTERNAL.facts", accessDenied},
		{"a definition", "SHOW CREATE TABLE VIEWS.deal_stage_days", accessDenied},
		{"a new table", "CREATE TABLE INTERNAL.mine (a Int32) ENGINE = MergeTree ORDER BY a", accessDenied},
		{"a drop", "DROP DATABASE VIEWS", accessDenied},
	}
	for name, user := range map[string]analyst{
		"the analyst": {user: e.User, password: e.Password},
		"Grafana":     {user: e.GrafanaUser, password: e.GrafanaPassword},
		"the program": {user: program.Username, password: program.Password},
	} {
		t.Run(name, func(t *testing.T) {
			user.url, user.database = w.analyst.url, w.Names().Views
			for _, test := range tests {
				sql := inNames(other.Names(), test.sql)
				if err := user.query(t.Context(), io.Discard, sql, "TSV"); exception.Code(err) != test.want {
					t.Errorf("%s: %s: %v, want code %d", test.name, sql, err, test.want)
				}
			}
			var out strings.Builder
			if err := user.query(t.Context(), &out, "SELECT count() FROM system.tables WHERE startsWith(database, '"+other.Names().Views+"')", "TSV"); err != nil || out.String() != "0\n" {
				t.Errorf("of the tables of the other warehouse it sees %q, %v, want 0", out.String(), err)
			}
			user.database = other.Names().Views
			if err := user.query(t.Context(), io.Discard, "SELECT * FROM deal_stage_days", "TSV"); exception.Code(err) != accessDenied {
				t.Errorf("a view, from within the other warehouse: %v, want code %d", err, accessDenied)
			}
		})
	}
	if err := w.analyst.query(t.Context(), io.Discard, "SELECT count() FROM deal_stage_days", "TSV"); err != nil {
		t.Errorf("the analyst's own view: %v", err)
	}
}

func TestPasswordsAreNotPrinted(t *testing.T) {
	config := Config{URL: "clickhouse://stagelag:hunter2@db:9000", AnalystURL: "https://analyst:hunter2@db", Path: "data"}
	var b strings.Builder
	for _, value := range []any{config, &config, embedded.Passwords{Program: "hunter2", Analyst: "hunter2", Grafana: "hunter2"}, Endpoints{User: "analyst", Password: "hunter2", GrafanaPassword: "hunter2"}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&b, verb+"\n", value)
		}
	}
	if out := b.String(); strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74657232") || !strings.Contains(out, "the server db:9000") {
		t.Errorf("printed as\n%s", out)
	}
}

// Grafana and clickhouse-client come over the native protocol.
func TestReadersComeOverTheNativeProtocolToo(t *testing.T) {
	w := newWarehouse(t)
	withViews(t, w)
	e, ok := w.Endpoints()
	if !ok {
		t.Fatal("an embedded warehouse has no endpoints")
	}
	for user, password := range map[string]string{e.User: e.Password, e.GrafanaUser: e.GrafanaPassword} {
		db, err := clickhouse.Open(&clickhouse.Options{
			Addr: []string{e.Native},
			Auth: clickhouse.Auth{Database: e.Database, Username: user, Password: password},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 65, "connect_timeout": 10}))
		var rows uint64
		if err := db.QueryRow(ctx, "SELECT count() FROM deal_stage_days").Scan(&rows); err != nil || rows != 100 {
			t.Errorf("%s: %d rows, %v, want 100", user, rows, err)
		}
		if err := db.Exec(ctx, "INSERT INTO "+w.Names().Internal+".facts VALUES ('2026-03-02', 1)"); exception.Code(err) != accessDenied {
			t.Errorf("%s inserts: %v, want code %d", user, err, accessDenied)
		}
	}
}

// What the schema and the loader do, and what nobody may.
func TestStagelagWritesItsDatabaseAndNothingElse(t *testing.T) {
	w := newWarehouse(t)
	secret := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustExec(t, w,
		"CREATE TABLE deals (deal_id UInt64, title String, read_at DateTime('UTC')) ENGINE = ReplacingMergeTree(read_at) ORDER BY deal_id",
		"INSERT INTO deals VALUES (1, 'a', '2026-03-02 00:00:00'), (2, 'b', '2026-03-02 00:00:00')",
		"ALTER TABLE deals UPDATE title = '' WHERE deal_id = 1 SETTINGS mutations_sync = 1",
		"ALTER TABLE deals DELETE WHERE deal_id = 2 SETTINGS mutations_sync = 1",
		"OPTIMIZE TABLE deals FINAL",
		"CREATE TABLE deals_next AS deals",
		"EXCHANGE TABLES deals AND deals_next",
		"ALTER TABLE deals_next MOVE PARTITION ID 'all' TO TABLE deals",
		"ALTER TABLE deals ATTACH PARTITION ALL FROM deals_next",
		"TRUNCATE TABLE deals_next",
		"CHECK TABLE deals",
		"DROP TABLE deals_next SYNC",
		"CREATE VIEW deals_now_v1 DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM deals FINAL",
		"CREATE OR REPLACE VIEW deals_now_v1 DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM deals FINAL",
		"CREATE OR REPLACE VIEW "+w.Names().Views+".deals SQL SECURITY INVOKER AS SELECT * FROM deals_now_v1",
		"CREATE OR REPLACE VIEW "+w.Names().Views+".deals SQL SECURITY INVOKER AS SELECT title FROM deals_now_v1",
		"SELECT * FROM system.parts, system.mutations, system.processes, system.disks, system.clusters")

	tests := []struct {
		name, sql string
		want      []int
	}{
		{"no other database", "CREATE DATABASE other", []int{accessDenied}},
		{"no table elsewhere", "CREATE TABLE default.deals (a Int32) ENGINE = MergeTree ORDER BY a", []int{accessDenied}},
		{"no table in memory", "CREATE TABLE other (a Int32) ENGINE = Memory", []int{accessDenied}},
		{"no table that forgets", "CREATE TABLE other (a Int32) ENGINE = Null", []int{accessDenied}},
		{"no table over others", "CREATE TABLE other (a Int32) ENGINE = Merge('other', '.*')", []int{accessDenied}},
		{"no temporary table", "CREATE TEMPORARY TABLE other (a Int32)", []int{accessDenied}},
		{"no dictionary", "CREATE DICTIONARY stages (id String, name String) PRIMARY KEY id SOURCE(NULL()) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)", []int{accessDenied}},
		{"no function", "CREATE FUNCTION other AS (x) -> x", []int{accessDenied}},
		{"no named collection", "CREATE NAMED COLLECTION other AS a = 1", []int{accessDenied}},
		{"no named collection with its database's name", "CREATE NAMED COLLECTION " + w.Names().Internal + " AS a = 1", []int{accessDenied}},
		{"no view with the rights of another user", "CREATE VIEW other DEFINER = analyst_" + w.Names().Views + " SQL SECURITY DEFINER AS SELECT 1", []int{accessDenied}},
		{"no view with all rights", "CREATE VIEW other SQL SECURITY NONE AS SELECT 1", []int{accessDenied}},
		{"no policy for rows", "CREATE ROW POLICY other ON deals USING 1 TO ALL", []int{accessDenied}},
		{"no quota", "CREATE QUOTA other", []int{accessDenied}},
		{"no profile", "CREATE SETTINGS PROFILE other", []int{accessDenied}},
		{"no role", "CREATE ROLE other", []int{accessDenied}},
		{"no workload", "CREATE WORKLOAD other", []int{accessDenied}},
		{"no column", "ALTER TABLE deals ADD COLUMN stage_id String", []int{accessDenied}},
		{"no other settings of a table", "ALTER TABLE deals MODIFY SETTING merge_with_ttl_timeout = 100000", []int{accessDenied}},
		{"no copy beside the data", "ALTER TABLE deals FREEZE", []int{accessDenied}},
		{"no end of the merges", "SYSTEM STOP MERGES deals", []int{accessDenied}},
		{"no end of the database that people see", "DROP DATABASE " + w.Names().Views, []int{accessDenied}},
		{"no web page", "CREATE TABLE page (a String) ENGINE = URL('http://127.0.0.1:1/', TSV)", []int{accessDenied}},
		{"no file", "CREATE TABLE file (a String) ENGINE = File(TSV, '" + secret + "')", []int{accessDenied, notInEngine}},
		{"no program", "CREATE TABLE program (a String) ENGINE = Executable('true', TSV)", []int{accessDenied}},
		{"no user", "CREATE USER somebody", []int{accessDenied}},
		{"no user with its database's name", "CREATE USER " + w.Names().Internal, []int{accessDenied}},
		{"no database of another kind", "CREATE DATABASE " + w.Names().Shard + " ENGINE = Memory", []int{accessDenied}},
		{"no page as a table", "SELECT * FROM url('http://127.0.0.1:1/', TSV, 'a String')", []int{accessDenied}},
		{"no other host", "SELECT * FROM remote('127.0.0.1:1', system, one)", []int{accessDenied}},
		{"no file as a table", "SELECT * FROM file('" + secret + "', LineAsString)", []int{accessDenied, notInEngine}},
		{"no end of the server", "SYSTEM SHUTDOWN", []int{accessDenied}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := w.DB().Exec(t.Context(), test.sql)
			if !slices.Contains(test.want, exception.Code(err)) {
				t.Errorf("%s: %v, want a code in %v", test.sql, err, test.want)
			}
		})
	}
}

// programRights are all that the program's user may do, by the database; and which engines its
// databases and tables may have.
func programRights(names Names) (rights map[string][]string, engines []string) {
	rows := []string{"SELECT", "INSERT", "ALTER UPDATE", "ALTER DELETE", "ALTER MOVE PARTITION"}
	return map[string][]string{
		names.Views: {"SELECT", "INSERT", "CREATE DATABASE", "CREATE TABLE", "CREATE VIEW", "DROP TABLE", "DROP VIEW"},
		names.Internal: append([]string{"CREATE DATABASE", "CREATE TABLE", "CREATE VIEW", "DROP DATABASE", "DROP TABLE", "DROP VIEW",
			"TRUNCATE", "OPTIMIZE", "CHECK", "BACKUP", "SYSTEM SYNC REPLICA"}, rows...),
		names.Replaced: {"SELECT", "INSERT", "CREATE DATABASE", "DROP DATABASE", "DROP TABLE", "DROP VIEW"},
		names.Shard:    append([]string{"CREATE DATABASE", "CREATE TABLE", "DROP TABLE", "TRUNCATE", "OPTIMIZE", "SYSTEM SYNC REPLICA"}, rows...),
	}, []string{"Atomic", "MergeTree", "ReplacingMergeTree", "ReplicatedMergeTree", "ReplicatedReplacingMergeTree", "Distributed"}
}

// Of all rights that the engine knows, the program's user has those of programRights and no other, whatever
// they are on.
func TestStagelagHasNoOtherRight(t *testing.T) {
	w := newWarehouse(t)
	names := w.Names()
	databases := []string{names.Views, names.Internal, names.Replaced, names.Shard}
	held, engines := programRights(names)
	var privileges []struct {
		Name  string `ch:"name"`
		Level string `ch:"level"`
	}
	if err := w.DB().Select(t.Context(), &privileges, `
		SELECT toString(privilege) AS name, ifNull(toString(level), 'GLOBAL') AS level
		FROM system.privileges WHERE name NOT IN ('NONE') AND name NOT LIKE 'SHOW%'`); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	if err := w.DB().QueryRow(t.Context(), "SELECT arrayConcat(groupArray(name), (SELECT groupArray(name) FROM system.database_engines)) FROM system.table_engines").Scan(&kinds); err != nil {
		t.Fatal(err)
	}
	check := func(right, on string, want bool) {
		t.Helper()
		var has uint8
		if err := w.DB().QueryRow(t.Context(), "CHECK GRANT "+right+" ON "+on).Scan(&has); err != nil || (has == 1) != want {
			t.Errorf("%s on %s is granted: %d, %v, want %t", right, on, has, err, want)
		}
	}
	for _, p := range privileges {
		switch p.Level {
		case "GLOBAL", "COLUMN", "TABLE", "VIEW", "DATABASE", "DICTIONARY":
			if p.Name != "CREATE TEMPORARY VIEW" && p.Name != "CREATE ARBITRARY TEMPORARY TABLE" && p.Name != "CREATE TEMPORARY TABLE" { // come with the right to make others
				check(p.Name, "*.*", false)
			}
			if p.Level == "GLOBAL" {
				continue
			}
			for _, database := range databases {
				isHeld := slices.Contains(held[database], p.Name)
				// Some rights come with others.
				switch {
				case strings.HasPrefix(p.Name, "ALTER VIEW"):
					isHeld = slices.Contains(held[database], "ALTER UPDATE")
				case strings.HasSuffix(p.Name, " VIEW"):
					isHeld = slices.Contains(held[database], strings.Replace(p.Name, "VIEW", "TABLE", 1))
				}
				check(p.Name, database+".*", isHeld)
			}
		case "TABLE_ENGINE":
			for _, kind := range kinds {
				check(p.Name, "`"+kind+"`", slices.Contains(engines, kind))
			}
		case "SOURCE":
			for _, source := range []string{"*", "FILE", "URL", "REMOTE", "S3", "MYSQL", "POSTGRES", "ODBC"} {
				check(p.Name, source, false)
			}
		default: // something with a name: a user, a definer, a named collection
			for _, name := range append([]string{"*", w.Options().Auth.Username}, databases...) {
				check(p.Name, name, false)
			}
		}
	}
}
