package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/simulator"
	"stagelag/writeback"
)

func TestEveryDealGetsItsResultOnceAndNothingElse(t *testing.T) {
	t.Parallel()
	s := published(t, 400, simulator.Options{})
	before := s.rest()
	summary := s.mustWriteBack()
	if summary.Deals != 400 || summary.Written != 400 || len(summary.Refused) != 0 || summary.Left != 0 {
		t.Errorf("the first write-back: %d deals, %d written, %v refused, %d left, want all 400 written", summary.Deals, summary.Written, summary.Refused, summary.Left)
	}
	s.mustHold()
	s.mustUpdateOnce()
	s.mustAskForNoMore()
	if diff := cmp.Diff(before, s.rest()); diff != "" {
		t.Errorf("something else in the deals has changed (-before +after):\n%s", diff)
	}
	again := s.mustWriteBack()
	if again.Written != 0 || again.Unchanged != 400 || len(s.updates()) != 0 {
		t.Errorf("the second write-back: %d written, %d unchanged, %d updates on the portal, want none", again.Written, again.Unchanged, len(s.updates()))
	}
	if again.Requests > 5 {
		t.Errorf("the second write-back took %d requests, want 5 at most", again.Requests)
	}
}

// With a calendar of working days the state says so, the days are counted one by one, and what waits has no days.
func TestWorkingDaysAndWaitingStages(t *testing.T) {
	t.Parallel()
	s := newSite(t, 100, simulator.Options{})
	s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Off: []time.Time{time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)}}
	s.cfg.Stages.Waiting = []extractor.StageID{slices.Min(slices.Collect(maps.Keys(s.cfg.Plan.Fields)))}
	delete(s.cfg.Plan.Fields, s.cfg.Stages.Waiting[0])
	s.night()
	s.mustWriteBack()
	s.mustHold()
	seen := map[string]int{}
	for _, text := range s.expected() {
		state, _, _ := strings.Cut(text, "|")
		switch {
		case state == "waiting" && strings.HasPrefix(text, "waiting||||"):
			seen["waiting without days"]++
		case strings.HasSuffix(state, " working days late"):
			seen["working days late"]++
		}
	}
	if seen["waiting without days"] == 0 || seen["working days late"] == 0 {
		t.Errorf("the states are %v, want some of both kinds", seen)
	}
	var wrong, counted uint64
	err := s.w.Views().QueryRow(t.Context(), `
		SELECT countIf(left != days_left OR late != overdue_days), count()
		FROM
		(
			SELECT v.deal_id, any(v.days_left) AS days_left, any(v.overdue_days) AS overdue_days,
				countIf(c.counts = 1 AND c.day > r.as_of AND c.day <= v.planned_end) AS left,
				countIf(c.counts = 1 AND c.day > greatest(v.planned_end, v.entered_date) AND c.day <= r.as_of) AS late
			FROM deal_stages AS v CROSS JOIN calendar_days AS c CROSS JOIN (SELECT max(as_of) AS as_of FROM runs) AS r
			WHERE v.is_open = 1 AND v.planned_end IS NOT NULL
			GROUP BY v.deal_id
		)`).Scan(&wrong, &counted)
	if err != nil || wrong != 0 || counted == 0 {
		t.Errorf("of %d open visits with a plan, %d have other days than those counted one by one (%v)", counted, wrong, err)
	}
}

// mustAskForNoMore fails if an update names anything but the deal and fields that it fills.
func (s *site) mustAskForNoMore() {
	s.t.Helper()
	fields := []string{"ufCrmState", "ufCrmLate", "ufCrmLeft", "ufCrmEnd", "ufCrmLost", "ufCrmExpected", "ufCrmLikely"}
	for _, call := range s.portal.Log() {
		if call.Method != "batch" {
			s.t.Errorf("%s was asked by itself, want batches only", call.Method)
		}
		for _, command := range call.Commands {
			if command.Method != "crm.item.update" {
				continue
			}
			named := command.Params.Keys("fields")
			isStrange := func(name string) bool { return !slices.Contains(fields, name) }
			if keys := command.Params.Keys(); !slices.Equal(keys, []string{"entityTypeId", "id", "fields"}) || len(named) == 0 || slices.ContainsFunc(named, isStrange) {
				s.t.Errorf("an update has the parameters %v with the fields %v, want no more than those of %v", keys, named, fields)
			}
		}
	}
}

// The values fit into text fields as well, and a portal that writes its empty values in other
// ways gets no more updates.
func TestTextFieldsAndOtherEmptyValues(t *testing.T) {
	t.Parallel()
	s := newSite(t, 60, simulator.Options{Quirks: simulator.Quirks{MixesEmpties: true}})
	for _, name := range []string{"UF_CRM_LATE_TEXT", "UF_CRM_LEFT_TEXT", "UF_CRM_END_TEXT"} {
		s.world.AddField(simulator.Field{Name: name, Type: "string"})
	}
	s.cfg.WriteBack.DaysLate, s.cfg.WriteBack.DaysLeft, s.cfg.WriteBack.PlannedEnd = "UF_CRM_LATE_TEXT", "UF_CRM_LEFT_TEXT", "UF_CRM_END_TEXT"
	s.names = map[writeback.Role]string{
		writeback.State: "UF_CRM_STATE", writeback.DaysLate: "UF_CRM_LATE_TEXT", writeback.DaysLeft: "UF_CRM_LEFT_TEXT",
		writeback.PlannedEnd: "UF_CRM_END_TEXT", writeback.DaysLost: "UF_CRM_LOST",
		writeback.ExpectedEnd: "UF_CRM_EXPECTED", writeback.LateProbability: "UF_CRM_LIKELY",
	}
	for range 3 { // dates come and go meanwhile
		s.nextNight()
		s.mustWriteBack()
		s.mustHold()
		if again := s.mustWriteBack(); again.Written != 0 || len(s.updates()) != 0 {
			t.Errorf("the same results again: %d written, %d updates on the portal, want none", again.Written, len(s.updates()))
		}
	}
}

// A run that is published while a write-back is at work has its results written, and what is
// the same in both is not written again.
func TestARunThatIsPublishedMeanwhileIsTakenUp(t *testing.T) {
	t.Parallel()
	s := published(t, 120, simulator.Options{})
	s.portal.ForgetLog()
	pass := s.pass()
	isNext := false
	pass.Progress = onRows(func(done int64) {
		if done >= 50 && !isNext {
			isNext = true
			s.nextNight()
		}
	})
	summary, err := writeback.Run(context.Background(), pass)
	if err != nil || summary.RunID != 2 || summary.Left != 0 || summary.Written != 120 || summary.Unchanged != 0 {
		t.Errorf("%d written, %d unchanged, %d left, of run %d, %v, want all 120 of run 2", summary.Written, summary.Unchanged, summary.Left, summary.RunID, err)
	}
	s.mustHold()
	s.mustRepeatNothing()
}

// onRows is a progress that is told of the deals that were written.
type onRows func(done int64)

func (onRows) Step(string) {}

func (f onRows) Rows(done, _ int64) { f(done) }

// rest is all of the deals but what a write-back may change.
func (s *site) rest() []simulator.Deal {
	deals := s.world.Deals()
	for i := range deals {
		deals[i].Updated, deals[i].UpdatedBy = time.Time{}, 0
		fields := map[string]any{}
		maps.Copy(fields, deals[i].Fields)
		for _, name := range s.names {
			delete(fields, name)
		}
		deals[i].Fields = fields
	}
	return deals
}

func TestAfterANightOnlyWhatDiffersIsWritten(t *testing.T) {
	t.Parallel()
	s := published(t, 120, simulator.Options{})
	s.mustWriteBack()
	s.nextNight()
	want := map[string]int{}
	for id, expected := range s.expected() {
		if deal, _ := s.world.Deal(id); s.held(deal) != expected {
			want[fmt.Sprint(id)] = 1
		}
	}
	s.mustWriteBack()
	if diff := cmp.Diff(want, s.updates()); diff != "" || len(want) == 0 || len(want) == 120 {
		t.Errorf("the second night's updates (-want +got), %d wanted:\n%s", len(want), diff)
	}
	s.mustHold()
}

// Two portals and warehouses live through the same nights, one of them with write-back.
func TestOwnWritesCostTheNextNightNothing(t *testing.T) {
	t.Parallel()
	with, without := published(t, 120, simulator.Options{}), published(t, 120, simulator.Options{})
	for night := range 3 {
		if written := with.mustWriteBack().Written; written == 0 {
			t.Errorf("night %d: nothing was written", night)
		}
		got, want := with.nextNight().Run, without.nextNight().Run
		if got.DealsChanged != want.DealsChanged || got.FactsAppended != want.FactsAppended || got.HistoryRows > want.HistoryRows || got.PortalRequests > want.PortalRequests {
			t.Errorf("night %d with write-back: %d deals changed, %d facts, %d history rows, %d requests, want as without, and no more rows and requests: %d, %d, %d, %d", night,
				got.DealsChanged, got.FactsAppended, got.HistoryRows, got.PortalRequests,
				want.DealsChanged, want.FactsAppended, want.HistoryRows, want.PortalRequests)
		}
	}
	if got, want := with.expected(), without.expected(); !maps.Equal(got, want) {
		t.Error("the views with write-back are not those without")
	}
}

// A person changes a deal at a moment around its write; the next night has to see it.
func TestOtherPeoplesChangesAreSeen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		between func(*site, simulator.DealID) // the run and the write-back
		during  bool                          // the change falls into the second of the write
		after   bool
	}{
		{"between the run and the write", rename, false, false},
		{"in the history alone, between the run and the write", correct, false, false},
		{"in the second of the write, behind it", func(*site, simulator.DealID) {}, true, false},
		{"after the write", func(*site, simulator.DealID) {}, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := published(t, 30, simulator.Options{})
			s.clock.Add(time.Hour) // out of the overlap of two nights
			deal := s.deals()[7]
			test.between(s, deal)
			s.clock.Add(time.Minute)
			s.mustWriteBack()
			written, _ := s.world.Deal(deal)
			at := map[bool]time.Time{test.during: written.Updated, test.after: s.clock.Now()}[true]
			if !at.IsZero() {
				s.world.EditDeal(deal, at, func(d *simulator.Deal) { d.Title = "Renamed" })
			}
			s.nextNight()
			shown, _ := s.world.Deal(deal)
			var title string
			var entered time.Time
			err := s.w.Views().QueryRow(context.Background(), "SELECT any(deal_title), min(entered_at) FROM deal_stages WHERE deal_id = ?", uint64(deal)).Scan(&title, &entered)
			if want := s.world.History(deal)[0].At; err != nil || title != shown.Title || !entered.Equal(want) {
				t.Errorf("after the change the deal is %q since %v, %v, want %q since %v", title, entered, err, shown.Title, want)
			}
		})
	}
}

// deals are the ids of the deals in the report, ascending.
func (s *site) deals() []simulator.DealID {
	s.t.Helper()
	var rows []struct {
		ID uint64 `ch:"deal_id"`
	}
	if err := s.w.DB().Select(context.Background(), &rows, "SELECT DISTINCT deal_id FROM deals WHERE NOT is_gone ORDER BY deal_id"); err != nil {
		s.t.Fatal(err)
	}
	ids := make([]simulator.DealID, len(rows))
	for i, row := range rows {
		ids[i] = simulator.DealID(row.ID)
	}
	return ids
}

func rename(s *site, id simulator.DealID) {
	s.world.EditDeal(id, s.clock.Now(), func(d *simulator.Deal) { d.Title = "Renamed" })
}

// correct moves the beginning of the deal's history, which shows in nothing but the history.
func correct(s *site, id simulator.DealID) {
	s.world.CorrectChange(id, s.world.History(id)[0].ID, s.clock.Now(), func(c *simulator.Change) { c.At = c.At.AddDate(0, 0, -1) })
}

func TestRefusedDealsAreCountedAndSkipped(t *testing.T) {
	t.Parallel()
	s := published(t, 60, simulator.Options{})
	deals := s.deals()
	for _, id := range deals[3:8] {
		s.world.EditDeal(id, s.clock.Now(), func(d *simulator.Deal) { d.IsReadOnly = true })
	}
	s.world.DeleteDeal(deals[11], s.clock.Now())
	s.world.HideDeal(deals[12], s.clock.Now())
	summary := s.mustWriteBack()
	want := []writeback.Refusal{
		{Reason: "crm.item.update: Access denied (ACCESS_DENIED)", Count: 5},
		{Reason: "the portal does not show the deal", Count: 2},
	}
	for i := range summary.Refused {
		summary.Refused[i].Deal = 0 // any of them
	}
	if diff := cmp.Diff(want, summary.Refused); diff != "" || summary.Written != 53 || summary.Left != 0 {
		t.Errorf("%d written, %d left, want 53 and 0; refused (-want +got):\n%s", summary.Written, summary.Left, diff)
	}
}

func TestAFieldThatCannotHoldItsResultIsAnErrorBeforeTheFirstWrite(t *testing.T) {
	t.Parallel()
	s := newSite(t, 5, simulator.Options{})
	s.world.AddField(simulator.Field{Name: "UF_CRM_TAGS", Type: "string", IsMultiple: true})
	s.world.AddField(simulator.Field{Name: "UF_CRM_FIXED", Type: "integer", IsReadOnly: true})
	s.night()
	s.cfg.WriteBack = config.WriteBack{
		Language: config.English, State: "UF_CRM_TAGS", DaysLate: "UF_CRM_LATTE", DaysLeft: "UF_CRM_END", PlannedEnd: "UF_CRM_LEFT", DaysLost: "UF_CRM_FIXED",
	}
	_, err := s.writeBack()
	const want = `configuration: write_back.state: the portal's field UF_CRM_TAGS holds several values; ` +
		`write_back.days_late: the portal has no deal field "UF_CRM_LATTE"; did you mean UF_CRM_LATE?; stagelag write-back setup --create makes the fields; ` +
		`write_back.days_left: the portal's field UF_CRM_END is of type date, expected integer or double or string; ` +
		`write_back.planned_end: the portal's field UF_CRM_LEFT is of type double, expected date or string; ` +
		`write_back.days_lost: the portal's field UF_CRM_FIXED is read-only`
	if _, ok := errors.AsType[*config.Error](err); !ok || err.Error() != want {
		t.Errorf("write-back to wrong fields:\n%v, want\n%s", err, want)
	}
	if n := len(s.updates()); n != 0 {
		t.Errorf("%d updates before the error, want none", n)
	}
}

func TestWithoutAPublishedRunThereIsNothingToWrite(t *testing.T) {
	t.Parallel()
	s := published(t, 5, simulator.Options{})
	if err := s.w.DB().Exec(context.Background(), "TRUNCATE TABLE run_events"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writeBack(); !errors.Is(err, writeback.ErrNothingPublished) {
		t.Errorf("write-back before the first run: %v, want %v", err, writeback.ErrNothingPublished)
	}
	s.cfg.WriteBack = config.WriteBack{Language: config.English}
	_, err := s.writeBack()
	if _, ok := errors.AsType[*config.Error](err); !ok {
		t.Errorf("write-back that is off: %v, want a *config.Error", err)
	}
}

func TestDryRunAndLimit(t *testing.T) {
	t.Parallel()
	s := published(t, 60, simulator.Options{})
	dry := s.pass()
	dry.DryRun = true
	planned, err := writeback.Run(context.Background(), dry)
	if err != nil || len(s.updates()) != 0 || planned.Written != 0 {
		t.Errorf("dry run: %d written, %d updates, %v, want none", planned.Written, len(s.updates()), err)
	}
	limited := s.pass()
	limited.Limit = 7
	summary, err := writeback.Run(context.Background(), limited)
	if err != nil || summary.Written != 7 || summary.Left != 53 || len(s.updates()) != 7 {
		t.Errorf("with the limit 7: %d written, %d left, %d updates, %v", summary.Written, summary.Left, len(s.updates()), err)
	}
	first := map[string]int{}
	for change := range planned.Changes() {
		if len(first) < 7 {
			first[fmt.Sprint(change.DealID)] = 1
		}
	}
	if diff := cmp.Diff(first, s.updates()); diff != "" {
		t.Errorf("with the limit 7 the updates are not those of the dry run's first deals (-want +got):\n%s", diff)
	}
	s.mustWriteBack()
	s.mustUpdateOnce()
	s.mustHold()
}

func TestSetupCreatesWhatIsMissingOnce(t *testing.T) {
	t.Parallel()
	s := newPortal(t, 5, simulator.Options{})
	s.cfg.WriteBack = config.WriteBack{Language: config.Russian, DaysLate: "UF_CRM_LATE"}
	const want = `write_back:
  language: ru
  state: UF_CRM_STAGELAG_STATE
  days_late: UF_CRM_LATE
  days_left: UF_CRM_STAGELAG_DAYS_LEFT
  planned_end: UF_CRM_STAGELAG_PLANNED_END
  days_lost: UF_CRM_STAGELAG_DAYS_LOST
  expected_end: UF_CRM_STAGELAG_EXPECTED_END
  late_probability: UF_CRM_STAGELAG_LATE_PROBABILITY
`
	for _, adds := range []int{6, 0} {
		s.portal.ForgetLog()
		client := s.newClient()
		described, err := client.Describe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		fields, err := writeback.Create(context.Background(), client, s.cfg.WriteBack, writeback.Inspect(s.cfg.WriteBack, described))
		if got := writeback.Configuration(s.cfg.WriteBack, fields); err != nil || got != want {
			t.Errorf("the configuration for the fields: %v\n%s\nwant\n%s", err, got, want)
		}
		n := 0
		for _, call := range s.portal.Log() {
			for _, command := range call.Commands {
				n += map[string]int{"crm.deal.userfield.add": 1}[command.Method]
			}
		}
		if n != adds {
			t.Errorf("%d fields were added, want %d", n, adds)
		}
	}
}

func TestSetupWithoutTheRight(t *testing.T) {
	t.Parallel()
	s := newPortal(t, 5, simulator.Options{Quirks: simulator.Quirks{IsNotAdmin: true}})
	client := s.newClient()
	described, err := client.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	off := config.WriteBack{Language: config.English}
	_, err = writeback.Create(context.Background(), client, off, writeback.Inspect(off, described))
	const want = "create field UF_CRM_STAGELAG_STATE: crm.deal.userfield.add: Access denied; only an administrator of the CRM may create fields: use the webhook of one, or create them by hand"
	if _, ok := errors.AsType[*bitrix24.APIError](err); !ok || err.Error() != want {
		t.Errorf("setup without the right: %v, want\n%s", err, want)
	}
}
