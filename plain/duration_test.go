package plain_test

import (
	"testing"
	"time"

	"stagelag/plain"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ given, want string }{
		{"0s", "0 s"}, {"400ms", "0 s"}, {"59.6s", "1 min"}, {"61s", "1 min 1 s"}, {"26h", "26 h"}, {"-26h10m13s", "26 h 10 min"},
		{"47h59m59s", "47 h 59 min"}, {"48h", "2 days"}, {"113474h10m13s", "4728 days"},
	} {
		d, err := time.ParseDuration(test.given)
		if err != nil {
			t.Fatal(err)
		}
		if got := plain.Duration(d); got != test.want {
			t.Errorf("Duration(%s) = %q, want %q", test.given, got, test.want)
		}
	}
}
