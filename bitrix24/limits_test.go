package bitrix24_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/simulator"
)

func TestTheBucketIsNeverOverrun(t *testing.T) {
	tests := []struct {
		name    string
		client  bitrix24.Limits
		portal  simulator.Limits
		isBound bool
	}{
		{"standard", bitrix24.Standard, simulator.Standard, true},
		{"enterprise has room for them", bitrix24.Enterprise, simulator.Enterprise, false},
		{"none", bitrix24.Unlimited, simulator.NoLimits, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, someDeals(1, 1), simulator.Options{Limits: test.portal})
			s.clock.Tick = time.Millisecond
			s.limits = test.client
			client := s.connect()
			began := s.clock.Now()
			for range 120 {
				if _, err := client.Batch(t.Context(), []bitrix24.Command{{Method: "server.time"}}); err != nil {
					t.Fatal(err)
				}
			}
			if codes := s.refusals(); len(codes) > 0 {
				t.Errorf("the portal refused %v", codes)
			}
			if slices.Contains(s.waits, bitrix24.WaitRequests) != test.isBound {
				t.Errorf("waits %v, want some %v", s.waits, test.isBound)
			}
			waited := client.Stats().Waited[bitrix24.WaitRequests]
			if elapsed := s.clock.Now().Sub(began); waited > elapsed || test.isBound && waited < 36*time.Second {
				t.Errorf("waited %v in %v, want 74 requests at 2/s", waited, elapsed)
			}
		})
	}
}

func TestRequestsFollowOneAnother(t *testing.T) {
	s := newSite(t, someDeals(3000, 2), simulator.Options{Limits: simulator.Standard})
	s.mustReadAll(s.connect())
	for _, call := range s.portal.Log() {
		if call.InFlight > 1 {
			t.Errorf("request %d was sent beside another", call.Number)
		}
	}
}

func TestARefusedRequestIsSentAgainLater(t *testing.T) {
	s := newSite(t, someDeals(400, 3), simulator.Options{Limits: simulator.Standard})
	// Somebody else on this address has filled the portal's counter.
	other := bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.webhook, Limits: bitrix24.Unlimited, Clock: s.clock})
	for range 51 {
		if _, err := other.Batch(t.Context(), []bitrix24.Command{{Method: "server.time"}}); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.Tick = time.Millisecond
	client := s.connect()
	s.mustReadAll(client)
	if waited := client.Stats().Waited; s.refusals()[bitrix24.CodeTooManyRequests] != 1 || waited[bitrix24.WaitRefused] == 0 {
		t.Errorf("refused %v, waited %v; want one refusal that was waited out", s.refusals(), waited)
	}
}

func TestARefusalIsNotWaitedOutForEver(t *testing.T) {
	for _, refusal := range []simulator.Error{simulator.QueryLimitExceeded, simulator.OperationTimeLimit} {
		s := newSite(t, someDeals(1, 1), simulator.Options{})
		s.portal.Inject(simulator.FromNth(1, simulator.Fault{Error: &refusal}))
		began := s.clock.Now()
		_, err := s.connect().Describe(t.Context())
		wantCode(t, err, refusal.Code)
		if tries, elapsed := len(s.portal.Log()), s.clock.Now().Sub(began); tries < 5 || tries > 20 || elapsed > 2*time.Hour {
			t.Errorf("%s: %d tries in %v", refusal.Code, tries, elapsed)
		}
	}
}

// The portal blocks a method that has run for eight of the last ten minutes. We stop before,
// whomever the portal charges for a batch.
func TestOperatingTimeIsNeverUsedUp(t *testing.T) {
	accounting := map[string]simulator.BatchAccounting{
		"charged to the methods": simulator.PerMethod, "charged to batch": simulator.PerBatch, "shown by the first": simulator.ShownByFirst,
	}
	for name, mode := range accounting {
		for _, cost := range []time.Duration{2 * time.Second, 9 * time.Second} {
			t.Run(fmt.Sprintf("%s, %v a page", name, cost), func(t *testing.T) {
				s := newSite(t, someDeals(1000, 5), simulator.Options{
					Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: mode},
					Costs: map[string]time.Duration{"crm.item.list": cost, "crm.stagehistory.list": cost},
				})
				s.clock.Tick = 7 * time.Second
				s.skew = 20 * time.Minute
				client := s.connect()
				s.mustReadAll(client)
				if codes := s.refusals(); len(codes) > 0 {
					t.Errorf("the portal refused %v", codes)
				}
				const pages = 100 // of changes, which take the longest
				if waited := client.Stats().Waited[bitrix24.WaitOperating]; (waited > 0) != (pages*cost > 480*time.Second) {
					t.Errorf("waited %v for %v of operating time", waited, pages*cost)
				}
			})
		}
	}
}

// The wait ends when enough has left the window, not when all has.
func TestTheWaitForOperatingTimeIsNoLongerThanNeeded(t *testing.T) {
	const cost = 9 * time.Second
	for _, mode := range []simulator.BatchAccounting{simulator.PerMethod, simulator.PerBatch, simulator.ShownByFirst} {
		s := newSite(t, someDeals(100, 60), simulator.Options{
			Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: mode},
			Costs: map[string]time.Duration{"crm.stagehistory.list": cost},
		})
		s.clock.Tick, s.skew = 30*time.Second, -20*time.Minute
		began := s.clock.Now()
		client := s.connect()
		s.mustReadAll(client)
		// 120 pages cost 1,080 s, of which 480 fit in ten minutes: after the first and the
		// second 480 a wait for what began the ten minutes.
		elapsed, asking := s.clock.Now().Sub(began), time.Duration(client.Stats().Requests)*s.clock.Tick
		if elapsed > asking+10*time.Minute {
			t.Errorf("accounting %d: %v for 18 minutes of operating time in %v of requests", mode, elapsed, asking)
		}
	}
}

func TestABlockedMethodIsWaitedOut(t *testing.T) {
	for _, mode := range []simulator.BatchAccounting{simulator.PerMethod, simulator.PerBatch, simulator.ShownByFirst} {
		t.Run(fmt.Sprintf("accounting %d", mode), func(t *testing.T) {
			// We cannot see it coming: the portal hides the figures.
			s := newSite(t, someDeals(1500, 4), simulator.Options{
				Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: mode, HidesOperating: true},
				OperatingLimit: 20 * time.Second,
				Costs:          map[string]time.Duration{"crm.item.list": time.Second, "crm.stagehistory.list": time.Second},
			})
			client := s.connect()
			s.mustReadAll(client)
			if waited := client.Stats().Waited; s.refusals()[bitrix24.CodeOperatingLimit] == 0 || waited[bitrix24.WaitOperating] == 0 {
				t.Errorf("refused %v, waited %v; want a block that was waited out", s.refusals(), waited)
			}
			// Somebody who follows the log sees why nothing goes on for minutes.
			if !strings.Contains(s.log.String(), "level=info msg=\"waiting for the portal\" reason=\"limit on operating time\"") {
				t.Errorf("the log does not tell of the wait: %s", s.log.String())
			}
		})
	}
}

// A limit lower than the one that we count on: the portal has told when it ends.
func TestABlockedMethodIsAskedAgainWhenThePortalSaid(t *testing.T) {
	for _, mode := range []simulator.BatchAccounting{simulator.PerMethod, simulator.PerBatch, simulator.ShownByFirst} {
		s := newSite(t, someDeals(1000, 2), simulator.Options{
			Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: mode},
			OperatingLimit: 40 * time.Second,
			Costs:          map[string]time.Duration{"crm.item.list": time.Second, "crm.stagehistory.list": time.Second},
		})
		s.mustReadAll(s.connect())
		refused := 0
		for _, call := range s.portal.Log() {
			isRefused := call.Code == bitrix24.CodeOperatingLimit
			for _, command := range call.Commands {
				isRefused = isRefused || command.Code == bitrix24.CodeOperatingLimit
			}
			if isRefused {
				refused++
			}
		}
		if refused == 0 || refused > 4 {
			t.Errorf("accounting %d: %d requests ran into the block, want one for each 40 s of 60 at most", mode, refused)
		}
	}
}

func TestSlowCommandsMakeSmallerBatches(t *testing.T) {
	s := newSite(t, someDeals(2500, 1), simulator.Options{
		Costs: map[string]time.Duration{"crm.item.list": 2 * time.Second, "crm.stagehistory.list": 2 * time.Second},
	})
	s.mustReadAll(s.connect())
	longest := 0
	for _, call := range s.portal.Log()[1:] {
		longest = max(longest, len(call.Commands))
	}
	if longest == 0 || longest > 30 {
		t.Errorf("%d commands in a request, 2 s each; want less than a minute of them", longest)
	}
}

// Each reason counts the requests that brought nothing and were made again.
func TestRefusalsAreCounted(t *testing.T) {
	tests := []struct {
		reason string
		fault  simulator.Fault
	}{
		{bitrix24.WaitRefused, simulator.Fault{Error: &simulator.QueryLimitExceeded}},
		{bitrix24.WaitOperating, simulator.Fault{Error: &simulator.OperationTimeLimit}},
		{bitrix24.WaitFault, simulator.Fault{HTML: 502}},
		{bitrix24.WaitFault, simulator.Fault{Drops: true}},
	}
	for _, test := range tests {
		s := newSite(t, someDeals(1, 1), simulator.Options{})
		client := s.connect()
		s.portal.Inject(simulator.Nth(1, test.fault))
		if _, err := client.Batch(t.Context(), []bitrix24.Command{{Method: "server.time"}}); err != nil {
			t.Fatal(err)
		}
		stats := client.Stats()
		if len(stats.Refused) != 1 || stats.Refused[test.reason] != 1 || stats.Requests != 2 {
			t.Errorf("after one %s: %d requests, refused %v, want 2 and 1", test.reason, stats.Requests, stats.Refused)
		}
		twice := stats.Plus(stats)
		if twice.Requests != 4 || twice.Refused[test.reason] != 2 || twice.Waited[test.reason] != 2*stats.Waited[test.reason] {
			t.Errorf("%+v and itself are %+v", stats, twice)
		}
	}
}
