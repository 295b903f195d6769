package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/sirupsen/logrus"
)

// A Job is what is done every night. Its methods are called one at a time.
type Job interface {
	// Published is when the last published run began, whoever made it; the zero time where
	// there never was one.
	Published(ctx context.Context) (time.Time, error)
	// Run makes a run and publishes it.
	Run(ctx context.Context) error
	// FollowUp does what follows a published run and may take longer than a night. Its
	// context ends when the next run is due. It can be called again after it failed.
	FollowUp(ctx context.Context) error
	// Resume goes on with what follows a run that was made before, where that was cut off. It
	// is called when no run is due at the start, or somebody else has made it. Its context is as
	// FollowUp's, and it can be called again after it failed.
	Resume(ctx context.Context) error
}

// A Clock tells the time, so that a test needs not wait for a night.
type Clock interface {
	Now() time.Time
	// After gives the time once, when d has passed.
	After(d time.Duration) <-chan time.Time
}

// WallClock is a clock that really waits, around the function that tells its time.
type WallClock func() time.Time

// Now is the time that the function tells. It carries no monotonic reading, which would not see
// the machine sleep or its clock be set.
func (now WallClock) Now() time.Time { return now().Round(0) }

// After is time.After.
func (WallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

const (
	// A failed run is tried again after a minute, and then after twice as long each time, up
	// to an hour.
	firstPause   = time.Minute
	longestPause = time.Hour

	// beat is how often the loop looks at the clock. The machine may have slept, or its clock
	// been set.
	beat = time.Minute

	// stopTimeout bounds the wait for a run that was told to stop. It has to record that it
	// failed, for which it takes up to ten seconds, and to give back the warehouse's lock.
	stopTimeout = 30 * time.Second

	// longestRun is how long a run can take. The first one of a portal with a million deals
	// takes a small part of it, so what takes longer hangs.
	longestRun = 12 * time.Hour
)

// errNextIsDue is why what follows a run is broken off.
var errNextIsDue = errors.New("the next run is due")

// errHangs is why a run is broken off.
var errHangs = fmt.Errorf("the run has taken more than %s", longestRun)

// A Loop has a job run whenever it is due.
type Loop struct {
	job   Job
	clock Clock
	log   logrus.FieldLogger
	// chained is attempt within the library's wrappers, so that a panic in it ends nothing
	// else, and never two are under way, whatever the loop believes.
	chained cron.Job
	changed chan Times
	ended   chan *attempt
	working sync.WaitGroup // attempts

	mu      sync.Mutex // guards what follows
	state   State
	pending *attempt // for chained to take
}

// A State is what a loop is about to do, for whoever watches it.
type State struct {
	// Seen is when the loop looked at the clock last, which it does every minute.
	Seen time.Time
	// Next is when the next run is due.
	Next time.Time
	// RetryAt is when a run that failed is tried again; zero if none is.
	RetryAt time.Time
	// Tries is how often in a row it has failed.
	Tries int
}

// An attempt is one try at the run that was due at a time.
type attempt struct {
	ctx context.Context
	// giveWay ends when the next run is due.
	giveWay context.Context
	times   Times
	due     time.Time // zero at the start: a run is due if one was missed

	// isMade is whether the run is published, and only what follows it is left.
	isMade bool
	err    error
}

// NewLoop makes a loop that has not begun.
func NewLoop(job Job, clock Clock, log logrus.FieldLogger) *Loop {
	l := &Loop{job: job, clock: clock, log: log, changed: make(chan Times), ended: make(chan *attempt, 1)}
	// Recover is inside: a panic that passed SkipIfStillRunning would leave it skipping for
	// ever.
	logger := cronLog{log}
	l.chained = cron.NewChain(cron.SkipIfStillRunning(logger), cron.Recover(logger)).Then(cron.FuncJob(l.attempt))
	return l
}

// State is what the loop is about to do. It may be asked for at any time.
func (l *Loop) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Change has the loop go on with other times. It returns when the loop has taken them over,
// or when ctx ends.
func (l *Loop) Change(ctx context.Context, times Times) {
	select {
	case l.changed <- times:
	case <-ctx.Done():
	}
}

// Run has the job run at the times until ctx ends, and at the start if a run was missed.
// Then the attempt under way is told to stop. An error is one that has not stopped in half a
// minute.
func (l *Loop) Run(ctx context.Context, times Times) error {
	n := night{loop: l, ctx: ctx, times: times, now: l.clock.Now()}
	n.next = times.Next(n.now)
	n.start()
	for {
		n.tell()
		select {
		case <-ctx.Done():
			return n.stop()
		case n.times = <-l.changed:
			n.next = n.times.Next(n.now)
			if !n.retryAt.IsZero() {
				// Perhaps what it failed for is mended.
				n.tries, n.retryAt = 0, n.now
			}
			l.log.WithField("next", n.next).Info("waiting for the next run")
		case a := <-l.ended:
			n.look()
			n.take(a)
			continue
		case <-l.clock.After(n.sleep()):
		}
		n.look()
	}
}

// A night is what the loop's goroutine knows between two looks at the clock.
type night struct {
	loop  *Loop
	ctx   context.Context
	times Times
	now   time.Time
	next  time.Time
	// due is when the run that is being made was due; zero for what was missed at the start.
	due     time.Time
	isMade  bool
	tries   int
	retryAt time.Time
	// giveWay ends what follows the run of the attempt that is under way; nil while none is.
	giveWay context.CancelCauseFunc
}

// tell shows the state to others.
func (n *night) tell() {
	n.loop.mu.Lock()
	defer n.loop.mu.Unlock()
	n.loop.state = State{Seen: n.now, Next: n.next, RetryAt: n.retryAt, Tries: n.tries}
}

// sleep is how long nothing is to be done.
func (n *night) sleep() time.Duration {
	sleep := beat
	for _, at := range []time.Time{n.next, n.retryAt} {
		if !at.IsZero() {
			sleep = min(sleep, at.Sub(n.now))
		}
	}
	return max(0, sleep)
}

// look reads the clock and starts what is due.
func (n *night) look() {
	before := n.now
	n.now = n.loop.clock.Now()
	if n.now.Before(before.Add(-beat)) {
		// What was next may be days away now.
		n.next = n.times.Next(n.now)
		if !n.retryAt.IsZero() {
			n.retryAt = n.now
		}
		n.loop.log.WithFields(logrus.Fields{"was": before, "next": n.next}).Warn("the clock was set back")
	}
	switch {
	case !n.next.IsZero() && !n.now.Before(n.next):
		n.due, n.next = n.next, n.times.Next(n.now)
		n.isMade, n.tries, n.retryAt = false, 0, time.Time{}
		if n.giveWay != nil {
			n.giveWay(errNextIsDue) // take starts the run
			return
		}
		n.start()
	case !n.retryAt.IsZero() && !n.now.Before(n.retryAt):
		n.retryAt = time.Time{}
		n.start()
	}
}

// start begins an attempt. None is under way.
func (n *night) start() {
	l := n.loop
	a := &attempt{ctx: n.ctx, due: n.due, isMade: n.isMade, times: n.times, err: errors.New("the run did not begin")}
	a.giveWay, n.giveWay = context.WithCancelCause(n.ctx)
	l.mu.Lock()
	l.pending = a
	l.mu.Unlock()
	l.working.Go(func() {
		l.chained.Run()
		// Only now, or the wrapper could take the next attempt for one too many.
		l.ended <- a
	})
}

// take goes on from what came of an attempt.
func (n *night) take(a *attempt) {
	log := n.loop.log
	n.giveWay(nil)
	n.giveWay = nil
	if n.ctx.Err() != nil {
		if a.err != nil {
			log.WithError(a.err).Warn("run stopped")
		}
		return
	}
	if !a.due.Equal(n.due) {
		// Another run has become due meanwhile.
		switch {
		case errors.Is(a.err, errNextIsDue):
			log.WithError(a.err).Info("what follows the run is broken off, it goes on after the next run")
		case a.err != nil:
			log.WithError(a.err).Error("run failed")
		}
		n.start()
		return
	}
	n.isMade = a.isMade
	if a.err == nil {
		n.tries = 0
		log.WithField("next", n.next).Info("waiting for the next run")
		return
	}
	n.tries++
	n.retryAt = n.now.Add(min(firstPause<<min(n.tries-1, 10), longestPause)).In(n.times.zone)
	log = log.WithError(a.err).WithField("tries", n.tries)
	if !n.next.IsZero() && !n.retryAt.Before(n.next) {
		n.retryAt = time.Time{}
		log.WithField("next", n.next).Error("run failed")
		return
	}
	log.WithField("again", n.retryAt).Error("run failed")
}

// stop waits for the attempt under way, which knows that it has to end.
func (n *night) stop() error {
	l := n.loop
	idle := make(chan struct{})
	go func() {
		l.working.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-l.clock.After(stopTimeout):
		return fmt.Errorf("the run under way has not ended within %s and is left as it is; the next one goes on from there", stopTimeout)
	}
	select {
	case a := <-l.ended:
		n.take(a)
	default:
	}
	return nil
}

// attempt makes the pending attempt.
func (l *Loop) attempt() {
	l.mu.Lock()
	a := l.pending
	l.mu.Unlock()
	// Unless the job comes back; the wrapper logs the panic itself.
	a.err = errors.New("panic; this is a fault of stagelag, report it with the lines above")
	if !a.isMade {
		isDue, err := l.isDue(a)
		if err == nil && isDue {
			err = l.run(a.ctx)
		}
		if err != nil {
			a.err = err
			return
		}
		if !isDue {
			a.err = a.givingWay(l.job.Resume)
			return
		}
		a.isMade = true
	}
	a.err = a.givingWay(l.job.FollowUp)
}

// givingWay does something that ends when the next run is due.
func (a *attempt) givingWay(do func(context.Context) error) error {
	err := do(a.giveWay)
	if err != nil && errors.Is(context.Cause(a.giveWay), errNextIsDue) {
		err = fmt.Errorf("%w: %w", errNextIsDue, err)
	}
	return err
}

func (l *Loop) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longestRun, errHangs)
	defer cancel()
	err := l.job.Run(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errHangs) {
		return fmt.Errorf("%w: %w", errHangs, err)
	}
	return err
}

// isDue is whether nobody else has made the run that is due, and at the start, whether one
// was missed.
func (l *Loop) isDue(a *attempt) (bool, error) {
	last, err := l.job.Published(a.ctx)
	if err != nil {
		return false, err
	}
	now := l.clock.Now()
	if last.After(now) {
		// Some clock was wrong, then or now. Runs must not stop until that time.
		last = time.Time{}
	}
	switch {
	case !a.due.IsZero() && !last.Before(a.due):
		l.log.WithFields(logrus.Fields{"due": a.due, "published": last}).Info("somebody else has made the run")
		return false, nil
	case !a.due.IsZero():
		return true, nil
	case last.IsZero():
		l.log.Info("no run was made yet")
		return true, nil
	}
	missed := a.times.Next(last)
	if missed.IsZero() || missed.After(now) {
		return false, nil
	}
	l.log.WithField("due", missed).Info("a run was missed")
	return true, nil
}

// A cronLog has the library's wrappers log as the rest does.
type cronLog struct{ log logrus.FieldLogger }

func (c cronLog) Info(message string, pairs ...any) {
	c.fields(pairs).Info(message)
}

func (c cronLog) Error(err error, message string, pairs ...any) {
	c.fields(pairs).WithError(err).Error(message)
}

func (c cronLog) fields(pairs []any) *logrus.Entry {
	fields := logrus.Fields{}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return c.log.WithFields(fields)
}
