package nightly

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"stagelag/letter"
)

// SendLetters sends the letters of the last published run, and logs its steps and what came of each letter that was
// not simply sent.
func SendLetters(ctx context.Context, m letter.Mailing) (letter.Summary, []Step, error) {
	steps := NewSteps(m.Progress, m.Log, m.Now)
	m.Progress = steps
	summary, err := letter.Run(ctx, m)
	steps.SetRun(summary.RunID)
	ended := steps.End(err)
	if m.DryRun {
		return summary, ended, lettersError(err)
	}
	log := m.Log.WithFields(logrus.Fields{"run_id": summary.RunID, "as_of": summary.AsOf.String()})
	for i := range summary.Letters {
		l := &summary.Letters[i]
		about := log.WithFields(logrus.Fields{"kind": l.Kind, "recipient": l.Recipient})
		switch l.Outcome {
		case letter.Failed:
			about.WithField("reason", l.Error).Warn("letter not delivered")
		case letter.Uncertain:
			about.WithField("reason", l.Error).Warn("letter uncertain, it counts as sent")
		case letter.Dismissed, letter.Unknown:
			about.WithFields(logrus.Fields{"reason": l.Outcome, "late": l.Late, "due": l.Due}).Info("no letter")
		default: // the line below counts them
		}
	}
	sent, failed, uncertain := summary.Count(letter.Sent), summary.Count(letter.Failed), summary.Count(letter.Uncertain)
	if sent+failed+uncertain > 0 {
		log.WithFields(logrus.Fields{
			"sent": sent, "failed": failed, "uncertain": uncertain, "before": summary.Count(letter.Before, letter.Unsure), "nothing_due": summary.NothingDue,
		}).Info("letters sent")
	}
	return summary, ended, lettersError(err)
}

// lettersError says that letters that failed are tried again.
func lettersError(err error) error {
	if _, isOfLetters := errors.AsType[*letter.NotDeliveredError](err); isOfLetters {
		return fmt.Errorf("letter: %w; stagelag letter tries them again", err)
	}
	if err != nil {
		return fmt.Errorf("letter: %w", err)
	}
	return nil
}
