package schedule_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/schedule"
)

// A job that keeps account of when it was called, by the clock of the test.
type job struct {
	mu        sync.Mutex
	runs      []time.Time
	followUps []time.Time
	resumed   []time.Time
	published time.Time
	atOnce    atomic.Int32

	run      func(ctx context.Context, n int) error // of the n-th run, from 1
	followUp func(ctx context.Context, n int) error
	resume   func(ctx context.Context, n int) error
	asked    error // what Published gives
}

func (j *job) Published(context.Context) (time.Time, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.published, j.asked
}

func (j *job) publish(at time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.published = at
}

func (j *job) Run(ctx context.Context) error {
	if j.atOnce.Add(1) > 1 {
		panic("two runs at once")
	}
	defer j.atOnce.Add(-1)
	j.mu.Lock()
	begun := time.Now()
	j.runs = append(j.runs, begun)
	n := len(j.runs)
	j.mu.Unlock()
	if j.run != nil {
		if err := j.run(ctx, n); err != nil {
			return err
		}
	}
	j.publish(begun)
	return nil
}

func (j *job) FollowUp(ctx context.Context) error { return j.call(ctx, &j.followUps, j.followUp) }

func (j *job) Resume(ctx context.Context) error { return j.call(ctx, &j.resumed, j.resume) }

func (j *job) call(ctx context.Context, calls *[]time.Time, do func(context.Context, int) error) error {
	j.mu.Lock()
	*calls = append(*calls, time.Now())
	n := len(*calls)
	j.mu.Unlock()
	if do != nil {
		return do(ctx, n)
	}
	return nil
}

// expect compares when the job was called.
func expect(t *testing.T, rule string, got []time.Time, zone *time.Location, want ...string) {
	t.Helper()
	var shown []string
	for _, at := range got {
		shown = append(shown, at.In(zone).Format("01-02 15:04:05 -07"))
	}
	if !slices.Equal(shown, want) {
		t.Errorf("%s: at\n%s\nwant\n%s", rule, strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
}

var errPortal = errors.New("the portal is down")

// A bench runs a loop in a bubble whose time goes as fast as it can.
type bench struct {
	t    *testing.T
	zone *time.Location
	job  *job
	loop *schedule.Loop
	stop context.CancelFunc
	end  chan error
	log  *strings.Builder
	// ahead is what the clock that the loop sees is ahead of the bubble's.
	ahead atomic.Int64
}

func (b *bench) Now() time.Time {
	return schedule.WallClock(time.Now).Now().Add(time.Duration(b.ahead.Load()))
}
func (b *bench) After(d time.Duration) <-chan time.Time { return schedule.WallClock(time.Now).After(d) }

// in runs the test in a bubble, from a time on.
func in(t *testing.T, zone, from string, j *job, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, zone: location(t, zone), job: j, end: make(chan error, 1), log: &strings.Builder{}}
		begin, err := time.ParseInLocation(time.DateTime, from, b.zone)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(begin))
		test(b)
		b.stop()
		if err := <-b.end; err != nil {
			t.Errorf("the loop: %v", err)
		}
	})
}

func (b *bench) begin(spec string) {
	log := logrus.New()
	log.SetOutput(b.log)
	log.SetFormatter(&logrus.JSONFormatter{})
	b.loop = schedule.NewLoop(b.job, b, log)
	ctx, stop := context.WithCancel(b.t.Context())
	b.stop = stop
	go func() { b.end <- b.loop.Run(ctx, times(b.t, spec, b.zone.String())) }()
	synctest.Wait()
}

// pass lets time go by.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// until lets time go by up to a time on the clocks of the zone.
func (b *bench) until(at string) {
	b.t.Helper()
	then, err := time.ParseInLocation(time.DateTime, at, b.zone)
	if err != nil {
		b.t.Fatal(err)
	}
	b.pass(time.Until(then))
}

// publishedOn has the last run published at a time on the clocks of the zone.
func (b *bench) publishedOn(at string) {
	b.t.Helper()
	then, err := time.ParseInLocation(time.DateTime, at, b.zone)
	if err != nil {
		b.t.Fatal(err)
	}
	b.job.publish(then)
}

func TestARunEveryNight(t *testing.T) {
	in(t, "Europe/Berlin", "2026-03-27 12:00:00", &job{}, func(b *bench) {
		b.publishedOn("2026-03-27 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-03-31 12:00:00")
		expect(t, "a night without 02:30 has its run", b.job.runs, b.zone,
			"03-28 02:30:00 +01", "03-29 03:00:00 +02", "03-30 02:30:00 +02", "03-31 02:30:00 +02")
		expect(t, "each run is written back", b.job.followUps, b.zone,
			"03-28 02:30:00 +01", "03-29 03:00:00 +02", "03-30 02:30:00 +02", "03-31 02:30:00 +02")
		if next := b.loop.State().Next; next.Format(time.RFC3339) != "2026-04-01T02:30:00+02:00" {
			t.Errorf("the next run is due at %v, want 2026-04-01T02:30:00+02:00", next)
		}
	})
	in(t, "Europe/Berlin", "2026-10-24 12:00:00", &job{}, func(b *bench) {
		b.publishedOn("2026-10-24 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-10-26 12:00:00")
		expect(t, "a night with two 02:30 has one run", b.job.runs, b.zone, "10-25 02:30:00 +02", "10-26 02:30:00 +01")
	})
}

func TestTheStart(t *testing.T) {
	tests := []struct {
		name, published string
		want            []string
	}{
		{"a warehouse without a run gets one at once", "", []string{"11-24 12:00:00 +00", "11-25 02:30:00 +00"}},
		{"a night that was missed is caught up", "2026-11-23 02:30:00", []string{"11-24 12:00:00 +00", "11-25 02:30:00 +00"}},
		{"a month that was missed takes one run", "2026-10-24 02:30:00", []string{"11-24 12:00:00 +00", "11-25 02:30:00 +00"}},
		{"a run before the night's time does not stand for it", "2026-11-24 02:00:00", []string{"11-24 12:00:00 +00", "11-25 02:30:00 +00"}},
		{"a night that has had its run waits for the next", "2026-11-24 02:30:00", []string{"11-25 02:30:00 +00"}},
		{"a run from the future is none", "2027-11-24 02:30:00", []string{"11-24 12:00:00 +00", "11-25 02:30:00 +00"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, "UTC", "2026-11-24 12:00:00", &job{}, func(b *bench) {
				if test.published != "" {
					b.publishedOn(test.published)
				}
				b.begin("30 2 * * *")
				b.until("2026-11-25 12:00:00")
				expect(t, test.name, b.job.runs, b.zone, test.want...)
			})
		})
	}
}

func TestAFailedRunIsTriedAgain(t *testing.T) {
	j := &job{run: func(_ context.Context, n int) error {
		if n <= 12 {
			return errPortal
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.publishedOn("2026-11-24 09:30:00")
		b.begin("30 2,9 * * *")
		b.until("2026-11-25 12:00:00")
		expect(t, "with pauses that grow to an hour, until the next is due", j.runs, b.zone,
			"11-25 02:30:00 +00", "11-25 02:31:00 +00", "11-25 02:33:00 +00", "11-25 02:37:00 +00", "11-25 02:45:00 +00", "11-25 03:01:00 +00",
			"11-25 03:33:00 +00", "11-25 04:33:00 +00", "11-25 05:33:00 +00", "11-25 06:33:00 +00", "11-25 07:33:00 +00", "11-25 08:33:00 +00",
			"11-25 09:30:00 +00")
		expect(t, "what was not published is not written back", j.followUps, b.zone, "11-25 09:30:00 +00")
		if lines := strings.Count(b.log.String(), `"msg":"run failed"`); lines != 12 {
			t.Errorf("%d lines say that a run failed, want 12: %s", lines, b.log)
		}
	})
}

func TestAWarehouseThatIsDownAtTheStart(t *testing.T) {
	in(t, "UTC", "2026-11-24 12:00:00", &job{asked: errors.New("no warehouse")}, func(b *bench) {
		b.begin("30 2 * * *")
		b.pass(2 * time.Minute)
		if state := b.loop.State(); state.Tries != 2 || time.Until(state.RetryAt) != time.Minute {
			t.Errorf("the state is %+v, want two tries and another in a minute", state)
		}
		b.job.mu.Lock()
		b.job.asked = nil
		b.job.mu.Unlock()
		b.pass(time.Minute)
		expect(t, "the run comes when it is back", b.job.runs, b.zone, "11-24 12:03:00 +00")
	})
}

func TestWhatFollowsIsTriedAgainAlone(t *testing.T) {
	j := &job{followUp: func(_ context.Context, n int) error {
		if n <= 2 {
			return errPortal
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.publishedOn("2026-11-24 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-11-25 12:00:00")
		expect(t, "the run is published", j.runs, b.zone, "11-25 02:30:00 +00")
		expect(t, "what follows goes on", j.followUps, b.zone, "11-25 02:30:00 +00", "11-25 02:31:00 +00", "11-25 02:33:00 +00")
	})
}

// What followed a run of before is gone on with when no run is due, and tried again as a run is.
func TestWhatFollowedIsResumed(t *testing.T) {
	j := &job{resume: func(_ context.Context, n int) error {
		if n <= 2 {
			return errPortal
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.publishedOn("2026-11-24 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-11-25 12:00:00")
		expect(t, "it is resumed at the start, and once it is done no more", j.resumed, b.zone, "11-24 12:00:00 +00", "11-24 12:01:00 +00", "11-24 12:03:00 +00")
		expect(t, "the run comes when it is due", j.runs, b.zone, "11-25 02:30:00 +00")
		expect(t, "what follows it comes once", j.followUps, b.zone, "11-25 02:30:00 +00")
	})
}

func TestWhatFollowsGivesWay(t *testing.T) {
	j := &job{followUp: func(ctx context.Context, _ int) error {
		<-ctx.Done()
		time.Sleep(20 * time.Second) // it ends what it is at
		return ctx.Err()
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.publishedOn("2026-11-24 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-11-26 12:00:00")
		expect(t, "runs are not held up", j.runs, b.zone, "11-25 02:30:00 +00", "11-26 02:30:20 +00")
		if strings.Contains(b.log.String(), "run failed") {
			t.Errorf("a run is said to have failed: %s", b.log)
		}
	})
}

func TestALongRunIsFollowedByTheOneThatCameDue(t *testing.T) {
	j := &job{run: func(_ context.Context, n int) error {
		if n == 1 {
			time.Sleep(150 * time.Minute)
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.publishedOn("2026-11-24 12:00:00")
		b.begin("0 * * * *")
		b.until("2026-11-24 16:30:00")
		expect(t, "one after the other, and one for all that came due", j.runs, b.zone, "11-24 13:00:00 +00", "11-24 15:30:00 +00", "11-24 16:00:00 +00")
	})
}

func TestARunThatHangsIsBrokenOff(t *testing.T) {
	j := &job{run: func(ctx context.Context, n int) error {
		if n == 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.begin("30 2 * * *")
		b.until("2026-11-25 12:00:00")
		expect(t, "after 12 hours", j.runs, b.zone, "11-24 12:00:00 +00", "11-25 00:01:00 +00", "11-25 02:30:00 +00")
		if !strings.Contains(b.log.String(), "the run has taken more than 12h0m0s") {
			t.Errorf("the log does not say why: %s", b.log)
		}
	})
}

func TestAPanicIsAFailedRun(t *testing.T) {
	j := &job{run: func(_ context.Context, n int) error {
		if n == 1 {
			panic("lost my mind")
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.begin("30 2 * * *")
		b.pass(time.Hour)
		expect(t, "it is tried again", j.runs, b.zone, "11-24 12:00:00 +00", "11-24 12:01:00 +00")
		if !strings.Contains(b.log.String(), "lost my mind") || !strings.Contains(b.log.String(), "loop_test.go") {
			t.Errorf("the log lacks the panic and where it was: %s", b.log)
		}
	})
}

func TestARunThatSomebodyElseHasMade(t *testing.T) {
	j := &job{}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		j.run = func(context.Context, int) error {
			b.publishedOn("2026-11-25 02:30:01") // on another host, meanwhile
			return errors.New("a run is in progress")
		}
		b.publishedOn("2026-11-24 02:30:00")
		b.begin("30 2 * * *")
		b.until("2026-11-25 12:00:00")
		expect(t, "is not made again", j.runs, b.zone, "11-25 02:30:00 +00")
		expect(t, "nor written back", j.followUps, b.zone)
	})
}

func TestStop(t *testing.T) {
	tests := []struct {
		name string
		run  func(ctx context.Context, n int) error
		ends time.Duration
		want string
	}{
		{"a run that ends", func(ctx context.Context, _ int) error { <-ctx.Done(); time.Sleep(9 * time.Second); return ctx.Err() }, 9 * time.Second, ""},
		{"a run that does not hear", func(context.Context, int) error { time.Sleep(time.Hour); return nil }, 30 * time.Second,
			"the run under way has not ended within 30s and is left as it is; the next one goes on from there"},
		{"no run", func(context.Context, int) error { return nil }, 0, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, "UTC", "2026-11-24 12:00:00", &job{run: test.run}, func(b *bench) {
				b.begin("30 2 * * *")
				b.pass(time.Minute)
				b.stop()
				begun := time.Now()
				err := <-b.end
				if got := message(err); got != test.want || time.Since(begun) != test.ends {
					t.Errorf("the loop ended after %v with %q, want %v and %q", time.Since(begun), got, test.ends, test.want)
				}
				b.end <- nil
				time.Sleep(2 * time.Hour) // what hangs has to end with the bubble
			})
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestChange(t *testing.T) {
	j := &job{run: func(_ context.Context, n int) error {
		if n == 1 {
			return errors.New("the stage does not exist")
		}
		return nil
	}}
	in(t, "UTC", "2026-11-24 12:00:00", j, func(b *bench) {
		b.begin("30 2 * * *")
		b.pass(10 * time.Second)
		b.loop.Change(b.t.Context(), times(b.t, "0 5 * * *", "Asia/Vladivostok"))
		b.until("2026-11-25 12:00:00")
		expect(t, "what failed is tried at once, then the other times hold", j.runs, b.zone, "11-24 12:00:00 +00", "11-24 12:00:10 +00", "11-24 19:00:00 +00")
	})
}

func TestAClockThatIsSet(t *testing.T) {
	in(t, "UTC", "2026-11-24 12:00:00", &job{}, func(b *bench) {
		b.publishedOn("2026-11-24 02:30:00")
		b.begin("30 2 * * *")
		b.pass(time.Hour)
		b.ahead.Store(int64(20 * time.Hour)) // the machine has slept, too
		b.pass(time.Minute)
		expect(t, "set forward over a due time, it comes within a minute", b.job.runs, b.zone, "11-24 13:01:00 +00")
		b.ahead.Store(int64(-100 * time.Hour))
		b.pass(time.Minute)
		if next := b.loop.State().Next; next.Format(time.DateTime) != "2026-11-21 02:30:00" {
			t.Errorf("set back to %v the next run is due at %v, want 2026-11-21 02:30:00", b.Now(), next)
		}
	})
}
