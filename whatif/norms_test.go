package whatif

import "testing"

func TestLeastDays(t *testing.T) {
	tests := []struct {
		name   string
		d      Durations
		share  float64
		want   int32
		within int64 // so many visits
	}{
		{"half of an even number", Durations{1: 1, 2: 1, 3: 1, 9: 1}, 0.5, 2, 2},
		{"half of an odd number", Durations{1: 1, 2: 1, 9: 1}, 0.5, 2, 2},
		{"exactly the share", Durations{1: 4, 5: 1}, 0.8, 1, 4},
		{"a little more than the share", Durations{1: 4, 5: 1}, 0.81, 5, 5},
		{"all", Durations{0: 99, 7: 1}, 1, 7, 100},
		{"visits of a day", Durations{0: 3}, 0.8, 0, 3},
		{"a share that no binary number is", Durations{1: 7, 2: 93}, 0.07, 1, 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.d.Least(test.share)
			if within := test.d.Within(got); got != test.want || within != test.within {
				t.Errorf("Least(%v) = %d with %d visits, want %d with %d", test.share, got, within, test.want, test.within)
			}
		})
	}
}
