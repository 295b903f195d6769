package doctor_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/sirupsen/logrus"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/doctor"
	"stagelag/extractor"
	"stagelag/nightly"
	"stagelag/simulator"
	"stagelag/transform"
	"stagelag/warehouse"
	"stagelag/warehouse/warehousetest"
)

func TestMain(m *testing.M) { warehousetest.Main(m) }

// A site is a portal, a configuration for it, and a warehouse.
type site struct {
	t       *testing.T
	portal  *simulator.Portal
	server  *httptest.Server
	options simulator.Options
	cfg     config.Config
	ahead   time.Duration // of the clock that doctor sees
}

// newSite is a site with which all is well, on a warehouse that may be others' as well: doctor
// changes nothing.
func newSite(t *testing.T, at warehouse.Config, options simulator.Options) *site {
	t.Helper()
	world := simulator.NewWorld()
	world.AddFunnel(simulator.Funnel{ID: 5, Name: "Projects", Stages: []simulator.Stage{
		{ID: "C5:NEW", Name: "New"}, {ID: "C5:DOCS", Name: "Documents"}, {ID: "C5:WON", Name: "Won", Semantics: simulator.Success},
	}})
	world.AddField(simulator.Field{Name: "UF_CRM_DAYS", Type: "integer"})
	ann := world.AddUser(simulator.User{Name: "Ann", LastName: "Lee"})
	world.AddDeal(simulator.Deal{Title: "Roof", Funnel: 5, Stage: "C5:NEW", Manager: ann, Created: time.Now().AddDate(0, 0, -5)})
	world.AddChat(simulator.Chat{Title: "Leadership", Members: []simulator.UserID{ann}})
	options.Now, options.Secret = time.Now, "hidden5ecret"
	s := &site{t: t, options: options, portal: simulator.New(world, options), cfg: config.Default()}
	s.server = httptest.NewServer(s.portal)
	t.Cleanup(s.server.Close)
	webhook, err := bitrix24.ParseWebhook(s.portal.WebhookURL(s.server.URL))
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Portal = config.Portal{URL: webhook, TimeZone: time.UTC, Limits: bitrix24.Unlimited}
	s.cfg.Plan.Fields = map[extractor.StageID]config.PlanFields{"C5:DOCS": {Days: "UF_CRM_DAYS"}}
	s.cfg.Plan.Norms = []config.Norm{{Stage: "C5:NEW", Days: 3}}
	s.cfg.Warehouse.Path, s.cfg.Warehouse.Database = config.Path(at.Path), at.Database
	return s
}

// withMessages are the rights of a webhook that may send messages.
var withMessages = []string{"crm", "user", "im"}

// mails has letters go by mail through a server.
func (s *site) mails(server string) {
	s.t.Helper()
	url, err := config.ParseMailURL("smtp://user:hidden5ecret@" + server)
	if err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Letter.Mail = config.LetterMail{To: []config.MailAddress{"boss@example.com"}, From: "stagelag@example.com", URL: url}
}

// mailServer is a mail server that lets anybody in, and fails the test where it is given mail.
func mailServer(t *testing.T) (address string) {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return lookedAt{t: t}, nil }))
	server.AllowInsecureAuth = true
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

type lookedAt struct {
	smtp.Session
	t *testing.T
}

func (lookedAt) AuthMechanisms() []string { return []string{sasl.Plain} }

func (lookedAt) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, _ string) error { return nil }), nil
}

func (l lookedAt) Mail(string, *smtp.MailOptions) error {
	l.t.Error("the mail server was given mail")
	return nil
}

func (lookedAt) Reset()        {}
func (lookedAt) Logout() error { return nil }

// hasty is a clock that does not wait between tries.
type hasty struct{}

func (hasty) Now() time.Time                                   { return time.Now() }
func (hasty) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func (s *site) client() *bitrix24.Client {
	return bitrix24.NewClient(bitrix24.ClientOptions{Webhook: s.cfg.Portal.URL, Limits: s.cfg.Portal.Limits, Clock: hasty{}})
}

type quiet struct{}

func (quiet) Step(string)       {}
func (quiet) Rows(int64, int64) {}

// at is where the configuration says that the warehouse is.
func (s *site) at() warehouse.Config {
	of := s.cfg.Warehouse
	return warehouse.Config{URL: of.URL.Reveal(), AnalystURL: of.AnalystURL.Reveal(), Path: string(of.Path), Database: of.Database}
}

func (s *site) run() error {
	s.t.Helper()
	w, err := warehouse.Open(s.t.Context(), s.at())
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	log := logrus.New()
	log.SetOutput(io.Discard)
	_, err = nightly.Run(s.t.Context(), nightly.Pass{Warehouse: w, Client: s.client(), Config: s.cfg, AsOf: transform.NoDay, Progress: quiet{}, Log: log, Now: time.Now})
	return err
}

func (s *site) examine() doctor.Report {
	s.t.Helper()
	report := doctor.Examine(s.t.Context(), doctor.Patient{Config: s.cfg, Warehouse: s.at(), Client: s.client(), Now: func() time.Time { return time.Now().Add(s.ahead) }})
	text, err := json.Marshal(report)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, finding := range report.Findings {
		if finding.Severity == doctor.Problem && finding.ToDo == "" {
			s.t.Errorf("%+v does not say what to do", finding)
		}
	}
	for _, secret := range []string{"hidden5ecret", "pa55"} {
		if strings.Contains(string(text), secret) {
			s.t.Errorf("the report holds the secret %s: %s", secret, text)
		}
	}
	return report
}

// expect wants a finding whose text has a part, and whose advice another.
func expect(t *testing.T, report doctor.Report, check string, severity doctor.Severity, text, toDo string) {
	t.Helper()
	var found []doctor.Finding
	for _, f := range report.Findings {
		if f.Check != check {
			continue
		}
		if f.Severity == severity && strings.Contains(f.Text, text) && strings.Contains(f.ToDo, toDo) {
			return
		}
		found = append(found, f)
	}
	t.Errorf("%s: %+v, want %s, %q and to do %q", check, found, severity, text, toDo)
}

// warehouses are those that the tests look at together.
type warehouses struct{ empty, published, unplanned, far, failed warehouse.Config }

func TestExamine(t *testing.T) {
	t.Parallel()
	w := warehouses{empty: warehousetest.Config(t)}
	w.published = made(t, true, func(*site) {})
	w.unplanned = made(t, true, func(s *site) { s.cfg.Plan.Norms = nil })
	w.far = made(t, true, func(s *site) { s.cfg.Plan.Norms[0].Days = 36500 })
	w.failed = made(t, false, func(s *site) {
		s.portal.Inject(simulator.FromNth(4, simulator.Fault{Error: &simulator.AccessDenied}))
	})
	t.Run("together", func(t *testing.T) { // and what changes the warehouse, after them
		t.Run("a healthy site", func(t *testing.T) { healthySite(t, w) })
		t.Run("a user who may only read", func(t *testing.T) { userWhoMayOnlyRead(t, w) })
		for _, fault := range faults(w) {
			t.Run(fault.name, func(t *testing.T) { fault.look(t) })
		}
	})
	newerSchema(t, w)
}

// An engine that has other servers to reach is in the network of the machine, with everybody else.
func TestAnEngineThatOthersReach(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	warehousetest.Seed(t, path)
	servers := filepath.Join(path, "config", "conf.d")
	if err := os.MkdirAll(servers, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(servers, "servers.xml"), []byte("<clickhouse/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := warehousetest.WaitUntilEnded(path); err != nil {
			t.Error(err)
		}
	})
	report := newSite(t, warehouse.Config{URL: warehouse.Embedded, Path: path}, simulator.Options{}).examine()
	expect(t, report, "engine", doctor.OK, "other users of this machine reach the engine's own ports, and it can connect to others", "SECURITY.md")
}

// made makes a warehouse by one pass, which is to be published or to fail.
func made(t *testing.T, isPublished bool, change func(*site)) warehouse.Config {
	t.Helper()
	at := warehousetest.Config(t)
	s := newSite(t, at, simulator.Options{})
	change(s)
	if err := s.run(); (err == nil) != isPublished {
		t.Fatalf("run: %v, want it published: %t", err, isPublished)
	}
	return at
}

func healthySite(t *testing.T, w warehouses) {
	t.Parallel()
	report := newSite(t, w.published, simulator.Options{}).examine()
	if report.Severity != doctor.OK {
		t.Errorf("the report is %s: %+v, want ok", report.Severity, report.Findings)
	}
	for _, want := range []struct{ check, text string }{
		{"configuration", "can be read"},
		{"portal", "answers: 1 funnel, 3 stages, "},
		{"clock", "as this machine's does"},
		{"rights", "an administrator's webhook with the scopes crm, user, department"},
		{"tariff", "portal.limits is none, as the tariff selfhosted has it"},
		{"names", "every funnel, stage and field"},
		{"plans", "1 stage with a plan from the deal's fields, 1 from norms alone, 0 from nowhere"},
		{"disk", "GB free on "},
		{"warehouse", "embedded answers, ClickHouse 2"},
		{"engine", "the engine"},
		{"grants", "the program may write, and the analyst may ask"},
		{"schema", "as this program has it"},
		{"last run", "run 1 was published at "},
		{"published", "run 1 as of "},
		{"coverage", "every open visit has a plan"},
		{"gaps", "none"},
		{"schedule", "30 2 * * *: next at "},
		{"calendar", "every day counts"},
	} {
		expect(t, report, want.check, doctor.OK, want.text, "")
	}
}

// A fault is something wrong with a site, and the finding that tells of it.
type fault struct {
	name      string
	warehouse warehouse.Config
	options   simulator.Options
	change    func(*site)
	check     string
	severity  doctor.Severity
	text      string
	toDo      string
}

func (f fault) look(t *testing.T) {
	t.Parallel()
	s := newSite(t, f.warehouse, f.options)
	if f.change != nil {
		f.change(s)
	}
	report := s.examine()
	expect(t, report, f.check, f.severity, f.text, f.toDo)
	if f.severity == doctor.Problem && report.Severity != doctor.Problem {
		t.Errorf("the report is %s, want problem", report.Severity)
	}
}

func faults(w warehouses) []fault {
	return []fault{
		{"a portal that is down", w.empty, simulator.Options{}, func(s *site) { s.server.Close() },
			"portal", doctor.Problem, "connection refused", "nothing listens at 127.0.0.1:"},
		{"a portal that Bitrix24 has blocked", w.empty, simulator.Options{}, func(s *site) { s.portal.Inject(simulator.FromNth(1, simulator.Fault{Error: &simulator.OverloadLimit})) },
			"portal", doctor.Problem, "OVERLOAD_LIMIT", "ask Bitrix24's support"},
		{"a portal that answers with a page", w.empty, simulator.Options{}, func(s *site) { s.portal.Inject(simulator.FromNth(1, simulator.Fault{HTML: 502})) },
			"portal", doctor.Problem, "bad gateway", ""},
		{"a webhook that was deleted", w.empty, simulator.Options{}, func(s *site) { s.portal.Inject(simulator.FromNth(1, simulator.Fault{Error: &simulator.NoAuthFound})) },
			"portal", doctor.Problem, "NO_AUTH_FOUND", "or make another webhook"},
		{"a portal that has moved", w.empty, simulator.Options{}, func(s *site) {
			s.portal.Inject(simulator.FromNth(1, simulator.Fault{RedirectTo: "https://evil.example"}))
		},
			"portal", doctor.Problem, "the portal redirects to evil.example", "set portal.url"},
		{"a portal that is down hides nothing of the warehouse", w.empty, simulator.Options{}, func(s *site) { s.server.Close() },
			"warehouse", doctor.OK, "embedded answers", ""},
		{"a clock that is behind", w.empty, simulator.Options{}, func(s *site) { s.ahead = 5 * time.Minute },
			"clock", doctor.Warning, "behind this machine's", "NTP"},
		{"a clock that is ahead", w.empty, simulator.Options{}, func(s *site) { s.ahead = -3 * time.Hour },
			"clock", doctor.Warning, "ahead of this machine's", "NTP"},
		{"a webhook of somebody", w.empty, simulator.Options{Quirks: simulator.Quirks{IsNotAdmin: true}}, nil,
			"rights", doctor.Warning, "no administrator: deals that this user may not read are missing", "as an administrator"},
		{"a webhook without people", w.empty, simulator.Options{Scopes: []string{"crm"}}, nil,
			"rights", doctor.Warning, "lacks the scope user", "tick user"},
		{"a webhook without departments", w.empty, simulator.Options{Scopes: []string{"crm", "user"}}, nil,
			"rights", doctor.Warning, "lacks the scope department", "tick department"},
		{"a dimension that is not there", w.empty, simulator.Options{}, func(s *site) { s.cfg.Dimensions = map[config.DimensionName]config.FieldName{"days": "UF_CRM_DAY"} },
			"names", doctor.Problem, `dimensions.days: the portal has no deal field "UF_CRM_DAY"; did you mean UF_CRM_DAYS?`, "correct the name"},
		{"a webhook without the CRM", w.empty, simulator.Options{Scopes: []string{"user"}}, nil,
			"portal", doctor.Problem, `lacks the scope "crm"`, "rights crm and user"},
		{"more than the tariff allows", w.empty, simulator.Options{Limits: simulator.Standard}, func(s *site) { s.cfg.Portal.Limits = bitrix24.Enterprise },
			"tariff", doctor.Warning, "the tariff ru_company allows less", "set portal.limits to standard"},
		{"less than the tariff allows", w.empty, simulator.Options{Limits: simulator.Enterprise}, func(s *site) { s.cfg.Portal.Limits = bitrix24.Standard },
			"tariff", doctor.OK, "the tariff ru_ent250 allows more", "enterprise"},
		{"a tariff that is not told", w.empty, simulator.Options{Quirks: simulator.Quirks{HidesAppInfo: true}}, nil,
			"tariff", doctor.OK, "does not tell its tariff", ""},
		{"a funnel that is not there", w.empty, simulator.Options{}, func(s *site) { s.cfg.Funnels = []extractor.FunnelID{7} },
			"names", doctor.Problem, `funnels: the portal has no funnel "7"; it has 5 (Projects)`, "correct the name"},
		{"a field that is not there", w.empty, simulator.Options{}, func(s *site) { s.cfg.Plan.Fields["C5:DOCS"] = config.PlanFields{Days: "UF_CRM_DAY"} },
			"names", doctor.Problem, `the portal has no deal field "UF_CRM_DAY"; did you mean UF_CRM_DAYS?`, "correct the name"},
		{"a stage that is not there", w.empty, simulator.Options{}, func(s *site) { s.cfg.Plan.Norms[0].Stage = "C5:NWE" },
			"names", doctor.Problem, `plan.norms: the portal has no stage "C5:NWE"; did you mean C5:NEW?`, "correct the name"},
		{"a stage by its name", w.empty, simulator.Options{}, func(s *site) { s.cfg.Plan.Norms[0].Stage = "new" },
			"names", doctor.Problem, `plan.norms: "new" is the name of a stage, and its id belongs here: C5:NEW (in the funnel "Projects")`, "correct the name"},
		{"a field to write to that is not there", w.empty, simulator.Options{}, func(s *site) { s.cfg.WriteBack.State = "UF_CRM_STATE" },
			"names", doctor.Problem, `write_back.state: the portal has no deal field "UF_CRM_STATE"`, "correct the name"},
		{"a stage without a plan", w.empty, simulator.Options{}, func(s *site) { s.cfg.Plan.Norms = nil },
			"plans", doctor.Warning, "1 from nowhere: C5:NEW (New)", "plan.norms"},
		{"a stage that waits", w.empty, simulator.Options{}, func(s *site) { s.cfg.Plan.Norms, s.cfg.Stages.Waiting = nil, []extractor.StageID{"C5:NEW"} },
			"plans", doctor.OK, "0 from nowhere; 1 needs none, because deals wait there", ""},
		{"working days", w.empty, simulator.Options{Scopes: withCalendar}, func(s *site) { s.works("ru", "portal") },
			"calendar", doctor.OK, "working days count, by the lists ru (until 20", ""},
		{"the portal has other weekly days off", w.empty, simulator.Options{Scopes: withCalendar}, func(s *site) {
			s.works("portal")
			s.cfg.Calendar.Weekend = []time.Weekday{time.Sunday, time.Friday}
		},
			"calendar", doctor.OK, "the portal's weekly days off are sat, sun, and calendar.weekend has fri, sun", "set calendar.weekend if the portal is right"},
		{"a portal's calendar that may not be read", w.empty, simulator.Options{}, func(s *site) { s.works("portal") },
			"calendar", doctor.Problem, `the webhook lacks the scope "calendar"`, "take portal out of calendar.lists"},
		{"a portal's calendar that can't be asked for", w.empty, simulator.Options{Scopes: withCalendar}, func(s *site) {
			s.works("portal")
			s.server.Close()
		},
			"calendar", doctor.Warning, "not looked at", ""},
		{"a calendar that needs no portal", w.empty, simulator.Options{}, func(s *site) {
			s.works("ru")
			s.server.Close()
		},
			"calendar", doctor.OK, "working days count, by the lists ru", ""},
		{"a list that is not there", w.empty, simulator.Options{}, func(s *site) { s.works("/nowhere/company.csv") },
			"calendar", doctor.Problem, "stagelag.yaml:7: calendar.lists: there is no file /nowhere/company.csv", "correct it"},
		{"a list that has ended", w.empty, simulator.Options{}, func(s *site) {
			path := filepath.Join(s.t.TempDir(), "company.csv")
			if err := os.WriteFile(path, []byte("2020-01-03,off\n"), 0o600); err != nil {
				s.t.Fatal(err)
			}
			s.works(path)
		},
			"calendar", doctor.Warning, "the list company.csv of the calendar ends on 2020-12-31, and plans reach to 20", "add its days to calendar.off"},
		{"a list that ends before a plan does", w.far, simulator.Options{}, func(s *site) { s.works("ru") },
			"calendar", doctor.Warning, "the list ru of the calendar ends on 20", "add its days to calendar.off"},
		{"a flag of another type", w.empty, simulator.Options{}, func(s *site) { s.cfg.Pauses.Flag = "UF_CRM_DAYS" },
			"names", doctor.Problem, "pauses.flag: the portal's field UF_CRM_DAYS is of type integer and has to be of type boolean", "correct the name"},
		{"letters without the right", w.empty, simulator.Options{}, func(s *site) { s.cfg.Letter.Managers = true },
			"letter", doctor.Problem, "the webhook lacks the scope im", "tick im"},
		{"letters to managers", w.empty, simulator.Options{Scopes: withMessages}, func(s *site) { s.cfg.Letter.Managers = true },
			"letter", doctor.OK, "managers get their letters", ""},
		{"letters without people", w.empty, simulator.Options{Scopes: []string{"crm", "im"}}, func(s *site) { s.cfg.Letter.Managers = true },
			"letter", doctor.Warning, "nobody is known to be dismissed", "tick user"},
		{"a letter to a chat", w.empty, simulator.Options{Scopes: withMessages}, func(s *site) { s.cfg.Letter.Chat = "chat1" },
			"letter", doctor.OK, "leadership gets the summary in chat1 (Leadership)", ""},
		{"a letter to a chat that is not there", w.empty, simulator.Options{Scopes: withMessages}, func(s *site) { s.cfg.Letter.Chat = "chat7" },
			"letter", doctor.Problem, "letter.chat chat7: im.dialog.get: You do not have access", "let the webhook's user into the chat"},
		{"letters of a portal that is down", w.empty, simulator.Options{}, func(s *site) {
			s.cfg.Letter.Chat = "chat1"
			s.server.Close()
		},
			"letter", doctor.Warning, "not looked at", ""},
		{"a letter by mail", w.empty, simulator.Options{}, func(s *site) { s.mails(mailServer(s.t)) },
			"letter", doctor.OK, "takes mail from this configuration, for 1 recipient", ""},
		{"a mail server that is down", w.empty, simulator.Options{}, func(s *site) { s.mails("127.0.0.1:1") },
			"letter", doctor.Problem, "nothing listens at 127.0.0.1:1: see that it runs, and check host and port in letter.mail.url", "not delivered"},
		{"a remark on the configuration", w.empty, simulator.Options{}, func(s *site) { s.cfg.Warnings = []string{"the variable X sets nothing"} },
			"configuration", doctor.Warning, "the variable X sets nothing", "docs/configuration.md"},
		{"a server that is down", w.empty, simulator.Options{}, func(s *site) { s.onServer("clickhouse://u:pa55@127.0.0.1:1") },
			"warehouse", doctor.Problem, "connection refused", "nothing listens at 127.0.0.1:1: see that it runs, and check host and port in warehouse.url"},
		{"a server that is down hides nothing of the portal", w.empty, simulator.Options{}, func(s *site) { s.onServer("clickhouse://u:pa55@127.0.0.1:1") },
			"names", doctor.OK, "every funnel", ""},
		{"no warehouse yet", w.empty, simulator.Options{}, func(s *site) { s.cfg.Warehouse.Path = config.Path(s.t.TempDir() + "/a/b") },
			"warehouse", doctor.Warning, "no warehouse in /", "stagelag run makes one"},
		{"an empty warehouse", w.empty, simulator.Options{}, nil,
			"schema", doctor.Warning, "the warehouse is empty", "stagelag run fills it"},
		{"a run that failed", w.failed, simulator.Options{}, nil,
			"last run", doctor.Warning, "run 1 failed at ", "read its last line"},
		{"nothing published", w.failed, simulator.Options{}, nil,
			"published", doctor.Warning, "no run was published yet", "stagelag run"},
		{"what is published is old", w.published, simulator.Options{}, func(s *site) { s.ahead = 27 * time.Hour },
			"published", doctor.Problem, "more than schedule.max_age (26 h)", "stagelag schedule is running"},
		{"open stages without a plan", w.unplanned, simulator.Options{}, nil,
			"coverage", doctor.Warning, "1 of 1 in C5:NEW (New)", "set a norm"},
		{"days of the month and of the week", w.empty, simulator.Options{}, func(s *site) { s.cfg.Schedule.Cron = "0 3 15 * 7" },
			"schedule", doctor.OK, `; on the days 15 of a month, and also on Sundays: cron joins the two by "or"`, ""},
		{"gaps", w.unplanned, simulator.Options{}, nil,
			"gaps", doctor.OK, "1 no_plan", ""},
	}
}

// A user of a server who may only read can't make a run.
func userWhoMayOnlyRead(t *testing.T, on warehouses) {
	t.Parallel()
	s := newSite(t, on.published, simulator.Options{})
	w, err := warehouse.Open(t.Context(), on.published)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	at, _ := w.Endpoints()
	s.onServer("clickhouse://" + at.User + ":" + at.Password + "@" + at.Native)
	report := s.examine()
	expect(t, report, "grants", doctor.Problem, "the warehouse's user lacks SELECT, INSERT", "stagelag warehouse users shows")
	expect(t, report, "disk", doctor.Warning, "the server does not tell", "system.disks")
	for _, finding := range report.Findings {
		if strings.Contains(finding.Text+finding.ToDo, at.Password) {
			t.Errorf("the password is in %+v", finding)
		}
	}
}

func newerSchema(t *testing.T, w warehouses) {
	s := newSite(t, w.published, simulator.Options{})
	s.exec("INSERT INTO schema_migrations (version, dirty, sequence) VALUES (9999, 0, toUnixTimestamp64Nano(now64(9)))")
	report := s.examine()
	expect(t, report, "schema", doctor.Problem, "schema 9999, and this program knows ", "a newer one")
	for _, finding := range report.Findings {
		if finding.Check == "last run" || finding.Check == "coverage" {
			t.Errorf("of a schema that is not known, doctor reads %+v", finding)
		}
	}
}

var withCalendar = []string{"crm", "user", "department", "calendar"}

// works makes working days count, by these lists.
func (s *site) works(lists ...string) {
	s.cfg.Calendar = config.Calendar{Kind: config.WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}}
	for _, list := range lists {
		s.cfg.Calendar.Lists = append(s.cfg.Calendar.Lists, config.List{Name: list, Place: "stagelag.yaml:7"})
	}
}

func (s *site) onServer(address string) {
	s.t.Helper()
	var err error
	if s.cfg.Warehouse.URL, err = config.ParseWarehouseURL(address); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exec(statement string) {
	s.t.Helper()
	w, err := warehouse.Open(s.t.Context(), s.at())
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	if err := w.DB().Exec(s.t.Context(), statement); err != nil {
		s.t.Fatal(err)
	}
}
