package extractor

import (
	"context"
	"time"

	"stagelag/bitrix24"
)

// An asking is commands for the portal, of several askers, and what it answered so far.
type asking struct {
	commands []bitrix24.Command
	answers  []bitrix24.Answer
}

// add adds commands, and gives the place of their answers.
func (a *asking) add(commands ...bitrix24.Command) span {
	from := len(a.commands)
	a.commands = append(a.commands, commands...)
	return span{from, len(a.commands)}
}

// room is how many commands more the next request takes.
func (a *asking) room() int { return bitrix24.MaxCommands - (len(a.commands) - len(a.answers)) }

// send asks for what has no answer yet.
func (a *asking) send(ctx context.Context, c *bitrix24.Client) error {
	answers, err := c.Batch(ctx, a.commands[len(a.answers):])
	a.answers = append(a.answers, answers...)
	return err
}

// A span is the place of some answers among all.
type span struct{ from, to int }

func (s span) of(answers []bitrix24.Answer) []bitrix24.Answer { return answers[s.from:s.to] }

// atOnce is what one request asks for in a portal of which it has room for all: the changed deals, counts of the ids
// that are known, the stage changes that are new, and names. A night then takes three requests, with the description
// of the portal before and the histories of changed deals after it.
type atOnce struct {
	deals      bitrix24.Listing[Deal] // those that have changed
	changed    span                   // the first pages of them
	ranges     []idRange
	counts     span
	newChanges span
}

// changedAtOnce is how many pages of changed deals are asked for at once. More are read behind them.
const changedAtOnce = 10

// askAtOnce asks for all that a catch-up needs and that does not depend on what it brings, if that is one request.
func (x *extraction) askAtOnce(ctx context.Context, since time.Time) error {
	if x.state.Full != nil {
		return nil
	}
	const most = bitrix24.MaxCommands * bitrix24.PageRows
	deals, err := x.landing.KnownDeals(ctx, 0, most+1)
	if err != nil || len(deals) > most {
		return err
	}
	var inside []DealID
	for _, known := range deals {
		if !known.IsHidden && x.reader.wants(known.FunnelID) {
			inside = append(inside, known.ID)
		}
	}
	asked := atOnce{deals: x.reader.dealsSince(since.Add(-overlap))}
	asked.changed = x.ask.add(asked.deals.FirstPages(0, changedAtOnce)...)
	from := DealID(0)
	if n := len(inside); n > 0 {
		from = inside[n-1]
	}
	asked.ranges = append(rangesOf(inside, 0, bitrix24.PageRows), idRange{after: from, last: maxDealID})
	asked.counts = x.ask.add(x.reader.countCommands(asked.ranges)...)
	if len(x.options.Funnels) > 0 {
		asked.newChanges = x.ask.add(x.reader.changesAfter(x.state.LastChange, 0).FirstPages(0, 1)...)
	}
	if err := x.askForPeople(ctx); err != nil {
		return err
	}
	x.askForChangedCompanies()
	if x.ask.room() < 0 {
		x.ask, x.people, x.companies = asking{}, peopleAsking{}, companyAsking{}
		return nil
	}
	x.atOnce = &asked
	return x.ask.send(ctx, x.client)
}
