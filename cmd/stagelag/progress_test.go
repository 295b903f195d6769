package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsQuietInAPipe(t *testing.T) {
	var out bytes.Buffer
	for _, p := range []*progress{nil, newProgress(&out, false, time.Now)} {
		p.Step("extract deals")
		p.Rows(10, 20)
		p.Waiting("limit on requests", time.Now())
		p.Done()
	}
	fmt.Fprint(newProgress(&out, false, time.Now).above(&out), "the log")
	if out.String() != "the log" {
		t.Errorf("a progress in a pipe wrote %q", out.String())
	}
}

// A screen is a terminal whose cursor only goes to the left margin and down.
type screen struct {
	mu   sync.Mutex
	text string
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(string(b), "\r\x1b[K")
	for i, part := range parts {
		if i > 0 {
			s.text = s.text[:strings.LastIndex(s.text, "\n")+1]
		}
		s.text += part
	}
	return len(b), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}

func TestProgressOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal := &screen{}
		p := newProgress(terminal, true, time.Now)
		log := p.above(terminal)
		defer p.Done()

		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := terminal.String(); got != want {
				t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
			}
		}

		p.Step("extract deals")
		p.Rows(0, 5000)
		time.Sleep(100 * time.Millisecond)
		expect("⠙ extract deals · 0 of 5,000 rows")
		p.Rows(2500, 5000)
		time.Sleep(1900 * time.Millisecond)
		expect("⠋ extract deals · 2,500 of 5,000 rows · 1,250 rows/s")
		// A line is cut one column short of the terminal.
		p.Waiting("limit on requests", time.Date(2026, 3, 2, 2, 30, 5, 0, time.Local))
		expect("⠋ extract deals · 2,500 of 5,000 rows · waiting until 02:30:05: limit on reques")
		_, _ = io.WriteString(log, "a line of the log\n")
		expect("a line of the log\n⠋ extract deals · 2,500 of 5,000 rows · waiting until 02:30:05: limit on reques")
		p.Rows(5000, 5000)
		p.Step("publish")
		expect("a line of the log\n✓ extract deals · 5,000 rows · 2.0 s\n")
		time.Sleep(500 * time.Millisecond)
		expect("a line of the log\n✓ extract deals · 5,000 rows · 2.0 s\n⠴ publish")
		p.Done()
		expect("a line of the log\n✓ extract deals · 5,000 rows · 2.0 s\n✓ publish · 0.5 s\n")

		// What comes late is not shown.
		p.Rows(1, 2)
		p.Waiting("nothing", time.Now())
		p.Done()
		_, _ = io.WriteString(log, "the end\n")
		expect("a line of the log\n✓ extract deals · 5,000 rows · 2.0 s\n✓ publish · 0.5 s\nthe end\n")

		p.Step("again")
		time.Sleep(time.Second)
		p.Done()
		expect("a line of the log\n✓ extract deals · 5,000 rows · 2.0 s\n✓ publish · 0.5 s\nthe end\n✓ again · 1.0 s\n")
	})
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}
