package simulator_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
)

// generated is a world as it is at a time.
func generated(options simulator.GenerateOptions) (*simulator.World, simulator.Suggested) {
	w, suggested := simulator.Generate(options)
	w.Advance(options.Now)
	return w, suggested
}

// state is all that a world tells of its deals.
func state(w *simulator.World) map[simulator.DealID]any {
	all := make(map[simulator.DealID]any)
	for _, d := range w.Deals() {
		all[d.ID] = []any{d, w.History(d.ID)}
	}
	return all
}

func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, moscow) }

func TestGeneratedWorldsRepeat(t *testing.T) {
	first, _ := generated(simulator.GenerateOptions{Seed: 7, Now: day(10)})
	again, _ := generated(simulator.GenerateOptions{Seed: 7, Now: day(10)})
	if diff := cmp.Diff(state(first), state(again)); diff != "" {
		t.Errorf("the same seed gives (-first +again):\n%s", diff)
	}
	other, _ := generated(simulator.GenerateOptions{Seed: 8, Now: day(10)})
	if reflect.DeepEqual(state(first), state(other)) {
		t.Error("another seed gives the same world")
	}
}

func TestGeneratedWorldsLiveOn(t *testing.T) {
	nightly, _ := generated(simulator.GenerateOptions{Seed: 7, Now: day(1)})
	for _, n := range []int{2, 3, 4, 11, 28, 31} {
		before := state(nightly)
		nightly.Advance(day(n))
		after := state(nightly)
		if reflect.DeepEqual(before, after) {
			t.Errorf("nothing happens up to day %d", n)
		}
		anew, _ := generated(simulator.GenerateOptions{Seed: 7, Now: day(n)})
		if diff := cmp.Diff(state(anew), after); diff != "" {
			t.Fatalf("on day %d a world made anew and one that lived on differ (-anew +lived):\n%s", n, diff)
		}
	}
}

func TestGeneratedWorldsAreBelievable(t *testing.T) {
	month := time.Date(2026, 3, 1, 0, 0, 0, 0, moscow)
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w, suggested := generated(simulator.GenerateOptions{Seed: seed, Now: day(10)})
			hidden := make(map[simulator.UserID]bool)
			for _, u := range w.Users() {
				hidden[u.ID] = u.IsHidden
			}
			known := make(map[simulator.StageID]simulator.Semantics)
			for _, f := range w.Funnels() {
				for _, s := range f.Stages {
					known[s.ID] = s.Semantics
				}
			}
			count := make(map[string]int)
			for _, d := range w.Deals() {
				if !d.Created.Before(month) {
					t.Errorf("deal %d is created at %v, in the month", d.ID, d.Created)
				}
				if d.IsRecurring {
					count["templates"]++
					continue
				}
				for kind, is := range traits(d, w.History(d.ID), known) {
					if is {
						count[kind]++
					}
				}
				if hidden[d.Manager] {
					count["hidden manager"]++
				}
			}
			wantEqual(t, "templates", count["templates"], 3)
			wantEqual(t, "deals", count["deals"], 400)
			within := func(what string, low, high int) {
				t.Helper()
				if n := count[what]; n < low || n > high {
					t.Errorf("%d deals: %s, want %d to %d", n, what, low, high)
				}
			}
			within("open", 120, 190)
			within("without history", 2, 40)
			within("begins with a move", 1, 30)
			within("deleted stage", 5, 120)
			within("changed funnel", 1, 30)
			within("reopened", 1, 30)
			within("moved twice a day", 3, 120)
			within("negative plan", 1, 40)
			within("plan in words", 1, 30)
			within("no plan at all", 10, 350)
			within("hidden manager", 3, 30)
			within("on hold", 10, 70)
			within("on hold until further notice", 1, 30)
			within("waiting", 1, 30)
			wantEqual(t, "mapped stage", suggested.StageMap, map[string]string{"C5:OLD_DOCS": "C5:DOCS"})
		})
	}
}

// traits are what a report will have to deal with.
func traits(d simulator.Deal, history []simulator.Change, known map[simulator.StageID]simulator.Semantics) map[string]bool {
	is := map[string]bool{
		"deals":           true,
		"open":            known[d.Stage] != simulator.Success && known[d.Stage] != simulator.Failure,
		"without history": len(history) == 0,
		"no plan at all":  true,

		"on hold":                      d.Fields["UF_CRM_HOLD_FROM"] != nil,
		"on hold until further notice": d.Fields["UF_CRM_HOLD_FROM"] != nil && d.Fields["UF_CRM_HOLD_UNTIL"] == nil,
		"waiting":                      d.Fields["UF_CRM_WAITING"] != nil,
	}
	for i, c := range history {
		_, isKnown := known[c.Stage]
		is["deleted stage"] = is["deleted stage"] || !isKnown
		is["begins with a move"] = is["begins with a move"] || i == 0 && c.TypeID == 2
		is["changed funnel"] = is["changed funnel"] || c.TypeID == 5
		if i > 0 {
			before := history[i-1]
			is["reopened"] = is["reopened"] || before.TypeID == 3 && c.TypeID == 2
			is["moved twice a day"] = is["moved twice a day"] || c.At.Format(time.DateOnly) == before.At.Format(time.DateOnly)
		}
	}
	for name, v := range d.Fields {
		text := v.(string)
		is["no plan at all"] = is["no plan at all"] && !strings.HasSuffix(name, "_DAYS") && !strings.HasSuffix(name, "_DUE")
		is["negative plan"] = is["negative plan"] || strings.HasSuffix(name, "_DAYS") && strings.HasPrefix(text, "-")
		is["plan in words"] = is["plan in words"] || strings.HasSuffix(name, "_DAYS") && strings.ContainsAny(text, "abc?wд")
	}
	return is
}

func TestSuggestionsFitTheWorld(t *testing.T) {
	for _, language := range []simulator.Language{simulator.English, simulator.Russian} {
		t.Run(string(language), func(t *testing.T) {
			w, suggested := generated(simulator.GenerateOptions{Seed: 1, Now: day(10), Language: language})
			s := serveAt(t, w, simulator.Options{}, simulatortest.NewClock(day(10)))
			var stages []any
			for _, f := range w.Funnels() {
				for _, stage := range f.Stages {
					stages = append(stages, string(stage.ID))
				}
			}
			fields := append(s.call("crm.deal.userfield.list", nil).column("FIELD_NAME", "result"), "")
			want := func(what string, all []any, one string) {
				t.Helper()
				if !slices.Contains(all, any(one)) {
					t.Errorf("the world has no %s %s", what, one)
				}
			}
			for stage, plan := range suggested.Fields {
				want("stage", stages, stage)
				want("field", fields, plan.Days)
				want("field", fields, plan.Date)
			}
			for _, name := range []string{suggested.Pauses.Flag, suggested.Pauses.From, suggested.Pauses.Until} {
				want("field", fields, name)
			}
			for _, norm := range suggested.Norms {
				want("stage", stages, norm.Stage)
			}
			for from, to := range suggested.StageMap {
				if slices.Contains(stages, any(from)) {
					t.Errorf("stage %s is mapped and still there", from)
				}
				want("stage", stages, to)
			}
			if _, err := time.LoadLocation(suggested.TimeZone); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLanguages(t *testing.T) {
	english, _ := generated(simulator.GenerateOptions{Seed: 1, Now: day(10)})
	russian, _ := generated(simulator.GenerateOptions{Seed: 1, Now: day(10), Language: simulator.Russian})
	wantEqual(t, "English", english.Funnels()[0].Stages[0].Name, "New")
	wantEqual(t, "Russian", russian.Funnels()[0].Stages[0].Name, "Новая")
	for i, d := range english.Deals() {
		other := russian.Deals()[i]
		wantEqual(t, "the life of a deal", other.Stage, d.Stage)
		if isASCII(d.Title) == isASCII(other.Title) {
			t.Fatalf("the English title is %q, the Russian one %q", d.Title, other.Title)
		}
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}

// A full export in batches of 50 pages is measured here: the portal itself must not be
// what a run waits for.
func BenchmarkExport(b *testing.B) {
	now := day(10)
	w, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 25_000, Now: now})
	p := simulator.New(w, simulator.Options{Now: func() time.Time { return now }})
	rows := 0
	for b.Loop() {
		rows += exportAll(b, p, "crm.item.list?entityTypeId=2&start=-1&order[id]=ASC&select[]=id&select[]=title&select[]=categoryId&select[]=stageId&select[]=assignedById&select[]=opportunity&select[]=currencyId&select[]=createdTime&select[]=movedTime&select[]=updatedTime&select[]=isRecurring&select[]=ufCrmDocsDays&select[]=ufCrmDocsDue&filter[%3Eid]=", "id")
		rows += exportAll(b, p, "crm.stagehistory.list?entityTypeId=2&start=-1&order[ID]=ASC&filter[%3EID]=", "ID")
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
