package bitrix24

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ListType is the type of a field that holds an element of a list, or several: their ids.
const ListType = "enumeration"

// A Field describes a field of the deal.
type Field struct {
	Name       string // upper case, as in the configuration: UF_CRM_…
	Type       string // the portal's: integer, double, string, date, datetime, …
	Title      string // what people see
	IsMultiple bool
	IsReadOnly bool
}

// A Description is what deals have on a portal and what its webhook may do, as of Clock. Only
// Describe makes one that NewFields can use.
type Description struct {
	Clock    time.Time      // the portal's, UTC
	Zone     *time.Location // the offset in which the server writes times
	Fields   []Field        // by name
	Scopes   []string       // empty if the portal does not say
	IsAdmin  bool           // the webhook's user sees everything
	UserZone string         // IANA name of the zone of the webhook's user; often empty
	Warnings []string

	// The name under which crm.item.list knows a field, by its upper-case name: it cannot be
	// computed.
	itemNames map[string]string
	// The elements of lists, by the upper-case names of their fields; not every portal tells them here.
	items map[string]itemList
}

// HasScope is whether the webhook may use a scope, as far as the portal says.
func (d Description) HasScope(names ...string) bool {
	return len(d.Scopes) == 0 || slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(d.Scopes, name)
	})
}

// ShowsPeople is whether the webhook may read people, as far as the portal says.
func (d Description) ShowsPeople() bool { return d.HasScope("user", "user_basic", "user_brief") }

// Describe asks for the portal's clock and fields, and for the webhook's rights, in one request.
// A right that is missing for what can be done without is a warning.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	d, _, err := c.DescribeWith(ctx, func(int) []Command { return nil })
	return d, err
}

// DescribeWith is Describe with further commands in the same request, the first of which has the position that further
// is given. Their answers come in their order.
func (c *Client) DescribeWith(ctx context.Context, further func(first int) []Command) (Description, []Answer, error) {
	commands := []Command{
		{Method: "server.time"},
		{Method: "crm.item.fields", Params: []Param{{"entityTypeId", DealType}}},
		{Method: "scope"},
		{Method: "profile"},
	}
	answers, err := c.Batch(ctx, append(commands, further(len(commands))...))
	if err != nil {
		return Description{}, nil, err
	}
	clock, fields, scopes, profile := answers[0], answers[1], answers[2], answers[3]
	var d Description
	if d.Clock, d.Zone, err = decodeClock(clock); err != nil {
		return Description{}, nil, err
	}
	if err := d.decodeFields(fields); err != nil {
		return Description{}, nil, err
	}
	var names List[Text]
	if scopes.Err == nil && Decode(scopes.Result, &names) == nil {
		for _, name := range names {
			d.Scopes = append(d.Scopes, string(name))
		}
	}
	var user struct {
		Admin Flag `json:"ADMIN"`
		Zone  Text `json:"TIME_ZONE"`
	}
	if profile.Err == nil && Decode(profile.Result, &user) == nil {
		d.IsAdmin, d.UserZone = bool(user.Admin), string(user.Zone)
	}
	if !d.IsAdmin {
		d.Warnings = append(d.Warnings, "the webhook's user is not an administrator: deals that this user may not read are missing without a sign")
	}
	if !d.ShowsPeople() {
		d.Warnings = append(d.Warnings, "the webhook lacks the scope user: managers stay without names")
	}
	return d, answers[4:], nil
}

func decodeClock(answer Answer) (time.Time, *time.Location, error) {
	var told Text
	if answer.Err != nil {
		return time.Time{}, nil, answer.Err
	}
	if err := Decode(answer.Result, &told); err != nil {
		return time.Time{}, nil, fmt.Errorf("server.time: %w", err)
	}
	at, ok := parseInstant(string(told), time.UTC)
	if !ok {
		return time.Time{}, nil, fmt.Errorf("server.time: %.40q is not a time", told)
	}
	return at.UTC(), at.Location(), nil
}

func (d *Description) decodeFields(answer Answer) error {
	const method = "crm.item.fields"
	if answer.Err != nil {
		return answer.Err
	}
	var result struct {
		Fields dict `json:"fields"`
	}
	if err := Decode(answer.Result, &result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	d.Fields = make([]Field, 0, len(result.Fields))
	d.itemNames, d.items = make(map[string]string, len(result.Fields)), map[string]itemList{}
	for itemName, raw := range result.Fields {
		var described struct {
			Type       Text     `json:"type"`
			Title      Text     `json:"title"`
			FormLabel  Text     `json:"formLabel"`
			ListLabel  Text     `json:"listLabel"`
			UpperName  Text     `json:"upperName"`
			IsMultiple Flag     `json:"isMultiple"`
			IsReadOnly Flag     `json:"isReadOnly"`
			Items      itemList `json:"items"`
		}
		if IsEmpty(raw) {
			continue
		}
		if err := Decode(raw, &described); err != nil {
			return fmt.Errorf("%s: %s: %w", method, itemName, err)
		}
		// On a collision of names the portal gives the original one for both.
		name := string(cmp.Or(described.UpperName, Text(itemName)))
		d.Fields = append(d.Fields, Field{
			Name: name,
			Type: string(described.Type),
			// A user field's title is its code.
			Title:      string(cmp.Or(described.FormLabel, described.ListLabel, described.Title)),
			IsMultiple: bool(described.IsMultiple),
			IsReadOnly: bool(described.IsReadOnly),
		})
		d.itemNames[name] = itemName
		if described.Type == ListType {
			d.items[name] = described.Items
		}
	}
	slices.SortFunc(d.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
