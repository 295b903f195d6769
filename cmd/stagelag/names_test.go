package main

import (
	"fmt"
	"testing"
)

func TestPick(t *testing.T) {
	t.Parallel()
	few := []named{{5, "Projects"}, {7, "Service"}, {9, "service "}}
	var many []named
	for i := range 11 {
		many = append(many, named{uint64(i), fmt.Sprintf("Funnel number %d", i)})
	}
	tests := []struct {
		name, given string
		known       []named
		want        string
	}{
		{"an id", "17", nil, "17"},
		{"a name", " projects", few, "5"},
		{"a name of several", "Service", few, `report: --funnel: several funnels have the name "Service": give the id, one of 7, 9`},
		{"a name of none", "Project", few, `report: --funnel: there is no funnel "Project"; there are 5 (Projects), 7 (Service), 9 (service )`},
		{"a name of none of many", "Funnel number 7a", many, `report: --funnel: there is no funnel "Funnel number 7a", the nearest is 7 (Funnel number 7)`},
		{"before the first run", "Projects", nil, "report: --funnel: before the first run is published, no funnel is known by its name: give the id"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			id, err := pick("report: --funnel", "funnel", test.given, test.known)
			got := fmt.Sprint(id)
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("pick(%q) = %s, want %s", test.given, got, test.want)
			}
		})
	}
}
