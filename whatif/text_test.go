package whatif

import (
	"slices"
	"strings"
	"testing"

	"stagelag/locale"
)

// People of one name are told apart by their ids, and nobody else has one beside the name.
func TestManagersOfOneName(t *testing.T) {
	c := Comparison{Managers: []ManagerRow{{ManagerID: 3, ManagerName: "Boris Novak"}, {ManagerID: 4, ManagerName: "Elena Rossi"}, {ManagerID: 9, ManagerName: "Boris Novak"}}}
	var b strings.Builder
	if err := c.WriteText(&b, true, locale.For(locale.English)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(b.String()) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), "  "); strings.HasPrefix(name, "Boris") || strings.HasPrefix(name, "Elena") {
			got = append(got, name)
		}
	}
	if want := []string{"Boris Novak (#3)", "Elena Rossi", "Boris Novak (#9)"}; !slices.Equal(got, want) {
		t.Errorf("WriteText names %q, want %q:\n%s", got, want, b.String())
	}
}
