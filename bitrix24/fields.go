package bitrix24

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	listMethod     = "crm.item.list"
	updateMethod   = "crm.item.update"
	addFieldMethod = "crm.deal.userfield.add"
)

// DealType is the portal's number for deals among the kinds of CRM items.
const DealType = "2"

// Fields are some custom fields of deals, to be read and written; it touches nothing else of
// them.
type Fields struct {
	client *Client
	zone   *time.Location
	fields []selectedField
}

type selectedField struct{ name, itemName, kind string }

// NewFields is for the custom fields with these upper-case names. One that the portal does
// not have is an error: the portal would take a write to it and say nothing.
func NewFields(c *Client, d Description, names []string) (*Fields, error) {
	f := &Fields{client: c, zone: d.Zone}
	for _, name := range names {
		at, ok := slices.BinarySearchFunc(d.Fields, name, func(f Field, name string) int { return cmp.Compare(f.Name, name) })
		if !ok {
			return nil, fmt.Errorf("the portal has no deal field %s", name)
		}
		f.fields = append(f.fields, selectedField{name, d.itemNames[name], d.Fields[at].Type})
	}
	return f, nil
}

// Select asks crm.item.list for the fields.
func (f *Fields) Select() []Param {
	params := make([]Param, len(f.fields))
	for i, field := range f.fields {
		params[i] = Param{"select[]", field.itemName}
	}
	return params
}

// Values are the fields that are not empty among the members of a row of crm.item.list, by their upper-case
// name; nil if there are none. A date field is YYYY-MM-DD, a number its shortest decimal form, and
// so is an amount of money, without its currency; a value of another kind stands as the portal
// gave it.
func (f *Fields) Values(members map[string]jsontext.Value) (map[string]string, error) {
	var values map[string]string
	for _, field := range f.fields {
		value, err := fieldValue(members[field.itemName], field.kind, f.zone)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.name, err)
		}
		if value == "" {
			continue
		}
		if values == nil {
			values = make(map[string]string, len(f.fields))
		}
		values[field.name] = value
	}
	return values, nil
}

// An Item is a deal as far as Fields knows it.
type Item struct {
	ID        ID
	UpdatedAt time.Time // UTC; zero where the portal gave none
	Values    map[string]string

	funnel ID
}

// errNoID is a row without an id.
var errNoID = errors.New("a row has no id")

// itemRow is a row of crm.item.list; a known fault shows a deal as [].
type itemRow = Optional[struct {
	ID        ID                        `json:"id"`
	Funnel    ID                        `json:"categoryId"`
	UpdatedAt Text                      `json:"updatedTime"`
	Others    map[string]jsontext.Value `json:",unknown"`
}]

func (f *Fields) item(shown itemRow) (Item, error) {
	row := shown.Value
	if row.ID == 0 {
		return Item{}, errNoID
	}
	values, err := f.Values(row.Others)
	if err != nil {
		return Item{}, fmt.Errorf("deal %d: %w", row.ID, err)
	}
	return Item{ID: row.ID, UpdatedAt: row.UpdatedAt.Instant(f.zone), Values: values, funnel: row.Funnel}, nil
}

func (f *Fields) decodeItems(page jsontext.Value) ([]Item, error) {
	var rows Items[itemRow]
	if err := Decode(page, &rows); err != nil {
		return nil, err
	}
	items := make([]Item, len(rows.Items))
	for i, row := range rows.Items {
		var err error
		if items[i], err = f.item(row); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// listing asks for the fields and for when the deal was changed last.
func (f *Fields) listing() Listing[Item] {
	params := []Param{{"entityTypeId", DealType}, {"select[]", "id"}, {"select[]", "categoryId"}, {"select[]", "updatedTime"}}
	return Listing[Item]{
		Method: listMethod, Params: append(params, f.Select()...), IDName: "id",
		Decode: f.decodeItems,
		ID:     func(item Item) ID { return item.ID },
	}
}

// Read gives the deals of the funnels, or of all, by id and a request at a time. expect is how
// many there may be, 0 if unknown.
func (f *Fields) Read(ctx context.Context, funnels []ID, expect int) iter.Seq2[[]Item, error] {
	listing := f.listing()
	listing.Expect = expect
	for _, funnel := range funnels {
		listing.Params = append(listing.Params, Param{"filter[@categoryId][]", funnel.String()})
	}
	return func(yield func([]Item, error) bool) {
		for part, err := range Walk(ctx, f.client, listing) {
			// Some portals ignore the filter.
			items := slices.DeleteFunc(part.Rows, func(item Item) bool {
				return len(funnels) > 0 && !slices.Contains(funnels, item.funnel)
			})
			if !yield(items, err) {
				return
			}
		}
	}
}

// ReadByID is Read for single deals, in any funnel. Those that are gone, or that the webhook
// may not read, are not among the result.
func (f *Fields) ReadByID(ctx context.Context, ids []ID) ([]Item, error) {
	return ByID(ctx, f.client, f.listing(), ids)
}

// An Update is new values for fields of one deal, by their upper-case names; an empty value
// clears the field.
type Update struct {
	DealID ID
	Values map[string]string
}

// An Updated is what became of an update.
type Updated struct {
	// Before is when the deal had been changed last, as the portal showed it in the request of
	// the update, before it; zero where that is not known.
	Before time.Time
	// After is the deal after the update.
	After Item
	// Err is the portal's refusal of this one update, or that its answer makes no sense: then
	// the update may have been made.
	Err error
}

// Update writes to the deals in one request where it can; Room says how many that should be
// at most. Its results are in the order of the updates. With an error, it is not known what
// became of any of them; it is ErrOutcomeUnknown where they may have been made.
func (f *Fields) Update(ctx context.Context, updates []Update) ([]Updated, error) {
	look := f.listing().inOrder()
	for _, update := range updates {
		look = append(look, Param{"filter[@id][]", update.DealID.String()})
	}
	// Commands run in their order, so the first one sees the deals as the updates find them.
	// For an update that was put off to a later request that no longer means anything.
	commands := []Command{{Method: listMethod, Params: look}}
	for _, update := range updates {
		commands = append(commands, f.command(update))
	}
	answers, err := f.client.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	before := map[ID]time.Time{}
	if items, err := f.decodeItems(answers[0].Result); answers[0].Err == nil && err == nil {
		for _, item := range items {
			before[item.ID] = item.UpdatedAt
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
	params := []Param{{"entityTypeId", DealType}, {"id", update.DealID.String()}}
	for _, field := range f.fields {
		if value, ok := update.Values[field.name]; ok {
			params = append(params, Param{"fields[" + field.itemName + "]", value})
		}
	}
	return Command{Method: updateMethod, Params: params, Writes: true}
}

// errStrangeAnswer is an update whose answer does not show the deal.
var errStrangeAnswer = errors.New(updateMethod + ": the portal's answer does not show the deal")

func (f *Fields) decode(answer Answer, asked ID) (Item, error) {
	if answer.Err != nil {
		return Item{}, answer.Err
	}
	var result struct {
		Item itemRow `json:"item"`
	}
	if Decode(answer.Result, &result) != nil {
		return Item{}, errStrangeAnswer
	}
	item, err := f.item(result.Item)
	if err != nil || item.ID != asked {
		return Item{}, errStrangeAnswer
	}
	return item, nil
}

// Room is how many updates should go into one request, so that it ends well within the
// portal's 60 s; at least 1.
func (f *Fields) Room() int {
	c := f.client
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
	return int(min(max(1, wantedSeconds/seconds), MaxCommands))
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

// lost notes that a writing request brought no answer: it may have taken too long.
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

// AddFields adds custom fields to deals and returns for each the refusal, or nil. The webhook's
// user must be an administrator of the CRM. With an error it is not known what became of them:
// Describe shows it.
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
