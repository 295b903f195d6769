package calendar

import (
	"fmt"
	"slices"
	"strings"

	"stagelag/bitrix24"
	"stagelag/config"
)

// CheckFields holds the fields that pause deals against what the portal has. A name that it
// does not have, or a field of another type, is a *config.Error: it would silently pause
// nothing.
func CheckFields(pauses config.Pauses, portal bitrix24.Description) error {
	var names []string
	for _, field := range portal.Fields {
		names = append(names, field.Name)
	}
	directory := config.NewDirectory(nil, portal.Fields)
	var complaints []config.Complaint
	complain := func(format string, args ...any) {
		complaints = append(complaints, config.Complaint{Text: fmt.Sprintf(format, args...)})
	}
	for _, f := range []struct {
		key   string
		name  config.FieldName
		types []string
		what  string
	}{
		{"pauses.flag", pauses.Flag, []string{"boolean"}, "yes or no"},
		{"pauses.from", pauses.From, []string{"date", "datetime"}, "a date"},
		{"pauses.until", pauses.Until, []string{"date", "datetime"}, "a date"},
	} {
		if f.name == "" {
			continue
		}
		i := slices.Index(names, string(f.name))
		switch {
		case i < 0:
			complaints = append(complaints, config.Complaint{Text: directory.Missing(config.Misnomer{Key: f.key, Kind: config.KindField, Name: string(f.name)})})
		case portal.Fields[i].IsMultiple:
			complain("%s: the portal's field %s has several values; name one with a single value", f.key, f.name)
		case !slices.Contains(f.types, portal.Fields[i].Type):
			complain("%s: the portal's field %s is of type %s and has to be of type %s, which holds %s", f.key, f.name, portal.Fields[i].Type, strings.Join(f.types, " or "), f.what)
		}
	}
	if len(complaints) == 0 {
		return nil
	}
	return &config.Error{Complaints: complaints}
}
