package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"stagelag/bitrix24"
	"stagelag/letter"
	"stagelag/monitor"
	"stagelag/nightly"
	"stagelag/schedule"
	"stagelag/transform"
	"stagelag/views"
)

// A bench is a monitor whose figures a test sets.
type bench struct {
	t         *testing.T
	database  string
	now       time.Time
	loop      schedule.State
	published monitor.Published
	failure   error
	looks     int
	monitor   *monitor.Monitor
}

func newBench(t *testing.T) *bench {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	b := &bench{t: t, database: "stagelag", now: now, loop: schedule.State{Seen: now, Next: now.Add(14 * time.Hour)}}
	b.monitor = monitor.New(monitor.Options{
		Portal: func() monitor.Portal { return monitor.Portal{Database: b.database, Host: b.database + ".example.com"} },
		Loop:   func() schedule.State { return b.loop },
		Asked: func() bitrix24.Stats {
			return bitrix24.Stats{
				Requests: 71, Refused: map[string]int{bitrix24.WaitRefused: 2},
				Waited: map[string]time.Duration{bitrix24.WaitRequests: 10500 * time.Millisecond, bitrix24.WaitRefused: 3 * time.Second},
			}
		},
		Look:   func(context.Context) (monitor.Published, error) { b.looks++; return b.published, b.failure },
		MaxAge: func() time.Duration { return 26 * time.Hour },
		Now:    func() time.Time { return b.now },
	})
	return b
}

func (b *bench) publish(ago time.Duration) {
	b.published = monitor.Published{
		Run:      views.Published{RunID: 7, AsOf: transform.DayOf(b.now, time.UTC), FinishedAt: b.now.Add(-ago)},
		DaysLost: 4804, Gaps: map[string]uint64{transform.GapNoPlan: 191},
	}
}

// get is the status and the body of a page.
func (b *bench) get(path string) (int, string) {
	b.t.Helper()
	return get(b.t, path, b.monitor)
}

func get(t *testing.T, path string, monitors ...*monitor.Monitor) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	monitor.Handler("v1.2.3", monitors...).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Code, string(body)
}

func TestHealthz(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bench)
		status int
		body   string
	}{
		{"a schedule that waits", func(*bench) {}, 200, "live: the next run is due at 2026-11-25T02:00:00Z\n"},
		{"a run that failed", func(b *bench) { b.loop.Tries, b.loop.RetryAt = 3, b.now.Add(4*time.Minute) }, 200,
			"live: a run has failed (3 in a row), it is tried again at 2026-11-24T12:04:00Z\n"},
		{"a schedule that hangs", func(b *bench) { b.now = b.now.Add(6 * time.Minute) }, 503,
			"stuck: the schedule has not looked at the clock for 6 min; restart it\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			test.change(b)
			if status, body := b.get("/healthz"); status != test.status || body != test.body {
				t.Errorf("/healthz = %d, %q, want %d, %q", status, body, test.status, test.body)
			}
		})
	}
}

func TestReadyz(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bench)
		status int
		body   string
	}{
		{"nothing published", func(*bench) {}, 503, "not ready: no run was published yet\n"},
		{"a warehouse that never answered", func(b *bench) { b.failure = errors.New("password pa55 refused") }, 503,
			"not ready: the warehouse can't be asked; the log says why\n"},
		{"at the limit", func(b *bench) { b.publish(26 * time.Hour) }, 200, "ready: run 7 as of 2026-11-24 was published 26 h ago\n"},
		{"a moment too old", func(b *bench) { b.publish(26*time.Hour + time.Second) }, 503,
			"not ready: run 7 as of 2026-11-24 was published 26 h ago, more than schedule.max_age (26 h); stagelag doctor says what is wrong\n"},
		{"a warehouse that answers no longer", func(b *bench) {
			b.publish(time.Hour)
			b.get("/readyz")
			b.published, b.failure, b.now = monitor.Published{}, errors.New("down"), b.now.Add(time.Hour)
		}, 200, "ready: run 7 as of 2026-11-24 was published 2 h ago\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			test.change(b)
			if status, body := b.get("/readyz"); status != test.status || body != test.body {
				t.Errorf("/readyz = %d, %q, want %d, %q", status, body, test.status, test.body)
			}
		})
	}
}

// Of several portals each has its line and its labels, and the worst decides.
func TestSeveralPortals(t *testing.T) {
	north, south := newBench(t), newBench(t)
	north.database, south.database = "north", "south"
	north.publish(time.Hour)
	status, body := get(t, "/readyz", north.monitor, south.monitor)
	if want := "north: ready: run 7 as of 2026-11-24 was published 1 h ago\nsouth: not ready: no run was published yet\n"; status != 503 || body != want {
		t.Errorf("/readyz = %d, %q, want 503, %q", status, body, want)
	}
	south.publish(2 * time.Hour)
	south.now = south.now.Add(time.Minute)
	if status, body := get(t, "/readyz", north.monitor, south.monitor); status != 200 {
		t.Errorf("/readyz = %d, %q, want 200", status, body)
	}
	north.loop.Seen = north.now.Add(-time.Hour)
	status, body = get(t, "/healthz", north.monitor, south.monitor)
	if want := "north: stuck: the schedule has not looked at the clock for 1 h; restart it\nsouth: live: "; status != 503 || !strings.HasPrefix(body, want) {
		t.Errorf("/healthz = %d, %q, want 503, %q and when the next run is due", status, body, want)
	}
	south.monitor.RunEnded(nil, errors.New("the portal is down"))
	for range 2 { // a scrape leaves the labels of the next one alone
		_, text := get(t, "/metrics", north.monitor, south.monitor)
		for _, line := range []string{
			`stagelag_runs_total{database="north",portal="north.example.com",result="failed"} 0`,
			`stagelag_runs_total{database="south",portal="south.example.com",result="failed"} 1`,
			`stagelag_published_run{database="south",portal="south.example.com"} 7`,
		} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("/metrics lacks the line %s:\n%s", line, own(text))
			}
		}
		if n := strings.Count(text, "\nstagelag_build_info{"); n != 1 {
			t.Errorf("/metrics has %d lines of the version, want 1", n)
		}
	}
}

func TestTheWarehouseIsNotAskedAllTheTime(t *testing.T) {
	b := newBench(t)
	b.publish(time.Hour)
	for range 100 {
		b.get("/readyz")
		b.get("/metrics")
	}
	if b.looks != 1 {
		t.Errorf("200 questions at once looked into the warehouse %d times, want once", b.looks)
	}
	b.now = b.now.Add(10 * time.Second)
	b.get("/readyz")
	b.monitor.RunEnded(nil, nil)
	b.get("/readyz")
	if b.looks != 3 {
		t.Errorf("ten seconds later, and after a run, it was looked into %d times in all, want 3", b.looks)
	}
}

func TestMetrics(t *testing.T) {
	b := newBench(t)
	b.publish(3 * time.Hour)
	steps := []nightly.Step{{Name: "extract: deals", Took: 1500 * time.Millisecond, Rows: 400}, {Name: "publish", Took: 500 * time.Millisecond, IsFailed: true}}
	b.monitor.RunEnded(steps, nil)
	b.monitor.RunEnded(steps, errors.New("the portal is down"))
	b.monitor.WriteBackEnded(nil, nil)
	b.monitor.LettersEnded(letter.Summary{Letters: []letter.Letter{
		{Kind: letter.Chat, Outcome: letter.Sent}, {Kind: letter.Manager, Outcome: letter.Sent}, {Kind: letter.Manager, Outcome: letter.Sent},
		{Kind: letter.Manager, Outcome: letter.Before}, {Kind: letter.Manager, Outcome: letter.Dismissed}, {Kind: letter.Mail, Outcome: letter.Uncertain},
	}}, []nightly.Step{{Name: "letter: send", Took: time.Second, Rows: 4}})
	status, text := b.get("/metrics")
	// Every one has the labels of the portal, before and after its own.
	lines := strings.Split(strings.NewReplacer(`{database="stagelag",portal="stagelag.example.com"}`, "", `database="stagelag",`, "", `portal="stagelag.example.com",`, "").Replace(text), "\n")
	if !strings.Contains(text, "\nstagelag_build_info{version=\"v1.2.3\"} 1\n") {
		t.Errorf("/metrics lacks the version:\n%s", own(text))
	}
	for _, line := range []string{
		`stagelag_runs_total{result="failed"} 1`, `stagelag_runs_total{result="published"} 1`,
		`stagelag_write_backs_total{result="done"} 1`, `stagelag_write_backs_total{result="failed"} 0`,
		`stagelag_letters_total{kind="chat",result="sent"} 1`, `stagelag_letters_total{kind="manager",result="sent"} 2`,
		`stagelag_letters_total{kind="mail",result="uncertain"} 1`, `stagelag_letters_total{kind="manager",result="failed"} 0`,
		`stagelag_step_rows_total{step="letter: send"} 4`,
		`stagelag_step_seconds_total{step="extract: deals"} 3`, `stagelag_step_seconds_total{step="publish"} 1`,
		`stagelag_step_rows_total{step="extract: deals"} 800`,
		`stagelag_portal_requests_total 71`,
		`stagelag_portal_refusals_total{reason="too_many_requests"} 2`, `stagelag_portal_refusals_total{reason="no_answer"} 0`,
		`stagelag_portal_wait_seconds_total{reason="request_limit"} 10.5`, `stagelag_portal_wait_seconds_total{reason="too_many_requests"} 3`,
		`stagelag_warehouse_up 1`,
		`stagelag_published_age_seconds 10800`, `stagelag_published_run 7`, `stagelag_day_losses 4804`,
		`stagelag_gaps{reason="no_plan"} 191`, `stagelag_gaps{reason="bad_plan"} 0`,
		`stagelag_failed_tries 0`,
	} {
		if status != http.StatusOK || !slices.Contains(lines, line) {
			t.Errorf("/metrics (%d) lacks the line %s:\n%s", status, line, own(text))
		}
	}
	b = newBench(t)
	b.failure = errors.New("down")
	_, text = b.get("/metrics")
	if !strings.Contains(text, "\nstagelag_warehouse_up{database=\"stagelag\",portal=\"stagelag.example.com\"} 0\n") || strings.Contains(text, "published_age") {
		t.Errorf("of a warehouse that is down /metrics says\n%s", own(text))
	}
}

// own are the lines that are not those of every program.
func own(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "stagelag_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Every metric is documented with its type and labels, and nothing else is.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{} // type and labels by name
	for _, row := range regexp.MustCompile("(?m)^\\| `(stagelag_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|").FindAllStringSubmatch(string(page), -1) {
		label, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(row[3]), "`"), "`")
		documented[row[1]] = row[2] + " " + label
	}

	b := newBench(t)
	b.publish(time.Hour)
	b.monitor.RunEnded([]nightly.Step{{Name: "publish"}}, nil)
	_, text := b.get("/metrics")
	got := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (stagelag_[a-z_]+) ([a-z]+)$`).FindAllStringSubmatch(text, -1) {
		shown := strings.NewReplacer(`{database="stagelag",portal="stagelag.example.com"}`, "", `database="stagelag",`, "", `portal="stagelag.example.com",`, "").Replace(text)
		label := regexp.MustCompile(`(?m)^` + line[1] + `\{([a-z_]+)=`).FindStringSubmatch(shown)
		got[line[1]] = line[2] + " " + strings.Join(label[min(1, len(label)):], "")
	}
	if !maps.Equal(got, documented) {
		t.Errorf("docs/metrics.md has\n%s\nwant\n%s", listing(documented), listing(got))
	}
	for _, reason := range []string{"operating_time", "too_many_requests", "no_answer", "request_limit"} {
		if !strings.Contains(text, fmt.Sprintf(`reason=%q`, reason)) || !strings.Contains(string(page), "`"+reason+"`") {
			t.Errorf("the reason %s is not both in /metrics and in docs/metrics.md", reason)
		}
	}
}

func listing(metrics map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		b.WriteString(name + " " + metrics[name] + "\n")
	}
	return b.String()
}

func TestMetricsPassPromlint(t *testing.T) {
	b := newBench(t)
	b.publish(time.Hour)
	b.monitor.RunEnded([]nightly.Step{{Name: "publish"}}, nil)
	_, text := b.get("/metrics")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

func TestOnlyReading(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		answer := httptest.NewRecorder()
		monitor.Handler("v1.2.3", b.monitor).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, path, http.NoBody))
		if answer.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s = %d, want %d", path, answer.Code, http.StatusMethodNotAllowed)
		}
	}
	if status, _ := b.get("/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("GET /debug/pprof/ = %d, want %d", status, http.StatusNotFound)
	}
}
