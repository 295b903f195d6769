package loader

import (
	"slices"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	long := strings.Repeat("x", 120)
	list := func(names ...string) Dimension {
		d := Dimension{Type: "enumeration", IsMultiple: true}
		for _, name := range names {
			d.Items = append(d.Items, DimensionItem{Name: name})
		}
		return d
	}
	tests := []struct {
		name      string
		dimension Dimension
		values    []string
		want      []string
	}{
		{"none", list("A"), nil, nil},
		{"each element counts", list("A", "B", "C"), []string{"A", "C"}, []string{"A", "C"}},
		{"a name with a comma is one value", list("A", "B", "A, B", "C"), []string{"A, B", "C"}, []string{"A, B", "C"}},
		{"a name that begins another one", list("North", "North, far"), []string{"North", "North, far"}, []string{"North", "North, far"}},
		{"an element that the list no longer has goes by what stands there", list("A", "B"), []string{"#45", "B"}, []string{"#45", "B"}},
		{"a value that was cut off is left out", list("A", long, "y"+long), []string{"A", long, "y" + long}, []string{"A", long}},
		{"a single long value is kept as far as it goes", list(long + long), []string{long + long}, []string{(long + long)[:200]}},
		{"dates", Dimension{Type: "date", IsMultiple: true}, []string{"2026-03-01", "2026-03-02"}, []string{"2026-03-01", "2026-03-02"}},
		{"several texts are one value", Dimension{Type: "string", IsMultiple: true}, []string{"Lee, Ann", "Ray, Bob"}, []string{"Lee, Ann, Ray, Bob"}},
		{"one text with a comma", Dimension{Type: "string"}, []string{"Lee, Ann"}, []string{"Lee, Ann"}},
		{"an element of a field with one value", Dimension{Type: "enumeration"}, []string{"A, B"}, []string{"A, B"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text := JoinValues(test.values)
			if got := test.dimension.Values(text); !slices.Equal(got, test.want) {
				t.Errorf("Values(%q) = %q, want %q", text, got, test.want)
			}
		})
	}
}
