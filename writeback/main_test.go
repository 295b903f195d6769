package writeback_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
	"stagelag/writeback"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(taskVariable); task != "" {
		os.Exit(passAsProcess(task))
	}
	warehousetest.Main(m)
}

const secret = "q7zt5wk2hidden93"

// A site is a simulated portal, a configuration that writes back to it, and a warehouse.
type site struct {
	t      testing.TB
	clock  *simulatortest.Clock // the portal's and ours, which a request sets on by what it costs
	world  *simulator.World
	portal *simulator.Portal
	cfg    config.Config
	w      *warehouse.Warehouse
	// address is where the portal really is. All have the same name: a run that finds its portal
	// under another one reads it anew.
	address string
	log     bytes.Buffer
	names   map[writeback.Role]string // of the fields, by what they are for
	client  *bitrix24.Client          // of the last pass
	sent    atomic.Int64              // requests
	ended   sync.Map                  // a channel by the number of a request, closed when the portal is done with it
}

// requestNumber is the header that tells the portal's side of the test which request it has.
const requestNumber = "X-Request-Number"

// firstNight is when the generated worlds are first read.
var firstNight = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

// newSite has a world of so many generated deals, with fields for all results.
func newSite(t testing.TB, deals int, o simulator.Options) *site {
	t.Helper()
	s := newPortal(t, deals, o)
	s.w = warehousetest.Migrated(t)
	return s
}

// newPortal is a site without a warehouse.
func newPortal(t testing.TB, deals int, o simulator.Options) *site {
	t.Helper()
	s := &site{t: t, clock: simulatortest.NewClock(firstNight), cfg: config.Default()}
	var suggested simulator.Suggested
	s.world, suggested = simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: firstNight})
	for _, f := range []simulator.Field{
		{Name: "UF_CRM_STATE", Type: "string"}, {Name: "UF_CRM_LATE", Type: "integer"}, {Name: "UF_CRM_LEFT", Type: "double"},
		{Name: "UF_CRM_END", Type: "date"}, {Name: "UF_CRM_LOST", Type: "string"},
		{Name: "UF_CRM_EXPECTED", Type: "date"}, {Name: "UF_CRM_LIKELY", Type: "integer"},
	} {
		s.world.AddField(f)
	}
	o.Now, o.Secret = s.clock.Now, secret
	s.cfg.Portal.Limits = bitrix24.Standard
	if o.Limits == simulator.NoLimits {
		s.cfg.Portal.Limits = bitrix24.Unlimited
	}
	s.portal = simulator.New(s.world, o)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ended, ok := s.ended.Load(r.Header.Get(requestNumber)); ok {
			defer close(ended.(chan struct{}))
		}
		s.portal.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.address = server.Listener.Addr().String()
	webhook, err := bitrix24.ParseWebhook(s.portal.WebhookURL("https://portal.example"))
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Portal.URL = webhook
	s.configure(suggested)
	t.Cleanup(func() {
		if strings.Contains(s.log.String(), secret) {
			t.Error("the log shows the secret")
		}
	})
	return s
}

func (s *site) configure(suggested simulator.Suggested) {
	zone, err := time.LoadLocation(suggested.TimeZone)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Portal.TimeZone = zone
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{}
	for stage, f := range suggested.Fields {
		s.cfg.Plan.Fields[extractor.StageID(stage)] = config.PlanFields{Days: config.FieldName(f.Days), Date: config.FieldName(f.Date)}
	}
	for _, n := range suggested.Norms {
		s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: extractor.StageID(n.Stage), Days: int32(n.Days)})
	}
	s.names = map[writeback.Role]string{
		writeback.State: "UF_CRM_STATE", writeback.DaysLate: "UF_CRM_LATE", writeback.DaysLeft: "UF_CRM_LEFT",
		writeback.PlannedEnd: "UF_CRM_END", writeback.DaysLost: "UF_CRM_LOST",
		writeback.ExpectedEnd: "UF_CRM_EXPECTED", writeback.LateProbability: "UF_CRM_LIKELY",
	}
	s.cfg.WriteBack = config.WriteBack{
		Language: config.English, State: "UF_CRM_STATE", DaysLate: "UF_CRM_LATE", DaysLeft: "UF_CRM_LEFT",
		PlannedEnd: "UF_CRM_END", DaysLost: "UF_CRM_LOST", ExpectedEnd: "UF_CRM_EXPECTED", LateProbability: "UF_CRM_LIKELY",
	}
}

// RoundTrip lets the time pass that a request takes on the portal.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	number, ended := fmt.Sprint(s.sent.Add(1)), make(chan struct{})
	s.ended.Store(number, ended)
	r = r.Clone(r.Context())
	r.Header.Set(requestNumber, number)
	r.URL.Scheme, r.URL.Host = "http", s.address
	response, err := http.DefaultTransport.RoundTrip(r)
	// The portal writes down what a request has cost only after the answer.
	select {
	case <-ended:
	case <-r.Context().Done():
	}
	cost := 50 * time.Millisecond
	if calls := s.portal.Log(); len(calls) > 0 {
		cost += calls[len(calls)-1].Cost
	}
	s.clock.Add(cost)
	return response, err
}

func (s *site) newClient() *bitrix24.Client {
	return bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: s.cfg.Portal.URL, Limits: s.cfg.Portal.Limits, Clock: s.clock, HTTP: &http.Client{Transport: s},
		Log: logrus.NewEntry(s.logger()),
	})
}

func (s *site) logger() *logrus.Logger {
	logger := logrus.New()
	logger.SetOutput(&s.log)
	logger.SetLevel(logrus.TraceLevel)
	return logger
}

// quiet is a progress that nobody looks at.
type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// What a generated world's first night publishes does not depend on what becomes of the world, so one
// site of each size makes it, and the others begin with its rows.
var (
	firstNights   = map[int]*firstRows{} // by the number of deals
	firstNightsMu sync.Mutex
)

type firstRows struct {
	sync.Mutex // for the night
	rows       warehousetest.Rows
	ended      time.Time
}

// published is a site of newSite after its first night.
func published(t testing.TB, deals int, o simulator.Options) *site {
	t.Helper()
	s := newSite(t, deals, o)
	firstNightsMu.Lock()
	first := firstNights[deals]
	if first == nil {
		first = &firstRows{}
		firstNights[deals] = first
	}
	firstNightsMu.Unlock()
	first.Lock()
	defer first.Unlock()
	if first.rows == nil {
		s.night()
		first.rows, first.ended = warehousetest.RowsOf(t, s.w), s.clock.Now()
		return s
	}
	s.world.Advance(s.clock.Now())
	s.clock.Add(first.ended.Sub(s.clock.Now()))
	first.rows.Into(t, s.w)
	return s
}

// night makes a nightly pass, which has to succeed.
func (s *site) night() nightly.Outcome {
	s.t.Helper()
	s.world.Advance(s.clock.Now())
	outcome, err := nightly.Run(context.Background(), nightly.Pass{
		Warehouse: s.w, Client: s.newClient(), Config: s.cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: s.logger(), Now: s.clock.Now,
	})
	if err != nil {
		s.t.Fatalf("run: %v", err)
	}
	return outcome
}

// nextNight is a night at half past two of the next day, however long the last one took.
func (s *site) nextNight() nightly.Outcome {
	s.t.Helper()
	now := s.clock.Now()
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 2, 30, 0, 0, time.UTC)
	s.clock.Add(next.Sub(now))
	return s.night()
}

func (s *site) pass() writeback.Pass {
	s.client = s.newClient()
	return writeback.Pass{Warehouse: s.w, Client: s.client, Config: s.cfg, Progress: quiet{}, Log: s.logger(), Now: s.clock.Now}
}

// writeBack makes a write-back with a log of the portal's that holds nothing else.
func (s *site) writeBack() (writeback.Summary, error) {
	s.t.Helper()
	s.portal.ForgetLog()
	summary, err := writeback.Run(context.Background(), s.pass())
	if text := fmt.Sprintf("%v %+v %#v %+v", err, err, err, summary); strings.Contains(text, secret) {
		s.t.Errorf("the secret is shown: %s", text)
	}
	return summary, err
}

func (s *site) mustWriteBack() writeback.Summary {
	s.t.Helper()
	summary, err := s.writeBack()
	if err != nil {
		s.t.Fatalf("write-back: %v", err)
	}
	return summary
}

// updateCommands are the updates that the portal has carried out, in their order.
func (s *site) updateCommands() []simulator.Command {
	var all []simulator.Command
	for _, call := range s.portal.Log() {
		for _, command := range call.Commands {
			if command.Method == "crm.item.update" && command.IsRun && !command.HasFailed {
				all = append(all, command)
			}
		}
	}
	return all
}

// updates counts the updates that the portal has carried out, by deal.
func (s *site) updates() map[string]int {
	n := map[string]int{}
	for _, command := range s.updateCommands() {
		n[command.Params.Text("id")]++
	}
	return n
}

// mustUpdateOnce fails if the portal has carried out two updates of one deal.
func (s *site) mustUpdateOnce() {
	s.t.Helper()
	for id, n := range s.updates() {
		if n > 1 {
			s.t.Errorf("deal %s was written %d times, want once", id, n)
		}
	}
}

// mustRepeatNothing fails if a field of a deal was given the same value twice in a row.
func (s *site) mustRepeatNothing() {
	s.t.Helper()
	last := map[string]string{}
	for _, command := range s.updateCommands() {
		for _, field := range command.Params.Keys("fields") {
			place, value := command.Params.Text("id")+" "+field, command.Params.Text("fields", field)
			if before, ok := last[place]; ok && before == value {
				s.t.Errorf("deal %s was given %q twice", place, value)
			}
			last[place] = value
		}
	}
}

// expected is what the fields of each deal should hold, in the order of the roles, from the
// view of visits rather than that of deals.
func (s *site) expected() map[simulator.DealID]string {
	s.t.Helper()
	working := ""
	if s.cfg.Calendar.Kind == config.WorkingDays {
		working = " working"
	}
	rows, err := s.w.Views().Query(context.Background(), `
		SELECT deal_id, concat(
			multiIf(last.1 = 'overdue', concat(toString(last.2), '`+working+`', if(last.2 = 1, ' day late', ' days late')),
				last.1 = 'final', 'closed', replaceAll(last.1, '_', ' ')), '|',
			if(last.3 AND last.4 IS NOT NULL, toString(last.2), ''), '|',
			if(last.3 AND last.4 IS NOT NULL, toString(last.5), ''), '|',
			if(last.3 AND last.4 IS NOT NULL, toString(assumeNotNull(last.4)), ''), '|',
			toString(lost), '|', if(last.3, ifNull(toString(last.6), ''), ''), '|', if(last.3, ifNull(toString(10 * toInt32(round(10 * last.7))), ''), ''))
		FROM
		(
			SELECT deal_id, argMax((toString(status), overdue_days, is_open, planned_end, ifNull(days_left, 0), expected_end, late_probability), visit_no) AS last, sum(overdue_days) AS lost
			FROM deal_stages GROUP BY deal_id
		)`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	all := map[simulator.DealID]string{}
	for rows.Next() {
		var id uint64
		var text string
		if err := rows.Scan(&id, &text); err != nil {
			s.t.Fatal(err)
		}
		all[simulator.DealID(id)] = text
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		s.t.Fatalf("%d deals, %v", len(all), err)
	}
	return all
}

// held is what the fields of a deal hold.
func (s *site) held(deal simulator.Deal) string {
	var texts []string
	for _, role := range []writeback.Role{writeback.State, writeback.DaysLate, writeback.DaysLeft, writeback.PlannedEnd, writeback.DaysLost, writeback.ExpectedEnd, writeback.LateProbability} {
		texts = append(texts, plain(deal.Fields[s.names[role]]))
	}
	return strings.Join(texts, "|")
}

func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case time.Time:
		return v.Format(time.DateOnly)
	default:
		return fmt.Sprint(v)
	}
}

// mustHold fails unless every deal of the report holds what it should.
func (s *site) mustHold() {
	s.t.Helper()
	wrong := 0
	for id, want := range s.expected() {
		deal, _ := s.world.Deal(id)
		if got := s.held(deal); got != want {
			if wrong++; wrong <= 5 {
				s.t.Errorf("deal %d holds %q, want %q", id, got, want)
			}
		}
	}
	if wrong > 5 {
		s.t.Errorf("and %d deals more", wrong-5)
	}
}
