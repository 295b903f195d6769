package nightly

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/loader"
	"stagelag/transform"
)

// dimensionTypes are the portal's types of fields that deals can be grouped by.
var dimensionTypes = []string{"string", bitrix24.ListType, "date", "datetime", "integer", "double", "money", "boolean", "char", "url"}

// checkDimensions gives what is wrong with the dimensions of a configuration.
func checkDimensions(cfg config.Config, portal extractor.Description, missing func(place, field string), complain func(format string, args ...any)) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Dimensions)) {
		place, field := "dimensions."+string(name), string(cfg.Dimensions[name])
		i := slices.IndexFunc(portal.Fields, func(f bitrix24.Field) bool { return f.Name == field })
		switch {
		case i < 0:
			missing(place, field)
		case !slices.Contains(dimensionTypes, portal.Fields[i].Type):
			complain("%s: the portal's field %s is of type %s; deals can be grouped by fields of the types %s",
				place, field, portal.Fields[i].Type, strings.Join(dimensionTypes, ", "))
		}
	}
}

// dimensions are those of the configuration, by their names. Where the portal refuses to tell the elements of lists, they
// are those that were published, with a warning.
func (p Pass) dimensions(ctx context.Context, portal extractor.Description) (dimensions []loader.Dimension, warnings []string, err error) {
	if len(p.Config.Dimensions) == 0 {
		return nil, nil, nil
	}
	lists, err := p.Client.ListItems(ctx, portal.Description, dimensionFields(p.Config))
	if refusal, ok := errors.AsType[*bitrix24.APIError](err); ok {
		warnings = append(warnings, fmt.Sprintf("elements of lists are shown as they were last, new ones by their ids: %v", refusal))
	} else if err != nil {
		return nil, nil, fmt.Errorf("elements of lists: %w", err)
	}
	published, err := loader.DimensionsOf(ctx, p.Warehouse.DB(), 0)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(p.Config.Dimensions)) {
		d := loader.Dimension{Name: string(name), Field: string(p.Config.Dimensions[name])}
		for _, field := range portal.Fields {
			if field.Name == d.Field {
				d.Type, d.IsMultiple = field.Type, field.IsMultiple
			}
		}
		for _, item := range lists[d.Field] {
			d.Items = append(d.Items, loader.DimensionItem{ID: item.ID, Name: item.Name})
		}
		if was := slices.IndexFunc(published, func(p loader.Dimension) bool { return p.Field == d.Field }); len(d.Items) == 0 && was >= 0 && len(warnings) > 0 {
			d.Items = published[was].Items
		}
		dimensions = append(dimensions, d)
	}
	return dimensions, warnings, nil
}

func dimensionFields(cfg config.Config) []string {
	var fields []string
	for _, field := range cfg.Dimensions {
		fields = append(fields, string(field))
	}
	return fields
}

// labels are what deals are grouped by beside their stages. They decide no number.
type labels struct {
	dimensions  []loader.Dimension
	departments *loader.Departments
	zone        *time.Location
}

// labelsOf are those that a run derives under, with its dimensions.
func labelsOf(ctx context.Context, p Pass, dimensions []loader.Dimension, run loader.RunID, asOf transform.Day) (*labels, error) {
	l := &labels{dimensions: dimensions, zone: p.Config.Portal.TimeZone}
	var err error
	l.departments, err = loader.DepartmentsOf(ctx, p.Warehouse.DB(), run, asOf)
	return l, err
}

// of labels the row of a deal.
func (l *labels) of(row *loader.DealRow, known *loader.Known, visits []transform.Visit, asOf transform.Day) {
	row.CompanyID, row.CompanyName = known.Deal.CompanyID, known.CompanyName
	if last := len(visits) - 1; last >= 0 {
		row.DepartmentID = l.departments.Of(visits[last].ManagerID(), visits[last].End(asOf))
	}
	for i := range l.dimensions {
		d := &l.dimensions[i]
		if value := l.value(d, known.Deal.Fields[d.Field]); value != "" {
			row.Dimensions = append(row.Dimensions, loader.DimensionValue{Name: d.Name, Value: value})
		}
	}
}

// value is what people see of a field's value, empty for none.
func (l *labels) value(d *loader.Dimension, told string) string {
	if told == "" {
		return ""
	}
	values := []string{told}
	if d.IsMultiple {
		values = bitrix24.ItemsOf(told)
	}
	var shown []string
	for _, value := range values {
		switch {
		case d.Type == bitrix24.ListType:
			value = d.ItemName(value)
		case d.Type == "boolean" || d.Type == "char" && (value == "Y" || value == "N"):
			value = yesOrNo(value)
		case d.Type == "date" || d.Type == "datetime":
			value = l.date(d.Type, value)
		}
		if value = strings.TrimSpace(value); value != "" && !slices.Contains(shown, value) {
			shown = append(shown, value)
		}
	}
	return loader.JoinValues(shown)
}

func yesOrNo(value string) string {
	switch strings.ToUpper(strings.TrimSpace(value)) {
	case "Y", "1", "TRUE":
		return "yes"
	case "N", "0", "FALSE":
		return "no"
	default:
		return value
	}
}

// date is the date of a moment in the portal's zone; a date field's has none.
func (l *labels) date(kind, value string) string {
	at, err := time.Parse(time.RFC3339, value)
	switch {
	case err != nil:
		return value
	case kind == "date":
		return at.UTC().Format(time.DateOnly) // of several values, which stand as the portal gave them
	default:
		return at.In(cmp.Or(l.zone, time.UTC)).Format(time.DateOnly)
	}
}
