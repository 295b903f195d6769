package extractor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Description is what a portal has and what its webhook may do, as of Clock. Only Describe
// makes one that Extract can use.
type Description struct {
	Clock    time.Time      // the portal's, UTC
	Zone     *time.Location // the offset in which the server writes times
	Funnels  []Funnel       // in the portal's order
	Fields   []Field        // by name
	Scopes   []string       // empty if the portal does not tell
	IsAdmin  bool           // the webhook's user sees everything
	UserZone string         // IANA name of the zone of the webhook's user; often empty
	Warnings []string

	// The name under which crm.item.list knows a field, by its upper-case name: it cannot be
	// computed.
	itemNames map[string]string
}

// HasScope is whether the webhook may use a scope, as far as the portal tells.
func (d Description) HasScope(names ...string) bool {
	return len(d.Scopes) == 0 || slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(d.Scopes, name)
	})
}

// Describe asks for the portal's clock, funnels, stages and fields, and for the webhook's
// rights: two requests, with up to 50 funnels. A right that is missing for what can be done
// without is a warning.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	deals := Param{"entityTypeId", dealType}
	answers, err := c.Batch(ctx, []Command{
		{Method: "server.time"},
		{Method: "crm.category.list", Params: []Param{deals}},
		{Method: "crm.item.fields", Params: []Param{deals}},
		{Method: "scope"},
		{Method: "profile"},
	})
	if err != nil {
		return Description{}, err
	}
	clock, categories, fields, scopes, profile := answers[0], answers[1], answers[2], answers[3], answers[4]
	var d Description
	if d.Clock, d.Zone, err = decodeClock(clock); err != nil {
		return Description{}, err
	}
	if d.Funnels, err = decodeFunnels(categories); err != nil {
		return Description{}, err
	}
	if d.Fields, d.itemNames, err = decodeFields(fields); err != nil {
		return Description{}, err
	}
	var names list[text]
	if scopes.Err == nil && json.Unmarshal(scopes.Result, &names) == nil {
		for _, name := range names {
			d.Scopes = append(d.Scopes, string(name))
		}
	}
	var user struct {
		Admin flag `json:"ADMIN"`
		Zone  text `json:"TIME_ZONE"`
	}
	if profile.Err == nil && json.Unmarshal(profile.Result, &user) == nil {
		d.IsAdmin, d.UserZone = bool(user.Admin), string(user.Zone)
	}
	if !d.IsAdmin {
		d.Warnings = append(d.Warnings, "the webhook's user is no administrator: deals that this user may not read are missing without a sign")
	}
	if !d.HasScope(userScopes...) {
		d.Warnings = append(d.Warnings, "the webhook lacks the scope user: managers stay without names")
	}
	if err := c.stages(ctx, d.Funnels); err != nil {
		return Description{}, err
	}
	return d, nil
}

var userScopes = []string{"user", "user_basic", "user_brief"}

// dealType is the portal's number for deals among the kinds of CRM items.
const dealType = "2"

func decodeClock(answer Answer) (time.Time, *time.Location, error) {
	var told text
	if answer.Err != nil {
		return time.Time{}, nil, answer.Err
	}
	if err := json.Unmarshal(answer.Result, &told); err != nil {
		return time.Time{}, nil, fmt.Errorf("server.time: %w", err)
	}
	at, ok := parseInstant(string(told), time.UTC)
	if !ok {
		return time.Time{}, nil, fmt.Errorf("server.time: %.40q is no time", told)
	}
	return at.UTC(), at.Location(), nil
}

func decodeFunnels(answer Answer) ([]Funnel, error) {
	const method = "crm.category.list"
	if answer.Err != nil {
		return nil, answer.Err
	}
	type category struct {
		ID   id   `json:"id"`
		Name text `json:"name"`
		Sort text `json:"sort"`
	}
	var result struct {
		Categories list[category] `json:"categories"`
	}
	if !isEmpty(answer.Result) {
		if err := json.Unmarshal(answer.Result, &result); err != nil {
			return nil, fmt.Errorf("%s: %w", method, err)
		}
	}
	if len(result.Categories) == 0 {
		return nil, errors.New(method + ": the webhook's user may read no funnel: check its rights in the CRM")
	}
	slices.SortStableFunc(result.Categories, func(a, b category) int {
		return cmp.Or(cmp.Compare(sortOrder(a.Sort), sortOrder(b.Sort)), cmp.Compare(a.ID, b.ID))
	})
	funnels := make([]Funnel, len(result.Categories))
	for i, row := range result.Categories {
		funnels[i] = Funnel{ID: FunnelID(row.ID), Name: string(row.Name)}
	}
	return funnels, nil
}

func sortOrder(value text) int32 {
	n, err := strconv.ParseInt(string(value), 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

func decodeFields(answer Answer) ([]Field, map[string]string, error) {
	const method = "crm.item.fields"
	if answer.Err != nil {
		return nil, nil, answer.Err
	}
	var result struct {
		Fields dict `json:"fields"`
	}
	if err := json.Unmarshal(answer.Result, &result); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", method, err)
	}
	fields := make([]Field, 0, len(result.Fields))
	itemNames := make(map[string]string, len(result.Fields))
	for itemName, raw := range result.Fields {
		var described struct {
			Type       text `json:"type"`
			Title      text `json:"title"`
			FormLabel  text `json:"formLabel"`
			ListLabel  text `json:"listLabel"`
			UpperName  text `json:"upperName"`
			IsMultiple flag `json:"isMultiple"`
			IsReadOnly flag `json:"isReadOnly"`
		}
		if isEmpty(raw) {
			continue
		}
		if err := json.Unmarshal(raw, &described); err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", method, itemName, err)
		}
		// On a collision of names the portal gives the original one for both.
		name := string(cmp.Or(described.UpperName, text(itemName)))
		fields = append(fields, Field{
			Name: name,
			Type: string(described.Type),
			// A user field's title is its code.
			Title:      string(cmp.Or(described.FormLabel, described.ListLabel, described.Title)),
			IsMultiple: bool(described.IsMultiple),
			IsReadOnly: bool(described.IsReadOnly),
		})
		itemNames[name] = itemName
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields, itemNames, nil
}

// stages fills in the stages of funnels.
func (c *Client) stages(ctx context.Context, funnels []Funnel) error {
	type page struct{ funnel, start int }
	open := make([]page, len(funnels))
	for i := range open {
		open[i].funnel = i
	}
	for len(open) > 0 {
		commands := make([]Command, len(open))
		for i, p := range open {
			commands[i] = Command{Method: "crm.status.list", Params: []Param{
				{"filter[ENTITY_ID]", stageList(funnels[p.funnel].ID)},
				{"order[SORT]", "ASC"},
				{"order[ID]", "ASC"},
				{"start", strconv.Itoa(p.start)},
			}}
		}
		answers, err := c.Batch(ctx, commands)
		if err != nil {
			return err
		}
		var next []page
		for i, p := range open {
			funnel := &funnels[p.funnel]
			added, err := funnel.addStages(answers[i])
			if err != nil {
				return fmt.Errorf("stages of funnel %d: %w", funnel.ID, err)
			}
			// The list is said to be one page; where it is more, a page that brings nothing
			// new ends it, because a start behind the end may begin again.
			if added == pageRows {
				next = append(next, page{p.funnel, p.start + pageRows})
			}
		}
		open = next
	}
	for i := range funnels {
		slices.SortStableFunc(funnels[i].Stages, func(a, b Stage) int { return cmp.Compare(a.Sort, b.Sort) })
	}
	return nil
}

// stageList is the name of a funnel's list of stages. DEAL_STAGE_0 is none.
func stageList(funnel FunnelID) string {
	if funnel == 0 {
		return "DEAL_STAGE"
	}
	return fmt.Sprintf("DEAL_STAGE_%d", funnel)
}

// addStages adds a page of stages and says how many of them are new.
func (f *Funnel) addStages(answer Answer) (int, error) {
	if answer.Err != nil {
		return 0, answer.Err
	}
	var rows list[struct {
		StatusID  text `json:"STATUS_ID"`
		EntityID  text `json:"ENTITY_ID"`
		Name      text `json:"NAME"`
		Sort      text `json:"SORT"`
		Semantics text `json:"SEMANTICS"`
	}]
	if err := json.Unmarshal(answer.Result, &rows); err != nil {
		return 0, fmt.Errorf("crm.status.list: %w", err)
	}
	added := 0
	for _, row := range rows {
		stageID := StageID(row.StatusID)
		isKnown := slices.ContainsFunc(f.Stages, func(s Stage) bool { return s.ID == stageID })
		isOther := row.EntityID != "" && string(row.EntityID) != stageList(f.ID)
		if stageID == "" || isKnown || isOther {
			continue
		}
		meaning, _ := semantics(row.Semantics) // empty while work goes on
		f.Stages = append(f.Stages, Stage{
			ID: stageID, FunnelID: f.ID, Name: string(row.Name), Semantics: meaning, Sort: sortOrder(row.Sort),
		})
		added++
	}
	return added, nil
}
