package sql_test

import (
	"regexp"
	"testing"

	"stagelag/warehouse/warehousetest"
)

// What was left in a period is found by the index of visits, through each view that shows when a visit was left.
func TestAPeriodIsAPartOfTheVisits(t *testing.T) {
	t.Parallel()
	w := warehousetest.Migrated(t)
	execute(t, w, `INSERT INTO visits (run_id, deal_id, visit_no, stage_id, entered_at, entered_date, left_date, tenure_from, tenure_manager, tenure_source)
		SELECT 1, number + 1, 1, 'DOC', '2020-01-01 09:00:00', '2020-01-01', toDate('2020-01-01') + intDiv(number, 40), ['2020-01-01'], [1], ['seen'] FROM numbers(40000)`)
	execute(t, w, `INSERT INTO run_events (run_id, status, recorded_at, as_of, as_of_number, started_at, portal_host) SELECT 1, 'published', now64(3), '2026-03-02', 2, now64(3), 'example.bitrix24.ru'`)
	granules := regexp.MustCompile(`Name: left_date_range[^|]*?Granules: (\d+)/(\d+)`)
	for _, view := range []string{"deal_stages", "visits_now"} {
		condition := " FROM " + view + " WHERE left_date BETWEEN '2021-01-01' AND '2021-01-31'"
		var plan string
		if err := w.Views().QueryRow(t.Context(), "SELECT arrayStringConcat(groupArray(explain), '\\n') FROM (EXPLAIN indexes = 1 SELECT count()"+condition+")").Scan(&plan); err != nil {
			t.Fatal(err)
		}
		if found := granules.FindStringSubmatch(plan); found == nil || found[1] != "1" || found[2] == "1" {
			t.Errorf("%s reads %q of the parts of visits, want one of several:\n%s", view, found, plan)
		}
		var visits uint64
		if err := w.Views().QueryRow(t.Context(), "SELECT count()"+condition).Scan(&visits); err != nil || visits != 31*40 {
			t.Errorf("%s shows %d visits, %v, want %d", view, visits, err, 31*40)
		}
	}
}
