package simulator_test

import (
	"fmt"
	"testing"
	"time"

	"stagelag/simulator"
)

// accepted is how many of n requests pass.
func (s *site) accepted(n int) int {
	s.t.Helper()
	passed := 0
	for range n {
		switch got := s.call("scope", nil); {
		case got.status == 200:
			passed++
		case got.at("error") != "QUERY_LIMIT_EXCEEDED" || got.status != 503:
			s.t.Fatalf("refused with %d %v", got.status, got.body)
		}
	}
	return passed
}

func TestRequestsAreCounted(t *testing.T) {
	tests := []struct {
		name      string
		limits    simulator.Limits
		burst     int
		perSecond int
	}{
		// The request that brings the counter above the threshold still passes.
		{"standard", simulator.Standard, 51, 2},
		{"enterprise", simulator.Enterprise, 251, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{Limits: test.limits})
			wantEqual(t, "burst", s.accepted(test.burst+5), test.burst)
			s.clock.Add(time.Second)
			wantEqual(t, "after a second", s.accepted(test.perSecond+2), test.perSecond)
			s.clock.Add(700 * time.Millisecond)
			wantEqual(t, "after a part of a second", s.accepted(2), 0)
			s.clock.Add(300 * time.Millisecond)
			wantEqual(t, "after the rest of it", s.accepted(test.perSecond+2), test.perSecond)
			s.clock.Add(time.Hour)
			wantEqual(t, "after a long time", s.accepted(test.burst+5), test.burst)
		})
	}
}

func TestBatchCountsAsOneRequest(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{Limits: simulator.Standard})
	commands := object{}
	for i := range 50 {
		commands[fmt.Sprint("c", i)] = "scope"
	}
	for range 51 {
		wantEqual(t, "status", s.call("batch", object{"cmd": commands}).status, 200)
	}
	wantEqual(t, "status of one more", s.call("batch", object{"cmd": commands}).status, 503)
}

func TestOperatingTimeIsLimited(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{
		Limits: simulator.Enterprise,
		Costs:  map[string]time.Duration{"crm.deal.list": 20 * time.Second, "scope": 0},
	})
	// Two calls a minute: each minute's bucket holds 40 seconds.
	for i := range 18 {
		wantEqual(t, fmt.Sprint("status of call ", i+1), s.call("crm.deal.list", nil).status, 200)
		s.clock.Add(30 * time.Second)
	}
	for i := range 7 {
		got := s.call("crm.deal.list", nil)
		wantEqual(t, fmt.Sprint("status of call ", i+19), got.status, 200)
		wantEqual(t, "operating", got.at("time", "operating"), any(float64(20*(i+19))))
		wantEqual(t, "reset", got.at("time", "operating_reset_at"), any(float64(morning.Unix()+600)))
	}
	// 500 seconds are spent: the call that crossed the limit went through, the next does not.
	refused := s.call("crm.deal.list", nil)
	wantEqual(t, "status over the limit", refused.status, 429)
	wantEqual(t, "error", refused.at("error"), any("OPERATION_TIME_LIMIT"))
	wantEqual(t, "another method", s.call("scope", nil).status, 200)
	s.clock.Add(59 * time.Second)
	wantEqual(t, "status a second before the reset", s.call("crm.deal.list", nil).status, 429)
	// The oldest bucket leaves, the others stay.
	s.clock.Add(time.Second)
	got := s.call("crm.deal.list", nil)
	wantEqual(t, "status at the reset", got.status, 200)
	wantEqual(t, "operating", got.at("time", "operating"), any(480.0))
	wantEqual(t, "reset", got.at("time", "operating_reset_at"), any(float64(morning.Unix()+660)))
	wantEqual(t, "status of one more", s.call("crm.deal.list", nil).status, 200)
	wantEqual(t, "status of another", s.call("crm.deal.list", nil).status, 429)
}

func TestNoLimits(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{Costs: map[string]time.Duration{"scope": time.Hour}})
	wantEqual(t, "accepted", s.accepted(300), 300)
}

func TestBatchAccounting(t *testing.T) {
	commands := object{"cmd": object{"a": "crm.deal.list?start=-1", "b": "crm.deal.list?start=-1", "c": "scope"}}
	tests := []struct {
		name       string
		accounting simulator.BatchAccounting
		shown      [3]any // by the commands
		outer      any
		blocked    string // what is asked until it is blocked
		status     int
		code       any
	}{
		{"each command counts for its method", simulator.PerMethod, [3]any{200.0, 200.0, 1.0}, nil, "result_error", 200, "OPERATION_TIME_LIMIT"},
		{"all count for the batch", simulator.PerBatch, [3]any{201.0, 201.0, 201.0}, 201.0, "batch", 429, nil},
		{"only the first shows", simulator.ShownByFirst, [3]any{200.0, 0.0, 0.0}, 200.0, "result_error", 200, "OPERATION_TIME_LIMIT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serve(t, newWorld(), simulator.Options{
				Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: test.accounting},
				Costs: map[string]time.Duration{"crm.deal.list": 100 * time.Second, "scope": time.Second},
			})
			got := s.call("batch", commands)
			for i, key := range []string{"a", "b", "c"} {
				wantEqual(t, "operating of "+key, got.at("result", "result_time", key, "operating"), test.shown[i])
			}
			wantEqual(t, "operating of the batch", got.at("time", "operating"), test.outer)
			s.call("batch", commands)
			s.call("batch", commands)
			last := s.call("batch", commands)
			wantEqual(t, "status over the limit", last.status, test.status)
			wantEqual(t, "error of a command", last.at("result", "result_error", "a", "error"), test.code)
		})
	}
}

func TestCounting(t *testing.T) {
	s := serve(t, newWorld(), simulator.Options{})
	s.call("crm.deal.list", nil)
	s.call("crm.deal.list", object{"start": -1})
	log := s.Log()
	if log[0].Cost <= log[1].Cost {
		t.Errorf("a page with its count costs %v, without %v, want more", log[0].Cost, log[1].Cost)
	}
}
