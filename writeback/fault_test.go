package writeback_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagelag/bitrix24"
	"stagelag/simulator"
	"stagelag/warehouse"
	"stagelag/writeback"
)

// onUpdates fails the n-th and every following second request that updates, up to the last.
func onUpdates(first, last int, f simulator.Fault) func(*simulator.Call) *simulator.Fault {
	seen := 0
	return func(call *simulator.Call) *simulator.Fault {
		if !slices.ContainsFunc(call.Commands, func(c simulator.Command) bool { return c.Method == "crm.item.update" }) {
			return nil
		}
		if seen++; seen < first || seen > last || (seen-first)%2 != 0 {
			return nil
		}
		return &f
	}
}

// longVariable is set by make soak, which takes the long forms.
const longVariable = "STAGELAG_SOAK_NIGHTS"

func TestLostAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fault    simulator.Fault
		hasNight bool // another night follows, as in the long form after each
	}{
		{"lost before anything was done", simulator.Fault{Drops: true}, true},
		{"lost after all was done", simulator.Fault{Drops: true, RunsFirst: true}, true},
		{"a gateway's page in place of the answer", simulator.Fault{HTML: http.StatusGatewayTimeout, RunsFirst: true}, false},
		{"cut in the middle", simulator.Fault{CutsBody: true}, false},
		{"half a document", simulator.Fault{CutsJSON: true}, false},
		{"an internal error of the portal", simulator.Fault{Error: &simulator.InternalServerError}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := published(t, 60, simulator.Options{Limits: simulator.Standard})
			s.portal.Inject(onUpdates(1, 5, test.fault))
			summary := s.mustWriteBack()
			if summary.Written != 60 || summary.Left != 0 {
				t.Errorf("%d written, %d left, want 60 and 0", summary.Written, summary.Left)
			}
			s.mustHold()
			s.mustUpdateOnce()
			s.mustLetLostRequestsEnd()
			// Which answer was lost and how makes no difference to the night after it, but whether the portal had done
			// what it was asked to.
			if !test.hasNight && os.Getenv(longVariable) == "" {
				return
			}
			s.portal.Inject(nil)
			s.nextNight() // sees nothing to complain of
			s.mustWriteBack()
			s.mustHold()
		})
	}
}

// mustLetLostRequestsEnd fails if anything was asked within a minute after a request without
// an answer: the portal may still have been at work on that one.
func (s *site) mustLetLostRequestsEnd() {
	s.t.Helper()
	calls := s.portal.Log()
	for i, call := range calls[:len(calls)-1] {
		if gap := calls[i+1].At.Sub(call.At); call.Status != http.StatusOK && gap < time.Minute {
			s.t.Errorf("after a lost answer (status %d) the portal was asked again %v later, want a minute at least", call.Status, gap)
		}
	}
}

// A portal that never answers a write ends the pass, and the next one goes on.
func TestAnswersThatAreAllLostEndThePass(t *testing.T) {
	t.Parallel()
	s := published(t, 60, simulator.Options{})
	s.portal.Inject(simulator.OnMethod("crm.item.update", simulator.Fault{Drops: true}))
	summary, err := s.writeBack()
	if err == nil || summary.Written != 0 || summary.Left != 60 {
		t.Errorf("%d written, %d left, %v, want an error and 60 left", summary.Written, summary.Left, err)
	}
	s.portal.Inject(nil)
	s.mustWriteBack()
	s.mustUpdateOnce()
	s.mustHold()
}

// Some commands of a batch fail, for good or for now, and the others don't.
func TestPartsOfABatchFail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		failure simulator.Error
		isFinal bool
	}{
		{"for good", simulator.Error{Status: 400, Code: "CRM_FIELD_ERROR_VALUE_NOT_VALID", Text: "no"}, true},
		{"for the operating limit", simulator.OperationTimeLimit, false},
		{"for too many requests", simulator.QueryLimitExceeded, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := published(t, 60, simulator.Options{Limits: simulator.Standard})
			requests := 0
			s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
				failing := map[string]*simulator.Error{}
				for i, command := range call.Commands {
					if command.Method == "crm.item.update" && i%2 == 0 {
						failing[command.Key] = &test.failure
					}
				}
				if requests += min(1, len(failing)); requests > 2 {
					return nil
				}
				return &simulator.Fault{Commands: failing}
			})
			summary := s.mustWriteBack()
			refused := 0
			for _, refusal := range summary.Refused {
				refused += refusal.Count
			}
			if (refused > 0) != test.isFinal || summary.Written+refused != 60 {
				t.Errorf("%d written, %d refused, want 60 in all, and refused: %t", summary.Written, refused, test.isFinal)
			}
			s.portal.Inject(nil)
			s.mustUpdateOnce()
			s.mustWriteBack()
			s.mustHold()
		})
	}
}

func TestLimitsOfThePortalAreWaitedOut(t *testing.T) {
	t.Parallel()
	for _, refusal := range []simulator.Error{simulator.QueryLimitExceeded, simulator.OperationTimeLimit} {
		t.Run(refusal.Code, func(t *testing.T) {
			t.Parallel()
			s := published(t, 60, simulator.Options{Limits: simulator.Standard})
			s.portal.Inject(onUpdates(1, 7, simulator.Fault{Error: &refusal}))
			if summary := s.mustWriteBack(); summary.Written != 60 || summary.Waited == 0 {
				t.Errorf("%d written, %v waited, want 60 and some time", summary.Written, summary.Waited)
			}
			s.mustUpdateOnce()
			s.mustHold()
		})
	}
}

// A webhook that is taken away in the middle ends the pass; with the next one it goes on.
func TestAWebhookThatIsDeletedInTheMiddle(t *testing.T) {
	t.Parallel()
	s := published(t, 60, simulator.Options{})
	s.portal.Inject(onUpdates(3, 1000, simulator.Fault{Error: &simulator.NoAuthFound}))
	summary, err := s.writeBack()
	refusal, ok := errors.AsType[*bitrix24.APIError](err)
	if !ok || refusal.HTTPStatus != http.StatusUnauthorized || summary.Written == 0 || summary.Written+summary.Left != 60 || len(summary.Refused) != 0 {
		t.Errorf("%d written, %d left, %v refused, %v, want some written, the others left and the portal's 401", summary.Written, summary.Left, summary.Refused, err)
	}
	s.portal.Inject(nil)
	before := len(s.updates())
	if again := s.mustWriteBack(); again.Written != 60-before || again.Unchanged != before {
		t.Errorf("after that %d written, %d unchanged, want %d and %d", again.Written, again.Unchanged, 60-before, before)
	}
	s.mustUpdateOnce()
	s.mustHold()
}

// A person changes the history of a deal while its update is put off by a limit: what the
// portal showed before that time says nothing of the deal any more.
func TestAChangeWhileAnUpdateIsPutOffIsSeen(t *testing.T) {
	t.Parallel()
	s := published(t, 30, simulator.Options{Limits: simulator.Standard})
	s.clock.Add(time.Hour)
	var putOff simulator.DealID
	isCorrected := false
	s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		at := slices.IndexFunc(call.Commands, func(c simulator.Command) bool { return c.Method == "crm.item.update" })
		switch {
		case at >= 0 && putOff == 0:
			id, _ := strconv.Atoi(call.Commands[at].Params.Text("id"))
			putOff = simulator.DealID(id)
			return &simulator.Fault{Commands: map[string]*simulator.Error{call.Commands[at].Key: &simulator.OperationTimeLimit}}
		case at >= 0 && !isCorrected:
			isCorrected = true
			correct(s, putOff)
		}
		return nil
	})
	s.mustWriteBack()
	s.nextNight()
	var entered time.Time
	err := s.w.Views().QueryRow(context.Background(), "SELECT min(entered_at) FROM deal_stages WHERE deal_id = ?", uint64(putOff)).Scan(&entered)
	if want := s.world.History(putOff)[0].At; err != nil || putOff == 0 || !entered.Equal(want) {
		t.Errorf("after the change deal %d was entered at %v, %v, want %v", putOff, entered, err, want)
	}
}

// A portal that refuses everything ends the pass before it has been asked for every deal, and
// reasons that differ from deal to deal are told in a bounded number.
func TestAPortalThatRefusesEverything(t *testing.T) {
	t.Parallel()
	s := published(t, 250, simulator.Options{})
	s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		failing := map[string]*simulator.Error{}
		for _, command := range call.Commands {
			if command.Method == "crm.item.update" {
				failing[command.Key] = &simulator.Error{Status: 400, Text: "Deal " + command.Params.Text("id") + " is locked"}
			}
		}
		return &simulator.Fault{Commands: failing}
	})
	summary, err := s.writeBack()
	refused := 0
	for _, refusal := range summary.Refused {
		refused += refusal.Count
	}
	if err == nil || refused < 100 || refused > 150 || refused+summary.Left != 250 || len(summary.Refused) > 10 {
		t.Errorf("%d refused for %d reasons, %d left, %v, want an error after a hundred refusals", refused, len(summary.Refused), summary.Left, err)
	}
}

// Passes that are cut off at random moments and one that is not write each deal once.
func TestStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := published(t, 120, simulator.Options{})
	s.portal.ForgetLog()
	random := rand.New(rand.NewPCG(1, 1))
	for range 12 {
		ctx, cancel := context.WithCancel(context.Background())
		left := 1 + random.IntN(8)
		s.portal.Inject(func(*simulator.Call) *simulator.Fault {
			if left--; left <= 0 {
				cancel()
			}
			return nil
		})
		_, _ = writeback.Run(ctx, s.pass())
		cancel()
	}
	s.portal.Inject(nil)
	if _, err := writeback.Run(context.Background(), s.pass()); err != nil {
		t.Fatalf("write-back after the others: %v", err)
	}
	s.mustUpdateOnce()
	s.mustHold()
}

// With 3 s for an update, the portal's limits decide how long 400 updates take. It takes at
// most 480 s of them in ten minutes.
func TestWithinTheOperatingLimit(t *testing.T) {
	t.Parallel()
	for _, accounting := range []simulator.BatchAccounting{simulator.PerMethod, simulator.PerBatch, simulator.ShownByFirst} {
		t.Run(fmt.Sprint("accounting ", accounting), func(t *testing.T) {
			t.Parallel()
			s := published(t, 400, simulator.Options{Limits: simulator.Standard, Quirks: simulator.Quirks{BatchAccounting: accounting}})
			s.clock.Add(time.Hour)
			begun := s.clock.Now()
			summary := s.mustWriteBack()
			took := s.clock.Now().Sub(begun)
			// 160 updates fill the ten minutes' time in 480 s; a minute's worth of it comes
			// back each minute from the 600th second on, until the 1080th; the last 80 go
			// from the 1200th on.
			const least = 1440 * time.Second
			t.Logf("400 updates of 3 s: %v in %d requests, %v waited; the least possible is %v", took, summary.Requests, summary.Waited, least)
			if summary.Written != 400 || took > least*106/100 {
				t.Errorf("%d written in %v, want 400 in %v at most", summary.Written, took, least*106/100)
			}
			// A request takes up to a minute, and says nothing in between.
			if said := strings.Count(s.log.String(), `msg="writing back" deals=400 done=`); said < 10 || said > int(took/(30*time.Second)) {
				t.Errorf("the log says %d times how far the pass is, want it to in ten requests or more, and every 30 s at most", said)
			}
			for _, call := range s.portal.Log() {
				if call.Cost > 60*time.Second || call.Code != "" || call.InFlight > 1 {
					t.Errorf("a request of %v, %q, %d at once, want less than 60 s, no refusal and one at a time", call.Cost, call.Code, call.InFlight)
				}
				for _, command := range call.Commands {
					if command.Code != "" {
						t.Errorf("%s was refused: %s", command.Method, command.Code)
					}
				}
			}
			s.mustUpdateOnce()
			s.mustHold()
		})
	}
}

// The portal tells nothing of operating time, and gives up on requests of over a minute.
func TestSlowUpdatesOfASilentPortal(t *testing.T) {
	t.Parallel()
	s := newSite(t, 40, simulator.Options{
		Limits: simulator.Standard, Quirks: simulator.Quirks{HidesOperating: true},
		Costs: map[string]time.Duration{"crm.item.update": 20 * time.Second}, OperatingLimit: 10 * time.Hour,
	})
	s.night()
	s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		updates := 0
		for _, command := range call.Commands {
			updates += map[string]int{"crm.item.update": 1}[command.Method]
		}
		if updates > 3 {
			return &simulator.Fault{HTML: http.StatusGatewayTimeout, RunsFirst: true}
		}
		return nil
	})
	if summary := s.mustWriteBack(); summary.Written != 40 {
		t.Errorf("%d written, want 40", summary.Written)
	}
	s.mustUpdateOnce()
	s.mustHold()
}

func TestOneWriteBackAtATime(t *testing.T) {
	t.Parallel()
	s := published(t, 5, simulator.Options{})
	lease, err := s.w.Lease(context.Background(), writeback.Lease, "a test")
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	_, err = s.writeBack()
	if held, ok := errors.AsType[*warehouse.HeldError](err); !ok || held.Holder.Doing != "a test" {
		t.Errorf("a second write-back at the same time: %v, want who has the lease", err)
	}
	dry := s.pass()
	dry.DryRun = true
	if _, err := writeback.Run(context.Background(), dry); err != nil {
		t.Errorf("a dry run at the same time: %v, want none of its business", err)
	}
}
