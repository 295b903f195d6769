package nightly

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/letter"
	"stagelag/sql"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// A Job makes the pass and what follows it, the letters and the write-back, for a schedule, every night. It opens the warehouse anew
// each time: between two nights a server may have been restarted, and an engine killed.
type Job struct {
	options JobOptions
	watcher Watcher
	outcome Outcome // of the last run that was published here
	// isWritten is whether that one is written back.
	isWritten bool

	mu     sync.Mutex // guards what follows
	cfg    config.Config
	client *bitrix24.Client
	former bitrix24.Stats // of the clients before this one
}

// JobOptions are what stays the same from night to night.
type JobOptions struct {
	Parts   int    // that a pass is split into
	Command string // what somebody reads who is kept out by a run
	// Client makes a client for the portal of a configuration.
	Client func(config.Config) *bitrix24.Client
	// Warehouse is where a configuration says that the warehouse is.
	Warehouse func(config.Config) warehouse.Config
	Progress  JobProgress
	Log       logrus.FieldLogger
	// Now is the wall clock.
	Now func() time.Time
}

// JobProgress is a Progress that is also told when a pass, its letters or its write-back have ended.
type JobProgress interface {
	Progress
	Done()
}

// A Watcher is told what came of each run, of its letters and of its write-back, in which steps.
type Watcher interface {
	RunEnded(steps []Step, err error)
	LettersEnded(letters letter.Summary, steps []Step)
	WriteBackEnded(steps []Step, err error)
}

// NewJob makes a job that has nobody watching it.
func NewJob(o JobOptions, cfg config.Config) *Job {
	j := &Job{options: o, watcher: nobody{}}
	j.Configure(cfg)
	return j
}

type nobody struct{}

func (nobody) RunEnded([]Step, error)              {}
func (nobody) LettersEnded(letter.Summary, []Step) {}
func (nobody) WriteBackEnded([]Step, error)        {}

// Watch sets who is told. It is called before the first run.
func (j *Job) Watch(w Watcher) { j.watcher = w }

// Configure takes a configuration for what begins from now on.
func (j *Job) Configure(cfg config.Config) {
	j.mu.Lock()
	defer j.mu.Unlock()
	isSame := j.client != nil && j.cfg.Portal.URL.Equal(cfg.Portal.URL) && j.cfg.Portal.Limits == cfg.Portal.Limits
	if !isSame { // the client knows how much the portal has been asked lately
		j.former = j.askedLocked()
		j.client = j.options.Client(cfg)
	}
	j.cfg = cfg
}

func (j *Job) current() (config.Config, *bitrix24.Client) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cfg, j.client
}

// Asked is what the portal was asked since the start.
func (j *Job) Asked() bitrix24.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.askedLocked()
}

func (j *Job) askedLocked() bitrix24.Stats {
	if j.client == nil {
		return bitrix24.Stats{}
	}
	return j.client.Stats().Plus(j.former)
}

// MaxAge is how old what is published may be.
func (j *Job) MaxAge() time.Duration {
	cfg, _ := j.current()
	return cfg.Schedule.MaxAge
}

// Warehouse is where the warehouse is.
func (j *Job) Warehouse() warehouse.Config {
	cfg, _ := j.current()
	return j.options.Warehouse(cfg)
}

// Published is when the last published run began, the zero time if none was.
func (j *Job) Published(ctx context.Context) (time.Time, error) {
	w, err := warehouse.Open(ctx, j.Warehouse())
	if err != nil {
		return time.Time{}, err
	}
	defer w.Close()
	if err := sql.Up(ctx, w); err != nil {
		return time.Time{}, err
	}
	published, err := views.In(w).Published(ctx)
	return published.StartedAt, err
}

// Run makes one pass.
func (j *Job) Run(ctx context.Context) error {
	cfg, client := j.current()
	w, err := warehouse.Open(ctx, j.options.Warehouse(cfg))
	if err != nil {
		j.watcher.RunEnded(nil, err)
		return err
	}
	defer w.Close()
	outcome, err := Run(ctx, j.pass(w, client, cfg))
	j.options.Progress.Done()
	j.watcher.RunEnded(outcome.Steps, err)
	if err != nil {
		return err
	}
	j.outcome, j.isWritten = outcome, false
	for _, warning := range outcome.Warnings {
		j.options.Log.WithFields(logrus.Fields{"run_id": outcome.Run.RunID, "warning": warning}).Warn("run thinned")
	}
	return nil
}

// FollowUp sends the letters of the last run, which people wait for, and writes its result back, where these are
// configured. Neither waits for the other to succeed.
func (j *Job) FollowUp(ctx context.Context) error {
	failure := j.letters(ctx, false)
	if ctx.Err() != nil || j.isWritten {
		return failure
	}
	err := j.writeBack(ctx)
	j.isWritten = err == nil
	return errors.Join(failure, err)
}

// Resume goes on with letters that an earlier process has begun to send.
func (j *Job) Resume(ctx context.Context) error {
	err := j.letters(ctx, true)
	if _, isHeld := errors.AsType[*warehouse.HeldError](err); isHeld {
		return nil // by the one that sends them
	}
	return err
}

func (j *Job) letters(ctx context.Context, onlyBegun bool) error {
	cfg, client := j.current()
	if !cfg.Letter.IsOn() {
		return nil
	}
	w, err := warehouse.Open(ctx, j.options.Warehouse(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	letters, steps, err := SendLetters(ctx, letter.Mailing{
		Warehouse: w, Client: client, Config: cfg, OnlyBegun: onlyBegun, Progress: j.options.Progress, Log: j.options.Log, Now: j.options.Now,
	})
	j.options.Progress.Done()
	j.watcher.LettersEnded(letters, steps)
	if err != nil && letters.RunID > 0 {
		return fmt.Errorf("run %d is published: %w", letters.RunID, err)
	}
	return err
}

func (j *Job) writeBack(ctx context.Context) error {
	cfg, client := j.current()
	if !cfg.WriteBack.IsOn() {
		return nil
	}
	w, err := warehouse.Open(ctx, j.options.Warehouse(cfg))
	if err != nil {
		return err
	}
	defer w.Close()
	written, err := WriteBackAfter(ctx, j.pass(w, client, cfg), j.outcome)
	j.options.Progress.Done()
	if written != nil {
		j.watcher.WriteBackEnded(written.Steps, err)
	}
	return err
}

func (j *Job) pass(w *warehouse.Warehouse, client *bitrix24.Client, cfg config.Config) Pass {
	return Pass{
		Warehouse: w, Client: client, Config: cfg, AsOf: transform.NoDay, Parts: j.options.Parts,
		Command: j.options.Command, Progress: j.options.Progress, Log: j.options.Log, Now: j.options.Now,
	}
}
