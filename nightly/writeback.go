package nightly

import (
	"context"
	"fmt"

	"github.com/sirupsen/logrus"

	"stagelag/plain"
	"stagelag/writeback"
)

// WriteBack makes a write-back and logs its steps and what came of it.
func WriteBack(ctx context.Context, p writeback.Pass) (writeback.Summary, []Step, error) {
	steps := NewSteps(p.Progress, p.Log, p.Now)
	p.Progress = steps
	summary, err := writeback.Run(ctx, p)
	steps.SetRun(summary.RunID)
	ended := steps.End(err)
	log := p.Log.WithFields(logrus.Fields{
		"run_id": summary.RunID, "written": summary.Written, "unchanged": summary.Unchanged, "left": summary.Left, "requests": summary.Requests,
	})
	for _, refusal := range summary.Refused {
		log.WithFields(logrus.Fields{"deals": refusal.Count, "deal": refusal.Deal, "reason": refusal.Reason}).Warn("deals not written")
	}
	if err != nil {
		return summary, ended, fmt.Errorf("write-back: %w", err)
	}
	if !p.DryRun {
		log.Info("written back")
	}
	return summary, ended, nil
}

// A WrittenBack is what became of the write-back that belongs to a run.
type WrittenBack struct {
	writeback.Summary
	Error *string `json:"error"`
	Steps []Step  `json:"-"` // in their order, the one that failed included
}

// WriteBackAfter makes the write-back that belongs to a pass; nil where none is configured, or
// where the run is of a past date, which is not what managers look for in a deal. The run is
// published whatever comes of it; whoever watches exit codes still has to hear of a failure.
func WriteBackAfter(ctx context.Context, p Pass, outcome Outcome) (*WrittenBack, error) {
	if !p.Config.WriteBack.IsOn() {
		return nil, nil
	}
	if outcome.IsPast {
		p.Log.WithFields(logrus.Fields{"run_id": outcome.Run.RunID, "as_of": outcome.Run.AsOf}).Info("not written back: the as-of date is past")
		return nil, nil
	}
	summary, steps, err := WriteBack(ctx, writeback.Pass{Warehouse: p.Warehouse, Client: p.Client, Config: p.Config, Progress: p.Progress, Log: p.Log, Now: p.Now})
	written := &WrittenBack{Summary: summary, Steps: steps}
	if err == nil {
		return written, nil
	}
	text := plain.OneLine(err.Error())
	written.Error = &text
	// Not wrapped: bad configuration, or being stopped, would have another exit code or
	// message, and the run itself is neither.
	return written, fmt.Errorf("run %d is published, but not all of it is written back (%d deals were): %s; stagelag write-back goes on",
		outcome.Run.RunID, summary.Written, text)
}
