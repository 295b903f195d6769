package bitrix24_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
)

const secret = "q7zt5wk2hidden93"

var noon = time.Date(2026, 3, 16, 12, 0, 0, 0, time.UTC)

// A site is a simulated portal on the air, and what a client of it needs.
type site struct {
	t       testing.TB
	clock   *simulatortest.Clock
	world   *simulator.World
	portal  *simulator.Portal
	webhook bitrix24.Webhook
	limits  bitrix24.Limits
	skew    time.Duration // our clock minus the portal's
	waits   []string      // of the last client
	log     bytes.Buffer
}

func newSite(t testing.TB, w *simulator.World, o simulator.Options) *site {
	t.Helper()
	s := &site{t: t, clock: simulatortest.NewClock(noon), world: w, limits: bitrix24.Standard}
	s.clock.Tick = 100 * time.Millisecond
	o.Now, o.Secret = s.clock.Now, secret
	if o.Limits == simulator.NoLimits {
		s.limits = bitrix24.Unlimited
	}
	s.portal = simulator.New(w, o)
	s.webhook = simulatortest.Serve(t, s.portal)
	t.Cleanup(func() { s.mustHide("the log", s.log.String()) })
	return s
}

func mustParse(t testing.TB, address string) bitrix24.Webhook {
	t.Helper()
	webhook, err := bitrix24.ParseWebhook(address)
	if err != nil {
		t.Fatal(err)
	}
	return webhook
}

// mustHide fails if a text holds the webhook's secret.
func (s *site) mustHide(what, text string) {
	s.t.Helper()
	if strings.Contains(text, secret) {
		s.t.Errorf("%s shows the secret: %s", what, text)
	}
}

// connect makes a client, as a new process has it.
func (s *site) connect() *bitrix24.Client {
	s.portal.ForgetLog()
	s.waits = nil
	logger := logrus.New()
	logger.SetOutput(&s.log)
	logger.SetLevel(logrus.TraceLevel)
	return bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: s.webhook, Limits: s.limits, Clock: s.clock.Skewed(s.skew), HTTP: &http.Client{Transport: s.clock}, Log: logrus.NewEntry(logger),
		OnWait: func(reason string, _ time.Time) { s.waits = append(s.waits, reason) },
	})
}

func (s *site) mustDescribe(c *bitrix24.Client) bitrix24.Description {
	s.t.Helper()
	d, err := c.Describe(s.t.Context())
	if err != nil {
		s.t.Fatalf("Describe: %v", err)
	}
	return d
}

// A row is a row of any list, known by its id.
type row struct {
	ID bitrix24.ID `json:"id"` // or ID: encoding/json does not look at the case
}

// listing reads the ids of all deals, or of all stage changes.
func listing(method, idName string) bitrix24.Listing[row] {
	return bitrix24.Listing[row]{
		Method: method, Params: []bitrix24.Param{{Name: "entityTypeId", Value: bitrix24.DealType}}, IDName: idName,
		Decode: func(page jsontext.Value) ([]row, error) {
			var rows bitrix24.Items[row]
			err := json.Unmarshal(page, &rows)
			return rows.Items, err
		},
		ID: func(r row) bitrix24.ID { return r.ID },
	}
}

var (
	deals   = listing("crm.item.list", "id")
	changes = listing("crm.stagehistory.list", "ID")
)

// mustReadAll reads all deals and all stage changes, which must be those of the world.
func (s *site) mustReadAll(c *bitrix24.Client) {
	s.t.Helper()
	var wantDeals, wantChanges []bitrix24.ID
	for _, deal := range s.world.Deals() {
		wantDeals = append(wantDeals, bitrix24.ID(deal.ID))
		for _, change := range s.world.History(deal.ID) {
			wantChanges = append(wantChanges, bitrix24.ID(change.ID))
		}
	}
	slices.Sort(wantDeals)
	slices.Sort(wantChanges)
	var counts []bitrix24.Command
	for _, l := range []bitrix24.Listing[row]{deals, changes} {
		counts = append(counts, bitrix24.Command{Method: l.Method, Params: append(slices.Clip(l.Params), bitrix24.Param{Name: "start", Value: "0"})})
	}
	sizes, err := c.Sizes(s.t.Context(), counts)
	if err != nil {
		s.t.Fatalf("Sizes: %v", err)
	}
	s.mustRead(c, deals, sizes[0], wantDeals)
	s.mustRead(c, changes, sizes[1], wantChanges)
}

func (s *site) mustRead(c *bitrix24.Client, l bitrix24.Listing[row], expect int, want []bitrix24.ID) {
	s.t.Helper()
	l.Expect = expect
	var got []bitrix24.ID
	for part, err := range bitrix24.Walk(s.t.Context(), c, l) {
		if err != nil {
			s.t.Fatalf("%s: %v", l.Method, err)
		}
		for _, row := range part.Rows {
			got = append(got, row.ID)
		}
	}
	if !slices.Equal(got, want) {
		s.t.Fatalf("%s gave %d rows %v, want %d rows %v", l.Method, len(got), few(got), len(want), few(want))
	}
}

func few(ids []bitrix24.ID) []bitrix24.ID { return ids[:min(len(ids), 20)] }

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
	return codes
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refusal *bitrix24.APIError
	if !errors.As(err, &refusal) || refusal.Code != code {
		t.Errorf("error %v, want the code %s", err, code)
	}
}

// someDeals is a world with n deals, each with a history of the given length.
func someDeals(n, changes int) *simulator.World {
	w := simulator.NewWorld()
	ann := w.AddUser(simulator.User{Name: "Ann", LastName: "Lee"})
	w.AddFunnel(simulator.Funnel{ID: 0, Name: "General", Stages: []simulator.Stage{
		{ID: "NEW", Name: "New"}, {ID: "WORK", Name: "Work"}, {ID: "WON", Name: "Won", Semantics: simulator.Success},
	}})
	w.AddFunnel(simulator.Funnel{ID: 5, Name: "Service", Stages: []simulator.Stage{{ID: "C5:NEW", Name: "New"}}})
	w.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "integer", Label: "Days"})
	w.AddField(simulator.Field{Name: "UF_CRM_DUE", Type: "date", Label: "Due"})
	for i := range n {
		begin := noon.AddDate(0, 0, -200).Add(time.Duration(i) * time.Minute)
		id := w.AddDeal(simulator.Deal{Title: fmt.Sprint("Deal ", i), Funnel: 0, Stage: "NEW", Manager: ann, Created: begin})
		for k := range changes - 1 {
			w.Move(id, begin.AddDate(0, 0, k+1), []simulator.StageID{"WORK", "NEW"}[k%2])
		}
	}
	w.Advance(noon)
	return w
}
