package loader

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A Dimension is a field of the deal that people group by, under a name of its own.
type Dimension struct {
	Name       string
	Field      string // upper case
	Type       string // the portal's
	IsMultiple bool
	Items      []DimensionItem // of a list, in the order of the portal
}

// A DimensionItem is an element of a list.
type DimensionItem struct{ ID, Name string }

// Equal is whether both say the same of every deal.
func (d *Dimension) Equal(e *Dimension) bool {
	return d.Name == e.Name && d.Field == e.Field && d.Type == e.Type && d.IsMultiple == e.IsMultiple && slices.Equal(d.Items, e.Items)
}

// ItemName is the name of an element of the list, #ID where it has none.
func (d *Dimension) ItemName(id string) string {
	for _, item := range d.Items {
		if item.ID == id && item.Name != "" {
			return item.Name
		}
	}
	return "#" + id
}

const (
	// longestLabel is how many characters of a deal's values are kept: nobody groups by a long text.
	longestLabel = 200
	// betweenValues stands between several values.
	betweenValues = ", "
)

// JoinValues is the text that a deal has for the values of a field, empty for none. A long text is cut off.
func JoinValues(values []string) string {
	text := []rune(strings.Join(values, betweenValues))
	return strings.TrimSpace(string(text[:min(len(text), longestLabel)]))
}

// Values are the values that JoinValues made a text of, each once, without a last one that may have been cut off. A text
// or a link can contain what stands between values, so that the values of such a field are taken for one.
func (d *Dimension) Values(text string) (values []string) {
	if text == "" {
		return nil
	}
	if !d.IsMultiple || d.Type == "string" || d.Type == "url" {
		return []string{text}
	}
	mayBeCut := utf8.RuneCountInString(text) >= longestLabel-1 // a blank at the end is cut off too
	for rest := text; rest != ""; {
		value := d.itemAt(rest)
		isItem := value != ""
		if !isItem {
			value, _, _ = strings.Cut(rest, betweenValues)
		}
		if mayBeCut && !isItem && value == rest && len(values) > 0 {
			break
		}
		if !slices.Contains(values, value) {
			values = append(values, value)
		}
		rest = strings.TrimPrefix(rest[len(value):], betweenValues)
	}
	return values
}

// itemAt is the longest name of an element that a text begins with as a value, empty where there is none. A name can
// contain what stands between values.
func (d *Dimension) itemAt(text string) (longest string) {
	for _, item := range d.Items {
		name := strings.TrimSpace(item.Name)
		if len(name) > len(longest) && (text == name || strings.HasPrefix(text, name+betweenValues)) {
			longest = name
		}
	}
	return longest
}

var dimensionTable = table[Dimension]{"dimensions", []column[Dimension]{
	plain("name", func(d *Dimension) *string { return &d.Name }),
	plain("field", func(d *Dimension) *string { return &d.Field }),
	plain("type", func(d *Dimension) *string { return &d.Type }),
	plain("is_multiple", func(d *Dimension) *bool { return &d.IsMultiple }),
	each(itemsOf, plain("item_id", func(i *DimensionItem) *string { return &i.ID })),
	each(itemsOf, plain("item_name", func(i *DimensionItem) *string { return &i.Name })),
}}

func itemsOf(d *Dimension) *[]DimensionItem { return &d.Items }

// DimensionsOf are the dimensions that a run derives under, by their names: its own, or those published where it has
// found no others. With the run 0 they are those published.
func DimensionsOf(ctx context.Context, conn driver.Conn, run RunID) ([]Dimension, error) {
	var dimensions []Dimension
	err := dimensionTable.read(ctx, conn, setOf(dimensionTable.name)+" ORDER BY name", func(d *Dimension) {
		if d.Name != "" {
			dimensions = append(dimensions, *d)
		}
	}, uint32(run))
	if err != nil {
		return nil, fmt.Errorf("read the dimensions: %w", err)
	}
	return dimensions, nil
}

// AppendDimensions appends the dimensions, which are by their names, where they are other than published, and tells
// whether they are.
func (r *Run) AppendDimensions(ctx context.Context, dimensions []Dimension) (areOthers bool, err error) {
	published, err := DimensionsOf(ctx, r.conn, 0)
	if err != nil {
		return false, err
	}
	if slices.EqualFunc(dimensions, published, func(d, p Dimension) bool { return d.Equal(&p) }) {
		return false, nil
	}
	if len(dimensions) == 0 {
		dimensions = []Dimension{{}}
	}
	if err := dimensionTable.insert(ctx, r.conn, r.row.RunID, dimensions); err != nil {
		return false, fmt.Errorf("append to dimensions: %w", err)
	}
	return true, nil
}
