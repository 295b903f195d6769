package sql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

// publish brings in one deal with one open visit a run, which has been late since the day after it
// was entered, and all that follows from that.
func publish(t *testing.T, w *warehouse.Warehouse, run int) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO deals (run_id, deal_id, title, created_date, visits, first_entered, stage_id, is_open, manager_id, is_planned, planned_end, accrues_number, stops_number, managers, manager_visit_no, manager_stage_id, gap_visit_no, gap_stage_id, gap_manager_id, gap_reason, gap_detail)
			SELECT %[1]d, %[1]d, 'Deal', '2026-03-01', 1, '2026-03-01', 'DOC', true, 1, true, '2026-03-01', 1, 100, [1], [1], ['DOC'], [1], ['DOC'], [1], ['bad_plan'], ['']`,
		`INSERT INTO visits (run_id, deal_id, visit_no, stage_id, entered_at, entered_date, is_open, plan_source, planned_end, accrues_number, stops_number, tenure_from, tenure_manager, tenure_source, plan_log)
			SELECT %[1]d, %[1]d, 1, 'DOC', '2026-03-01 09:00:00', '2026-03-01', true, 'stage_norm', '2026-03-01', 1, 100, ['2026-03-01'], [1], ['seen'], '[[%[1]d,20514,2,1,3,0,20513,3,0,20514,1,0,1,0]]'`,
		`INSERT INTO facts (run_id, sign, day, deal_id, visit_no, stage_id, manager_id, entered_date, plan_source, planned_end, overdue_days, overdue_day, days_left, is_open)
			SELECT %[1]d, 1, '2026-03-02', %[1]d, 1, 'DOC', 1, '2026-03-01', 'stage_norm', '2026-03-01', 1, 1, 0, true`,
		`INSERT INTO day_measures (run_id, day, stage_id, manager_id, visits_open, visits_overdue, overdue_days_accrued) SELECT %[1]d, '2026-03-02', 'DOC', 1, 1, 1, 1`,
		`INSERT INTO funnels (run_id, funnel_id, name) SELECT %[1]d, 0, 'Run %[1]d'`,
		`INSERT INTO stages (run_id, funnel_id, stage_id, name) SELECT %[1]d, 0, 'DOC', 'Run %[1]d'`,
		`INSERT INTO managers (run_id, manager_id, name) SELECT %[1]d, 1, 'Run %[1]d'`,
		`INSERT INTO names (run_id, funnel_id, funnel_name, funnel_label, stage_id, stage_name, stage_label, manager_id, manager_name, manager_label)
			SELECT %[1]d, ['0'], ['Run %[1]d'], ['Run %[1]d'], ['0/DOC'], ['Run %[1]d'], ['Run %[1]d'], ['1'], ['Run %[1]d'], ['Run %[1]d']`,
		`INSERT INTO calendars (run_id, day, counts, why) SELECT %[1]d, ['2026-03-01'], [true], ['Run %[1]d']`,
		// The row that publishes comes last, as in a run.
		`INSERT INTO run_events (run_id, status, recorded_at, as_of, as_of_number, started_at, portal_host) SELECT %[1]d, 'published', now64(3), '2026-03-02', 2, now64(3), 'example.bitrix24.ru'`,
	} {
		execute(t, w, fmt.Sprintf(statement, run))
	}
}

// runsIn is, for each view, an expression that tells how many runs are in what it shows.
var runsIn = map[string]string{
	"deal_stage_days": "sum(overdue_day)",
	"deal_stages":     "count()",
	"deals_now":       "count()",
	"portfolio_days":  "max(overdue_days_total)",
	"quality_report":  "sum(overdue_days_accrued)",
	"quality_by_deal": "sum(overdue_days_accrued)",
	"data_gaps":       "count()",
	"runs":            "countIf(status = 'published')",
	"run_changes":     "(SELECT count() FROM deals_now) + count()", // one published date: nothing has changed
	"shown_run":       "max(run_id)",
	"visits_now":      "sum(overdue_days)",
	"fact_changes":    "sum(sign)",
	"gone_deals":      "(SELECT count() FROM deals_now) + count()", // none has gone
	"stage_names":     "toUInt64(replaceAll(any(stage_name), 'Run ', ''))",
	"labels":          "toUInt64(replaceAll(any(label), 'Run ', ''))",
	"plan_changes":    "count()",
	"loss_changes":    "(SELECT count() FROM deals_now) + count()", // one published date: nothing has changed
	// All runs have one date.
	"deals_then":       "count()",
	"deal_stages_then": "count()",
	"portfolio_then":   "max(overdue_days_total)",
	"forecasts":        "uniqExact(run_id)",
	// No run has forecasts, and each has a visit with a plan: of one stage and manager, in each of eight weeks.
	"expected_losses": "max(visits_unknown)",
	"calendar_days":   "toUInt64(replaceAll(maxIf(toString(why), why != ''), 'Run ', ''))",
}

// TestOneSnapshotForAQuery publishes runs in the middle of queries that take long and read every view,
// under its plain name and its numbered one, in every way that a query can read a view.
func TestOneSnapshotForAQuery(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	publish(t, w, 1)
	views, err := sql.Views()
	if err != nil {
		t.Fatal(err)
	}
	var joined, subqueries, united []string
	from := func(name string) string {
		expression, ok := runsIn[name]
		if !ok {
			t.Fatalf("no expression tells how many runs %s shows", name)
		}
		return expression
	}
	// The pause goes on while the views are read: each piece of the query waits for a part of it.
	const pause = "(SELECT sum(sleepEachRow(0.03)) FROM numbers(%d) SETTINGS max_block_size = 1)"
	for i, v := range views {
		for j, name := range []string{v.Name, v.Name + "_v1"} {
			piece := fmt.Sprintf("SELECT toInt64(%s) AS n FROM %s", from(v.Name), name)
			joined = append(joined, fmt.Sprintf("(%s) AS j%d_%d", piece, i, j))
			subqueries = append(subqueries, fmt.Sprintf("(%s), "+pause, piece, 2+i%3))
			united = append(united, fmt.Sprintf("SELECT n + toInt64("+pause+") AS n FROM (%s)", 3+i+j, piece))
		}
	}
	queries := map[string]string{
		"joined":       "SELECT arrayDistinct([" + columnsOf(joined) + "]) AS seen, " + fmt.Sprintf(pause, 20) + " FROM " + strings.Join(joined, ", "),
		"subqueries":   "SELECT arrayDistinct(arrayFilter(n -> n != 0, [" + strings.Join(subqueries, ", ") + "])) AS seen",
		"union":        "SELECT groupUniqArray(n) AS seen FROM (" + strings.Join(united, " UNION ALL ") + ")",
		"common table": "WITH slow AS (SELECT deal_id, sleepEachRow(0.2) FROM deals_now) SELECT arrayDistinct([(SELECT count() FROM slow), (SELECT count() FROM deal_stages WHERE deal_id IN (SELECT deal_id FROM slow)), (SELECT toUInt64(sum(sign)) FROM fact_changes)]) AS seen",
	}
	run, isCut := 1, 0
	for kind, query := range queries {
		for round := range 2 {
			type answer struct {
				text string
				err  error
			}
			answered, before := make(chan answer, 1), run
			go func() {
				var out bytes.Buffer
				err := w.Query(context.Background(), &out, query, "TSV")
				answered <- answer{out.String(), err}
			}()
			var got answer
			for wait := true; wait; {
				select {
				case got = <-answered:
					wait = false
				case <-time.After(time.Duration(round+1) * 40 * time.Millisecond):
					run++
					publish(t, w, run)
				}
			}
			seen, _, _ := strings.Cut(strings.TrimSpace(got.text), "\t")
			if got.err != nil || !regexp.MustCompile(`^\[\d+\]$`).MatchString(seen) {
				t.Errorf("%s, while runs %d to %d were published: views of one query show %s runs, %v", kind, before+1, run, seen, got.err)
			}
			if run > before {
				isCut++
			}
		}
	}
	if isCut < 2*len(queries) {
		t.Errorf("runs were published within %d of %d queries, which shows too little", isCut, 2*len(queries))
	}
}

// columnsOf are the columns n of tables that are named at the end of each text.
func columnsOf(tables []string) string {
	var list []string
	for _, table := range tables {
		list = append(list, table[strings.LastIndex(table, " ")+1:]+".n")
	}
	return strings.Join(list, ", ")
}

// viewText is what the engine has for a view.
func viewText(t *testing.T, w *warehouse.Warehouse, name string) (text string) {
	t.Helper()
	row := w.DB().QueryRow(context.Background(), "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ?", name)
	if err := row.Scan(&text); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return text
}

func TestViewsAreMadeAnewWhereTheirTextsDiffer(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	want := viewText(t, w, "at_deals_now_v1")
	const older = "CREATE OR REPLACE VIEW at_deals_now_v1 AS SELECT 1 AS deal_id"
	for _, test := range []struct {
		name   string
		record string // what the warehouse has of its views
		isLeft bool   // the views stay as they are
	}{
		{"views with other texts", "SELECT 1, 'other'", false},
		{"no views, because Up was cut off", "SELECT 1, '' WHERE 0", false},
		{"views of an older program", "SELECT 0, 'older'", false},
		{"views of a newer program", "SELECT 9999, 'newer'", true},
	} {
		execute(t, w, "TRUNCATE TABLE view_versions")
		execute(t, w, older)
		execute(t, w, "INSERT INTO view_versions (version, hash, applied_at) SELECT *, now64(3) FROM ("+test.record+")")
		if pending := status(t, w).Pending; (len(pending) == 0) != test.isLeft {
			t.Errorf("%s: pending %v", test.name, pending)
		}
		up(t, w)
		if got := viewText(t, w, "at_deals_now_v1"); (got != want) != test.isLeft {
			t.Errorf("%s: after Up the view is %s", test.name, got)
		}
		if pending := status(t, w).Pending; len(pending) != 0 {
			t.Errorf("%s: after Up %v is pending", test.name, pending)
		}
	}
}

// A released version of the views stands for one text of each: testdata/view_versions lists the
// versions that were released, with the fingerprint of their texts.
func TestReleasedViewsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/view_versions")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := sql.ViewsHash()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var version int
		var released string
		if _, err := fmt.Sscan(line, &version, &released); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch {
		case version > sql.ViewsVersion:
			t.Errorf("version %d was released, and this is %d", version, sql.ViewsVersion)
		case version == sql.ViewsVersion && released != hash:
			t.Errorf("the views differ from those released as version %d: give ViewsVersion the next number", version)
		}
	}
}

// In a list of all views a person sees which ones are for programs, and has a way to list the others alone.
func TestNumberedViewsAreOutOfTheWay(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	views, err := sql.Views()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(query string) (names []string) {
		t.Helper()
		var out bytes.Buffer
		if err := w.Query(context.Background(), &out, query, "TSV"); err != nil {
			t.Fatal(err)
		}
		return strings.Fields(out.String())
	}
	var plain []string
	for _, v := range views {
		plain = append(plain, v.Name)
	}
	slices.Sort(plain)
	if got := ask(`SHOW TABLES NOT LIKE '%\\_v_'`); !slices.Equal(got, plain) {
		t.Errorf("without the numbered ones there are %q, want %q", got, plain)
	}
	numbered := ask("SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(comment, 'For programs: version ')")
	if len(numbered) != len(plain) {
		t.Errorf("%d views say that they are for programs, want the %d numbered ones", len(numbered), len(plain))
	}
	for _, name := range numbered {
		if !strings.Contains(name, "_v") {
			t.Errorf("%s says that it is for programs", name)
		}
	}
}

func TestEveryViewIsAFileOfItsName(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(os.DirFS("views"), "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	w := warehousetest.Migrated(t)
	names := w.Names()
	for _, file := range files {
		text, err := os.ReadFile("views/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), names.Views+".") || strings.Contains(string(text), "stagelag") {
			t.Errorf("%s names a database", file)
		}
		// It can be pasted into a client as it is.
		execute(t, w, string(text))
	}
}

func TestAWarehouseOfAnUnreleasedProgramIsRefused(t *testing.T) {
	t.Parallel()
	for what, statement := range map[string]string{
		"tables among the views": "CREATE TABLE {views}.schema_migrations (version Int64, dirty UInt8, sequence UInt64) ENGINE = MergeTree ORDER BY sequence",
		"tables without columns": "CREATE TABLE knowledge (run_id UInt32, deal_id UInt64) ENGINE = MergeTree ORDER BY deal_id",
		"deals without labels":   "CREATE TABLE deals (run_id UInt32, deal_id UInt64) ENGINE = MergeTree ORDER BY deal_id",
	} {
		w := warehousetest.New(t)
		execute(t, w, strings.ReplaceAll(statement, "{views}", w.Names().Views))
		for name, ask := range map[string]func() error{
			"Up":         func() error { return sql.Up(context.Background(), w) },
			"ReadStatus": func() error { _, err := sql.ReadStatus(context.Background(), w); return err },
		} {
			unreleased, ok := errors.AsType[*sql.UnreleasedError](ask())
			if !ok || !strings.Contains(unreleased.Error(), "start a new one, with another warehouse.path or warehouse.database") {
				t.Errorf("%s of %s: %v, want an *UnreleasedError that says what to do", name, what, unreleased)
			}
		}
	}
}
