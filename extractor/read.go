package extractor

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"stagelag/bitrix24"
)

const (
	categoryMethod = "crm.category.list"
	dealMethod     = "crm.item.list"
	changeMethod   = "crm.stagehistory.list"
	userMethod     = "user.get"
)

func param(name, value string) bitrix24.Param { return bitrix24.Param{Name: name, Value: value} }

// ofDeals has the portal speak of deals and not of other CRM items.
var ofDeals = param("entityTypeId", bitrix24.DealType)

// A reader knows which funnels and fields are wanted, and reads rows of them.
type reader struct {
	client  *bitrix24.Client
	zone    *time.Location
	funnels []FunnelID // empty: all
	fields  *bitrix24.Fields
	stages  map[stageKey]Semantics
}

// A stage's id is unique in its funnel, and not beyond it on every portal.
type stageKey struct {
	funnel FunnelID
	stage  StageID
}

func newReader(c *bitrix24.Client, d Description, funnels []FunnelID, fields []string) (*reader, error) {
	custom, err := bitrix24.NewFields(c, d.Description, fields)
	if err != nil {
		return nil, err
	}
	r := &reader{client: c, zone: d.Zone, funnels: funnels, fields: custom, stages: map[stageKey]Semantics{}}
	for _, funnel := range d.Funnels {
		for _, stage := range funnel.Stages {
			r.stages[stageKey{funnel.ID, stage.ID}] = stage.Semantics
		}
	}
	return r, nil
}

// wants is whether a funnel was asked for.
func (r *reader) wants(funnel FunnelID) bool {
	return len(r.funnels) == 0 || slices.Contains(r.funnels, funnel)
}

// dealParams asks for deals as they are landed.
func (r *reader) dealParams() []bitrix24.Param {
	params := []bitrix24.Param{ofDeals}
	for _, name := range []string{
		"id", "title", "categoryId", "stageId", "stageSemanticId", "assignedById", "opportunity",
		"currencyId", "companyId", "createdTime", "movedTime", "updatedTime", "isRecurring",
	} {
		params = append(params, param("select[]", name))
	}
	return append(params, r.fields.Select()...)
}

// inFunnels adds the filter on the configured funnels.
func (r *reader) inFunnels(params []bitrix24.Param, name string) []bitrix24.Param {
	for _, funnel := range r.funnels {
		params = append(params, param("filter[@"+name+"][]", bitrix24.ID(funnel).String()))
	}
	return params
}

// deals reads the deals of the configured funnels with ids above after, in blocks of a request
// each. since, unless zero, keeps out those that were last changed before it; it is a hint, and
// deals from before it may come. expect is how many there may be, 0 if unknown.
func (r *reader) deals(ctx context.Context, after DealID, since time.Time, expect int) iter.Seq2[block[Deal], error] {
	listing := r.dealsSince(since)
	listing.After, listing.Expect = bitrix24.ID(after), expect
	return blocks(ctx, r.client, listing, r.changedSince(since))
}

// dealsSince lists the deals of the configured funnels that were changed since then, all for the zero time.
func (r *reader) dealsSince(since time.Time) bitrix24.Listing[Deal] {
	params := r.inFunnels(r.dealParams(), "categoryId")
	if !since.IsZero() {
		params = append(params, param("filter[>=updatedTime]", since.In(r.zone).Format(time.RFC3339)))
	}
	return r.dealListing(params)
}

// changedSince is for the rows of dealsSince. Where the portal ignores the filter on time, what it sends too much is
// read again for nothing. Much older ones are left out; a day, because some portals write times hours away from those
// that they filter by.
func (r *reader) changedSince(since time.Time) func(Deal) bool {
	return func(d Deal) bool {
		isOld := !since.IsZero() && !d.UpdatedAt.IsZero() && d.UpdatedAt.Before(since.AddDate(0, 0, -1))
		return r.wants(d.FunnelID) && !isOld
	}
}

func (r *reader) dealListing(params []bitrix24.Param) bitrix24.Listing[Deal] {
	return bitrix24.Listing[Deal]{
		Method: dealMethod, Params: params, IDName: "id", Decode: r.decodeDeals,
		ID: func(d Deal) bitrix24.ID { return bitrix24.ID(d.ID) },
	}
}

// changesAfter lists the stage changes in the configured funnels with ids above after.
func (r *reader) changesAfter(after ChangeID, expect int) bitrix24.Listing[StageChange] {
	listing := r.changeListing(r.inFunnels([]bitrix24.Param{ofDeals}, "CATEGORY_ID"))
	listing.After, listing.Expect = bitrix24.ID(after), expect
	return listing
}

// changes reads the stage changes in the configured funnels with ids above after.
func (r *reader) changes(ctx context.Context, after ChangeID, expect int) iter.Seq2[block[StageChange], error] {
	return blocks(ctx, r.client, r.changesAfter(after, expect), func(change StageChange) bool { return r.wants(change.FunnelID) })
}

func (r *reader) changeListing(params []bitrix24.Param) bitrix24.Listing[StageChange] {
	return bitrix24.Listing[StageChange]{
		Method: changeMethod, Params: params, IDName: "ID", Decode: r.decodeChanges,
		ID: func(change StageChange) bitrix24.ID { return bitrix24.ID(change.ID) },
	}
}

// A block is what one request brought of a list.
type block[T any] struct {
	rows   []T
	cursor bitrix24.ID // the list has been read up to this id
}

// blocks reads one listing to its end and leaves out rows that were not asked for.
func blocks[T any](ctx context.Context, c *bitrix24.Client, listing bitrix24.Listing[T], wanted func(T) bool) iter.Seq2[block[T], error] {
	return func(yield func(block[T], error) bool) {
		for part, err := range bitrix24.Walk(ctx, c, listing) {
			rows := slices.DeleteFunc(part.Rows, func(row T) bool { return !wanted(row) })
			if !yield(block[T]{rows, part.Cursor}, err) {
				return
			}
		}
	}
}

// sizes is how many deals and changes the portal says there are; 0 if it does not say.
func (r *reader) sizes(ctx context.Context) (deals, changes int, err error) {
	sizes, err := r.client.Sizes(ctx, []bitrix24.Command{
		{Method: dealMethod, Params: r.inFunnels([]bitrix24.Param{ofDeals, counted, param("select[]", "id")}, "categoryId")},
		{Method: changeMethod, Params: r.inFunnels([]bitrix24.Param{ofDeals, counted, param("select[]", "ID")}, "CATEGORY_ID")},
	})
	return sizes[0], sizes[1], err
}

// counted has the portal count all rows that fit, and show the first page of them.
var counted = param("start", "0")

// idRange is the ids above After up to Last.
type idRange struct{ after, last DealID }

func (r *reader) rangeParams(ids idRange) []bitrix24.Param {
	return r.inFunnels([]bitrix24.Param{
		ofDeals, param("select[]", "id"), param("select[]", "categoryId"),
		param("filter[<=id]", bitrix24.ID(ids.last).String()),
	}, "categoryId")
}

// A rangeCount is what the portal says of a range.
type rangeCount struct {
	deals int      // -1 where it does not say
	first []DealID // the first page of them
}

// countCommands count the deals of the configured funnels in each range.
func (r *reader) countCommands(ranges []idRange) []bitrix24.Command {
	commands := make([]bitrix24.Command, len(ranges))
	for i, ids := range ranges {
		commands[i] = bitrix24.Command{Method: dealMethod, Params: append(r.rangeParams(ids),
			param("filter[>id]", bitrix24.ID(ids.after).String()), param("order[id]", "ASC"), counted)}
	}
	return commands
}

// takeCounts reads the answers to countCommands.
func (r *reader) takeCounts(answers []bitrix24.Answer) ([]rangeCount, error) {
	counts := make([]rangeCount, len(answers))
	for i, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		deals, err := r.decodeDeals(answer.Result)
		if err != nil {
			return nil, fmt.Errorf("%s: count by id: %w", dealMethod, err)
		}
		counts[i] = rangeCount{answer.Total, dealIDs(deals)}
	}
	return counts, nil
}

// listRange gives the ids of the deals of the configured funnels in a range.
func (r *reader) listRange(ctx context.Context, ids idRange, expect int) ([]DealID, error) {
	listing := r.dealListing(r.rangeParams(ids))
	listing.After, listing.Expect = bitrix24.ID(ids.after), expect
	var found []DealID
	for part, err := range bitrix24.Walk(ctx, r.client, listing) {
		if err != nil {
			return nil, err
		}
		for _, deal := range part.Rows {
			if deal.ID > ids.last {
				return nil, fmt.Errorf("%s: the portal ignores the filter on ids: asked for those up to %d, it sent %d", dealMethod, ids.last, deal.ID)
			}
			if r.wants(deal.FunnelID) {
				found = append(found, deal.ID)
			}
		}
	}
	return found, nil
}

// dealsByID reads deals, in any funnel. Those that are gone, or that the webhook may not read,
// are not among the result.
func (r *reader) dealsByID(ctx context.Context, ids []DealID) ([]Deal, error) {
	wanted := make([]bitrix24.ID, len(ids))
	for i, id := range ids {
		wanted[i] = bitrix24.ID(id)
	}
	return bitrix24.ByID(ctx, r.client, r.dealListing(r.dealParams()), wanted)
}

// getMethod asks for one deal, and tells one that is not there from one that may not be read.
const getMethod = "crm.item.get"

// absence is what has become of deals that no list shows.
type absence struct {
	shown   []Deal   // they can be read after all
	deleted []DealID // the portal has them no longer
	hidden  []DealID // the webhook may not read them, or the portal does not say
}

// absent asks for deals one by one.
func (r *reader) absent(ctx context.Context, ids []DealID) (absence, error) {
	commands := make([]bitrix24.Command, len(ids))
	for i, id := range ids {
		commands[i] = bitrix24.Command{Method: getMethod, Params: []bitrix24.Param{ofDeals, param("id", bitrix24.ID(id).String())}}
	}
	answers, err := r.client.Batch(ctx, commands)
	if err != nil {
		return absence{}, err
	}
	var a absence
	for i, answer := range answers {
		switch {
		case answer.Err == nil:
			var result struct {
				Item dealRow `json:"item"`
			}
			if err := bitrix24.Decode(answer.Result, &result); err != nil {
				return absence{}, fmt.Errorf("%s: %w", getMethod, err)
			}
			deal, err := r.deal(&result.Item)
			if err != nil {
				return absence{}, fmt.Errorf("%s: %w", getMethod, err)
			}
			a.shown = append(a.shown, deal)
		case bitrix24.IsNotFound(answer.Err):
			a.deleted = append(a.deleted, ids[i])
		default:
			a.hidden = append(a.hidden, ids[i])
		}
	}
	return a, nil
}

// A filter by owners takes some dozens of them.
const ownersPerListing = 50

// A deal of which nothing is known is taken to have so many changes; it only decides how
// many pages are asked for at once.
const likelyChanges = 4

// histories reads the whole histories of deals, in all funnels, a group of deals at a time.
// counts is how many changes a deal is known to have.
func (r *reader) histories(ctx context.Context, deals []DealID, counts map[DealID]int) iter.Seq2[history, error] {
	return func(yield func(history, error) bool) {
		groups := slices.Collect(slices.Chunk(deals, ownersPerListing))
		open := make([]history, len(groups))
		listings := make([]bitrix24.Listing[StageChange], len(groups))
		for i, group := range groups {
			open[i].deals = group
			params := []bitrix24.Param{ofDeals}
			likely := 0
			for _, deal := range group {
				params = append(params, param("filter[@OWNER_ID][]", bitrix24.ID(deal).String()))
				likely += likelyCount(counts, deal)
			}
			listings[i] = r.changeListing(params)
			listings[i].Expect = likely
		}
		for part, err := range bitrix24.Walk(ctx, r.client, listings...) {
			if err != nil {
				yield(history{}, err)
				return
			}
			h := &open[part.Listing]
			for _, change := range part.Rows {
				if !slices.Contains(h.deals, change.DealID) {
					yield(history{}, fmt.Errorf("%s: the portal ignores the filter on deals: it sent a change of deal %d unasked", changeMethod, change.DealID))
					return
				}
			}
			h.changes = append(h.changes, part.Rows...)
			if part.IsLast {
				done := *h
				*h = history{} // the caller's now
				if !yield(done, nil) {
					return
				}
			}
		}
	}
}

// likelyCount allows for the move that made a deal be read again.
func likelyCount(counts map[DealID]int, deal DealID) int {
	if n := counts[deal]; n > 0 {
		return n + 1
	}
	return likelyChanges
}

// A history is all changes of some deals.
type history struct {
	deals   []DealID
	changes []StageChange
}
