package writeback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/views"
)

const (
	// Answers that were lost so often in a row end the pass.
	maxLost = 4
	// So many updates in a row that the portal refused end the pass: it is the webhook's rights
	// and not the deals.
	maxRejected = 100
	// The summary tells so many reasons apart.
	maxReasons = 10
)

// errNotKept is the reason for a deal whose field did not take its value.
var errNotKept = errors.New("the portal said yes and did not keep the value")

// gone is the reason for a deal that was deleted since, or that the webhook may not read.
const gone = "the portal does not show the deal"

// write makes all changes, a request at a time, and gives the run that is published then. It
// ends early when that is another one than those whose results it writes. A dry run only looks
// which one it is.
func (w *writing) write(ctx context.Context) (views.Published, error) {
	if w.pass.DryRun {
		return w.shown.Published(ctx)
	}
	w.pass.Progress.Step("write back: write")
	total := int64(w.plan.len())
	for {
		published, err := w.shown.Published(ctx)
		if err != nil || w.plan.len() == 0 || published.RunID != w.summary.RunID {
			return published, err
		}
		again, err := w.request(ctx, w.plan.take(w.fields.Room()))
		if err != nil {
			return views.Published{}, err
		}
		w.plan.putBack(again)
		w.rows(total-int64(w.plan.len()), total)
	}
}

// unchangedTimes are, for each deal, the times of its last change at which nobody but
// ourselves has changed it since it was landed.
func (w *writing) unchangedTimes(ctx context.Context, ids []extractor.DealID) (map[extractor.DealID][]time.Time, error) {
	landed, err := loader.LandedDeals(ctx, w.conn, ids)
	if err != nil {
		return nil, err
	}
	left, err := leftTimes(ctx, w.conn, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[extractor.DealID][]time.Time, len(ids))
	for _, id := range ids {
		known[id] = []time.Time{landed[id].UpdatedAt, left[id]}
	}
	return known, nil
}

func idsOfTodo(group []todo) []extractor.DealID {
	ids := make([]extractor.DealID, len(group))
	for i, t := range group {
		ids[i] = t.id
	}
	return ids
}

// onPortal are numbers of ours as the portal's interface takes them.
func onPortal[T extractor.DealID | extractor.FunnelID](ids []T) []bitrix24.ID {
	numbers := make([]bitrix24.ID, len(ids))
	for i, id := range ids {
		numbers[i] = bitrix24.ID(id)
	}
	return numbers
}

// request makes the changes of some deals and returns those of them that are to be tried
// again.
func (w *writing) request(ctx context.Context, group []todo) ([]todo, error) {
	known, err := w.unchangedTimes(ctx, idsOfTodo(group))
	if err != nil {
		return nil, err
	}
	updates := make([]bitrix24.Update, len(group))
	for i := range group {
		updates[i] = w.plan.update(&group[i])
	}
	results, err := w.fields.Update(ctx, updates)
	if errors.Is(err, bitrix24.ErrOutcomeUnknown) {
		if w.lost++; w.lost > maxLost {
			return nil, err
		}
		return w.reconcile(ctx, group)
	}
	if err != nil {
		return nil, err
	}
	w.lost = 0
	left := map[extractor.DealID]time.Time{}
	var hopeless error
	for i, result := range results {
		id := group[i].id
		switch {
		case result.Err != nil:
			hopeless = cmp.Or(hopeless, w.refuse(id, result.Err))
		case w.plan.compare(&group[i], result.After.Values):
			hopeless = cmp.Or(hopeless, w.refuse(id, errNotKept))
		default:
			w.wrote(id)
		}
		if !result.Before.IsZero() && !result.After.UpdatedAt.IsZero() && slices.ContainsFunc(known[id], result.Before.Equal) {
			left[id] = result.After.UpdatedAt
		}
	}
	return nil, errors.Join(hopeless, remember(ctx, w.conn, left, w.pass.Now()))
}

func (w *writing) wrote(id extractor.DealID) {
	w.written[id] = struct{}{}
	w.tried++
	w.summary.Left--
	w.rejected = 0
}

// refuse counts a refused deal. An error means that more of them are of no use.
func (w *writing) refuse(id extractor.DealID, reason error) error {
	w.refused.add(id, reason.Error())
	delete(w.written, id)
	w.tried++
	w.summary.Left--
	w.rejected++
	refusal, ok := errors.AsType[*bitrix24.APIError](reason)
	switch {
	case ok && strings.EqualFold(refusal.Code, bitrix24.CodeInsufficientScope):
		return reason
	case w.rejected >= maxRejected:
		return fmt.Errorf("the portal has refused %d deals in a row, check the rights of the webhook's user: %w", w.rejected, reason)
	}
	return nil
}

// reconcile finds out what came of a request whose answer was lost. Nothing of it is
// remembered: who changed the deals last can't be told any more.
func (w *writing) reconcile(ctx context.Context, group []todo) ([]todo, error) {
	w.pass.Log.WithField("deals", len(group)).Debug("answer lost, reading the deals again")
	if err := w.pass.Client.Settle(ctx); err != nil {
		return nil, err
	}
	items, err := w.fields.ReadByID(ctx, onPortal(idsOfTodo(group)))
	if err != nil {
		return nil, err
	}
	shown := make(map[extractor.DealID]bitrix24.Item, len(items))
	for _, item := range items {
		shown[extractor.DealID(item.ID)] = item
	}
	var again []todo
	for _, t := range group {
		item, isThere := shown[t.id]
		switch {
		case !isThere:
			w.refused.add(t.id, gone)
			w.tried++
			w.summary.Left--
		case w.plan.compare(&t, item.Values):
			again = append(again, t)
		default:
			w.wrote(t.id)
		}
	}
	return again, nil
}

// finish gives the summary.
func (w *writing) finish(begun time.Time) Summary {
	s := w.summary
	s.IsDry, s.Took, s.Written, s.Refused = w.pass.DryRun, w.pass.Now().Sub(begun), len(w.written), w.refused.list()
	stats := w.pass.Client.Stats()
	s.Requests = stats.Requests - w.before.Requests
	for reason, waited := range stats.Waited {
		s.Waited += waited - w.before.Waited[reason]
	}
	return s
}

// refusals are the reasons why deals were not written. The portal may name the deal in a reason, so
// their number is bounded.
type refusals struct {
	byReason map[string]*Refusal
	others   Refusal
}

// keptReasons is how many reasons are counted one by one. It is far more than are shown, so that
// the most frequent ones are among them.
const keptReasons = 1000

func (r *refusals) add(id extractor.DealID, reason string) {
	refusal := r.byReason[reason]
	switch {
	case refusal == nil && len(r.byReason) == keptReasons:
		refusal = &r.others
	case refusal == nil:
		if r.byReason == nil {
			r.byReason = map[string]*Refusal{}
		}
		refusal = &Refusal{Reason: reason}
		r.byReason[reason] = refusal
	}
	if refusal.Count == 0 || id < refusal.Deal {
		refusal.Deal = id
	}
	refusal.Count++
}

// list gives the most frequent reasons first.
func (r *refusals) list() []Refusal {
	all := []Refusal{}
	for _, refusal := range r.byReason {
		all = append(all, *refusal)
	}
	slices.SortFunc(all, func(a, b Refusal) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Deal, b.Deal)) })
	if len(all) <= maxReasons {
		return all
	}
	others := Refusal{Reason: "other reasons", Deal: all[maxReasons-1].Deal, Count: r.others.Count}
	for _, refusal := range all[maxReasons-1:] {
		others.Count += refusal.Count
	}
	return append(all[:maxReasons-1], others)
}
