package nightly_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/simulator"
)

// A person who is forgotten has no name in any view, nor in what lies behind them, and no later
// run brings it back. Nothing else changes. Who was never seen can't be forgotten.
func TestWhoIsForgottenHasNumbersAndNoName(t *testing.T) {
	t.Parallel()
	s := generated(t, 4, 60)
	s.run(false)
	err := loader.Forget(context.Background(), s.w.DB(), 4711, time.Now())
	if unknown, ok := errors.AsType[*loader.UnknownManagerError](err); !ok || unknown.ManagerID != 4711 {
		t.Errorf("Forget(4711): %v, want an *UnknownManagerError", err)
	}
	if n := s.kept("SELECT count() FROM forgotten_managers"); n != 0 {
		t.Errorf("%d people are forgotten, want none", n)
	}
	at := firstNight.Add(time.Hour)
	manager := simulator.UserID(s.number("SELECT manager_id FROM deals_now WHERE NOT startsWith(manager_name, '#') ORDER BY overdue_days_total DESC LIMIT 1"))
	s.world.EditUser(manager, at, func(u *simulator.User) { u.LastName += "-Renamed" }) // two versions of the name
	s.at(at)
	s.run(false)
	name := s.rows(fmt.Sprintf("SELECT DISTINCT manager_name FROM deals_now WHERE manager_id = %d", manager))[0]
	want := s.snapshot()
	for view, rows := range want {
		for i, row := range rows {
			rows[i] = strings.ReplaceAll(row, name, fmt.Sprintf("#%d", manager))
		}
		want[view] = rows
	}
	// What is known of a person without a name is a gap.
	withoutGaps := func(snapshot map[string][]string) map[string][]string {
		snapshot["data_gaps"] = slices.DeleteFunc(snapshot["data_gaps"], func(row string) bool { return strings.Contains(row, fmt.Sprintf("person #%d:", manager)) })
		return snapshot
	}

	for range 2 { // the second time changes nothing
		if err := loader.Forget(context.Background(), s.w.DB(), extractor.ManagerID(manager), time.Now()); err != nil {
			t.Fatal(err)
		}
		expectSame(t, "who is forgotten", withoutGaps(s.snapshot()), want)
	}
	for _, row := range s.whatIf(s.cfg).Managers {
		if row.ManagerID == extractor.ManagerID(manager) && row.ManagerName != fmt.Sprintf("#%d", manager) {
			t.Errorf("a what-if has the name %s of manager %d", row.ManagerName, manager)
		}
	}
	deals := s.number(fmt.Sprintf("SELECT uniqExact(deal_id) FROM deal_stage_days WHERE manager_id = %d", manager))
	if n := s.number("SELECT count() FROM data_gaps WHERE reason = 'unknown_manager' AND " + fmt.Sprintf("manager_id = %d", manager)); n == 0 || n > deals {
		t.Errorf("%d deals have a gap for the person, want some of the %d that the person had", n, deals)
	}
	if n := s.kept("SELECT count() FROM managers WHERE manager_id = ? AND name != ''", uint64(manager)); n != 0 {
		t.Errorf("%d rows still have the name, want none", n)
	}
	s.run(true)
	expectSame(t, "a full run after that", withoutGaps(s.snapshot()), want)
	s.world.EditUser(manager, at.Add(time.Hour), func(u *simulator.User) { u.LastName += "-Again" })
	s.at(at.Add(2 * time.Hour))
	s.run(false)
	expectSame(t, "a run after the person was renamed", withoutGaps(s.snapshot()), want)
	if others := s.rows("SELECT DISTINCT manager_name FROM deals_now"); !slices.ContainsFunc(others, func(name string) bool { return !strings.HasPrefix(name, "#") }) {
		t.Error("nobody has a name any more, want the others' to stay")
	}
}
