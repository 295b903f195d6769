package config

import (
	"maps"
	"slices"
	"strings"
)

// A Share is a part of a whole, above 0 and up to 1.
type Share float64

// A DimensionName is a name under which deals are grouped by a field.
type DimensionName string

// checkDimensions looks for fields that are named twice, and for what write-back writes: it would be grouped by what the
// program itself has found.
func (r *reader) checkDimensions(cfg *Config) {
	w := cfg.WriteBack
	written := []FieldName{w.State, w.DaysLate, w.DaysLeft, w.PlannedEnd, w.DaysLost}
	first, folded := map[FieldName]DimensionName{}, map[string]DimensionName{}
	for _, name := range slices.Sorted(maps.Keys(cfg.Dimensions)) {
		path, field := "dimensions["+string(name)+"]", cfg.Dimensions[name]
		if r.isWrong(path) {
			continue
		}
		switch earlier, isTaken := first[field]; {
		case slices.Contains(written, field):
			r.complain(r.places[path], path, "%s is written by write_back, so that deals would be read anew each night: name another field", field)
		case isTaken:
			r.complain(r.places[path], path, "%s is the field of the dimension %s already", field, earlier)
		}
		if earlier, isTaken := folded[strings.ToLower(string(name))]; isTaken {
			r.complain(r.places[path], path, "differs from the dimension %s in the case of its letters only", earlier)
		}
		first[field], folded[strings.ToLower(string(name))] = name, name
	}
}
