package extractor

import (
	"context"
	"iter"
	"slices"

	"stagelag/bitrix24"
)

// rangeDeals is how many known deals one count covers where there are many: a range that differs is listed with one
// request.
const rangeDeals = bitrix24.MaxCommands * bitrix24.PageRows

// maxDealID is above any id, and whole also for who reads numbers as floating ones.
const maxDealID DealID = 1 << 53

// sweep finds what no list of changes shows: deals that were deleted, and deals that left the
// configured funnels, or came there. It counts the portal's ids range by range and looks closer
// where a count or its first page differs from what is known. Departed deals are landed with their new funnel and
// their history, deleted and hidden ones are marked.
//
// Hidden deals are asked for first, and those in the recycle bin: one that is shown again would make up for one that
// vanishes from the same range. In funnels of many deals one that was never known and appears without having changed
// does so still. Only a change of rights does that, and a full reading finds it.
func (x *extraction) sweep(ctx context.Context) error {
	s := sweep{extraction: x}
	x.progress(StepSweep, 0, 0)
	if err := x.askDeleted(ctx); err != nil {
		return err
	}
	for known, err := range x.known(ctx) {
		if err != nil {
			return err
		}
		s.total++
		switch {
		case known.IsHidden:
			s.hidden = append(s.hidden, known.ID)
		case x.reader.wants(known.FunnelID):
			s.inside = append(s.inside, known.ID)
		default:
			s.outside = append(s.outside, known.ID)
		}
		if len(s.inside) >= bitrix24.MaxCommands*rangeDeals {
			if err := s.askHidden(ctx); err != nil {
				return err
			}
			if _, err := s.compare(ctx, nil); err != nil {
				return err
			}
		}
		if len(s.outside) == dealsAtOnce {
			if err := s.visit(ctx); err != nil {
				return err
			}
		}
	}
	if err := s.compareLast(ctx); err != nil {
		return err
	}
	if err := s.visit(ctx); err != nil {
		return err
	}
	_, err := x.classify(ctx, slices.DeleteFunc(s.missing, func(id DealID) bool { return x.landed[id] }))
	return err
}

// binLasts is for how many days a deal that was deleted may be restored. Bitrix24 keeps it for thirty.
const binLasts = 35

// askDeleted lands the deals that have come back from the recycle bin, wherever they are now.
func (x *extraction) askDeleted(ctx context.Context) error {
	deleted, err := x.landing.DeletedDeals(ctx, binLasts)
	if err != nil {
		return err
	}
	_, err = x.readByID(ctx, slices.DeleteFunc(deleted, func(id DealID) bool { return x.landed[id] }))
	return err
}

// askHidden asks for the hidden deals so far. Those that can be read again are compared with the others.
func (s *sweep) askHidden(ctx context.Context) error {
	shown, err := s.classify(ctx, s.hidden)
	if err != nil {
		return err
	}
	s.hidden = nil
	for _, deal := range shown {
		if s.reader.wants(deal.FunnelID) {
			s.inside = append(s.inside, deal.ID)
		}
	}
	slices.Sort(s.inside)
	return nil
}

// compareLast compares what is left, with the ids where no deal is known. The new changes in the configured funnels
// are asked for along with that: a deal that came there and left since the last extraction is in no other list. What
// was asked for at once is compared with what is known now.
func (s *sweep) compareLast(ctx context.Context) error {
	if err := s.askHidden(ctx); err != nil {
		return err
	}
	listing := s.reader.changesAfter(s.state.LastChange, 0)
	var answers []bitrix24.Answer
	if s.atOnce != nil {
		answers = s.atOnce.newChanges.of(s.ask.answers)
		counts, err := s.reader.takeCounts(s.atOnce.counts.of(s.ask.answers))
		if err != nil {
			return err
		}
		if err := s.hold(ctx, s.atOnce.ranges, s.within(s.atOnce.ranges), counts); err != nil {
			return err
		}
	} else {
		var along []bitrix24.Command
		if len(s.options.Funnels) > 0 {
			along = listing.FirstPages(0, 1)
		}
		var err error
		if answers, err = s.compare(ctx, []idRange{{after: s.lastInside(), last: maxDealID}}, along...); err != nil {
			return err
		}
	}
	if len(answers) == 0 {
		return nil
	}
	changes, rest, err := listing.Take(answers)
	if err != nil {
		return err
	}
	var owners []DealID
	take := func(changes []StageChange) {
		for _, change := range changes {
			if s.reader.wants(change.FunnelID) {
				owners = append(owners, change.DealID)
			}
			s.lastChange = max(s.lastChange, change.ID)
		}
	}
	take(changes)
	if rest != nil {
		for part, err := range bitrix24.Walk(ctx, s.client, *rest) {
			if err != nil {
				return err
			}
			take(part.Rows)
		}
	}
	slices.Sort(owners)
	owners = slices.DeleteFunc(slices.Compact(owners), func(id DealID) bool { return s.landed[id] })
	_, err = s.readByID(ctx, owners)
	return err
}

type sweep struct {
	*extraction
	total   int      // known deals
	inside  []DealID // in the configured funnels; not yet compared
	from    DealID   // everything up to this id has been compared
	outside []DealID // not yet looked up
	hidden  []DealID // when they were looked for last; not yet asked for
	missing []DealID // the portal shows them nowhere
}

func (s *sweep) lastInside() DealID {
	if n := len(s.inside); n > 0 {
		return s.inside[n-1]
	}
	return s.from
}

// compare counts the ranges of the deals inside the funnels, and ranges where no deal is known,
// and looks closer where the portal has others. Commands that are asked along with that have their answers
// returned.
func (s *sweep) compare(ctx context.Context, unknown []idRange, along ...bitrix24.Command) ([]bitrix24.Answer, error) {
	size := rangeDeals
	if room := bitrix24.MaxCommands - len(unknown) - len(along); len(s.inside) <= room*bitrix24.PageRows {
		size = bitrix24.PageRows // each range is seen whole, and it is one request all the same
	}
	ranges := rangesOf(s.inside, s.from, size)
	s.from = s.lastInside()
	ranges = append(ranges, unknown...)
	answers, err := s.client.Batch(ctx, append(s.reader.countCommands(ranges), along...))
	if err != nil {
		return nil, err
	}
	counts, err := s.reader.takeCounts(answers[:len(ranges)])
	if err != nil {
		return nil, err
	}
	return answers[len(ranges):], s.hold(ctx, ranges, s.within(ranges), counts)
}

// rangesOf are the ranges of so many ids each, which follow each other from an id on.
func rangesOf(ids []DealID, from DealID, size int) []idRange {
	var ranges []idRange
	for group := range slices.Chunk(ids, size) {
		last := group[len(group)-1]
		ranges = append(ranges, idRange{from, last})
		from = last
	}
	return ranges
}

// within are the deals inside the funnels that are in each of the ranges, which follow each other.
func (s *sweep) within(ranges []idRange) [][]DealID {
	ids, rest := make([][]DealID, len(ranges)), s.inside
	for i, r := range ranges {
		n, isThere := slices.BinarySearch(rest, r.last)
		if isThere {
			n++
		}
		ids[i], rest = rest[:n], rest[n:]
	}
	return ids
}

// hold holds the deals inside the funnels, by ranges, against what the portal counts there, and looks closer where it
// has others.
func (s *sweep) hold(ctx context.Context, ranges []idRange, ids [][]DealID, counts []rangeCount) error {
	compared := s.total - len(s.inside) - len(s.hidden)
	for i, known := range ids {
		if counts[i].deals != len(known) || !slices.Equal(counts[i].first, known[:min(len(known), bitrix24.PageRows)]) {
			if err := s.look(ctx, ranges[i], known); err != nil {
				return err
			}
		}
		compared += len(known)
		s.progress(StepSweep, compared, 0)
	}
	s.inside = nil
	return nil
}

// look compares the ids of one range, and reads the deals that are on one side only.
func (s *sweep) look(ctx context.Context, ids idRange, known []DealID) error {
	found, err := s.reader.listRange(ctx, ids, max(1, len(known)))
	if err != nil {
		return err
	}
	missing, err := s.readByID(ctx, append(without(known, found), without(found, known)...))
	if err != nil {
		return err
	}
	// One that came and went meanwhile was never known.
	s.missing = append(s.missing, without(missing, found)...)
	return nil
}

// visit looks up the deals that left the funnels earlier.
func (s *sweep) visit(ctx context.Context) error {
	if len(s.outside) == 0 {
		return nil
	}
	deals, err := s.reader.dealsByID(ctx, s.outside)
	if err != nil {
		return err
	}
	s.missing = append(s.missing, without(s.outside, dealIDs(deals))...)
	s.outside = nil
	since := s.state.Watermark.Add(-overlap)
	return s.landWithHistories(ctx, slices.DeleteFunc(deals, func(d Deal) bool {
		return !d.UpdatedAt.IsZero() && d.UpdatedAt.Before(since)
	}))
}

// known gives all known deals in the order of their ids. The landing may be written to
// meanwhile.
func (x *extraction) known(ctx context.Context) iter.Seq2[KnownDeal, error] {
	const page = 100_000
	return func(yield func(KnownDeal, error) bool) {
		for after, more := DealID(0), true; more; {
			deals, err := x.landing.KnownDeals(ctx, after, page)
			if err != nil {
				yield(KnownDeal{}, err)
				return
			}
			for _, deal := range deals {
				if !yield(deal, nil) {
					return
				}
				after = deal.ID
			}
			more = len(deals) == page
		}
	}
}
