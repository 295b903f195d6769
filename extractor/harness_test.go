package extractor_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/extractor"
	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
)

const secret = "q7zt5wk2hidden93"

var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// A site is a simulated portal on the air, and a landing to extract it to.
type site struct {
	t       testing.TB
	clock   *simulatortest.Clock
	world   *simulator.World
	portal  *simulator.Portal
	webhook bitrix24.Webhook
	limits  bitrix24.Limits
	landing *memory
	options extractor.Options
	waits   []string
	log     bytes.Buffer
	client  *bitrix24.Client // of the last extraction
	// transport, if set, stands between the client and the portal.
	transport func(*http.Request) (*http.Response, error)
	skew      time.Duration // our clock minus the portal's
}

func newSite(t testing.TB, w *simulator.World, o simulator.Options) *site {
	t.Helper()
	s := &site{t: t, clock: simulatortest.NewClock(noon), world: w, landing: newMemory(), limits: bitrix24.Standard}
	s.clock.Tick = 100 * time.Millisecond
	s.options.Ahead = new(time.Duration)
	o.Now, o.Secret = s.clock.Now, secret
	if o.Limits == simulator.NoLimits {
		s.limits = bitrix24.Unlimited
	}
	s.portal = simulator.New(w, o)
	s.webhook = simulatortest.Serve(t, s.portal)
	t.Cleanup(func() { s.mustHide("the log", s.log.String()) })
	return s
}

// mustHide fails if a text holds the webhook's secret.
func (s *site) mustHide(what, text string) {
	s.t.Helper()
	if strings.Contains(text, secret) {
		s.t.Errorf("%s shows the secret: %s", what, text)
	}
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.transport != nil {
		return s.transport(r)
	}
	return s.clock.RoundTrip(r)
}

func (s *site) logger() *logrus.Entry {
	logger := logrus.New()
	logger.SetOutput(&s.log)
	logger.SetLevel(logrus.TraceLevel)
	return logrus.NewEntry(logger)
}

// extract makes a run of its own, like a new process.
func (s *site) extract() (extractor.Result, error) {
	s.t.Helper()
	s.portal.ForgetLog()
	s.waits = nil
	s.client = bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: s.webhook, Limits: s.limits, Clock: s.clock.Skewed(s.skew), HTTP: &http.Client{Transport: s}, Log: s.logger(),
		OnWait: func(reason string, _ time.Time) { s.waits = append(s.waits, reason) },
	})
	description, err := extractor.Describe(s.t.Context(), s.client)
	if err != nil {
		s.mustHide("an error", fmt.Sprintf("%v %+v %#v", err, err, err))
		return extractor.Result{}, err
	}
	options := s.options
	options.Description = description
	result, err := extractor.Extract(s.t.Context(), s.client, s.landing, options)
	s.mustHide("an error", fmt.Sprintf("%v %+v %#v", err, err, err))
	s.mustHide("the result", fmt.Sprintf("%+v", result))
	return result, err
}

func (s *site) mustExtract() extractor.Result {
	s.t.Helper()
	result, err := s.extract()
	if err != nil {
		s.t.Fatalf("Extract: %v", err)
	}
	return result
}

// later makes the next run, a day later.
func (s *site) later() extractor.Result {
	s.t.Helper()
	s.nextDay()
	return s.mustExtract()
}

func (s *site) nextDay() {
	s.landing.run++
	_ = s.clock.Sleep(context.Background(), 24*time.Hour)
	s.world.Advance(s.clock.Now())
}

// refusals counts the requests and commands that the portal refused.
func (s *site) refusals() map[string]int {
	codes := map[string]int{}
	for _, call := range s.portal.Log() {
		codes[call.Code]++
		for _, command := range call.Commands {
			codes[command.Code]++
		}
	}
	delete(codes, "")
	delete(codes, "NOT_FOUND") // of a deal that was deleted
	delete(codes, "ACCESS_DENIED")
	return codes
}

// A picture is what a landing should know: deals as "funnel/stage manager", and the ids of
// their changes.
type picture struct {
	Deals   map[simulator.DealID]string
	Changes map[simulator.DealID][]simulator.ChangeID
}

// shown is the picture of what the portal shows of some deals.
func (s *site) shown(include func(simulator.Deal) bool) picture {
	p := picture{map[simulator.DealID]string{}, map[simulator.DealID][]simulator.ChangeID{}}
	for _, deal := range s.world.Deals() {
		if deal.IsHidden || !include(deal) {
			continue
		}
		p.Deals[deal.ID] = line(uint64(deal.Funnel), string(deal.Stage), uint64(deal.Manager))
		for _, change := range s.world.History(deal.ID) {
			p.Changes[deal.ID] = append(p.Changes[deal.ID], change.ID)
		}
		slices.Sort(p.Changes[deal.ID])
	}
	return p
}

func line(funnel uint64, stage string, manager uint64) string {
	return strings.Join([]string{itoa(funnel), stage, itoa(manager)}, " ")
}

// known is the picture of what the landing knows.
func (s *site) known() picture {
	p := picture{map[simulator.DealID]string{}, map[simulator.DealID][]simulator.ChangeID{}}
	for id, deal := range s.landing.deals {
		if !deal.vanished {
			p.Deals[simulator.DealID(id)] = line(uint64(deal.FunnelID), string(deal.StageID), uint64(deal.ManagerID))
		}
	}
	for id, history := range s.landing.histories() {
		for _, change := range history {
			p.Changes[simulator.DealID(id)] = append(p.Changes[simulator.DealID(id)], simulator.ChangeID(change.ID))
		}
		slices.Sort(p.Changes[simulator.DealID(id)])
	}
	return p
}

func everyDeal(simulator.Deal) bool { return true }

// mustKnow fails unless the landing knows these deals as the portal shows them, and no others.
func (s *site) mustKnow(include func(simulator.Deal) bool) {
	s.t.Helper()
	if diff := cmp.Diff(s.shown(include), s.known()); diff != "" {
		s.t.Fatalf("landed is not what the portal shows (-shown +known):\n%s", diff)
	}
}

// allowed is how many requests a run may take that reads lists of so many rows.
func allowed(rows ...int) int {
	sum := 0
	for _, n := range rows {
		sum += (n + 2499) / 2500
	}
	return sum*11/10 + 10
}

// twoFunnels is a world with the funnels 0 and 5 and n deals in turn, each with a history of
// the given length.
func twoFunnels(n, changes int) *simulator.World {
	w := simulator.NewWorld()
	for _, user := range []string{"Ann", "Bo", "Cy"} {
		w.AddUser(simulator.User{Name: user, LastName: "Lee"})
	}
	stages := func(prefix string) []simulator.Stage {
		return []simulator.Stage{
			{ID: simulator.StageID(prefix + "NEW"), Name: "New"},
			{ID: simulator.StageID(prefix + "WORK"), Name: "Work"},
			{ID: simulator.StageID(prefix + "WON"), Name: "Won", Semantics: simulator.Success},
		}
	}
	w.AddFunnel(simulator.Funnel{ID: 0, Name: "General", Stages: stages("")})
	w.AddFunnel(simulator.Funnel{ID: 5, Name: "Service", Stages: stages("C5:")})
	w.AddField(simulator.Field{Name: "UF_CRM_DOCS_DAYS", Type: "integer", Label: "Days for documents"})
	w.AddField(simulator.Field{Name: "UF_CRM_DOCS_DUE", Type: "date", Label: "Documents due"})
	for i := range n {
		funnel, prefix := simulator.FunnelID(0), ""
		if i%2 == 1 {
			funnel, prefix = 5, "C5:"
		}
		begin := noon.AddDate(0, 0, -200).Add(time.Duration(i) * time.Minute)
		id := w.AddDeal(simulator.Deal{
			Title: "Deal", Funnel: funnel, Stage: simulator.StageID(prefix + "NEW"), Manager: simulator.UserID(i%3 + 1),
			Created: begin, Cents: 15000, Currency: "EUR",
		})
		for k := range changes - 1 {
			w.Move(id, begin.AddDate(0, 0, k+1), simulator.StageID(prefix+[]string{"WORK", "NEW"}[k%2]))
		}
	}
	w.Advance(noon)
	return w
}

func inService(deal simulator.Deal) bool { return deal.Funnel == 5 }

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }
