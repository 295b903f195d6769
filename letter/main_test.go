package letter_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/letter"
	"stagelag/loader"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/simulator/simulatortest"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/embedded"
	"stagelag/warehouse/warehousetest"
)

// trusted is a certificate of this machine that the tests trust.
var trusted tls.Certificate

func TestMain(m *testing.M) {
	embedded.RunIfAsked()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	trusted = server.TLS.Certificates[0]
	roots := filepath.Join(os.TempDir(), fmt.Sprintf("letter-roots-%d.pem", os.Getpid()))
	err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Certificate[0]}), 0o600)
	server.Close()
	if err == nil {
		err = os.Setenv("SSL_CERT_FILE", roots)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := warehousetest.Tests{M: m}.Run()
	_ = os.Remove(roots)
	os.Exit(code)
}

// The passwords of the portal and of the mail server.
const (
	secret   = "q7zt5wk2hidden93"
	password = "p4ss w0rd+§"
)

// A site is a simulated portal, a configuration that sends letters through it, and a warehouse.
type site struct {
	t      testing.TB
	clock  *simulatortest.Clock // the portal's and ours
	world  *simulator.World
	portal *simulator.Portal
	cfg    config.Config
	w      *warehouse.Warehouse
	server *httptest.Server
	log    bytes.Buffer
	*morning
	reads bool // the letters from the warehouse, each time
}

// firstNight is when the generated world is first read.
var firstNight = time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)

// leadership is a chat that the webhook's user is in.
const leadership = "chat1"

// published is a site after its first night.
func published(t testing.TB) *site {
	t.Helper()
	s := awoken(t)
	if s.maker != s {
		s.rows.Into(t, s.w)
	}
	s.reads = true
	return s
}

// awoken is a site that has the letters of the first morning to send, without what they are read from.
func awoken(t testing.TB) *site {
	t.Helper()
	s := newSite(t)
	s.morning = firstMorning(s)
	return s
}

// newSite has a generated world, and no run yet. Its webhook has the right to send messages.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, clock: simulatortest.NewClock(firstNight), cfg: config.Default(), w: warehousetest.Migrated(t)}
	var suggested simulator.Suggested
	s.world, suggested = simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 200, Now: firstNight})
	s.portal = simulator.New(s.world, simulator.Options{
		Now: s.clock.Now, Secret: secret, Limits: simulator.Standard, Scopes: []string{"crm", "user", "department", "im"},
	})
	s.server = httptest.NewServer(s.portal)
	t.Cleanup(s.server.Close)
	webhook, err := bitrix24.ParseWebhook(s.portal.WebhookURL("https://portal.example"))
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Portal.URL, s.cfg.Portal.TimeZone = webhook, time.UTC
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{}
	for stage, f := range suggested.Fields {
		s.cfg.Plan.Fields[extractor.StageID(stage)] = config.PlanFields{Days: config.FieldName(f.Days), Date: config.FieldName(f.Date)}
	}
	for _, n := range suggested.Norms {
		s.cfg.Plan.Norms = append(s.cfg.Plan.Norms, config.Norm{Stage: extractor.StageID(n.Stage), Days: int32(n.Days)})
	}
	s.cfg.Letter = config.Letter{Chat: leadership, Managers: true}
	t.Cleanup(func() { s.mustHide("the log", s.log.String()) })
	return s
}

// mustHide fails if a text holds a password.
func (s *site) mustHide(what, text string) {
	s.t.Helper()
	for _, hidden := range []string{secret, password} {
		if strings.Contains(text, hidden) {
			s.t.Errorf("%s shows a password: %s", what, text)
		}
	}
}

// A morning is what the first night of the generated world published, which is the same for all tests.
type morning struct {
	content *letter.Content
	// wanted are the dialogs that should get a letter, with the links that it should have.
	wanted map[string][]string
	// likely is how many deals of a manager are likely to become late.
	likely map[string]int
	rows   warehousetest.Rows
	maker  *site // whose warehouse has them
}

var (
	first   *morning
	firstMu sync.Mutex
)

// firstMorning is what the first night publishes. The first site that asks for it makes the night.
func firstMorning(s *site) *morning {
	s.t.Helper()
	firstMu.Lock()
	defer firstMu.Unlock()
	if first == nil {
		s.night()
		content, err := letter.ReadContent(s.t.Context(), s.w)
		if err != nil {
			s.t.Fatal(err)
		}
		first = &morning{content: content, wanted: s.readWanted(), likely: s.readLikely(), rows: warehousetest.RowsOf(s.t, s.w), maker: s}
	}
	return first
}

// RoundTrip sends what is meant for the portal to where it really is.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", s.server.Listener.Addr().String()
	return http.DefaultTransport.RoundTrip(r)
}

func (s *site) client(transport http.RoundTripper) *bitrix24.Client {
	return bitrix24.NewClient(bitrix24.ClientOptions{
		Webhook: s.cfg.Portal.URL, Limits: s.cfg.Portal.Limits, Clock: s.clock, HTTP: &http.Client{Transport: transport}, Log: logrus.NewEntry(s.logger()),
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

// night makes a nightly pass, which has to succeed.
func (s *site) night() nightly.Outcome {
	s.t.Helper()
	s.world.Advance(s.clock.Now())
	outcome, err := nightly.Run(s.t.Context(), nightly.Pass{
		Warehouse: s.w, Client: s.client(s), Config: s.cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: s.logger(), Now: s.clock.Now,
	})
	if err != nil {
		s.t.Fatalf("run: %v", err)
	}
	return outcome
}

// publish makes a run that finds the deals as they were.
func (s *site) publish(asOf transform.Day) loader.RunID {
	s.t.Helper()
	run, err := loader.Begin(s.t.Context(), s.w, loader.Start{
		Now: s.clock.Now, At: s.clock.Now(), AsOf: asOf, PortalHost: "portal.example", Calendars: &transform.Calendars{Default: transform.CalendarDays{}},
	})
	if err == nil {
		err = run.Publish(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return run.ID()
}

func (s *site) mailing() letter.Mailing {
	return letter.Mailing{Warehouse: s.w, Client: s.client(s), Config: s.cfg, Progress: quiet{}, Log: s.logger(), Now: s.clock.Now}
}

// send sends the letters; what it says must not hold a password.
func (s *site) send() (letter.Summary, error) {
	s.t.Helper()
	return s.sendWith(s.mailing())
}

func (s *site) sendWith(m letter.Mailing) (letter.Summary, error) {
	s.t.Helper()
	var summary letter.Summary
	var err error
	if s.morning == nil || s.reads {
		summary, err = letter.Run(s.t.Context(), m)
	} else {
		summary, err = letter.RunOn(s.t.Context(), m, s.content)
	}
	var printed strings.Builder
	_ = summary.Write(&printed, nil)
	s.mustHide("the result", fmt.Sprintf("%v %+v %#v %s %s", err, err, summary, printed.String(), s.recorded()))
	return summary, err
}

func (s *site) mustSend() letter.Summary {
	s.t.Helper()
	summary, err := s.send()
	if err != nil {
		s.t.Fatalf("letter: %v", err)
	}
	return summary
}

// recorded is the newest state of each recipient and why, as the warehouse has it.
func (s *site) recorded() map[string]string {
	s.t.Helper()
	rows, err := s.w.DB().Query(s.t.Context(), `
		SELECT concat(toString(kind), ' ', recipient), toString(argMax(letters.state, (attempt, letters.state))), argMax(error, (attempt, letters.state))
		FROM letters GROUP BY kind, recipient`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var to, state, why string
		if err := rows.Scan(&to, &state, &why); err != nil {
			s.t.Fatal(err)
		}
		all[to] = strings.TrimSuffix(state+": "+why, ": ")
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// received is how many messages each dialog has got.
func (s *site) received() map[string]int {
	all := map[string]int{}
	for _, m := range s.world.Messages() {
		all[m.Dialog]++
	}
	return all
}

// readWanted are the dialogs that should get a letter, with the links that it should have, by the view of visits rather
// than that of deals: managers who work there and whom the portal shows, and leadership.
func (s *site) readWanted() map[string][]string {
	s.t.Helper()
	works := map[uint64]bool{}
	for _, u := range s.world.Users() {
		works[uint64(u.ID)] = !u.IsFired && !u.IsHidden
	}
	rows, err := s.w.Views().Query(s.t.Context(), `
		SELECT manager_id, groupArray(deal_url) FROM
		(
			SELECT deal_url, argMax(manager_id, visit_no) AS manager_id, argMax((is_open, toString(status)), visit_no) AS last
			FROM deal_stages GROUP BY deal_id, deal_url
		)
		WHERE last.1 = 1 AND last.2 IN ('overdue', 'due_today') AND manager_id != 0
		GROUP BY manager_id`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string][]string{leadership: nil}
	for rows.Next() {
		var manager uint64
		var links []string
		if err := rows.Scan(&manager, &links); err != nil {
			s.t.Fatal(err)
		}
		if works[manager] {
			all[fmt.Sprint(manager)] = links
		}
	}
	if err := rows.Err(); err != nil || len(all) < 4 {
		s.t.Fatalf("%d who should get a letter, %v, want some", len(all), err)
	}
	return all
}

// readLikely counts the deals that are likely to become late within two weeks, by the view of visits.
func (s *site) readLikely() map[string]int {
	s.t.Helper()
	rows, err := s.w.Views().Query(s.t.Context(), `
		SELECT toString(manager_id), count() FROM deal_stages
		WHERE is_open = 1 AND status = 'on_time' AND late_probability >= 0.5 AND planned_end <= (SELECT max(as_of) FROM runs) + 14
		GROUP BY manager_id`)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var manager string
		var n uint64
		if err := rows.Scan(&manager, &n); err != nil {
			s.t.Fatal(err)
		}
		all[manager] = int(n)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		s.t.Fatalf("%d managers with deals that are likely to become late, %v, want some", len(all), err)
	}
	return all
}

// mustHaveReceived fails unless everybody who should has got one letter, and nobody else any.
func (s *site) mustHaveReceived() {
	s.t.Helper()
	got, want := s.received(), s.wanted
	for to, n := range got {
		if _, isWanted := want[to]; !isWanted || n != 1 {
			s.t.Errorf("%s has got %d letters, want %v", to, n, isWanted)
		}
	}
	for to := range want {
		if got[to] == 0 {
			s.t.Errorf("%s has got no letter", to)
		}
	}
}

func managerID(t testing.TB, text string) extractor.ManagerID {
	t.Helper()
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return extractor.ManagerID(id)
}
