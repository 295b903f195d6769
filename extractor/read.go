package extractor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"
)

const (
	dealMethod   = "crm.item.list"
	changeMethod = "crm.stagehistory.list"
	userMethod   = "user.get"
)

// noCount asks for a page without the count of all rows, which is the costly part.
var noCount = Param{"start", "-1"}

// A reader knows which funnels and fields are wanted, and reads rows of them.
type reader struct {
	client  *Client
	zone    *time.Location
	funnels []FunnelID      // empty: all
	fields  []selectedField // custom ones
	stages  map[stageKey]Semantics
}

type selectedField struct{ name, itemName, kind string }

// A stage's id is unique in its funnel, and not beyond it on every portal.
type stageKey struct {
	funnel FunnelID
	stage  StageID
}

func newReader(c *Client, d Description, funnels []FunnelID, fields []string) (*reader, error) {
	r := &reader{client: c, zone: d.Zone, funnels: funnels, stages: map[stageKey]Semantics{}}
	for _, funnel := range d.Funnels {
		for _, stage := range funnel.Stages {
			r.stages[stageKey{funnel.ID, stage.ID}] = stage.Semantics
		}
	}
	for _, name := range fields {
		at, ok := slices.BinarySearchFunc(d.Fields, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
		if !ok {
			return nil, fmt.Errorf("the portal has no deal field %s", name)
		}
		r.fields = append(r.fields, selectedField{name, d.itemNames[name], d.Fields[at].Type})
	}
	return r, nil
}

// wants is whether a funnel was asked for.
func (r *reader) wants(funnel FunnelID) bool {
	return len(r.funnels) == 0 || slices.Contains(r.funnels, funnel)
}

// dealParams asks for deals as they are landed.
func (r *reader) dealParams() []Param {
	params := []Param{{"entityTypeId", dealType}, {"order[id]", "ASC"}, noCount}
	for _, name := range []string{
		"id", "title", "categoryId", "stageId", "stageSemanticId", "assignedById", "opportunity",
		"currencyId", "createdTime", "movedTime", "updatedTime", "isRecurring",
	} {
		params = append(params, Param{"select[]", name})
	}
	for _, field := range r.fields {
		params = append(params, Param{"select[]", field.itemName})
	}
	return params
}

func (r *reader) changeParams() []Param {
	return []Param{{"entityTypeId", dealType}, {"order[ID]", "ASC"}, noCount}
}

// inFunnels adds the filter on the configured funnels.
func (r *reader) inFunnels(params []Param, name string) []Param {
	for _, funnel := range r.funnels {
		params = append(params, Param{"filter[@" + name + "][]", strconv.FormatUint(uint64(funnel), 10)})
	}
	return params
}

// deals reads the deals of the configured funnels with ids above after, in blocks of a request
// each. since, unless zero, keeps out those that were last changed before it; it is a hint, and
// deals from before it may come. expect is how many there may be, 0 if unknown.
func (r *reader) deals(ctx context.Context, after DealID, since time.Time, expect int) iter.Seq2[block[Deal], error] {
	params := r.inFunnels(r.dealParams(), "categoryId")
	if !since.IsZero() {
		params = append(params, Param{"filter[>=updatedTime]", since.In(r.zone).Format(time.RFC3339)})
	}
	ch := &chain[Deal]{after: uint64(after), expect: expect, listing: r.dealListing(params)}
	return blocks(ctx, r.client, ch, func(d Deal) bool {
		// Where the portal ignores the filter on time, what it sends too much is read again
		// for nothing. Much older ones are left out; a day, because some portals write times
		// hours away from those that they filter by.
		isOld := !since.IsZero() && !d.UpdatedAt.IsZero() && d.UpdatedAt.Before(since.AddDate(0, 0, -1))
		return r.wants(d.FunnelID) && !isOld
	})
}

func (r *reader) dealListing(params []Param) listing[Deal] {
	return listing[Deal]{
		method: dealMethod, params: params, cursor: "filter[>id]", lastID: "[items][49][id]",
		decode: r.decodeDeals,
		id:     func(d Deal) uint64 { return uint64(d.ID) },
	}
}

// changes reads the stage changes in the configured funnels with ids above after.
func (r *reader) changes(ctx context.Context, after ChangeID, expect int) iter.Seq2[block[StageChange], error] {
	ch := &chain[StageChange]{
		after: uint64(after), expect: expect,
		listing: r.changeListing(r.inFunnels(r.changeParams(), "CATEGORY_ID")),
	}
	return blocks(ctx, r.client, ch, func(change StageChange) bool { return r.wants(change.FunnelID) })
}

func (r *reader) changeListing(params []Param) listing[StageChange] {
	return listing[StageChange]{
		method: changeMethod, params: params, cursor: "filter[>ID]", lastID: "[items][49][ID]",
		decode: r.decodeChanges,
		id:     func(change StageChange) uint64 { return uint64(change.ID) },
	}
}

// A block is what one request brought of a list.
type block[T any] struct {
	rows   []T
	cursor uint64 // the list has been read up to this id
}

// blocks reads one chain to its end and leaves out rows that were not asked for.
func blocks[T any](ctx context.Context, c *Client, ch *chain[T], wanted func(T) bool) iter.Seq2[block[T], error] {
	return func(yield func(block[T], error) bool) {
		for part, err := range walk(ctx, c, ch) {
			rows := slices.DeleteFunc(part.rows, func(row T) bool { return !wanted(row) })
			if !yield(block[T]{rows, ch.after}, err) || err != nil {
				return
			}
		}
	}
}

// sizes is how many deals and changes the portal says there are; 0 if it does not say. On a
// very large portal the count may take longer than a request may, so after a fault it is done
// without.
func (r *reader) sizes(ctx context.Context) (deals, changes int, err error) {
	base := []Param{{"entityTypeId", dealType}, {"start", "0"}}
	counts := []Command{
		{Method: dealMethod, Params: append(r.inFunnels(slices.Clip(base), "categoryId"), Param{"select[]", "id"})},
		{Method: changeMethod, Params: append(r.inFunnels(slices.Clip(base), "CATEGORY_ID"), Param{"select[]", "ID"})},
	}
	answers, err := r.client.batch(ctx, counts)
	if err != nil {
		p := patience{client: r.client}
		return 0, 0, p.wait(ctx, counts, err)
	}
	return max(0, answers[0].Total), max(0, answers[1].Total), nil
}

// idRange is the ids above After up to Last.
type idRange struct{ after, last DealID }

func (r *reader) rangeParams(ids idRange) []Param {
	return r.inFunnels([]Param{
		{"entityTypeId", dealType}, {"order[id]", "ASC"},
		{"select[]", "id"}, {"select[]", "categoryId"},
		{"filter[<=id]", strconv.FormatUint(uint64(ids.last), 10)},
	}, "categoryId")
}

// countRanges tells how many deals of the configured funnels each range has; -1 where the portal
// does not say.
func (r *reader) countRanges(ctx context.Context, ranges []idRange) ([]int, error) {
	commands := make([]Command, len(ranges))
	for i, ids := range ranges {
		commands[i] = Command{Method: dealMethod, Params: append(r.rangeParams(ids),
			Param{"filter[>id]", strconv.FormatUint(uint64(ids.after), 10)}, Param{"start", "0"})}
	}
	answers, err := r.client.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(answers))
	for i, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		counts[i] = answer.Total
	}
	return counts, nil
}

// listRange gives the ids of the deals of the configured funnels in a range.
func (r *reader) listRange(ctx context.Context, ids idRange, expect int) ([]DealID, error) {
	ch := &chain[Deal]{
		after: uint64(ids.after), expect: expect,
		listing: r.dealListing(append(r.rangeParams(ids), noCount)),
	}
	var found []DealID
	for part, err := range walk(ctx, r.client, ch) {
		if err != nil {
			return nil, err
		}
		for _, deal := range part.rows {
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
	return r.byID(ctx, ids, r.dealParams())
}

// byID reads deals with the given parameters.
func (r *reader) byID(ctx context.Context, ids []DealID, base []Param) ([]Deal, error) {
	var commands []Command
	for group := range slices.Chunk(ids, pageRows) {
		params := slices.Clip(base)
		for _, id := range group {
			params = append(params, Param{"filter[@id][]", strconv.FormatUint(uint64(id), 10)})
		}
		commands = append(commands, Command{Method: dealMethod, Params: params})
	}
	answers, err := r.client.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	asked := make(map[DealID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var deals []Deal
	for _, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		rows, err := r.decodeDeals(answer.Result)
		if err != nil {
			return nil, fmt.Errorf("%s: deals by id: %w", dealMethod, err)
		}
		for _, deal := range rows {
			if !asked[deal.ID] {
				// Who is missing could not be told any more.
				return nil, fmt.Errorf("%s: the portal ignores the filter on ids: it sent deal %d unasked", dealMethod, deal.ID)
			}
			deals = append(deals, deal)
		}
	}
	return deals, nil
}

// A filter by owners takes some dozens of them.
const ownersPerChain = 50

// A deal that nothing is known of is taken to have so many changes; it decides no more than how
// many pages are asked for at once.
const likelyChanges = 4

// histories reads the whole histories of deals, in all funnels, a group of deals at a time.
// counts is how many changes a deal is known to have.
func (r *reader) histories(ctx context.Context, deals []DealID, counts map[DealID]int) iter.Seq2[history, error] {
	return func(yield func(history, error) bool) {
		open := map[*chain[StageChange]]*history{}
		var chains []*chain[StageChange]
		for group := range slices.Chunk(deals, ownersPerChain) {
			params := r.changeParams()
			ch := &chain[StageChange]{}
			for _, deal := range group {
				params = append(params, Param{"filter[@OWNER_ID][]", strconv.FormatUint(uint64(deal), 10)})
				ch.expect += likelyCount(counts, deal)
			}
			ch.listing = r.changeListing(params)
			open[ch] = &history{deals: group}
			chains = append(chains, ch)
		}
		for part, err := range walk(ctx, r.client, chains...) {
			if err != nil {
				yield(history{}, err)
				return
			}
			h := open[part.chain]
			for _, change := range part.rows {
				if !slices.Contains(h.deals, change.DealID) {
					yield(history{}, fmt.Errorf("%s: the portal ignores the filter on deals: it sent a change of deal %d unasked", changeMethod, change.DealID))
					return
				}
			}
			h.changes = append(h.changes, part.rows...)
			if part.chain.done {
				delete(open, part.chain)
				if !yield(*h, nil) {
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

// managers reads people. Those that the portal does not show are not among the result.
func (r *reader) managers(ctx context.Context, ids []ManagerID) ([]Manager, error) {
	var commands []Command
	for group := range slices.Chunk(ids, pageRows) {
		params := []Param{{"sort", "ID"}, {"order", "ASC"}}
		for _, id := range group {
			params = append(params, Param{"FILTER[@ID][]", strconv.FormatUint(uint64(id), 10)})
		}
		commands = append(commands, Command{Method: userMethod, Params: params})
	}
	answers, err := r.client.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	asked := make(map[ManagerID]bool, len(ids))
	for _, id := range ids {
		asked[id] = true
	}
	var managers []Manager
	for _, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		var rows list[userRow]
		if err := json.Unmarshal(answer.Result, &rows); err != nil {
			return nil, fmt.Errorf("%s: %w", userMethod, err)
		}
		for _, row := range rows {
			if manager := row.manager(); asked[manager.ID] {
				managers = append(managers, manager)
				delete(asked, manager.ID)
			}
		}
	}
	slices.SortFunc(managers, func(a, b Manager) int { return cmp.Compare(a.ID, b.ID) })
	return managers, nil
}
