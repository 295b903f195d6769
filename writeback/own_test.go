package writeback_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"stagelag/simulator"
	"stagelag/writeback"
)

// A field that people have filled is left alone until an operator says otherwise, and is write-back's from
// then on.
func TestAFieldThatPeopleHaveFilled(t *testing.T) {
	t.Parallel()
	s := published(t, 40, simulator.Options{})
	deals := s.world.Deals()
	fill := func(deal simulator.Deal, field, value string) {
		s.world.Advance(s.clock.Now())
		s.world.SetField(deal.ID, s.clock.Now(), field, value)
	}
	for _, deal := range deals[3:6] {
		fill(deal, "UF_CRM_LOST", "call back on Monday")
	}
	refused := func() {
		t.Helper()
		summary, err := s.writeBack()
		foreign, ok := errors.AsType[*writeback.ForeignError](err)
		if !ok || foreign.Field != "UF_CRM_LOST" || foreign.Deals != 3 || foreign.Role != writeback.DaysLost || foreign.Value != "call back on Monday" ||
			!strings.Contains(err.Error(), "--overwrite") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a field that people have filled: %v, want a *ForeignError about three deals, in one line", err)
		}
		if summary.Written != 0 || len(s.updates()) != 0 {
			t.Errorf("a field that people have filled: %d deals are written, %d updates, want none", summary.Written, len(s.updates()))
		}
	}
	refused()
	refused()
	dry := s.pass()
	dry.DryRun = true
	if summary, err := writeback.Run(context.Background(), dry); err != nil || summary.Planned != 40 {
		t.Errorf("a dry run plans %d deals, %v, want all 40", summary.Planned, err)
	}
	refused()

	pass := s.pass()
	pass.Overwrite = true
	if _, err := writeback.Run(context.Background(), pass); err != nil {
		t.Fatal(err)
	}
	s.mustHold()
	fill(deals[4], "UF_CRM_LOST", "once more")
	s.mustWriteBack()
	s.mustHold()

	// Another field is another question.
	s.cfg.WriteBack.DaysLost = ""
	s.world.AddField(simulator.Field{Name: "UF_CRM_NOTE", Type: "string"})
	fill(deals[5], "UF_CRM_NOTE", "3 windows")
	s.cfg.WriteBack.DaysLost = "UF_CRM_NOTE"
	if _, err := s.writeBack(); err == nil || !strings.Contains(err.Error(), `the field UF_CRM_NOTE holds values that write-back has not written, in 1 deals, such as "3 windows"`) {
		t.Errorf("another field that people have filled: %v, want that it holds values", err)
	}
}

// A field that holds what it is to hold already, as after a warehouse was lost, is not refused.
func TestAFieldThatHoldsItsResults(t *testing.T) {
	t.Parallel()
	s := published(t, 40, simulator.Options{})
	s.mustWriteBack()
	if err := s.w.DB().Exec(context.Background(), "TRUNCATE TABLE write_backs SYNC"); err != nil {
		t.Fatal(err)
	}
	if summary := s.mustWriteBack(); summary.Unchanged != 40 {
		t.Errorf("%d deals are unchanged, want all 40", summary.Unchanged)
	}
}
