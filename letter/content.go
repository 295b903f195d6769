package letter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/report"
	"stagelag/transform"
	"stagelag/views"
	"stagelag/warehouse"
)

// ErrNothingPublished is a warehouse that no run has published to.
var ErrNothingPublished = errors.New("no run was published yet, so there is nothing to tell; stagelag run makes one")

// goneDeals is how many of the deals that have left the report the summary names.
const goneDeals = 5

// A content is what the letters of one published run tell, in no language yet.
type content struct {
	run  views.Published
	host string // of the portal
	views.Totals
	noPlan            int64 // open deals without a plan
	countsWorkingDays bool  // some days are days off
	hasSeveralFunnels bool
	// before is the published date before, NoDay for none. changes and gone are what has happened since.
	before  transform.Day
	changes []views.LossChange
	gone    []views.GoneDeal
	gaps    []views.GapCount
	// deals are those that are late, due today or likely to become late, as views.DueDeals gives them.
	deals []views.DueDeal
	// portfolios are the managers with a late or due one: those with the most days late first, then by their numbers.
	portfolios []portfolio
	// shared are the names that several of their managers have.
	shared map[string]bool
	// idle are the names of the managers with open deals of which none is late or due.
	idle   map[extractor.ManagerID]string
	people map[extractor.ManagerID]extractor.Manager
	// knowsPeople is whether the portal ever showed people to a run.
	knowsPeople bool
	// report goes along with mail; nil where there is none.
	report *report.Report
}

// readTries is how often a content is read before it gives up on runs that are published in the middle of it.
const readTries = 5

// readContent reads all of one published run: when another one comes out meanwhile, it is read again.
func readContent(ctx context.Context, w *warehouse.Warehouse, withReport bool, targets config.Targets) (*content, error) {
	shown := views.In(w)
	for range readTries {
		run, err := shown.Published(ctx)
		if err != nil {
			return nil, err
		}
		if run.RunID == 0 {
			return nil, ErrNothingPublished
		}
		c := &content{run: run}
		if err := c.read(ctx, w, shown, withReport, targets); err != nil {
			return nil, err
		}
		after, err := shown.Published(ctx)
		if err != nil || after.RunID == run.RunID {
			return c, err
		}
	}
	return nil, fmt.Errorf("a new run was published during each of %d readings", readTries)
}

func (c *content) read(ctx context.Context, w *warehouse.Warehouse, shown views.Views, withReport bool, targets config.Targets) error {
	for _, step := range []struct {
		what string
		read func() error
	}{
		{"the portal", func() error {
			state, err := loader.LastPublished(ctx, w.DB())
			c.host = state.PortalHost
			return err
		}},
		{"the people", func() error {
			people, err := loader.ManagersOf(ctx, w.DB(), 0)
			c.people, c.knowsPeople = map[extractor.ManagerID]extractor.Manager{}, len(people) > 0
			for _, m := range people {
				c.people[m.ID] = m
			}
			return err
		}},
		{"the totals", func() (err error) {
			c.Totals, err = shown.Totals(ctx)
			return err
		}},
		{"the open deals", func() error {
			standings, err := shown.Standings(ctx, nil)
			c.idle = map[extractor.ManagerID]string{}
			for _, s := range standings {
				c.noPlan += s.NoPlan
				if s.ManagerID != 0 {
					c.idle[s.ManagerID] = s.Manager
				}
			}
			return err
		}},
		{"the calendars", func() (err error) {
			c.countsWorkingDays, err = shown.CountsWorkingDays(ctx, nil)
			return err
		}},
		{"the funnels", func() error {
			funnels, err := shown.Funnels(ctx)
			c.hasSeveralFunnels = len(funnels) > 1
			return err
		}},
		{"what has changed", func() error { return c.readChanges(ctx, shown) }},
		{"the gaps", func() (err error) {
			c.gaps, err = shown.GapCounts(ctx)
			return err
		}},
		{"the late and due deals", func() error {
			for deal, err := range shown.DueDeals(ctx, c.run.AsOf) {
				if err != nil {
					return err
				}
				c.deals = append(c.deals, deal)
				if deal.Urgency != views.LikelyLate {
					delete(c.idle, deal.ManagerID)
				}
			}
			c.portfolios, c.shared = portfoliosOf(c.deals), sharedNames(c.deals)
			return nil
		}},
		{"the report", func() error {
			if !withReport {
				return nil
			}
			r, err := report.Read(ctx, shown, report.Query{By: report.ByManager, Targets: targets})
			c.report = &r
			return err
		}},
	} {
		if err := step.read(); err != nil {
			return fmt.Errorf("read %s: %w", step.what, err)
		}
	}
	return nil
}

func (c *content) readChanges(ctx context.Context, shown views.Views) (err error) {
	if c.before, err = shown.DateBefore(ctx); err != nil || c.before == transform.NoDay {
		return err
	}
	if c.changes, err = shown.LossChanges(ctx); err != nil {
		return err
	}
	c.gone, err = shown.GoneSince(ctx, c.before, goneDeals)
	return err
}

// late are the late ones of some deals, due are those that are due today, and likely those that are likely to become late.
func late(deals []views.DueDeal) []views.DueDeal { return deals[:before(deals, views.DueToday)] }

func due(deals []views.DueDeal) []views.DueDeal {
	return deals[before(deals, views.DueToday):before(deals, views.LikelyLate)]
}

func likely(deals []views.DueDeal) []views.DueDeal { return deals[before(deals, views.LikelyLate):] }

// before is how many of the deals come before those of an urgency.
func before(deals []views.DueDeal, urgency views.Urgency) int {
	n, _ := slices.BinarySearchFunc(deals, urgency, func(d views.DueDeal, u views.Urgency) int { return cmp.Compare(d.Urgency, u) })
	return n
}

// A portfolio is the deals of one manager that ask for attention, of which at least one is late or due.
type portfolio struct {
	manager extractor.ManagerID
	name    string
	deals   []views.DueDeal // in the order of their urgency
}

func (p *portfolio) daysLate() (days int64) {
	for i := range late(p.deals) {
		days += p.deals[i].OverdueDays
	}
	return days
}

// sharedNames are the names that several managers of deals have.
func sharedNames(deals []views.DueDeal) map[string]bool {
	first, shared := map[string]extractor.ManagerID{}, map[string]bool{}
	for i := range deals {
		d := &deals[i]
		if id, isKnown := first[d.Manager]; isKnown && id != d.ManagerID {
			shared[d.Manager] = true
		}
		first[d.Manager] = d.ManagerID
	}
	return shared
}

func portfoliosOf(deals []views.DueDeal) []portfolio {
	at := map[extractor.ManagerID]int{}
	var all []portfolio
	for i := range deals {
		d := &deals[i]
		k, ok := at[d.ManagerID]
		if !ok {
			k = len(all)
			at[d.ManagerID] = k
			all = append(all, portfolio{manager: d.ManagerID, name: d.Manager})
		}
		all[k].deals = append(all[k].deals, *d)
	}
	// What may become late is no reason for a letter by itself.
	all = slices.DeleteFunc(all, func(p portfolio) bool { return before(p.deals, views.LikelyLate) == 0 })
	slices.SortStableFunc(all, func(a, b portfolio) int {
		return cmp.Or(cmp.Compare(b.daysLate(), a.daysLate()), cmp.Compare(a.manager, b.manager))
	})
	return all
}

// An amount is money in a currency.
type amount struct {
	sum      decimal.Decimal
	currency string
}

// amountsLate is the money in late deals, by currency in the order of the alphabet.
func (c *content) amountsLate() []amount {
	sums := map[string]decimal.Decimal{}
	lateDeals := late(c.deals)
	for i := range lateDeals {
		if d := &lateDeals[i]; d.Amount != nil && !d.Amount.IsZero() {
			sums[d.Currency] = sums[d.Currency].Add(*d.Amount)
		}
	}
	var all []amount
	for currency, sum := range sums {
		all = append(all, amount{sum, currency})
	}
	slices.SortFunc(all, func(a, b amount) int { return cmp.Compare(a.currency, b.currency) })
	return all
}

// dealList is the page with all deals on the portal.
func (c *content) dealList() string { return "https://" + c.host + "/crm/deal/list/" }
