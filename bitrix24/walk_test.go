package bitrix24_test

import (
	"slices"
	"testing"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

func TestListingsAreReadTogether(t *testing.T) {
	s := newSite(t, someDeals(120, 1), simulator.Options{})
	client := s.connect()
	first, second, none := deals, deals, deals
	first.Expect, second.Expect, none.Expect = 120, 20, 1
	second.After, none.After = 100, 120
	got, ends := make([][]bitrix24.ID, 3), []int(nil)
	cursors := make([]bitrix24.ID, 3)
	for part, err := range bitrix24.Walk(t.Context(), client, first, second, none) {
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range part.Rows {
			got[part.Listing] = append(got[part.Listing], row.ID)
		}
		cursors[part.Listing] = part.Cursor
		if part.IsLast {
			ends = append(ends, part.Listing)
		}
	}
	if len(got[0]) != 120 || !slices.Equal(got[1], got[0][100:]) || len(got[2]) > 0 {
		t.Errorf("Walk gave %d, %v and %v, want all 120, those behind 100, and none behind 120", len(got[0]), got[1], got[2])
	}
	if want := []bitrix24.ID{120, 120, 120}; !slices.Equal(cursors, want) || !slices.Equal(ends, []int{0, 1, 2}) {
		t.Errorf("Walk ended %v at %v, want each once, in their order, at %v", ends, cursors, want)
	}
	if requests := client.Stats().Requests; requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}

func TestRowsByID(t *testing.T) {
	s := newSite(t, someDeals(120, 1), simulator.Options{})
	s.world.HideDeal(7, noon)
	wanted := []bitrix24.ID{120, 7, 999, 1}
	for id := bitrix24.ID(10); id < 90; id++ {
		wanted = append(wanted, id)
	}
	rows, err := bitrix24.ByID(t.Context(), s.connect(), deals, wanted)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]bitrix24.ID, len(rows))
	for i, row := range rows {
		got[i] = row.ID
	}
	slices.Sort(got)
	want := slices.DeleteFunc(slices.Sorted(slices.Values(wanted)), func(id bitrix24.ID) bool { return id == 7 || id == 999 })
	if !slices.Equal(got, want) {
		t.Errorf("ByID = %v, want %v", got, want)
	}
}

// A count that the portal does not get done is done without.
func TestSizesAfterAFault(t *testing.T) {
	counts := []bitrix24.Command{{Method: deals.Method, Params: append(slices.Clip(deals.Params), bitrix24.Param{Name: "start", Value: "0"})}}
	tests := []struct {
		name  string
		fault *simulator.Fault
		want  int
		fails bool
	}{
		{"counted", nil, 120, false},
		{"timed out", &simulator.Fault{HTML: 504}, 0, false},
		{"refused for good", &simulator.Fault{Error: &simulator.NoAuthFound}, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, someDeals(120, 1), simulator.Options{})
			s.portal.Inject(func(*simulator.Call) *simulator.Fault { return test.fault })
			sizes, err := s.connect().Sizes(t.Context(), counts)
			if len(sizes) != 1 || sizes[0] != test.want || (err != nil) != test.fails {
				t.Errorf("Sizes = %v, %v, want %d, an error %v", sizes, err, test.want, test.fails)
			}
			if requests := len(s.portal.Log()); requests != 1 {
				t.Errorf("%d requests, want 1", requests)
			}
		})
	}
}
