package nightly

import (
	"math"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/loader"
)

// A Step is what one step of a pass took.
type Step struct {
	Name     string
	Took     time.Duration
	Rows     int64 // that it has worked on, 0 where it has none
	IsFailed bool  // the pass has ended in it
}

// Steps is a Progress that keeps account of the steps, and logs each in one line when it has
// ended. It is for one goroutine.
type Steps struct {
	shown Progress
	log   logrus.FieldLogger
	now   func() time.Time
	run   loader.RunID // 0 until it is known

	begun   time.Time
	current Step // without a name while there is none
	ended   []Step
	logged  int // of those that ended
}

// NewSteps also tells another progress. The steps are timed by now.
func NewSteps(shown Progress, log logrus.FieldLogger, now func() time.Time) *Steps {
	return &Steps{shown: shown, log: log, now: now}
}

// Step begins a step, which ends the one before it.
func (s *Steps) Step(name string) {
	s.finish(nil)
	s.begun, s.current = s.now(), Step{Name: name}
	s.shown.Step(name)
}

// Rows says how many rows of the step are done, of how many; a total of 0 is not known.
func (s *Steps) Rows(done, total int64) {
	s.current.Rows = done
	s.shown.Rows(done, total)
}

// SetRun tells the number of the run. Steps that end before it is known are logged with it
// then.
func (s *Steps) SetRun(run loader.RunID) { s.run = run }

// End ends the last step, in which the pass has failed unless err is nil, and gives all of
// them in their order.
func (s *Steps) End(err error) []Step {
	s.finish(err)
	s.write()
	return s.ended
}

func (s *Steps) finish(err error) {
	if s.current.Name == "" {
		return
	}
	s.current.Took, s.current.IsFailed = s.now().Sub(s.begun), err != nil
	s.ended = append(s.ended, s.current)
	s.current = Step{}
	if s.run > 0 {
		s.write()
	}
}

func (s *Steps) write() {
	for _, step := range s.ended[s.logged:] {
		fields := logrus.Fields{"step": step.Name, "seconds": math.Round(step.Took.Seconds()*1000) / 1000, "rows": step.Rows}
		if s.run > 0 {
			fields["run_id"] = s.run
		}
		if step.IsFailed {
			s.log.WithFields(fields).Warn("step failed")
		} else {
			s.log.WithFields(fields).Info("step ended")
		}
	}
	s.logged = len(s.ended)
}
