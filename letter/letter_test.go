package letter_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagelag/config"
	"stagelag/letter"
	"stagelag/loader"
	"stagelag/simulator"
)

func TestEverybodyGetsOneLetterWithTheirDeals(t *testing.T) {
	t.Parallel()
	s := published(t)
	want := s.wanted
	summary := s.mustSend()
	s.mustHaveReceived()
	if n := summary.Count(letter.Sent); n != len(want) {
		t.Errorf("%d letters are said to be sent, want %d", n, len(want))
	}
	if summary.Count(letter.Dismissed) == 0 {
		t.Error("nobody is said to be dismissed, want those whose deals are late")
	}
	for _, m := range s.world.Messages() {
		for _, link := range want[m.Dialog] {
			if !strings.Contains(m.Text, "[url="+link+"]") {
				t.Errorf("the letter to %s has no link to %s:\n%s", m.Dialog, link, m.Text)
			}
		}
		if n := strings.Count(m.Text, "/crm/deal/details/"); m.To != 0 && n != len(want[m.Dialog])+s.likely[m.Dialog] {
			t.Errorf("the letter to %s names %d deals, want %d and %d that are likely to become late", m.Dialog, n, len(want[m.Dialog]), s.likely[m.Dialog])
		}
	}
	s.reads = false
	if again := s.mustSend(); again.Count(letter.Sent) != 0 || again.Count(letter.Before) != len(want) {
		t.Errorf("a second call: %d sent and %d sent before, want 0 and %d", again.Count(letter.Sent), again.Count(letter.Before), len(want))
	}
	sent := len(s.world.Messages())
	if sent != len(want) {
		t.Errorf("%d messages after the second call, want %d", sent, len(want))
	}

	// Letters go by the as-of date: neither another run of the same date nor a withdrawn one sends them again, and the
	// next date does.
	s.reads = true
	second := s.publish(summary.AsOf)
	s.mustSend()
	if _, err := loader.Withdraw(t.Context(), s.w, second, s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.mustSend()
	if n := len(s.world.Messages()); n != sent {
		t.Errorf("%d messages after another run of the same date and its withdrawal, want the %d of the first", n, sent)
	}
	s.publish(summary.AsOf + 1)
	s.mustSend()
	if n := len(s.world.Messages()); n < sent+2 {
		t.Errorf("%d messages after the next date's letters, want more than %d", n, sent)
	}
}

func TestADryRunSendsNothing(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	m := s.mailing()
	m.DryRun, m.Client = true, nil
	summary, err := s.sendWith(m)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	_ = summary.Write(&printed, nil)
	for to, links := range s.wanted {
		for _, link := range links {
			if !strings.Contains(printed.String(), link) {
				t.Errorf("the link of %s is not shown: %s", to, link)
			}
		}
	}
	if n, rows := len(s.world.Messages()), s.recorded(); n != 0 || len(rows) != 0 || len(s.portal.Log()) != 0 {
		t.Errorf("a dry run has sent %d messages, recorded %v and asked the portal %d times, want nothing of that", n, rows, len(s.portal.Log()))
	}
	s.mustSend()
	s.mustHaveReceived()
}

func TestTheSelectionAndTheLanguage(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	send := func(change func(*letter.Mailing)) {
		t.Helper()
		m := s.mailing()
		change(&m)
		if _, err := s.sendWith(m); err != nil {
			t.Fatal(err)
		}
	}
	send(func(m *letter.Mailing) { m.To, m.Language = letter.Selection{Kind: letter.Chat}, config.Russian })
	if got := s.received(); len(got) != 1 || got[leadership] != 1 || !strings.Contains(s.world.Messages()[0].Text, "Сделки на 10.03.2026") {
		t.Errorf("--to chat in Russian has sent %v: %s", got, s.world.Messages()[0].Text)
	}
	manager := slices.MaxFunc(slices.Collect(func(yield func(string) bool) {
		for to := range s.wanted {
			if to != leadership && !yield(to) {
				return
			}
		}
	}), strings.Compare)
	send(func(m *letter.Mailing) { m.To = letter.Selection{Kind: letter.Manager, Manager: managerID(t, manager)} })
	if got := s.received(); len(got) != 2 || got[manager] != 1 || !strings.Contains(s.world.Messages()[1].Text, "Your deals on 10 Mar 2026") {
		t.Errorf("--to %s has sent %v: %s", manager, got, s.world.Messages()[1].Text)
	}
	m := s.mailing()
	m.To = letter.Selection{Kind: letter.Manager, Manager: 4711}
	if _, err := s.sendWith(m); !isOf[*letter.UnknownManagerError](err) {
		t.Errorf("an unknown manager gives %v", err)
	}
	s.mustSend()
	s.mustHaveReceived()
}

func isOf[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// onMessages fails the messages to a dialog; to all where it is empty.
func onMessages(dialog string, f simulator.Fault) func(*simulator.Call) *simulator.Fault {
	return func(call *simulator.Call) *simulator.Fault {
		if call.Method == "im.message.add" && (dialog == "" || call.Params.Text("DIALOG_ID") == dialog) {
			return &f
		}
		return nil
	}
}

// nthMessage fails the messages of some numbers, from 1.
func nthMessage(faults map[int]simulator.Fault) func(*simulator.Call) *simulator.Fault {
	seen := 0
	return func(call *simulator.Call) *simulator.Fault {
		if call.Method != "im.message.add" {
			return nil
		}
		seen++
		f, ok := faults[seen]
		if !ok {
			return nil
		}
		return &f
	}
}

// A letter whose answer is lost counts as sent, whether it was or not, and the others are sent.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	s.portal.Inject(nthMessage(map[int]simulator.Fault{
		1: {Drops: true},
		3: {Drops: true, RunsFirst: true},
		5: {HTML: http.StatusGatewayTimeout, RunsFirst: true},
	}))
	summary := s.mustSend()
	if n := summary.Count(letter.Uncertain); n != 3 || summary.Count(letter.Sent) != len(s.wanted)-3 {
		t.Errorf("%d uncertain, %d sent, want 3 and %d", n, summary.Count(letter.Sent), len(s.wanted)-3)
	}
	uncertain := 0
	for to, state := range s.recorded() {
		if strings.HasPrefix(state, "uncertain: ") {
			uncertain++
		} else if state != "sent" {
			t.Errorf("the letter to %s is recorded as %q", to, state)
		}
	}
	if uncertain != 3 {
		t.Errorf("%d letters are recorded as uncertain, want 3", uncertain)
	}
	s.portal.Inject(nil)
	if again := s.mustSend(); again.Count(letter.Sent) != 0 || again.Count(letter.Unsure) != 3 {
		t.Errorf("a second call has sent %d letters, %d uncertain before, want 0 and 3", again.Count(letter.Sent), again.Count(letter.Unsure))
	}
	if n := len(s.world.Messages()); n != len(s.wanted)-1 { // the first was lost before anything was done
		t.Errorf("%d messages, want %d", n, len(s.wanted)-1)
	}
}

// A portal that loses all answers does not have everybody's letter count as sent.
func TestAPortalThatLosesAllAnswers(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	s.portal.Inject(onMessages("", simulator.Fault{Drops: true}))
	summary, err := s.send()
	failed := len(s.wanted) - 2
	if n := summary.Count(letter.Uncertain); !isOf[*letter.NotDeliveredError](err) || n != 2 || summary.Count(letter.Failed) != failed {
		t.Errorf("%d uncertain, %d failed (%v), want 2 and %d", n, summary.Count(letter.Failed), err, failed)
	}
	s.portal.Inject(nil)
	if again := s.mustSend(); again.Count(letter.Sent) != failed {
		t.Errorf("the next call has sent %d letters, want %d", again.Count(letter.Sent), failed)
	}
}

// What is surely not delivered is sent by the next call.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	for _, test := range []struct {
		name   string
		fault  func(*simulator.Call) *simulator.Fault
		failed int
		says   string
	}{
		{"the webhook lacks the scope", onMessages("", simulator.Fault{Error: &simulator.InsufficientScope}), len(s.wanted), `lacks the scope "im"`},
		{"the portal is blocked", onMessages("", simulator.Fault{Error: &simulator.OverloadLimit}), len(s.wanted), "blocked"},
		{"the webhook is gone", onMessages("", simulator.Fault{Error: &simulator.NoAuthFound}), len(s.wanted), "portal.url"},
		{"the chat does not take it", onMessages(leadership, simulator.Fault{Error: &simulator.Error{Status: 400, Code: "ACCESS_ERROR", Text: "Action unavailable"}}), 1, "ACCESS_ERROR"},
	} {
		s.portal.ForgetLog()
		s.portal.Inject(test.fault)
		summary, err := s.send()
		if n := summary.Count(letter.Failed); !isOf[*letter.NotDeliveredError](err) || n != test.failed || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %d failed, want %d: %v", test.name, n, test.failed, err)
		}
		if got := s.recorded()["chat "+leadership]; !strings.HasPrefix(got, "failed: ") {
			t.Errorf("%s: recorded as %q", test.name, got)
		}
		if asked := len(s.portal.Log()); test.failed == len(s.wanted) && asked > 3 {
			t.Errorf("%s: the portal was asked %d times, want no more once it is known", test.name, asked)
		}
	}
	s.portal.Inject(nil)
	s.mustSend()
	s.mustHaveReceived()
}

// Told to stop, it ends the letter under way, and the next call goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	s := awoken(t)
	ctx, stop := context.WithCancelCause(t.Context())
	seen := 0
	s.portal.Inject(func(call *simulator.Call) *simulator.Fault {
		if call.Method == "im.message.add" {
			if seen++; seen == 2 {
				stop(errors.New("terminated"))
			}
		}
		return nil
	})
	summary, err := letter.RunOn(ctx, s.mailing(), s.content)
	if err == nil || !strings.Contains(err.Error(), "terminated") || summary.Count(letter.Sent) != 2 || len(s.world.Messages()) != 2 {
		t.Errorf("%d sent, %d messages (%v), want 2 and the signal", summary.Count(letter.Sent), len(s.world.Messages()), err)
	}
	s.portal.Inject(nil)
	s.mustSend()
	s.mustHaveReceived()
}

func TestNothingToSendWith(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.send(); !errors.Is(err, letter.ErrNothingPublished) {
		t.Errorf("without a run: %v, want %v", err, letter.ErrNothingPublished)
	}
	for _, test := range []struct {
		cfg  config.Letter
		to   letter.Selection
		want string
	}{
		{config.Letter{}, letter.Selection{}, "letter: names no chat"},
		{config.Letter{Managers: true}, letter.Selection{Kind: letter.Chat}, "letter.chat: not set"},
		{config.Letter{Chat: leadership}, letter.Selection{Kind: letter.Manager}, "letter.managers: not set"},
		{config.Letter{Chat: leadership}, letter.Selection{Kind: letter.Mail}, "letter.mail: not set"},
	} {
		m := s.mailing()
		m.Config.Letter, m.To = test.cfg, test.to
		if _, err := s.sendWith(m); !isOf[*config.Error](err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("with %+v to %+v: %v, want %q", test.cfg, test.to, err, test.want)
		}
	}
}
