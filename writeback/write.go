package writeback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"stagelag/extractor"
)

const (
	// Answers that were lost so often in a row end the pass.
	maxLost = 4
	// Refusals of so many deals, before any was written, end the pass: it is the webhook's
	// rights and not the deals.
	maxRefused = 500
	// So many deals are looked up in the warehouse at once.
	dealsAtOnce = 1000
)

// notKept is the reason for a deal whose field did not take its value.
const notKept = "the portal said yes and did not keep the value"

// gone is the reason for a deal that was deleted since, or that the webhook may not read.
const gone = "the portal does not show the deal"

// take compares deals as the portal shows them with the results, and takes them off missing.
func (w *writing) take(deals []extractor.Deal, missing map[extractor.DealID]result) {
	for _, deal := range deals {
		if _, ok := missing[deal.ID]; !ok {
			continue // not in the report, or read twice
		}
		delete(missing, deal.ID)
		if changes := w.differences(deal); len(changes) > 0 {
			w.todo = append(w.todo, todo{deal.ID, w.wanted[deal.ID].isOpen, changes})
		} else {
			w.summary.Unchanged++
		}
	}
}

// differences are the fields of a deal that have other values than they should.
func (w *writing) differences(deal extractor.Deal) []Change {
	values := w.wanted[deal.ID].values(w.pass.Config.WriteBack.Language)
	var changes []Change
	for _, k := range kinds {
		name, isWritten := w.byRole[k.role]
		if isWritten && deal.Fields[name] != values[k.role] {
			changes = append(changes, Change{DealID: deal.ID, Field: name, From: deal.Fields[name], To: values[k.role]})
		}
	}
	return changes
}

func (w *writing) refuse(id extractor.DealID, reason string) {
	refusal := w.refused[reason]
	if refusal == nil {
		refusal = &Refusal{Reason: reason, Deal: id}
		w.refused[reason] = refusal
	}
	refusal.Count++
}

// write makes all changes, a request at a time.
func (w *writing) write(ctx context.Context) error {
	w.pass.Progress.Step("write back: write")
	total := len(w.todo)
	w.summary.Left += total
	for group := range slices.Chunk(w.todo, dealsAtOnce) {
		known, err := w.unchangedTimes(ctx, group)
		if err != nil {
			return err
		}
		for len(group) > 0 {
			n := min(len(group), w.fields.Room())
			again, err := w.request(ctx, group[:n], known)
			if err != nil {
				return err
			}
			group = append(again, group[n:]...)
			w.pass.Progress.Rows(int64(w.summary.Written), int64(total))
		}
	}
	return nil
}

// unchangedTimes are, for each deal, the times of its last change at which nobody but
// ourselves has changed it since it was landed.
func (w *writing) unchangedTimes(ctx context.Context, group []todo) (map[extractor.DealID][]time.Time, error) {
	ids := idsOfTodo(group)
	landed, err := landedTimes(ctx, w.conn, ids)
	if err != nil {
		return nil, err
	}
	left, err := leftTimes(ctx, w.conn, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[extractor.DealID][]time.Time, len(ids))
	for id, at := range landed {
		known[id] = append(known[id], at)
	}
	for id, at := range left {
		known[id] = append(known[id], at)
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

// request makes the changes of some deals and returns those of them that are to be tried
// again.
func (w *writing) request(ctx context.Context, group []todo, known map[extractor.DealID][]time.Time) ([]todo, error) {
	updates := make([]extractor.Update, len(group))
	for i, t := range group {
		updates[i] = extractor.Update{DealID: t.id, Values: map[string]string{}}
		for _, change := range t.changes {
			updates[i].Values[change.Field] = change.To
		}
	}
	results, err := w.fields.Update(ctx, updates)
	if errors.Is(err, extractor.ErrOutcomeUnknown) {
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
	for i, result := range results {
		id := group[i].id
		w.summary.Left--
		switch {
		case result.Err != nil:
			if err := w.refusedBy(id, result.Err); err != nil {
				return nil, errors.Join(err, remember(ctx, w.conn, left))
			}
			continue
		case len(w.differences(result.After)) > 0:
			w.refuse(id, notKept)
		default:
			w.summary.Written++
		}
		isKnown := func(at time.Time) bool { return at.Equal(stored(result.Before)) }
		if !result.Before.IsZero() && !result.After.UpdatedAt.IsZero() && slices.ContainsFunc(known[id], isKnown) {
			left[id] = result.After.UpdatedAt
		}
	}
	return nil, remember(ctx, w.conn, left)
}

// refusedBy counts a refused deal. An error means that more of them are of no use.
func (w *writing) refusedBy(id extractor.DealID, err error) error {
	refusal, ok := errors.AsType[*extractor.APIError](err)
	if !ok {
		return err // an answer that makes no sense
	}
	if refusal.Code == extractor.CodeInsufficientScope {
		return err
	}
	w.refuse(id, refusal.Error())
	if n := w.countRefused(); w.summary.Written == 0 && n >= maxRefused {
		return fmt.Errorf("the portal has refused %d deals and taken none, check the rights of the webhook's user: %w", n, err)
	}
	return nil
}

func (w *writing) countRefused() int {
	n := 0
	for _, refusal := range w.refused {
		n += refusal.Count
	}
	return n
}

// reconcile finds out what came of a request whose answer was lost. Nothing of it is
// remembered: who changed the deals last can't be told any more.
func (w *writing) reconcile(ctx context.Context, group []todo) ([]todo, error) {
	w.pass.Log.WithField("deals", len(group)).Debug("answer lost, reading the deals again")
	if err := w.pass.Client.Settle(ctx); err != nil {
		return nil, err
	}
	deals, err := w.fields.ReadByID(ctx, idsOfTodo(group))
	if err != nil {
		return nil, err
	}
	shown := make(map[extractor.DealID]extractor.Deal, len(deals))
	for _, deal := range deals {
		shown[deal.ID] = deal
	}
	var again []todo
	for _, t := range group {
		deal, isThere := shown[t.id]
		t.changes = w.differences(deal)
		switch {
		case !isThere:
			w.summary.Left--
			w.refuse(t.id, gone)
		case len(t.changes) == 0:
			w.summary.Left--
			w.summary.Written++
		default:
			again = append(again, t)
		}
	}
	return again, nil
}

// finish completes the summary.
func (w *writing) finish(begun time.Time) {
	w.summary.Took = time.Since(begun)
	stats := w.pass.Client.Stats()
	w.summary.Requests = stats.Requests - w.before.Requests
	for reason, waited := range stats.Waited {
		w.summary.Waited += waited - w.before.Waited[reason]
	}
	for _, reason := range slices.Sorted(maps.Keys(w.refused)) {
		w.summary.Refused = append(w.summary.Refused, *w.refused[reason])
	}
	slices.SortStableFunc(w.summary.Refused, func(a, b Refusal) int { return cmp.Compare(b.Count, a.Count) })
}
