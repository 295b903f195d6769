// Package monitor tells over HTTP how the schedule and what it has published are doing: for
// Prometheus, and for whatever restarts or wakes somebody. It says nothing that is secret, and
// nothing of a single deal.
package monitor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stagelag/bitrix24"
	"stagelag/letter"
	"stagelag/nightly"
	"stagelag/plain"
	"stagelag/schedule"
	"stagelag/views"
)

// Published is what the warehouse shows to its readers.
type Published struct {
	Run      views.Published // RunID 0: nothing
	DaysLost int64
	Gaps     map[string]uint64 // by reason
}

// A Portal is which one the figures are of.
type Portal struct {
	Database string // that people query: no two portals of a schedule have the same
	Host     string // of the portal
}

// Options are where a monitor has its figures from. All of them may be asked at any time.
type Options struct {
	// Portal is the one that the monitor is of, as the configuration has it now.
	Portal func() Portal
	// Loop is the state of the schedule.
	Loop func() schedule.State
	// Asked is what the portal was asked since the start.
	Asked func() bitrix24.Stats
	// Look asks the warehouse. It is asked at most every few seconds.
	Look func(ctx context.Context) (Published, error)
	// MaxAge is how old what is published may be.
	MaxAge func() time.Duration
	Now    func() time.Time
}

// A Monitor keeps account of what a schedule does for one portal.
type Monitor struct {
	options  Options
	registry *prometheus.Registry

	runs        *prometheus.CounterVec
	letters     *prometheus.CounterVec
	writeBacks  *prometheus.CounterVec
	stepSeconds *prometheus.CounterVec
	stepRows    *prometheus.CounterVec

	looking sync.Mutex // held while the warehouse is asked; guards what follows
	seen    Published
	seenAt  time.Time
	failure error // of the last look
}

// The results of runs and write-backs.
const (
	resultPublished = "published"
	resultDone      = "done"
	resultFailed    = "failed"
)

// New makes a monitor.
func New(o Options) *Monitor {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stagelag", Name: name, Help: help}, labels)
	}
	m := &Monitor{
		options: o, registry: prometheus.NewRegistry(),
		runs:        counter("runs_total", "Runs that this process has made, by result.", "result"),
		letters:     counter("letters_total", "Letters that this process has tried to send, by kind and by what came of them.", "kind", "result"),
		writeBacks:  counter("write_backs_total", "Write-backs that this process has made, by result.", "result"),
		stepSeconds: counter("step_seconds_total", "Time that the steps of runs took, by step.", "step"),
		stepRows:    counter("step_rows_total", "Rows that the steps of runs have worked on, by step.", "step"),
	}
	for _, result := range []string{resultPublished, resultFailed} {
		m.runs.WithLabelValues(result)
	}
	for _, result := range []string{resultDone, resultFailed} {
		m.writeBacks.WithLabelValues(result)
	}
	for _, kind := range letterKinds {
		for _, result := range letterResults {
			m.letters.WithLabelValues(string(kind), result)
		}
	}
	m.registry.MustRegister(m.runs, m.letters, m.writeBacks, m.stepSeconds, m.stepRows, state{m})
	return m
}

// RunEnded takes what came of a run: err is nil if it is published.
func (m *Monitor) RunEnded(steps []nightly.Step, err error) {
	m.runs.WithLabelValues(result(resultPublished, err)).Inc()
	m.count(steps)
	m.lookAgain()
}

// letterKinds are the ways that letters go.
var letterKinds = []letter.Kind{letter.Chat, letter.Mail, letter.Manager}

// letterResults are the labels for what came of a letter that was tried.
var letterResults = map[letter.Outcome]string{letter.Sent: "sent", letter.Failed: resultFailed, letter.Uncertain: "uncertain"}

// LettersEnded takes what came of the letters of a run.
func (m *Monitor) LettersEnded(letters letter.Summary, steps []nightly.Step) {
	for i := range letters.Letters {
		if result, isTried := letterResults[letters.Letters[i].Outcome]; isTried {
			m.letters.WithLabelValues(string(letters.Letters[i].Kind), result).Inc()
		}
	}
	m.count(steps)
}

// WriteBackEnded takes what came of a write-back.
func (m *Monitor) WriteBackEnded(steps []nightly.Step, err error) {
	m.writeBacks.WithLabelValues(result(resultDone, err)).Inc()
	m.count(steps)
}

func (m *Monitor) count(steps []nightly.Step) {
	for _, step := range steps {
		m.stepSeconds.WithLabelValues(step.Name).Add(step.Took.Seconds())
		m.stepRows.WithLabelValues(step.Name).Add(float64(step.Rows))
	}
}

func result(good string, err error) string {
	if err != nil {
		return resultFailed
	}
	return good
}

// A verdict is an answer to a question with yes or no.
type verdict struct {
	isGood bool
	text   string
}

// stuckAfter is how long the schedule may not have looked at the clock, which it does every
// minute.
const stuckAfter = 5 * time.Minute

// health is whether the schedule goes on.
func (m *Monitor) health() verdict {
	loop := m.options.Loop()
	if silent := m.options.Now().Sub(loop.Seen); silent > stuckAfter {
		return verdict{false, fmt.Sprintf("stuck: the schedule has not looked at the clock for %s; restart it", plain.Duration(silent))}
	}
	if !loop.RetryAt.IsZero() {
		return verdict{true, fmt.Sprintf("live: a run has failed (%d in a row), it is tried again at %s", loop.Tries, loop.RetryAt.Format(time.RFC3339))}
	}
	return verdict{true, "live: the next run is due at " + loop.Next.Format(time.RFC3339)}
}

// readiness is whether what is published is new enough.
func (m *Monitor) readiness(ctx context.Context) verdict {
	published, err := m.look(ctx)
	maxAge := m.options.MaxAge()
	if published.Run.RunID == 0 {
		if err != nil {
			return verdict{false, "not ready: the warehouse can't be asked; the log says why"}
		}
		return verdict{false, "not ready: no run was published yet"}
	}
	age := m.options.Now().Sub(published.Run.FinishedAt)
	what := fmt.Sprintf("run %d as of %s was published %s ago", published.Run.RunID, published.Run.AsOf, plain.Duration(age))
	if age > maxAge {
		return verdict{false, fmt.Sprintf("not ready: %s, more than schedule.max_age (%s); stagelag doctor says what is wrong", what, plain.Duration(maxAge))}
	}
	return verdict{true, "ready: " + what}
}

const (
	// lookEvery is how long what was seen in the warehouse is taken for what is there.
	lookEvery   = 10 * time.Second
	lookTimeout = 10 * time.Second
)

// look asks the warehouse, unless that was done a moment ago. With an error, what was seen last
// still holds as far as it goes.
func (m *Monitor) look(ctx context.Context) (Published, error) {
	m.looking.Lock()
	defer m.looking.Unlock()
	now := m.options.Now()
	if since := now.Sub(m.seenAt); since >= 0 && since < lookEvery {
		return m.seen, m.failure
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	published, err := m.options.Look(ctx)
	if err == nil {
		m.seen = published
	}
	m.seenAt, m.failure = now, err
	return m.seen, err
}

func (m *Monitor) lookAgain() {
	m.looking.Lock()
	defer m.looking.Unlock()
	m.seenAt = time.Time{}
}
