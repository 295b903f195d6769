package nightly_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagelag/nightly"
)

// An ender ends the engine when a pass takes a step, the first time.
type ender struct {
	quiet
	at  string
	end func()
}

func (e *ender) Step(name string) {
	if strings.HasPrefix(name, e.at) && e.end != nil {
		e.end()
		e.end = nil
	}
}

// figures is a checksum of what the days say.
const figures = "SELECT sum(cityHash64(* EXCEPT run_id)) % 1000000007 FROM deal_stage_days"

// A run whose engine ends under it goes on with the next engine, and shows what one shows that nothing happened to.
func TestARunGoesOnWithTheNextEngine(t *testing.T) {
	t.Parallel()
	twin := newWard(t, 7, 60, 5)
	twin.run(false)
	twin.nextNight()
	twin.run(false)
	want := twin.number(figures)
	twin.end()
	for _, step := range []string{"extract", "derive and append", "publish"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			v := newWard(t, 7, 60, 5)
			defer v.end()
			v.run(false)
			v.nextNight()
			v.letEngineAge()
			pass := v.site.pass(false)
			pass.Progress = &ender{at: step, end: v.killEngine}
			outcome, err := nightly.Run(context.Background(), pass)
			if err != nil || outcome.Run.Status != "published" {
				t.Fatalf("the run is %q, %v, want it published", outcome.Run.Status, err)
			}
			if step == "derive and append" || isLong() { // where rows of the run were there
				v.expectLaws("after the engine ended at " + step)
			}
			if n := v.number("SELECT count() FROM runs WHERE status = 'published'"); n != 2 {
				t.Errorf("%d runs are published, want the two that were made", n)
			}
			if got := v.number(figures); got != want {
				t.Errorf("the figures have the checksum %d, want that of runs to which nothing happened, %d", got, want)
			}
		})
	}
}

// Where no engine takes the place of the one that ended, the run fails.
func TestARunFailsWithoutAnEngine(t *testing.T) {
	t.Parallel()
	v := newWard(t, 7, 20, 5)
	defer v.end()
	v.letEngineAge()
	pass := v.site.pass(false)
	pass.Progress = &ender{at: "derive", end: func() {
		config := filepath.Join(v.path, "config")
		if err := os.RemoveAll(config); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(config, nil, 0o600); err != nil {
			t.Error(err)
		}
		v.killEngine()
	}}
	if outcome, err := nightly.Run(context.Background(), pass); err == nil {
		t.Errorf("a run without an engine is %s, want it to fail", outcome.Run.Status)
	}
}
