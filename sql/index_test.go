package sql_test

import (
	"fmt"
	"regexp"
	"testing"

	"stagelag/warehouse/warehousetest"
)

// What was left in a period is found by the index of visits, and its days by that of facts, through each view that shows
// them.
func TestAPeriodIsFoundByAnIndex(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	execute(t, w, `INSERT INTO visits (run_id, deal_id, visit_no, stage_id, entered_at, entered_date, left_date, tenure_from, tenure_manager, tenure_source)
		SELECT 1, number + 1, 1, 'DOC', '2020-01-01 09:00:00', '2020-01-01', toDate('2020-01-01') + intDiv(number, 40), ['2020-01-01'], [1], ['seen'] FROM numbers(40000)`)
	execute(t, w, `INSERT INTO facts (run_id, sign, day, deal_id, visit_no, stage_id, manager_id, entered_date, overdue_day)
		SELECT 1, 1, toDate('2021-01-01') + intDiv(number, 200), number + 1, 1, 'DOC', 1, '2020-01-01', 1 FROM numbers(73000)`)
	execute(t, w, `INSERT INTO run_events (run_id, status, recorded_at, as_of, as_of_number, started_at, portal_host) SELECT 1, 'published', now64(3), '2026-03-02', 2, now64(3), 'example.bitrix24.ru'`)
	tests := []struct {
		view, date, index string
		rows              uint64
	}{
		{"deal_stages", "left_date", "left_date_range", 31 * 40},
		{"visits_now", "left_date", "left_date_range", 31 * 40},
		{"deal_stage_days", "day", "day_range", 31 * 200},
		{"fact_changes", "day", "day_range", 31 * 200},
	}
	for _, test := range tests {
		condition := fmt.Sprintf(" FROM %s WHERE %s BETWEEN '2021-03-01' AND '2021-03-31'", test.view, test.date)
		var plan string
		if err := w.Views().QueryRow(t.Context(), "SELECT arrayStringConcat(groupArray(explain), '\\n') FROM (EXPLAIN indexes = 1 SELECT count()"+condition+")").Scan(&plan); err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`Name: ` + test.index + `\s[^|]*?Granules: (\d+)/(\d+)`).FindStringSubmatch(plan)
		if len(found) == 0 || len(found[1]) > 1 || found[1] > "2" || found[1] == found[2] {
			t.Errorf("%s reads %q of the blocks of rows, want a few of all:\n%s", test.view, found, plan)
		}
		var rows uint64
		if err := w.Views().QueryRow(t.Context(), "SELECT count()"+condition).Scan(&rows); err != nil || rows != test.rows {
			t.Errorf("%s shows %d rows, %v, want %d", test.view, rows, err, test.rows)
		}
	}
}
