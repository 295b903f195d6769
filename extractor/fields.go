package extractor

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"time"
)

const (
	updateMethod   = "crm.item.update"
	addFieldMethod = "crm.deal.userfield.add"
)

// Fields reads and writes some custom fields of deals, and touches nothing else of them.
type Fields struct{ reader *reader }

// NewFields is for the custom fields with these upper-case names. One that the portal does
// not have is an error: the portal would take a write to it and say nothing.
func NewFields(c *Client, d Description, names []string) (*Fields, error) {
	r, err := newReader(c, d, nil, names)
	if err != nil {
		return nil, err
	}
	return &Fields{r}, nil
}

// params asks for the fields and for when the deal was changed last.
func (f *Fields) params() []Param {
	params := []Param{
		{"entityTypeId", dealType}, {"order[id]", "ASC"}, noCount,
		{"select[]", "id"}, {"select[]", "categoryId"}, {"select[]", "updatedTime"},
	}
	for _, field := range f.reader.fields {
		params = append(params, Param{"select[]", field.itemName})
	}
	return params
}

// Read gives the deals of the funnels, or of all, by id and a request at a time. Of a deal
// only ID, FunnelID, UpdatedAt and Fields are set. expect is how many there may be, 0 if
// unknown.
func (f *Fields) Read(ctx context.Context, funnels []FunnelID, expect int) iter.Seq2[[]Deal, error] {
	r := *f.reader
	r.funnels = funnels
	ch := &chain[Deal]{expect: expect, listing: r.dealListing(r.inFunnels(f.params(), "categoryId"))}
	return func(yield func([]Deal, error) bool) {
		for part, err := range blocks(ctx, r.client, ch, func(d Deal) bool { return r.wants(d.FunnelID) }) {
			if !yield(part.rows, err) {
				return
			}
		}
	}
}

// ReadByID is Read for single deals, in any funnel. Those that are gone, or that the webhook
// may not read, are not among the result.
func (f *Fields) ReadByID(ctx context.Context, ids []DealID) ([]Deal, error) {
	return f.reader.byID(ctx, ids, f.params())
}

// An Update is new values for fields of one deal, by their upper-case names; an empty value
// clears the field.
type Update struct {
	DealID DealID
	Values map[string]string
}

// An Updated is what became of an update.
type Updated struct {
	// Before is when the deal had been changed last, as the portal showed it in the request of
	// the update, before it; zero where that is not known.
	Before time.Time
	// After is the deal after the update, with ID, FunnelID, UpdatedAt and Fields.
	After Deal
	// Err is the portal's refusal of this one update, or that its answer makes no sense: then
	// the update may have been made.
	Err error
}

// Update writes to the deals in one request where it can; Room tells how many that should be
// at most. Its results are in the order of the updates. With an error, it is not known what
// became of any of them; it is ErrOutcomeUnknown where they may have been made.
func (f *Fields) Update(ctx context.Context, updates []Update) ([]Updated, error) {
	look := f.params()
	for _, update := range updates {
		look = append(look, Param{"filter[@id][]", strconv.FormatUint(uint64(update.DealID), 10)})
	}
	// Commands run in their order, so the first one sees the deals as the updates find them.
	// For an update that was put off to a later request that says nothing any more.
	commands := []Command{{Method: dealMethod, Params: look}}
	for _, update := range updates {
		commands = append(commands, f.command(update))
	}
	answers, err := f.reader.client.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	before := map[DealID]time.Time{}
	if deals, err := f.reader.decodeDeals(answers[0].Result); answers[0].Err == nil && err == nil {
		for _, deal := range deals {
			before[deal.ID] = deal.UpdatedAt
		}
	}
	results := make([]Updated, len(updates))
	for i, update := range updates {
		if answers[i+1].request == answers[0].request {
			results[i].Before = before[update.DealID]
		}
		results[i].After, results[i].Err = f.decode(answers[i+1], update.DealID)
	}
	return results, nil
}

func (f *Fields) command(update Update) Command {
	params := []Param{{"entityTypeId", dealType}, {"id", strconv.FormatUint(uint64(update.DealID), 10)}}
	for _, field := range f.reader.fields {
		if value, ok := update.Values[field.name]; ok {
			params = append(params, Param{"fields[" + field.itemName + "]", value})
		}
	}
	return Command{Method: updateMethod, Params: params, Writes: true}
}

// errStrangeAnswer is an update whose answer does not show the deal.
var errStrangeAnswer = errors.New(updateMethod + ": the portal's answer does not show the deal")

func (f *Fields) decode(answer Answer, asked DealID) (Deal, error) {
	if answer.Err != nil {
		return Deal{}, answer.Err
	}
	var result struct {
		Item json.RawMessage `json:"item"`
	}
	if json.Unmarshal(answer.Result, &result) != nil {
		return Deal{}, errStrangeAnswer
	}
	deal, err := f.reader.decodeDeal(result.Item)
	if err != nil || deal.ID != asked {
		return Deal{}, errStrangeAnswer
	}
	return deal, nil
}

// Room is how many updates should go into one request, so that it ends well within the
// portal's 60 s; at least 1.
func (f *Fields) Room() int {
	c := f.reader.client
	c.asking.Lock()
	defer c.asking.Unlock()
	// One command is the look before the updates.
	return max(1, min(c.pace.fits(), c.size-1))
}

// A pace is how long the commands that write take.
type pace struct {
	seconds float64 // of one command, as seen lately
}

// Nothing is known at first; the documentation's own sample took over 3 s.
const unknownPace = 7

// fits is how many commands fit into a request.
func (p *pace) fits() int {
	seconds := p.seconds
	if seconds == 0 {
		seconds = unknownPace
	}
	return int(min(max(1, wantedSeconds/seconds), maxCommands))
}

func (p *pace) observe(commands []Command, answers []Answer) {
	var sum float64
	n := 0
	for i, command := range commands {
		if command.Writes && answers[i].Err == nil && answers[i].timing.Duration > 0 {
			sum, n = sum+answers[i].timing.Duration, n+1
		}
	}
	if n > 0 {
		p.seconds = max(sum/float64(n), p.seconds/2)
	}
}

// lost is told that a request that writes brought no answer: it may have taken too long.
func (p *pace) lost() {
	if p.seconds == 0 {
		p.seconds = unknownPace
	}
	p.seconds = min(2*p.seconds, wantedSeconds)
}

// The portal ends a request after so long.
const longestRequest = 60 * time.Second

// Settle waits until nothing of a request whose answer was lost can still be under way on the
// portal. What is read after that is what came of it.
func (c *Client) Settle(ctx context.Context) error {
	c.asking.Lock()
	defer c.asking.Unlock()
	c.pace.lost()
	if rest := longestRequest - c.clock.Now().Sub(c.sentAt); rest > 0 {
		return c.wait(ctx, WaitFault, rest)
	}
	return nil
}

// A NewField is a custom field to be added to deals.
type NewField struct {
	Name  string // upper case, with UF_CRM_
	Type  string // the portal's: integer, string, date, …
	Label string // what people see
}

// AddFields adds custom fields to deals and tells for each whether it worked. The webhook's
// user must be an administrator of the CRM. With an error it is not known what became of them:
// Describe tells.
func (c *Client) AddFields(ctx context.Context, fields []NewField) ([]error, error) {
	commands := make([]Command, len(fields))
	for i, field := range fields {
		commands[i] = Command{Method: addFieldMethod, Writes: true, Params: []Param{
			{"fields[FIELD_NAME]", field.Name}, {"fields[USER_TYPE_ID]", field.Type}, {"fields[LABEL]", field.Label},
			{"fields[EDIT_FORM_LABEL]", field.Label}, {"fields[LIST_COLUMN_LABEL]", field.Label},
		}}
	}
	answers, err := c.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	refusals := make([]error, len(answers))
	for i, answer := range answers {
		refusals[i] = answer.Err
	}
	return refusals, nil
}
