// Package simulatortest puts a simulated portal on the air for a test, and gives it a clock that stands still.
package simulatortest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

// Serve serves a portal until the test ends, and gives the webhook that reaches it.
func Serve(t testing.TB, portal *simulator.Portal) bitrix24.Webhook {
	t.Helper()
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	webhook, err := bitrix24.ParseWebhook(portal.WebhookURL(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	return webhook
}

// A Clock is the portal's and the client's. It stands still until somebody sleeps, and moves by Tick with each
// request that it carries as an http.RoundTripper. Many may use it at once; Tick is set while no request is made.
type Clock struct {
	Tick time.Duration

	mu  sync.Mutex
	now time.Time
}

// NewClock is a clock that shows now.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add sets the clock on, or back.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Sleep is Add, at once. It fails when ctx has ended.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Add(d)
	return ctx.Err()
}

// RoundTrip makes the request, which takes Tick.
func (c *Clock) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	c.Add(c.Tick)
	return response, err
}

// Skewed is the clock as a machine shows it whose own one is ahead by so much.
func (c *Clock) Skewed(by time.Duration) bitrix24.Clock { return skewed{c, by} }

type skewed struct {
	*Clock
	by time.Duration
}

func (s skewed) Now() time.Time { return s.Clock.Now().Add(s.by) }
