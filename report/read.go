package report

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"stagelag/extractor"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/views"
)

// Shown is what a report is read from. It is used concurrently.
type Shown interface {
	Published(ctx context.Context) (views.Published, error)
	Funnels(ctx context.Context) ([]views.Funnel, error)
	CountsWorkingDays(ctx context.Context, in views.Funnels) (bool, error)
	Quality(ctx context.Context, starts []transform.Day, in views.Funnels) iter.Seq2[views.Quality, error]
	Standings(ctx context.Context, in views.Funnels) ([]views.Standing, error)
	Losses(ctx context.Context, from, to transform.Day, in views.Funnels) iter.Seq2[views.Loss, error]
	Visits(ctx context.Context, from, to transform.Day, in views.Funnels) iter.Seq2[views.Visit, error]
	PlanChanges(ctx context.Context, from, to transform.Day, in views.Funnels) iter.Seq2[views.PlanChange, error]
	DealGroups(ctx context.Context, dimension string, in views.Funnels) iter.Seq2[views.DealGroup, error]
	DealQuality(ctx context.Context, starts []transform.Day, in views.Funnels) iter.Seq2[views.DealQuality, error]
	OtherPlanChanges(ctx context.Context, from, to transform.Day, in views.Funnels) ([]views.CauseCount, error)
	Gaps(ctx context.Context, from, to transform.Day, in views.Funnels) iter.Seq2[views.Gap, error]
	Labels(ctx context.Context) (views.Labels, error)
	KnownFrom(ctx context.Context) (transform.Day, error)
	Amounts(ctx context.Context, in views.Funnels) ([]views.Amount, error)
	Horizons(ctx context.Context, asOf transform.Day, days []int, in views.Funnels) ([]views.Horizon, error)
	LikelyDeals(ctx context.Context, asOf transform.Day, days int, in views.Funnels) iter.Seq2[views.LikelyDeal, error]
	ForecastRecord(ctx context.Context, asOf transform.Day, in views.Funnels) (views.Record, error)
}

// ErrNothingPublished is what Read gives before the first published run.
var ErrNothingPublished = errors.New("no run has been published yet")

// A QueryError is a query that the published run has no answer to.
type QueryError struct{ problem string }

func (e *QueryError) Error() string { return e.problem }

// readTries is how often a report is read before it gives up on runs that are published
// in the middle of it. A run takes longer than a report, so the second try is enough.
const readTries = 5

// Read reads a report. All of it is of one published run: when another one comes out
// meanwhile, it is read again.
func Read(ctx context.Context, shown Shown, query Query) (Report, error) {
	for range readTries {
		before, err := newestRun(ctx, shown)
		if err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		r := reading{Shown: shown, query: query}
		r.report.Run = before
		if err := r.read(ctx); err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		after, err := newestRun(ctx, shown)
		if err != nil {
			return Report{}, fmt.Errorf("read the report: %w", err)
		}
		if after == before {
			return r.report, nil
		}
	}
	return Report{}, fmt.Errorf("read the report: a new run was published during each of %d readings", readTries)
}

func newestRun(ctx context.Context, shown Shown) (Run, error) {
	published, err := shown.Published(ctx)
	if err != nil {
		return Run{}, fmt.Errorf("the newest run: %w", err)
	}
	if published.RunID == 0 {
		return Run{}, ErrNothingPublished
	}
	return Run{ID: published.RunID, AsOf: published.AsOf, PublishedAt: published.FinishedAt}, nil
}

// A reading is a report that is being read.
type reading struct {
	Shown
	query  Query
	report Report
	labels views.Labels
	// managers are the names of those who lost days, for the visits that others ended.
	managers map[extractor.ManagerID]string
}

func (r *reading) read(ctx context.Context) error {
	report := &r.report
	report.Period, report.Choice, report.Targets = r.query.Period, r.query.Choice, r.query.Targets
	if report.Period == (Period{}) {
		report.Period = lastFullMonth(report.Run.AsOf)
	}
	if report.Period.From > report.Run.AsOf {
		return &QueryError{fmt.Sprintf("the period begins on %s, after the as-of date of the newest run, %s", report.Period.From, report.Run.AsOf)}
	}
	report.IsPeriodOver = report.Period.To < report.Run.AsOf
	report.Before = report.Period.before()
	for _, period := range report.Period.trend() {
		report.Trend = append(report.Trend, TrendPeriod{Period: period})
	}
	if err := inTurn(ctx, readStep{"the names", r.readLabels}); err != nil {
		return err
	}
	// Two questions at a time, which use nothing that the others have read: most of the time of each is the engine's
	// planning.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return inTurn(ctx, readStep{"the plan changes", r.readPlanChanges}, readStep{"the quality", r.readQuality},
			readStep{"what deals are grouped by", r.readGroups}, readStep{"the visits", r.readVisits})
	})
	group.Go(func() error {
		return inTurn(ctx, readStep{"the funnels", r.readFunnels}, readStep{"the calendars", r.readCalendars},
			readStep{"the amounts", r.readAmounts}, readStep{"what is ahead", r.readAhead}, readStep{"the gaps", r.readGaps})
	})
	return group.Wait()
}

// A readStep reads a part of a report, and names it for an error.
type readStep struct {
	what string
	read func(context.Context) error
}

func inTurn(ctx context.Context, steps ...readStep) error {
	for _, step := range steps {
		if err := step.read(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// readLabels reads the names under which people, funnels and stages are told apart.
func (r *reading) readLabels(ctx context.Context) (err error) {
	r.labels, err = r.Labels(ctx)
	r.report.labels = r.labels
	return err
}

// name gives the manager and the funnel of a subject their labels.
func (r *reading) name(s *views.Subject) {
	if label, ok := r.labels.Managers[s.ManagerID]; ok {
		s.Manager = label
	}
	if label, ok := r.labels.Funnels[s.FunnelID]; ok {
		s.Funnel = label
	}
}

func (r *reading) readFunnels(ctx context.Context) error {
	all, err := r.Funnels(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		if label, ok := r.labels.Funnels[all[i].ID]; ok {
			all[i].Name = label
		}
	}
	r.report.Funnels, r.report.IsFiltered = all, len(r.query.Funnels) > 0
	if !r.report.IsFiltered {
		return nil
	}
	for _, id := range r.query.Funnels {
		if !slices.ContainsFunc(all, func(f views.Funnel) bool { return f.ID == id }) {
			var known []string
			for _, f := range all {
				known = append(known, fmt.Sprintf("%d (%s)", f.ID, plain.Text(f.Name, 40)))
			}
			return &QueryError{fmt.Sprintf("no deal has been in a funnel %d; there are %s", id, strings.Join(known, ", "))}
		}
	}
	r.report.Funnels = slices.DeleteFunc(all, func(f views.Funnel) bool { return !slices.Contains(r.query.Funnels, f.ID) })
	return nil
}

// readCalendars reads what the days of the report are.
func (r *reading) readCalendars(ctx context.Context) (err error) {
	var shown views.Funnels
	for _, f := range r.report.Funnels {
		shown = append(shown, f.ID)
	}
	r.report.CountsWorkingDays, err = r.CountsWorkingDays(ctx, shown)
	return err
}

// readPlanChanges reads the plans that were changed in the period.
func (r *reading) readPlanChanges(ctx context.Context) (err error) {
	from, to := r.report.Period.From, r.report.Period.To
	for change, err := range r.PlanChanges(ctx, from, to, r.query.Funnels) {
		if err != nil {
			return err
		}
		r.name(&change.Subject)
		r.report.PlanChanges = append(r.report.PlanChanges, change)
	}
	r.report.OtherPlanChanges, err = r.OtherPlanChanges(ctx, from, to, r.query.Funnels)
	return err
}

// readQuality reads the trend, the totals and the levels. One question gives the measures
// of each manager and stage by period of the trend, and all levels are sums of these.
func (r *reading) readQuality(ctx context.Context) (err error) {
	report := &r.report
	levels := newLevels(len(report.Trend))
	first := transform.NoDay
	r.managers = map[extractor.ManagerID]string{}
	for row, err := range r.Quality(ctx, report.starts(), r.query.Funnels) {
		if err != nil {
			return err
		}
		r.name(&row.Subject)
		r.managers[row.ManagerID] = row.Manager
		if first == transform.NoDay || row.First < first {
			first = row.First
		}
		q := Quality{
			Closed: row.Closed, ClosedWithPlan: row.ClosedWithPlan, OnTime: row.OnTime, Late: row.Late, DaysLost: row.DaysLost,
			ClosedWithFirstPlan: row.ClosedWithFirstPlan, OnTimeFirstPlan: row.OnTimeFirstPlan,
			ClosedAssumed: row.ClosedAssumed, DaysLostAssumed: row.DaysLostAssumed,
		}
		report.DaysLostToDate += q.DaysLost
		// 0 is before the trend, and one too many is after it.
		i := row.Period - 1
		if i < 0 || i >= len(report.Trend) {
			continue
		}
		report.Trend[i].add(q)
		atEnd := State{Open: row.OpenAtEnd, Overdue: row.OverdueAtEnd, NoPlan: row.NoPlanAtEnd, Waiting: row.WaitingAtEnd}
		report.Trend[i].AtEnd.add(atEnd)
		levels.add(&row, i, q)
		if i == len(report.Trend)-1 {
			levels.addAtEnd(&row, atEnd)
		}
	}
	if report.ManagersKnownFrom, err = r.KnownFrom(ctx); err != nil {
		return err
	}
	for i := range report.Trend {
		t := &report.Trend[i]
		t.HasData = first != transform.NoDay && t.Period.To >= first && t.Period.From <= report.Run.AsOf
		assumed, _ := t.Assumed()
		t.IsAssumed = assumed > mostAssumed || t.Period.To < report.ManagersKnownFrom
	}

	standings, err := r.Standings(ctx, r.query.Funnels)
	if err != nil {
		return err
	}
	for _, s := range standings {
		r.name(&s.Subject)
		r.managers[s.ManagerID] = s.Manager
		levels.addNow(&s)
	}
	for i := range report.PlanChanges {
		levels.addChange(&report.PlanChanges[i])
	}
	report.Levels, report.Total = levels.sorted(r.query.By)
	report.Cells = levels.sortedCells()
	return nil
}

// starts are those of the periods of the trend, and of what comes after them.
func (r *Report) starts() (starts []transform.Day) {
	for _, t := range r.Trend {
		starts = append(starts, t.Period.From)
	}
	return append(starts, r.Period.To+1)
}

// readVisits reads the visits behind the numbers: closed in the period, with days lost in
// it, or late now.
func (r *reading) readVisits(ctx context.Context) error {
	from, to := r.report.Period.From, r.report.Period.To
	losses := map[views.VisitID][]views.Loss{}
	for loss, err := range r.Losses(ctx, from, to, r.query.Funnels) {
		if err != nil {
			return err
		}
		losses[loss.Visit] = append(losses[loss.Visit], loss)
	}
	for row, err := range r.Visits(ctx, from, to, r.query.Funnels) {
		if err != nil {
			return err
		}
		r.name(&row.Subject)
		// A visit for each of its managers.
		ended := Visit{Visit: row}
		others := map[extractor.ManagerID]*Visit{}
		for _, l := range losses[row.VisitID] {
			v := &ended
			if l.ManagerID != row.ManagerID {
				if v = others[l.ManagerID]; v == nil {
					other := Visit{Visit: row}
					other.ManagerID, other.Manager, other.Department = l.ManagerID, r.managers[l.ManagerID], l.Department
					other.IsClosed, other.IsOpenOverdue = false, false
					v = &other
					others[l.ManagerID] = v
				}
			}
			v.DaysLost += l.Days
			v.lostIn = append(v.lostIn, departmentDays{l.Department, l.Days})
		}
		if ended.IsClosed || ended.IsOpenOverdue || ended.DaysLost > 0 {
			others[row.ManagerID] = &ended
		}
		for _, v := range others {
			if len(v.lostIn) == 1 && v.lostIn[0].department == v.Department {
				v.lostIn = nil
			}
			r.report.Visits = append(r.report.Visits, *v)
		}
	}
	slices.SortFunc(r.report.Visits, compareVisits)
	r.report.StageTimes = stageTimes(r.report.Visits)
	return nil
}

// readAmounts reads what the open deals are worth.
func (r *reading) readAmounts(ctx context.Context) (err error) {
	r.report.Amounts, err = r.Amounts(ctx, r.query.Funnels)
	return err
}

// readAhead reads what is to be expected, and how good such forecasts have been.
func (r *reading) readAhead(ctx context.Context) (err error) {
	ahead, asOf := &r.report.Ahead, r.report.Run.AsOf
	if ahead.Horizons, err = r.Horizons(ctx, asOf, horizons, r.query.Funnels); err != nil {
		return err
	}
	for deal, err := range r.LikelyDeals(ctx, asOf, horizons[len(horizons)-1], r.query.Funnels) {
		if err != nil {
			return err
		}
		r.name(&deal.Subject)
		ahead.Deals = append(ahead.Deals, deal)
	}
	ahead.Record, err = r.ForecastRecord(ctx, asOf, r.query.Funnels)
	return err
}

// readGaps reads what is not covered.
func (r *reading) readGaps(ctx context.Context) error {
	byReason := map[string]*Gap{}
	deals := map[string]map[extractor.DealID]bool{}
	for item, err := range r.Gaps(ctx, r.report.Period.From, r.report.Period.To, r.query.Funnels) {
		if err != nil {
			return err
		}
		gap := byReason[item.Reason]
		if gap == nil {
			gap = &Gap{Reason: item.Reason}
			byReason[item.Reason], deals[item.Reason] = gap, map[extractor.DealID]bool{}
		}
		gap.Items = append(gap.Items, item)
		gap.Count++
		if item.IsInPeriod {
			gap.InPeriod++
		}
		deals[item.Reason][item.DealID] = true
	}
	for reason, gap := range byReason {
		gap.Deals = int64(len(deals[reason]))
		r.report.Gaps = append(r.report.Gaps, *gap)
	}
	slices.SortFunc(r.report.Gaps, compareGaps)
	return nil
}
