package bitrix24

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A ListItem is an element of a list.
type ListItem struct {
	ID   string
	Name string
}

// ListItems are the elements of those of the custom fields that are lists, by the fields' upper-case names; the elements
// are in the portal's order. A portal that does not tell them with the fields is asked for them in one request.
func (c *Client) ListItems(ctx context.Context, d Description, names []string) (map[string][]ListItem, error) {
	lists := map[string][]ListItem{}
	var commands []Command
	for _, f := range d.Fields {
		if f.Type != ListType || !slices.Contains(names, f.Name) {
			continue
		}
		lists[f.Name] = d.items[f.Name]
		if len(lists[f.Name]) == 0 {
			commands = append(commands, Command{Method: fieldsMethod, Params: []Param{{"filter[FIELD_NAME]", f.Name}}})
		}
	}
	answers, err := c.Batch(ctx, commands)
	if err != nil {
		return nil, err
	}
	for _, answer := range answers {
		if answer.Err != nil {
			return lists, answer.Err
		}
		var rows List[struct {
			Name  Text     `json:"FIELD_NAME"`
			Items itemList `json:"LIST"`
		}]
		if err := Decode(answer.Result, &rows); err != nil {
			return lists, fmt.Errorf("%s: %w", fieldsMethod, err)
		}
		for _, row := range rows {
			if _, isAsked := lists[string(row.Name)]; isAsked {
				lists[string(row.Name)] = row.Items
			}
		}
	}
	return lists, nil
}

const fieldsMethod = "crm.deal.userfield.list"

// itemList reads the elements of a list, with the last of those that come twice.
type itemList []ListItem

func (l *itemList) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var rows List[struct {
		ID   Text `json:"ID"`
		Name Text `json:"VALUE"`
	}]
	if err := json.UnmarshalDecode(d, &rows); err != nil {
		return err
	}
	place := map[Text]int{}
	*l = nil
	for _, row := range rows {
		item := ListItem{string(row.ID), string(row.Name)}
		if at, isTwice := place[row.ID]; isTwice {
			(*l)[at] = item
			continue
		}
		place[row.ID] = len(*l)
		*l = append(*l, item)
	}
	return nil
}

// ItemsOf reads the ids in the value of a list field as Fields.Values gives it.
func ItemsOf(value string) []string {
	var ids List[Text]
	if Decode([]byte(value), &ids) != nil || len(ids) == 0 {
		return []string{value}
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return texts
}
