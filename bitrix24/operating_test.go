package bitrix24

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// tell is a batch of commands of one method as a portal tells of them.
func tell(ls *ledgers, at time.Time, method string, whole float64, sums ...float64) {
	commands, answers := make([]Command, len(sums)), make([]Answer, len(sums))
	for i, sum := range sums {
		commands[i].Method = method
		answers[i].timing = timing{Duration: 10, Operating: sum, ResetAt: float64(at.Add(operatingWindow).Unix())}
	}
	ls.observe(at, commands, answers, timing{Operating: whole})
}

func TestWhoIsChargedForABatch(t *testing.T) {
	tests := []struct {
		name          string
		whole         float64
		sums          []float64
		method, batch float64
	}{
		{"each command is charged to its method", 0, []float64{10, 20, 30}, 30, 0},
		{"all is charged to batch", 30, []float64{30, 30, 30}, 30, 30},
		{"all is charged to batch, and the batch itself says nothing", 0, []float64{30, 30, 30}, 30, 30},
		{"only the first shows the sum of all", 30, []float64{30, 0, 0}, 30, 30},
		{"only the first shows, and its own share", 10, []float64{10, 0, 0}, 30, 30},
		{"nobody tells", 0, []float64{0, 0, 0}, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ls := newLedgers(Standard)
			tell(ls, noon, "m", test.whole, test.sums...)
			if method, batch := ls.of("m").used(), ls.of(batchMethod).used(); method != test.method || batch != test.batch {
				t.Errorf("used %v of the method and %v of batch, want %v and %v", method, batch, test.method, test.batch)
			}
		})
	}
}

func TestASumIsNotAddedToTheSumBefore(t *testing.T) {
	ls := newLedgers(Standard)
	tell(ls, noon, "m", 0, 10, 20, 30)
	tell(ls, noon.Add(time.Minute), "m", 0, 40, 50, 60)
	if used := ls.of("m").used(); used != 60 {
		t.Errorf("used %v, want 60", used)
	}
}

func TestOneMethodDoesNotWaitForAnother(t *testing.T) {
	ls := newLedgers(Standard)
	tell(ls, noon, "m", 0, 450, 460)
	tell(ls, noon, "n", 0, 10, 20)
	if at := ls.roomAt(noon, []Command{{Method: "n"}}); !at.Equal(noon) {
		t.Errorf("room for n at %v, want now", at)
	}
	if at := ls.roomAt(noon, []Command{{Method: "m"}}); !at.Equal(noon.Add(operatingWindow + time.Second)) {
		t.Errorf("room for m at %v, want a second after the window", at)
	}
}

func TestMinutesLeaveTheWindowOneByOne(t *testing.T) {
	l := &ledger{}
	for minute := range 8 {
		l.add(noon.Add(time.Duration(minute)*time.Minute), 55)
	}
	tests := []struct {
		name    string
		seconds float64
		want    time.Duration // after noon
	}{
		{"there is room", 40, 8 * time.Minute},
		{"the first minute has to leave", 41, 10*time.Minute + time.Second},
		{"and the second", 96, 11*time.Minute + time.Second},
		{"more than the limit waits for all", 1000, 17*time.Minute + time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if at := l.roomAt(noon.Add(8*time.Minute), test.seconds, 480).Sub(noon); at != test.want {
				t.Errorf("room for %v s after %v, want %v", test.seconds, at, test.want)
			}
		})
	}
}

func TestASumFromBeforeLeavesWhenThePortalSays(t *testing.T) {
	ls := newLedgers(Standard)
	commands := []Command{{Method: "m"}}
	answers := []Answer{{timing: timing{Duration: 1, Operating: 470, ResetAt: float64(noon.Add(90 * time.Second).Unix())}}}
	ls.observe(noon, commands, answers, timing{})
	if at := ls.roomAt(noon, commands); !at.Equal(noon.Add(91 * time.Second)) {
		t.Errorf("room at %v, want 91 s later", at)
	}
}
