package plain_test

import (
	"testing"

	"stagelag/plain"
)

func TestWrongDate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"2026-02-30", "2026-02-30 does not exist: this month has 28 days"},
		{"2024-02-30", "2024-02-30 does not exist: this month has 29 days"},
		{"2026-04-31", "2026-04-31 does not exist: this month has 30 days"},
		{"2026-04-00", "2026-04-00 does not exist: this month has 30 days"},
		{"2026-13-01", "2026-13-01 does not exist: the months are 01 to 12"},
		{"2026-12-31", ""},
		{"2024-02-29", ""},
		{"30.02.2026", ""},
	} {
		if got := plain.WrongDate(test.text); got != test.want {
			t.Errorf("WrongDate(%s) = %q, want %q", test.text, got, test.want)
		}
	}
}
