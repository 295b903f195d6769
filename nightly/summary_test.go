package nightly_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/transform"
	read "stagelag/views"
)

// shown are the views of a morning that a test makes up.
type shown struct {
	totals read.Totals
	latest []read.LateDeal
	gaps   []read.GapCount
	err    error // of the gaps

	before  transform.Day // 0: there was none
	changes []read.LossChange
	gone    []read.GoneDeal

	countsWorkingDays bool
}

func (s shown) Totals(context.Context) (read.Totals, error) { return s.totals, nil }
func (s shown) CountsWorkingDays(context.Context, read.Funnels) (bool, error) {
	return s.countsWorkingDays, nil
}
func (s shown) DateBefore(context.Context) (transform.Day, error) {
	if s.before == 0 {
		return transform.NoDay, nil
	}
	return s.before, nil
}
func (s shown) LossChanges(context.Context) ([]read.LossChange, error) { return s.changes, nil }
func (s shown) GoneSince(context.Context, transform.Day, int) ([]read.GoneDeal, error) {
	return s.gone, nil
}
func (s shown) Latest(context.Context, int) ([]read.LateDeal, error) { return s.latest, nil }
func (s shown) GapCounts(context.Context) ([]read.GapCount, error)   { return s.gaps, s.err }

func TestSummary(t *testing.T) {
	t.Parallel()
	begun := time.Date(2026, 11, 24, 2, 30, 0, 0, time.UTC)
	ended := begun.Add(1234 * time.Millisecond)
	tests := []struct {
		name    string
		shown   shown
		outcome nightly.Outcome
		want    string
	}{
		{"the morning after another", shown{
			totals: read.Totals{Deals: 400, Open: 128, Overdue: 27, DueToday: 2, DaysLost: 4804},
			latest: []read.LateDeal{
				{DealID: 90, Title: "Boiler room for Quarry Lane", Stage: "Repair", Manager: "Anna Lindqvist", OverdueDays: 176},
				{DealID: 8, Title: "\x1b[2Jhall", Stage: "Approval", Manager: "#7", OverdueDays: 1},
			},
			gaps:   []read.GapCount{{Reason: "no_plan", Count: 191, Deals: 169}, {Reason: "unknown_manager", Count: 15, Deals: 1}},
			before: 20780, changes: []read.LossChange{{Cause: "new", Days: 27, Deals: 27}},
		}, nightly.Outcome{
			Before:   loader.State{RunID: 7, AsOf: 20780},
			Run:      loader.Row{RunID: 8, AsOf: "2026-11-24", StartedAt: begun, FinishedAt: &ended, PortalRequests: 6, SecondsWaited: 0.04},
			Warnings: []string{"the webhook lacks the scope user"},
		}, `As of 2026-11-24

  deals      400
  open       128
  overdue    27    21 % of the open ones
  due today  2
  days lost  4804  +27 since 2026-11-23

The most overdue deals

  176 days late  #90  Boiler room for Quarry Lane  Repair    Anna Lindqvist
  1 day late     #8    [2Jhall                     Approval  #7

Not covered (SELECT * FROM data_gaps)

  191  no_plan          stages without a plan                      in 169 deals
  15   unknown_manager  deals of a person whose name is not known  in 1 deal

Note: the webhook lacks the scope user

6 requests to the portal, 1.2 s in all, of which 0.0 s waiting for its limits
`},
		{"a morning with working days and deals that wait", shown{
			totals: read.Totals{Deals: 400, Open: 128, Waiting: 32, Overdue: 27, DueToday: 2, DaysLost: 4804, PausedDays: 12},
			latest: []read.LateDeal{{DealID: 90, Title: "Boiler room", Stage: "Repair", Manager: "Anna Lindqvist", OverdueDays: 17}},
			gaps:   []read.GapCount{{Reason: "bad_pause", Count: 1, Deals: 1}}, countsWorkingDays: true,
			before: 20779, changes: []read.LossChange{
				{Cause: "new", Days: 27, Deals: 27}, {Cause: "plan", Days: -35, Deals: 2}, {Cause: "correction", Days: 1, Deals: 1}, {Cause: "gone", Days: -300, Deals: 1},
			},
			gone: []read.GoneDeal{{DealID: 91, Title: "Boiler house", Days: 300, Why: "deleted"}, {DealID: 4, Days: 0, Why: "forgotten"}},
		}, nightly.Outcome{
			Before: loader.State{AsOf: transform.NoDay},
			Run:    loader.Row{RunID: 1, AsOf: "2026-11-24", StartedAt: begun, FinishedAt: &ended, PortalRequests: 6},
		}, `As of 2026-11-24

  deals                400
  open                 128
  waiting              32    25 % of the open ones
  overdue              27    21 % of the open ones
  due today            2
  working days lost    4804  -307 since 2026-11-22
  working days paused  12    of the open ones

Why -307 since 2026-11-22

  +27   new lateness                     in 27 deals
  -35   plans that were moved            in 2 deals
  +1    corrections of the history       in 1 deal
  -300  deals that have left the report  in 1 deal
  gone: #91 Boiler house, with 300 working days lost (deleted)
  gone: #4, with 0 working days lost (forgotten)

The most overdue deals

  17 working days late  #90  Boiler room  Repair  Anna Lindqvist

Not covered (SELECT * FROM data_gaps)

  1  bad_pause  deals whose pause cannot be read; its days count  in 1 deal

6 requests to the portal, 1.2 s in all, of which 0.0 s waiting for its limits
`},
		{"the first morning of an empty portal", shown{}, nightly.Outcome{
			Before: loader.State{AsOf: transform.NoDay},
			Run:    loader.Row{RunID: 1, AsOf: "2026-11-24", StartedAt: begun, FinishedAt: &ended, PortalRequests: 1},
		}, `As of 2026-11-24

  deals      0
  open       0
  overdue    0
  due today  0
  days lost  0

1 request to the portal, 1.2 s in all, of which 0.0 s waiting for its limits
`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			summary, err := nightly.Summarize(t.Context(), test.shown, test.outcome)
			var b strings.Builder
			if err == nil {
				err = summary.Write(&b, nil)
			}
			if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(b.String(), "\n")); err != nil || diff != "" {
				t.Errorf("the summary, %v (-want +got):\n%s", err, diff)
			}
		})
	}
	down := errors.New("down")
	if _, err := nightly.Summarize(t.Context(), shown{err: down}, nightly.Outcome{Run: loader.Row{AsOf: "2026-11-24"}}); !errors.Is(err, down) {
		t.Errorf("Summarize where the gaps can't be read: %v, want an error", err)
	}
}
