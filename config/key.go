package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keysOf is the paths of a structure's keys that lie at path, in the order of its fields.
func keysOf(structure reflect.Type, path string) []string {
	var keys []string
	for field := range structure.Fields() {
		if key, ok := field.Tag.Lookup("key"); ok {
			keys = append(keys, join(path, key))
		}
	}
	return keys
}

func fieldOf(structure reflect.Value, key string) (reflect.Value, bool) {
	for field := range structure.Type().Fields() {
		if tag, ok := field.Tag.Lookup("key"); ok && tag == key {
			return structure.FieldByIndex(field.Index), true
		}
	}
	return reflect.Value{}, false
}

// isSetAlone is whether a key of the type has a value of its own, rather than keys below
// it. Such a key has a variable.
func isSetAlone(t reflect.Type) bool {
	_, isLeaf := leaves[t]
	return isLeaf || t.Kind() != reflect.Struct
}

// A key is one thing that a person can set.
type key struct {
	path     string // portal.time_zone
	index    []int  // of the field in Config
	isSecret bool
}

// keys are all things that a person can set, in the order of Config's fields.
var keys = appendKeys(nil, reflect.TypeFor[Config](), "", nil)

func appendKeys(keys []key, structure reflect.Type, path string, index []int) []key {
	for field := range structure.Fields() {
		name, ok := field.Tag.Lookup("key")
		if !ok {
			continue
		}
		at := slices.Concat(index, field.Index)
		if isSetAlone(field.Type) {
			keys = append(keys, key{join(path, name), at, isSecret(field.Type)})
		} else {
			keys = appendKeys(keys, field.Type, join(path, name), at)
		}
	}
	return keys
}

// variableOf is the variable that sets a key: STAGELAG_PORTAL_URL for portal.url.
func variableOf(path string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// nearestKey is the key that was most likely meant by path: one beside it, or the one
// elsewhere whose last part is most like its own.
func nearestKey(path string, beside []string) string {
	candidates := slices.Clone(beside)
	for _, k := range keys {
		candidates = append(candidates, k.path)
	}
	lastPart := func(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
	return nearest(lastPart(path), candidates, lastPart)
}

// Meant asks whether the nearest candidate was meant, to be put behind a message; it is empty where there is none.
func Meant(name string, candidates []string) string {
	if near := Nearest(name, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// Nearest is the candidate with the fewest letters to change, the first of several, for
// a message that names what was most likely meant. It is empty where there is none.
func Nearest(name string, candidates []string) string {
	return nearest(name, candidates, func(candidate string) string { return candidate })
}

// nearest is the candidate whose name has the fewest letters to change, the first of
// several. A name that is part of the other is one change away: zone is near time_zone.
func nearest(name string, candidates []string, nameOf func(string) string) string {
	name = strings.ToLower(name)
	distance := func(candidate string) int {
		other := strings.ToLower(nameOf(candidate))
		d := levenshtein.ComputeDistance(name, other)
		if min(len(name), len(other)) >= 3 && (strings.Contains(name, other) || strings.Contains(other, name)) {
			return min(d, 1)
		}
		return d
	}
	if len(candidates) == 0 {
		return ""
	}
	return slices.MinFunc(candidates, func(a, b string) int { return distance(a) - distance(b) })
}
