package monitor

import (
	"context"
	"errors"

	"github.com/sirupsen/logrus"

	"stagelag/views"
	"stagelag/warehouse"
)

// A Looker reads what the warehouse shows. It stays connected, so that the embedded engine is not
// started for each look. It is for one goroutine at a time.
type Looker struct {
	where    func() warehouse.Config
	log      logrus.FieldLogger
	of       warehouse.Config
	w        *warehouse.Warehouse // nil while there is none
	seen     Published
	isFailed bool
}

// NewLooker makes a looker. It asks where the warehouse is before each look.
func NewLooker(where func() warehouse.Config, log logrus.FieldLogger) *Looker {
	return &Looker{where: where, log: log}
}

// Look reads the figures again only when another run was published. It logs the first look that
// fails, and the first one that succeeds after that.
func (l *Looker) Look(ctx context.Context) (Published, error) {
	published, err := l.ask(ctx)
	if err != nil {
		l.Close()
		if !l.isFailed {
			l.log.WithError(err).Warn("the warehouse can't be asked")
		}
	} else if l.isFailed {
		l.log.Info("the warehouse can be asked again")
	}
	l.isFailed = err != nil
	return published, err
}

func (l *Looker) ask(ctx context.Context) (Published, error) {
	if of := l.where(); l.w == nil || of != l.of {
		l.Close()
		reading := of
		reading.MustExist = true
		w, err := warehouse.Open(ctx, reading)
		if _, isAbsent := errors.AsType[*warehouse.AbsentError](err); isAbsent {
			return Published{}, nil // the first run makes it
		}
		if err != nil {
			return Published{}, err
		}
		l.w, l.of = w, of
	}
	// A half restored warehouse would show fewer days lost. The reads below find whatever else is
	// wrong.
	if err := l.w.CheckWhole(ctx); errors.Is(err, warehouse.ErrHalfRestored) {
		return l.seen, err
	}
	shown := views.In(l.w)
	run, err := shown.Published(ctx)
	if err != nil || run == l.seen.Run {
		return l.seen, err
	}
	if run.RunID == 0 {
		return Published{}, nil
	}
	published := Published{Run: run, Gaps: map[string]uint64{}}
	totals, err := shown.Totals(ctx)
	if err != nil {
		return Published{}, err
	}
	published.DaysLost = totals.DaysLost
	gaps, err := shown.GapCounts(ctx)
	if err != nil {
		return Published{}, err
	}
	for _, gap := range gaps {
		published.Gaps[gap.Reason] = gap.Count
	}
	l.seen = published
	return published, nil
}

// Close ends the connection, until the next look.
func (l *Looker) Close() {
	if l.w != nil {
		_ = l.w.Close() // it only ends a connection that was read from
	}
	l.w, l.seen = nil, Published{}
}
