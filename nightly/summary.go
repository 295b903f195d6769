package nightly

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"stagelag/locale"
	"stagelag/plain"
	"stagelag/transform"
	"stagelag/views"
)

// A Summary is the morning report of a published run. All of it is read from the views.
type Summary struct {
	AsOf transform.Day
	views.Totals
	CountsWorkingDays bool // some days are days off
	// Changes are why the days lost are other than on BeforeAsOf, the published date before; NoDay for none.
	Changes    []views.LossChange
	BeforeAsOf transform.Day
	Gone       []views.GoneDeal // since then, those with the most days first
	Latest     []views.LateDeal
	Gaps       []views.GapCount
	Requests   uint64
	Waited     time.Duration
	Took       time.Duration
	Warnings   []string
	// Place is where the warehouse is that shows this; empty where that is not told.
	Place string
}

// Shown is what a summary is read from. It is used concurrently.
type Shown interface {
	Totals(ctx context.Context) (views.Totals, error)
	CountsWorkingDays(ctx context.Context, in views.Funnels) (bool, error)
	DateBefore(ctx context.Context) (transform.Day, error)
	LossChanges(ctx context.Context) ([]views.LossChange, error)
	GoneSince(ctx context.Context, day transform.Day, most int) ([]views.GoneDeal, error)
	Latest(ctx context.Context, most int) ([]views.LateDeal, error)
	GapCounts(ctx context.Context) ([]views.GapCount, error)
}

// latestDeals and goneDeals are how many of the latest deals, and of those that are gone, a summary names.
const latestDeals, goneDeals = 5, 5

// Summarize reads the summary of a run that was just published.
func Summarize(ctx context.Context, shown Shown, outcome Outcome) (Summary, error) {
	s := Summary{Requests: outcome.Run.PortalRequests, Warnings: outcome.Warnings}
	s.Waited = time.Duration(outcome.Run.SecondsWaited * float64(time.Second))
	if outcome.Run.FinishedAt != nil {
		s.Took = outcome.Run.FinishedAt.Sub(outcome.Run.StartedAt)
	}
	var err error
	if s.AsOf, err = transform.ParseDay(outcome.Run.AsOf); err != nil {
		return Summary{}, fmt.Errorf("summarize: %w", err)
	}
	// Two questions at a time: most of the time of each is the engine's planning.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if s.Totals, err = shown.Totals(ctx); err != nil {
			return fmt.Errorf("summarize the deals: %w", err)
		}
		if s.CountsWorkingDays, err = shown.CountsWorkingDays(ctx, nil); err != nil {
			return fmt.Errorf("summarize: %w", err)
		}
		if s.Gaps, err = shown.GapCounts(ctx); err != nil {
			return fmt.Errorf("summarize the gaps: %w", err)
		}
		return nil
	})
	group.Go(func() (err error) {
		if s.BeforeAsOf, err = shown.DateBefore(ctx); err != nil {
			return fmt.Errorf("summarize: %w", err)
		}
		if s.BeforeAsOf != transform.NoDay {
			if s.Changes, err = shown.LossChanges(ctx); err != nil {
				return fmt.Errorf("summarize what has changed: %w", err)
			}
			if s.Gone, err = shown.GoneSince(ctx, s.BeforeAsOf, goneDeals); err != nil {
				return fmt.Errorf("summarize the deals that are gone: %w", err)
			}
		}
		if s.Latest, err = shown.Latest(ctx, latestDeals); err != nil {
			return fmt.Errorf("summarize the latest deals: %w", err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return Summary{}, err
	}
	return s, nil
}

// gapWords says what a reason means to a person.
var gapWords = map[string]string{
	transform.GapNoPlan:               "stages without a plan",
	transform.GapBadPlan:              "stages whose deal carries a value that is no plan",
	transform.GapHistoryReconstructed: "stages reconstructed, the history does not tell them",
	transform.GapHistoryStartsLate:    "histories that start later than the deal",
	transform.GapUnknownStage:         "stages that the portal no longer has, or does not show",
	transform.GapTimeInFuture:         "times after the portal's own clock",
	transform.GapHidden:               "deals that the webhook may not read, shown as they were last seen",
	transform.GapBadDate:              "dates that nobody can mean",
	transform.GapBadAmount:            "amounts that are no numbers, or too large",
	transform.GapBadPause:             "deals whose pause cannot be read; its days count",
	"unknown_manager":                 "deals of a person whose name is not known",
}

// GapReasons are all reasons that there are, in the order of the alphabet.
func GapReasons() []string { return slices.Sorted(maps.Keys(gapWords)) }

// Write writes the summary for a person.
func (s Summary) Write(out io.Writer, p *locale.Printer) error {
	var b strings.Builder
	p.Fprintf(&b, "As of %s\n\n", s.AsOf)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name string, n any, remark string) { fmt.Fprintf(t, "  %s\t%d\t%s\n", p.Text(name), n, remark) }
	line("deals", s.Deals, "")
	line("open", s.Open, "")
	if s.Waiting > 0 {
		line("waiting", s.Waiting, share(p, s.Waiting, s.Open))
	}
	line("overdue", s.Overdue, share(p, s.Overdue, s.Open))
	line("due today", s.DueToday, "")
	lost, paused := "days lost", "days paused"
	if s.CountsWorkingDays {
		lost, paused = "working days lost", "working days paused"
	}
	line(lost, s.DaysLost, s.sinceBefore(p))
	if s.PausedDays > 0 {
		line(paused, s.PausedDays, p.Text("of the open ones"))
	}
	t.Flush()
	s.writeChanges(&b, p)
	if len(s.Latest) > 0 {
		p.Fprintf(&b, "\nThe most overdue deals\n\n")
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, d := range s.Latest {
			p.Fprintf(t, "  %s late\t#%d\t%s\t%s\t%s\n", s.days(p, d.OverdueDays), d.DealID, plain.Text(d.Title, 40), plain.Text(d.Stage, 24), plain.Text(d.Manager, 24))
		}
		t.Flush()
	}
	if len(s.Gaps) > 0 {
		p.Fprintf(&b, "\nNot covered (SELECT * FROM data_gaps)\n\n")
		t = tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, g := range s.Gaps {
			fmt.Fprintf(t, "  %d\t%s\t%s\t%s\n", g.Count, g.Reason, p.Text(gapWords[g.Reason]), inDeals(p, g.Deals))
		}
		t.Flush()
	}
	for _, warning := range s.Warnings {
		p.Fprintf(&b, "\nNote: %s\n", plain.Text(p.Text(warning), 400))
	}
	p.Fprintf(&b, "\n%s to the portal, %s in all, of which %s waiting for its limits\n",
		p.Count(int64(s.Requests), "%d request", "%d requests"), seconds(p, s.Took), seconds(p, s.Waited))
	if s.Place != "" {
		p.Fprintf(&b, "Warehouse: %s\n", plain.Text(s.Place, 0))
	}
	// A table fills its cells with blanks, also the last one of a line.
	_, err := io.WriteString(out, blanksAtEnd.ReplaceAllString(b.String(), ""))
	return err
}

var blanksAtEnd = regexp.MustCompile(`(?m) +$`)

// days is a number of days in which plans count.
func (s Summary) days(p *locale.Printer, n int64) string {
	if s.CountsWorkingDays {
		return p.Count(n, "%d working day", "%d working days")
	}
	return p.Count(n, "%d day", "%d days")
}

func inDeals(p *locale.Printer, n uint64) string {
	return p.Count(int64(n), "in %d deal", "in %d deals")
}

func (s Summary) sinceBefore(p *locale.Printer) string {
	if s.BeforeAsOf == transform.NoDay {
		return ""
	}
	days := int64(0)
	for _, c := range s.Changes {
		days += c.Days
	}
	return p.Sprintf("%+d since %s", days, s.BeforeAsOf)
}

// changeWords says what a cause means to a person.
var changeWords = map[string]string{
	"new":           "new lateness",
	"plan":          "plans that were moved",
	"norm":          "norms in the configuration",
	"correction":    "corrections of the history",
	"calendar":      "other days count",
	"configuration": "the configuration",
	"gone":          "deals that have left the report",
	"come":          "deals that were not in the report",
}

// goneWords says why a deal has left the report.
var goneWords = map[string]string{"deleted": "deleted", "outside_funnels": "in no configured funnel", "forgotten": "forgotten"}

// writeChanges says why the days lost are other than before, where it is not for the days that passed alone.
func (s Summary) writeChanges(b *strings.Builder, p *locale.Printer) {
	isPlain := !slices.ContainsFunc(s.Changes, func(c views.LossChange) bool { return c.Cause != "new" })
	if isPlain && len(s.Gone) == 0 {
		return
	}
	p.Fprintf(b, "\nWhy %s\n\n", s.sinceBefore(p))
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range s.Changes {
		fmt.Fprintf(t, "  %+d\t%s\t%s\n", c.Days, p.Text(changeWords[c.Cause]), inDeals(p, c.Deals))
	}
	t.Flush()
	for _, d := range s.Gone {
		p.Fprintf(b, "  gone: %s, with %s lost (%s)\n", strings.TrimSpace(fmt.Sprintf("#%d %s", d.DealID, plain.Text(d.Title, 40))), s.days(p, d.Days), p.Text(goneWords[d.Why]))
	}
}

func share(p *locale.Printer, part, whole uint64) string {
	if whole == 0 {
		return ""
	}
	return p.Sprintf("%.0f %% of the open ones", 100*float64(part)/float64(whole))
}

func seconds(p *locale.Printer, d time.Duration) string { return p.Sprintf("%.1f s", d.Seconds()) }
