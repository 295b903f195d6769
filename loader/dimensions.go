package loader

import (
	"context"
	"fmt"
	"slices"

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
