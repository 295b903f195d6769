package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"stagelag/bitrix24"
	"stagelag/extractor"
)

const sample = `
portal:
  url: https://example.bitrix24.ru/rest/1/s3cr3t/
  time_zone: Europe/Moscow
  limits: enterprise
funnels: [5, 7]
plan:
  fields:
    "C5:DOCS": {days: UF_CRM_DOCS_DAYS, date: uf_crm_docs_due}
    "C5:SIGN": {days: UF_CRM_SIGN_DAYS}
  norms:
    - {stage: "C5:DOCS", days: 10}
    - {stage: "C5:DOCS", days: 7, from: 2026-09-01}
stages:
  map: {"C5:OLD_DOCS": "C5:DOCS"}
  waiting: ["C5:WAIT"]
calendar:
  kind: working
  weekend: [FRI, sat]
  lists: [ru, company.csv, portal]
  off: [2026-12-30]
  work: [2026-11-14]
  funnels:
    7: {kind: working, lists: [kz]}
    9: {kind: calendar}
pauses:
  flag: UF_CRM_WAITING
  from: uf_crm_hold_from
  until: UF_CRM_HOLD_UNTIL
warehouse:
  url: clickhouse://stagelag:pa55@db:9000
  analyst_url: https://analyst:r3ad@db:8443
  ca_file: ca.pem
  certificate_file: client.pem
  key_file: client.key
  database: north
  path: /var/lib/stagelag
  keep_landing: 30
  listen: {native: localhost:9000}
schedule:
  cron: "0 4 * * *"
  listen: "[::1]:9100"
  max_age: 30h
write_back:
  language: ru
  state: UF_CRM_STATE
  days_late: uf_crm_late
  days_left: UF_CRM_LEFT
  planned_end: UF_CRM_END
  days_lost: UF_CRM_LOST
  expected_end: UF_CRM_EXPECTED
  late_probability: UF_CRM_LIKELY
letter:
  chat: chat42
  managers: true
  language: ru
  mail:
    to: [boss@Example.com, owner@example.com]
    from: stagelag@example.com
    url: smtp://user%40example.com:m4il@mail.example.com
`

func sampleConfig(t *testing.T) Config {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Portal: Portal{
			URL:      mustWebhook(t, "https://example.bitrix24.ru/rest/1/s3cr3t/"),
			TimeZone: zone,
			Limits:   bitrix24.Enterprise, CheckClock: true,
		},
		Funnels: []extractor.FunnelID{5, 7},
		Plan: Plan{
			Fields: map[extractor.StageID]PlanFields{
				"C5:DOCS": {Days: "UF_CRM_DOCS_DAYS", Date: "UF_CRM_DOCS_DUE"},
				"C5:SIGN": {Days: "UF_CRM_SIGN_DAYS"},
			},
			Norms: []Norm{
				{Stage: "C5:DOCS", Days: 10},
				{Stage: "C5:DOCS", Days: 7, From: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)},
			},
		},
		Stages: Stages{Map: map[extractor.StageID]extractor.StageID{"C5:OLD_DOCS": "C5:DOCS"}, Waiting: []extractor.StageID{"C5:WAIT"}},
		Calendar: Calendar{
			Kind: WorkingDays, Weekend: []time.Weekday{time.Friday, time.Saturday},
			Lists: []List{{Name: "ru"}, {Name: "company.csv"}, {Name: "portal"}},
			Off:   []time.Time{time.Date(2026, 12, 30, 0, 0, 0, 0, time.UTC)},
			Work:  []time.Time{time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC)},
			Funnels: map[extractor.FunnelID]FunnelCalendar{
				7: {Kind: WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Lists: []List{{Name: "kz"}}},
				9: {Kind: CalendarDays},
			},
		},
		Pauses: Pauses{Flag: "UF_CRM_WAITING", From: "UF_CRM_HOLD_FROM", Until: "UF_CRM_HOLD_UNTIL"},
		Warehouse: Warehouse{
			URL:        mustWarehouse(t, "clickhouse://stagelag:pa55@db:9000"),
			AnalystURL: mustWarehouse(t, "https://analyst:r3ad@db:8443"),
			Database:   "north",
			CAFile:     "ca.pem", CertificateFile: "client.pem", KeyFile: "client.key",
			Path: "/var/lib/stagelag", Listen: WarehouseListen{"127.0.0.1:9000", "127.0.0.1:0"}, KeepLanding: 30,
		},
		Schedule: Schedule{Cron: "0 4 * * *", Listen: "[::1]:9100", MaxAge: 30 * time.Hour},
		WriteBack: WriteBack{
			Language: Russian, State: "UF_CRM_STATE", DaysLate: "UF_CRM_LATE", DaysLeft: "UF_CRM_LEFT", PlannedEnd: "UF_CRM_END", DaysLost: "UF_CRM_LOST",
			ExpectedEnd: "UF_CRM_EXPECTED", LateProbability: "UF_CRM_LIKELY",
		},
		Letter: Letter{
			Chat: "chat42", Managers: true, Language: Russian,
			Mail: LetterMail{
				To: []MailAddress{"boss@example.com", "owner@example.com"}, From: "stagelag@example.com",
				URL: mustMail(t, "smtp://user%40example.com:m4il@mail.example.com"),
			},
		},
	}
}

func mustMail(t *testing.T, text string) MailURL {
	t.Helper()
	m, err := ParseMailURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustWebhook(t *testing.T, text string) bitrix24.Webhook {
	t.Helper()
	w, err := bitrix24.ParseWebhook(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func mustWarehouse(t *testing.T, text string) WarehouseURL {
	t.Helper()
	w, err := ParseWarehouseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Zones are the same by name; webhooks keep what they hold to themselves.
var compareOpaque = cmp.Options{
	cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
	cmp.Comparer(func(a, b bitrix24.Webhook) bool { return reflect.DeepEqual(a, b) }),
	// A test of their own says where lists are named, and in which folder they are.
	cmp.Comparer(func(a, b List) bool { return filepath.Base(a.Name) == filepath.Base(b.Name) }),
	cmpopts.IgnoreFields(Calendar{}, "Place"), cmpopts.IgnoreFields(FunnelCalendar{}, "Place"),
	// So have the warnings.
	cmpopts.IgnoreFields(Config{}, "Warnings"),
}

// load writes the text to a file named stagelag.yaml and loads it; places in the
// complaints are given without the folder.
func load(t *testing.T, text string, environ []string, needs ...Need) (Config, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stagelag.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(path, true, environ, needs...)
	if err == nil {
		// Each call has another folder; TestPathsStartFromTheConfiguration is about them.
		for _, k := range keys {
			if place, ok := reflect.TypeAssert[*Path](reflect.ValueOf(&cfg).Elem().FieldByIndex(k.index).Addr()); ok {
				*place = Path(strings.TrimPrefix(string(*place), filepath.Dir(path)+"/"))
			}
		}
		return cfg, ""
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Fatalf("Load(%q) = %v, want an *Error", text, err)
	}
	return cfg, strings.ReplaceAll(err.Error(), path, "stagelag.yaml")
}

func TestLoadReadsEveryKey(t *testing.T) {
	got, complaints := load(t, sample, nil, NeedPortal)
	if complaints != "" {
		t.Fatalf("Load(sample): %s", complaints)
	}
	if diff := cmp.Diff(sampleConfig(t), got, compareOpaque); diff != "" {
		t.Errorf("Load(sample) (-want +got):\n%s", diff)
	}
}

func TestLoadOfNothingIsTheDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "portal:\nfunnels:\nplan:\n  norms:\nschedule:\n  cron: ~\n", "---\n"} {
		got, complaints := load(t, text, nil)
		if diff := cmp.Diff(Default(), got, compareOpaque); complaints != "" || diff != "" {
			t.Errorf("Load(%q) = %s, (-default +got):\n%s", text, complaints, diff)
		}
	}
}

func TestDatabaseIsThatOfTheKeyElseOfTheAddress(t *testing.T) {
	tests := []struct{ name, warehouse, want string }{
		{"neither", "url: 'clickhouse://db'", "stagelag"},
		{"the address", "url: 'clickhouse://db/north'", "north"},
		{"the key", "url: 'clickhouse://db', database: north", "north"},
		{"the key, for the embedded warehouse", "database: north", "north"},
		{"both, the same", "url: 'clickhouse://db/north', database: north", "north"},
		{"the analyst's address", "url: 'clickhouse://db', analyst_url: 'http://db/north'", "north"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, complaints := load(t, "warehouse: {"+test.warehouse+"}", nil); got.Warehouse.Database != test.want || complaints != "" {
				t.Errorf("Load(%s): the database is %q, %s, want %s", test.warehouse, got.Warehouse.Database, complaints, test.want)
			}
		})
	}
}

func TestListeningNowhere(t *testing.T) {
	for _, text := range []string{"schedule: {listen: off}", "schedule: {listen: ''}"} {
		if cfg, complaints := load(t, text, nil); cfg.Schedule.Listen != "" || complaints != "" {
			t.Errorf("Load(%q): listens on %q, %s, want nowhere", text, cfg.Schedule.Listen, complaints)
		}
	}
}

// A leading zero does not make a number octal, in any place that takes one.
func TestWholeNumbersAreDecimal(t *testing.T) {
	tests := []struct {
		name, file string
		environ    []string
	}{
		{"in the file", "funnels: [%[1]s]\nplan: {norms: [{stage: A, days: %[1]s}]}\nstages: {map: {%[1]s: %[1]sA}}\nwarehouse: {keep_landing: %[1]s}", nil},
		{"through a variable in the file", "funnels: [\"${N}\"]\nplan: {norms: [{stage: A, days: \"${N}\"}]}\nstages: {map: {%[1]s: %[1]sA}}\nwarehouse: {keep_landing: \"${N}\"}", []string{"N=%[1]s"}},
		{"in variables", "", []string{
			"STAGELAG_FUNNELS=%[1]s", "STAGELAG_PLAN_NORMS=[{stage: A, days: %[1]s}]", "STAGELAG_STAGES_MAP={%[1]s: %[1]sA}", "STAGELAG_WAREHOUSE_KEEP_LANDING=%[1]s",
		}},
	}
	for _, test := range tests {
		for written, want := range map[string]int{"7": 7, "07": 7, "08": 8, "009": 9, "010": 10, "0": 0, "00": 0} {
			fill := func(text string) string { return strings.ReplaceAll(text, "%[1]s", written) }
			var environ []string
			for _, variable := range test.environ {
				environ = append(environ, fill(variable))
			}
			cfg, complaints := load(t, fill(test.file), environ)
			if complaints != "" {
				t.Errorf("%s %s: %s", written, test.name, complaints)
				continue
			}
			_, isMapped := cfg.Stages.Map[extractor.StageID(written)] // an id is a text
			if int(cfg.Funnels[0]) != want || int(cfg.Plan.Norms[0].Days) != want || int(cfg.Warehouse.KeepLanding) != want || !isMapped {
				t.Errorf("%s %s is read as funnel %d, %d days, %d days and the map %v, want %d", written, test.name,
					cfg.Funnels[0], cfg.Plan.Norms[0].Days, cfg.Warehouse.KeepLanding, cfg.Stages.Map, want)
			}
		}
	}
}

func TestLoadOfAMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stagelag.yaml")
	want := Default()
	want.Warehouse.Path = Path(filepath.Join(filepath.Dir(path), "data", "warehouse"))
	if got, err := Load(path, false, nil); err != nil || !cmp.Equal(want, got, compareOpaque) {
		t.Errorf("Load of an absent default file = %v, %v, want the defaults", got, err)
	}
	_, err := Load(path, true, nil)
	complaint := "configuration: " + path + ": no such file: stagelag init --config " + path + " makes it, or correct the name, or leave --config out"
	if err == nil || err.Error() != complaint {
		t.Errorf("Load of an absent named file: %v, want %s", err, complaint)
	}
	// Who has not begun yet is shown how to.
	_, err = Load(path, false, nil, NeedPortal)
	complaint = "configuration: portal.url: not set, and there is no stagelag.yaml in " + filepath.Dir(path) + ": stagelag init makes one, or name another with --config"
	if err == nil || err.Error() != complaint {
		t.Errorf("Load of an absent file for the portal: %v, want %s", err, complaint)
	}
	folder := t.TempDir()
	_, err = Load(folder, false, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "is a directory: name the file in it, such as "+filepath.Join(folder, "stagelag.yaml")) {
		t.Errorf("Load of a folder: %v, want the file in it", err)
	}
}

// Of a file that can't be read to its end nobody knows what it leaves out.
func TestNothingIsAbsentFromABrokenFile(t *testing.T) {
	for _, text := range []string{"portal:\n\turl: x", "portal\n  url: x\n", "- a", "letter: {mail: {to: [a@example.com]}}\nportal: ["} {
		if _, complaints := load(t, text, nil, NeedPortal); complaints == "" || strings.Contains(complaints, "not set") {
			t.Errorf("%q: %q, want what is wrong with the file alone", text, complaints)
		}
	}
}

func TestLoadComplaints(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string
	}{
		{"an unknown key", "portal: {tme_zone: UTC}", "stagelag.yaml:1: portal.tme_zone: unknown key, the nearest is portal.time_zone"},
		{"a key in the wrong place", "time_zone: UTC", "stagelag.yaml:1: time_zone: unknown key, the nearest is portal.time_zone"},
		{"an unknown section", "\nschedul: {cron: x}", "stagelag.yaml:2: schedul: unknown key, the nearest is schedule"},
		{"an unknown key of a norm", "plan: {norms: [{stage: A, day: 3}]}",
			"stagelag.yaml:1: plan.norms[0].day: unknown key, the nearest is plan.norms[0].days; stagelag.yaml:1: plan.norms[0].days: not set"},
		{"an unknown key of a plan field", "plan: {fields: {A: {date: UF_A, dais: UF_B}}}", "stagelag.yaml:1: plan.fields[A].dais: unknown key, the nearest is plan.fields[A].days"},
		{"a key given twice", "funnels: [1]\nfunnels: [2]", "stagelag.yaml:2: funnels: given twice, first on line 1"},
		{"a stage given twice", "stages:\n  map:\n    A: B\n    A: C", "stagelag.yaml:4: stages.map.A: given twice, first on line 3"},
		{"a key that is a list", "portal: {[a]: b}", "stagelag.yaml:1: portal.…: expected a key, found a list"},
		{"a merge key", "portal: {<<: {url: x}}", "stagelag.yaml:1: portal.<<: unknown key, the nearest is letter.mail.to"},
		{"a section that is a text", "portal: UTC", `stagelag.yaml:1: portal: expected a mapping with the keys portal.url, portal.time_zone, portal.limits, portal.check_clock, found the text "UTC"`},
		{"a file that is a list", "- a", "stagelag.yaml:1: the file: expected a mapping with the keys portal, plan, stages, visits, calendar, pauses, warehouse, schedule, write_back, letter, targets, dimensions, funnels, found a list"},
		{"broken YAML", "portal:\n  url: [", "stagelag.yaml:2: not YAML: did not find expected node content"},
		{"a tab", "portal:\n\turl: x", "stagelag.yaml:2: not YAML: found character that cannot start any token, such as a tab in place of blanks"},
		{"two documents", "funnels: [1]\n---\nfunnels: [2]\n", "stagelag.yaml:2: a second YAML document: would not be read, remove the --- before it"},

		{"limits of another name", "portal: {limits: fast}", `stagelag.yaml:1: portal.limits: expected standard, enterprise or none, found "fast"`},
		{"limits that are a number", "portal: {limits: 2}", "stagelag.yaml:1: portal.limits: expected standard, enterprise or none, found the number 2"},
		{"an unknown time zone", "portal: {time_zone: Moscow}", `stagelag.yaml:1: portal.time_zone: expected an IANA time zone such as Europe/Moscow, found "Moscow"`},
		{"the machine's own time zone", "portal: {time_zone: Local}", `stagelag.yaml:1: portal.time_zone: expected an IANA time zone such as Europe/Moscow, found "Local"`},
		{"a time zone that is a truth value", "portal: {time_zone: true}", "stagelag.yaml:1: portal.time_zone: expected an IANA time zone such as Europe/Moscow, found the truth value true"},

		{"a field of the deal's own", "write_back: {state: TITLE}", "stagelag.yaml:1: write_back.state: TITLE is no custom field, whose names begin with UF_"},
		{"one field for two results", "write_back: {days_late: UF_X, days_left: uf_x}", "stagelag.yaml:1: write_back.days_left: UF_X is written by write_back.days_late already"},
		{"a field that carries a plan", "plan: {fields: {A: {date: UF_X}}}\nwrite_back: {planned_end: UF_X}", "stagelag.yaml:2: write_back.planned_end: UF_X carries the plan of the stage A, see plan.fields: name another field"},
		{"an unknown language", "write_back: {language: de}", `stagelag.yaml:1: write_back.language: expected en or ru, found "de"`},

		{"a webhook that is a list", "portal: {url: [x]}", "stagelag.yaml:1: portal.url: expected the address of an inbound webhook, found a list"},

		{"a webhook over plain http", "portal: {url: 'http://example.com/rest/1/s3cr3t/'}", "stagelag.yaml:1: portal.url: webhook of example.com: plain http would show the secret to the network; use https"},
		{"a webhook without a secret", "portal: {url: 'https://example.com/rest/1/'}", "stagelag.yaml:1: portal.url: webhook of example.com: the path must be /rest/USER/SECRET/"},

		{"funnels that are one number", "funnels: 5", "stagelag.yaml:1: funnels: expected a list such as [5], found the number 5"},
		{"a funnel that is a text", "funnels: [five]", `stagelag.yaml:1: funnels[0]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found the text "five"`},
		{"a negative funnel", "funnels: [-1]", `stagelag.yaml:1: funnels[0]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found "-1"`},
		{"a funnel that is a fraction", "funnels: [1.5]", "stagelag.yaml:1: funnels[0]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found the number 1.5"},
		{"an empty funnel", "funnels: [1, ~]", "stagelag.yaml:1: funnels[1]: expected a value, found nothing"},
		{"a funnel given twice", "funnels:\n  - 5\n  - 7\n  - 5", "stagelag.yaml:4: funnels[2]: the funnel 5 is given twice"},

		{"a stage without fields", "plan: {fields: {A: {}}}", "stagelag.yaml:1: plan.fields[A]: names no field, give days or date"},
		{"a stage with nothing", "plan: {fields: {A: }}", "stagelag.yaml:1: plan.fields[A]: expected a value, found nothing"},
		{"one field for both", "plan: {fields: {A: {days: UF_X, date: uf_x}}}", "stagelag.yaml:1: plan.fields[A]: days and date name the same field UF_X"},
		{"a field name with a space", "plan: {fields: {A: {days: UF X}}}", `stagelag.yaml:1: plan.fields[A].days: expected the name of a field such as UF_CRM_DOCS_DAYS, found "UF X"`},
		{"fields that are a list", "plan: {fields: [A]}", "stagelag.yaml:1: plan.fields: expected a mapping from a stage id such as C5:DOCS, found a list"},
		{"an empty stage id", "plan: {fields: {'': {days: UF_X}}}", `stagelag.yaml:1: plan.fields[]: expected a stage id such as C5:DOCS, found ""`},

		{"an empty norm", "plan: {norms: [{}]}", "stagelag.yaml:1: plan.norms[0].stage: not set; stagelag.yaml:1: plan.norms[0].days: not set"},
		{"a norm that is a number", "plan: {norms: [7]}", "stagelag.yaml:1: plan.norms[0]: expected a mapping with the keys plan.norms[0].stage, plan.norms[0].days, plan.norms[0].from, found the number 7"},
		{"a norm of minus a day", "plan: {norms: [{stage: A, days: -1}]}", `stagelag.yaml:1: plan.norms[0].days: expected a whole number of days from 0 to 36500, found "-1"`},
		{"a norm of a quoted number", "plan: {norms: [{stage: A, days: '5'}]}", `stagelag.yaml:1: plan.norms[0].days: expected a whole number of days from 0 to 36500, found the text "5"`},
		{"a norm of a number with a leading zero that is a fraction", "plan: {norms: [{stage: A, days: 08.5}]}", "stagelag.yaml:1: plan.norms[0].days: expected a whole number of days from 0 to 36500, found the number 08.5"},
		{"a norm of half a day", "plan: {norms: [{stage: A, days: 0.5}]}", "stagelag.yaml:1: plan.norms[0].days: expected a whole number of days from 0 to 36500, found the number 0.5"},
		{"a norm from no date", "plan: {norms: [{stage: A, days: 1, from: soon}]}", `stagelag.yaml:1: plan.norms[0].from: expected a date such as 2026-09-01, found "soon"`},
		{"a norm from a date that is none", "plan: {norms: [{stage: A, days: 1, from: 2026-02-30}]}", `stagelag.yaml:1: plan.norms[0].from: 2026-02-30 does not exist: this month has 28 days`},
		{"a norm from before ClickHouse's dates", "plan: {norms: [{stage: A, days: 1, from: 1969-12-31}]}", `stagelag.yaml:1: plan.norms[0].from: expected a date such as 2026-09-01, found "1969-12-31"`},
		{"two norms from the start", "plan:\n  norms:\n    - {stage: A, days: 1}\n    - {stage: A, days: 2}", "stagelag.yaml:4: plan.norms[1]: the stage A has a norm from the same date already, plan.norms[0]"},
		{"two norms from a date", "plan: {norms: [{stage: A, days: 1, from: 2026-01-01}, {stage: A, days: 1, from: 2026-01-01}]}", "stagelag.yaml:1: plan.norms[1]: the stage A has a norm from the same date already, plan.norms[0]"},

		{"a stage mapped to itself", "stages: {map: {A: A}}", "stagelag.yaml:1: stages.map[A]: the stage is mapped to itself"},
		{"a chain of stages", "stages: {map: {A: B, B: C}}", "stagelag.yaml:1: stages.map[A]: B is itself mapped, to C: name the last stage"},
		{"a cycle of stages", "stages: {map: {A: B, B: A}}", "stagelag.yaml:1: stages.map[A]: B is itself mapped, to A: name the last stage; stagelag.yaml:1: stages.map[B]: A is itself mapped, to B: name the last stage"},

		{"another calendar", "calendar: {kind: lunar}", `stagelag.yaml:1: calendar.kind: expected calendar or working, found "lunar"`},
		{"a list without working days", "calendar:\n  lists: [ru]", "stagelag.yaml:2: calendar.lists: every day counts with calendar.kind calendar: set that to working, or leave this out"},
		{"other calendars without working days", "calendar:\n  funnels: {7: {kind: working}}", "stagelag.yaml:2: calendar.funnels: every day counts with calendar.kind calendar: set that to working, or leave this out"},
		{"a weekend of seven days", "calendar: {kind: working, weekend: [mon, tue, wed, thu, fri, sat, sun]}", "stagelag.yaml:1: calendar.weekend: names all seven days, and no day would count: leave some out"},
		{"an unknown weekday", "calendar: {kind: working, weekend: [sat, sunn, sun]}", `stagelag.yaml:1: calendar.weekend[1]: expected a weekday: sun, mon, tue, wed, thu, fri, sat, found "sunn"`},
		{"a weekday given twice", "calendar:\n  kind: working\n  weekend:\n  - sat\n  - Sat", "stagelag.yaml:5: calendar.weekend[1]: sat is given twice"},
		{"an unknown list", "calendar: {kind: working, lists: [kzz]}", "stagelag.yaml:1: calendar.lists[0]: there is no list kzz, the nearest is kz; a file is named with its ending, such as company.csv"},
		{"a list given twice", "calendar: {kind: working, lists: [ru, portal, ru]}", "stagelag.yaml:1: calendar.lists[2]: ru is given twice"},
		{"a list at an address", "calendar: {kind: working, lists: ['https://example.com/a.ics']}", "stagelag.yaml:1: calendar.lists[0]: expected the name of a list such as ru, or a file such as company.csv, found a text that is not repeated here"},
		{"a day off that is no date", "calendar: {kind: working, off: [2026-02-30]}", `stagelag.yaml:1: calendar.off[0]: 2026-02-30 does not exist: this month has 28 days`},
		{"a day off given twice", "calendar: {kind: working, off: [2026-02-20, 2026-02-20]}", "stagelag.yaml:1: calendar.off[1]: 2026-02-20 is given twice"},
		{"a day that is off and worked", "calendar:\n  kind: working\n  off: [2026-02-20]\n  work: [2026-02-20]", "stagelag.yaml:4: calendar.work[0]: 2026-02-20 is in calendar.off as well, take it out of one of them"},
		{"a funnel's calendar without a kind", "calendar: {kind: working, funnels: {7: {lists: [kz]}}}", "stagelag.yaml:1: calendar.funnels[7].kind: not set; the funnel's calendar is a whole one, write calendar or working"},
		{"a funnel's calendar with funnels", "calendar: {kind: working, funnels: {7: {kind: working, funnels: {}}}}", "stagelag.yaml:1: calendar.funnels[7].funnels: unknown key, the nearest is calendar.funnels"},
		{"mistakes in a funnel's calendar", "calendar: {kind: working, funnels: {7: {kind: calendar, weekend: []}, 8: {kind: working, lists: [rus]}}}",
			"stagelag.yaml:1: calendar.funnels[7].weekend: every day counts with calendar.funnels[7].kind calendar: set that to working, or leave this out; " +
				"stagelag.yaml:1: calendar.funnels[8].lists[0]: there is no list rus, the nearest is ru; a file is named with its ending, such as company.csv"},
		{"a pause without a beginning", "pauses: {until: UF_X}", "stagelag.yaml:1: pauses.until: a pause that ends has to begin, set pauses.from as well"},
		{"a pause with one field for two", "pauses: {from: UF_X, until: uf_x}", "stagelag.yaml:1: pauses.until: UF_X is the field of pauses.from already"},
		{"a field that pauses and is written", "pauses: {from: UF_X}\nwrite_back: {planned_end: UF_X}", "stagelag.yaml:2: write_back.planned_end: UF_X pauses the deal, see pauses.from: name another field"},
		{"a waiting stage given twice", "stages: {waiting: [A, A]}", "stagelag.yaml:1: stages.waiting[1]: the stage A is given twice"},
		{"a waiting stage that is mapped", "stages: {map: {A: B}, waiting: [A]}", "stagelag.yaml:1: stages.waiting[0]: the stage A counts as B, see stages.map: name that one"},

		{"a warehouse of another scheme", "warehouse: {url: 'postgres://u:pa55@db/x'}", "stagelag.yaml:1: warehouse.url: must be embedded, or begin with clickhouse://, http:// or https://"},
		{"a warehouse without a host", "warehouse: {url: 'clickhouse:///stagelag'}", "stagelag.yaml:1: warehouse.url: names no host"},
		{"a password that breaks the address", "warehouse: {url: 'clickhouse://u:pa/55@db/x'}", "stagelag.yaml:1: warehouse.url: is no address, in a user or password write @ : / ? # and % as %40 %3A %2F %3F %23 and %25"},
		{"a password that ends the address", "warehouse: {url: 'clickhouse://u:pa#55@db/x'}", "stagelag.yaml:1: warehouse.url: is no address, in a user or password write @ : / ? # and % as %40 %3A %2F %3F %23 and %25"},
		{"a database of the engine's own", "warehouse: {url: 'clickhouse://db/system'}", "stagelag.yaml:1: warehouse.url: the database system is the engine's own, choose another name"},
		{"a database with a name that is none", "warehouse: {database: North}", "stagelag.yaml:1: warehouse.database: a database's name has lower-case letters, digits and underscores only, a letter first"},
		{"a database of the program's own", "warehouse: {database: north_internal}", "stagelag.yaml:1: warehouse.database: names that end in _internal are for the program's own databases, choose another one"},
		{"two databases", "warehouse: {url: 'clickhouse://db/north', database: south}", "stagelag.yaml:1: warehouse.url: names the database north, and south is the one that is set: leave it out of the address"},
		{"the default database and another", "warehouse: {url: 'clickhouse://db/stagelag', analyst_url: 'http://db/north'}", "stagelag.yaml:1: warehouse.analyst_url: names the database north, and stagelag is the one that is set: leave it out of the address"},
		{"another database for the analyst", "warehouse: {url: 'clickhouse://db', analyst_url: 'http://db/north', database: south}", "stagelag.yaml:1: warehouse.analyst_url: names the database north, and south is the one that is set: leave it out of the address"},
		{"two hosts", "warehouse: {url: 'clickhouse://db,db2/'}", "stagelag.yaml:1: warehouse.url: names several hosts, and one server has to keep the lock of a run"},
		{"an analyst of the embedded warehouse", "warehouse: {analyst_url: embedded}", "stagelag.yaml:1: warehouse.analyst_url: the embedded warehouse has an analyst of its own, remove the key or name a server"},
		{"an address that others reach", "warehouse: {listen: {native: '0.0.0.0:9000'}}", "stagelag.yaml:1: warehouse.listen.native: the embedded warehouse answers on this machine only: write 127.0.0.1:PORT, and use a ClickHouse server for readers on others"},
		{"an address without a port", "warehouse: {listen: {http: 127.0.0.1}}", `stagelag.yaml:1: warehouse.listen.http: expected an address of this machine such as 127.0.0.1:9000, or 127.0.0.1:0 for any port, found "127.0.0.1"`},
		{"no folder", "warehouse: {path: ''}", `stagelag.yaml:1: warehouse.path: expected a path, found ""`},

		{"four cron fields", "schedule: {cron: '30 2 * *'}", `stagelag.yaml:1: schedule.cron: expected five cron fields such as 30 2 * * *, found "30 2 * *"`},
		{"a cron descriptor", "schedule: {cron: '@daily'}", `stagelag.yaml:1: schedule.cron: expected five cron fields such as 30 2 * * *, found "@daily"`},
		{"cron with a zone of its own", "schedule: {cron: 'CRON_TZ=UTC 2 * * *'}", `stagelag.yaml:1: schedule.cron: expected five cron fields such as 30 2 * * *, found "CRON_TZ=UTC 2 * * *"`},
		{"a minute past the hour's end", "schedule: {cron: '61 2 * * *'}", "stagelag.yaml:1: schedule.cron: end of range (61) above maximum (59): 61, expected five cron fields such as 30 2 * * *"},
		{"a day that never comes", "schedule: {cron: '0 0 31 2 *'}", "stagelag.yaml:1: schedule.cron: 0 0 31 2 * never comes"},

		{"an address without a port", "schedule: {listen: localhost}", `stagelag.yaml:1: schedule.listen: expected an address such as 127.0.0.1:9469, or off, found "localhost"`},
		{"an address without a host", "schedule: {listen: ':9469'}", `stagelag.yaml:1: schedule.listen: expected an address such as 127.0.0.1:9469, or off, found ":9469"`},
		{"a port that is none", "schedule: {listen: 127.0.0.1:70000}", `stagelag.yaml:1: schedule.listen: expected an address such as 127.0.0.1:9469, or off, found "127.0.0.1:70000"`},
		{"an age without a unit", "schedule: {max_age: '26'}", `stagelag.yaml:1: schedule.max_age: expected a time of a minute or more such as 26h, found "26"`},
		{"an age of less than a minute", "schedule: {max_age: 1s}", `stagelag.yaml:1: schedule.max_age: expected a time of a minute or more such as 26h, found "1s"`},

		{"a variable that is not set", "portal:\n  limits: ${NO_SUCH}\nwarehouse: {path: '${NO_PATH}'}", "stagelag.yaml:3: warehouse.path: the variable NO_PATH is not set, set it or write the value here"},
		{"half a reference", "warehouse: {path: '/a/${'}", "stagelag.yaml:1: warehouse.path: a ${ that is no ${NAME}, write $${ for the characters themselves"},
		{"a dimension without a field", "dimensions: {region: 5}", "stagelag.yaml:1: dimensions[region]: expected the name of a field such as UF_CRM_DOCS_DAYS, found the number 5"},
		{"a dimension without a name", "dimensions: {'': UF_X}", "stagelag.yaml:1: dimensions[]: expected a name such as region, of at most 40 letters, digits, spaces and _ - ., found \"\""},
		{"a dimension with quotes in its name", "dimensions: {\"a'b\": UF_X}", "stagelag.yaml:1: dimensions[a'b]: expected a name such as region, of at most 40 letters, digits, spaces and _ - ., found \"a'b\""},
		{"one field for two dimensions", "dimensions: {region: UF_X, area: uf_x}", "stagelag.yaml:1: dimensions[region]: UF_X is the field of the dimension area already"},
		{"two dimensions that look alike", "dimensions: {region: UF_X, Region: UF_Y}", "stagelag.yaml:1: dimensions[region]: differs from the dimension Region in the case of its letters only"},
		{"a dimension that is written", "dimensions: {days: UF_X}\nwrite_back: {days_late: UF_X}", "stagelag.yaml:1: dimensions[days]: UF_X is written by write_back, so that deals would be read anew each night: name another field"},
		{"dimensions as a list", "dimensions: [UF_X]", "stagelag.yaml:1: dimensions: expected a mapping from a name such as region, of at most 40 letters, digits, spaces and _ - ., found a list"},
		{"a target in percent", "targets: {on_time_rate: 85}", "stagelag.yaml:1: targets.on_time_rate: expected a share above 0 and up to 1, such as 0.85, found \"85\""},
		{"a target of nothing", "targets: {coverage: 0}", "stagelag.yaml:1: targets.coverage: expected a share above 0 and up to 1, such as 0.85, found \"0\""},
		{"a target that is no number", "targets: {coverage: high}", "stagelag.yaml:1: targets.coverage: expected a share above 0 and up to 1, such as 0.85, found the text \"high\""},
		{"an unknown target", "targets: {on_time: 0.9}", "stagelag.yaml:1: targets.on_time: unknown key, the nearest is targets.on_time_rate"},
		{"a reference in a stage id", "stages: {map: {'${A}': B}}", `stagelag.yaml:1: stages.map[${A}]: expected a stage id such as C5:DOCS, found "${A}"`},

		{"all of them in the order of the file", "funnels: [x]\nportal:\n  limits: fast\n  tme_zone: UTC\nschedule: {cron: never}",
			`stagelag.yaml:1: funnels[0]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found the text "x"; ` +
				`stagelag.yaml:3: portal.limits: expected standard, enterprise or none, found "fast"; ` +
				`stagelag.yaml:4: portal.tme_zone: unknown key, the nearest is portal.time_zone; ` +
				`stagelag.yaml:5: schedule.cron: expected five cron fields such as 30 2 * * *, found "never"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, got := load(t, test.text, nil)
			if want := "configuration: " + test.want; got != want {
				t.Errorf("Load(%q)\n got %s\nwant %s", test.text, got, want)
			}
		})
	}
}

func TestLoadAsksForWhatIsNeeded(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		needs []Need
		want  string
	}{
		{"nothing is needed", "", nil, ""},
		{"the portal", "", []Need{NeedPortal},
			"configuration: portal.url: not set, give it in stagelag.yaml or as STAGELAG_PORTAL_URL; " +
				"portal.time_zone: not set and without a default (a day of the wrong zone would look right), give it in stagelag.yaml or as STAGELAG_PORTAL_TIME_ZONE"},
		{"a wrong value is not absent", "portal: {url: '//', time_zone: x}", []Need{NeedPortal},
			`configuration: stagelag.yaml:1: portal.url: webhook: the address names no host; expected https://HOST/rest/USER/SECRET/; stagelag.yaml:1: portal.time_zone: expected an IANA time zone such as Europe/Moscow, found "x"`},
		{"a secret that is needed", "portal: {url: '${NO_SUCH}', time_zone: UTC}", []Need{NeedPortal},
			"configuration: stagelag.yaml:1: portal.url: the variable NO_SUCH is not set, set it or write the value here"},
		{"a secret that is not needed", "portal: {url: '${NO_SUCH}', time_zone: UTC}", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, got := load(t, test.text, nil, test.needs...); got != test.want {
				t.Errorf("Load(%q, %v)\n got %s\nwant %s", test.text, test.needs, got, test.want)
			}
		})
	}
}

func TestLoadWarnings(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		environ []string
		want    []string
	}{
		{"a misspelt variable", "", []string{"STAGELAG_PORTAL_TIMEZONE=UTC", "STAGELAG_PORTAL_LIMITS=none"},
			[]string{"the variable STAGELAG_PORTAL_TIMEZONE sets nothing, the nearest that does is STAGELAG_PORTAL_TIME_ZONE"}},
		{"the engine's variable", "", []string{"STAGELAG_ENGINE=/x", "STAGELAG_BROWSER=/x", "STAGELAGX=1"}, nil},
		{"the variable of the language", "", []string{"STAGELAG_LANG=ru"}, nil},
		{"ports for a server", "warehouse: {url: 'clickhouse://u:p@db:9000', listen: {http: '127.0.0.1:8123'}}", nil,
			[]string{"warehouse.listen.http is for the embedded warehouse, and the server clickhouse://db:9000 answers at its own address: leave it out"}},
		{"ports for the embedded warehouse", "warehouse: {listen: {http: '127.0.0.1:8123'}}", nil, nil},
		{"a server without ports", "warehouse: {url: 'clickhouse://u:p@db:9000'}", nil, nil},
		{"a variable that the file refers to", "warehouse: {path: '${STAGELAG_DIR}'}", []string{"STAGELAG_DIR=/x"}, nil},
		{"a plan of a stage that is mapped away", "stages: {map: {A: B}}\nplan: {norms: [{stage: A, days: 1}], fields: {A: {days: UF_A}}}", nil,
			[]string{
				"plan.fields names the stage A, which stages.map counts as B: only what is set for B is used",
				"plan.norms names the stage A, which stages.map counts as B: only what is set for B is used",
			}},
		{"a plan of a stage that waits", "stages: {waiting: [A, B]}\nplan: {norms: [{stage: A, days: 1}], fields: {A: {days: UF_A}}}", nil,
			[]string{
				"plan.fields names the stage A, which is in stages.waiting: its plan is not used",
				"plan.norms names the stage A, which is in stages.waiting: its plan is not used",
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, complaints := load(t, test.text, test.environ)
			if diff := cmp.Diff(test.want, got.Warnings); complaints != "" || diff != "" {
				t.Errorf("Load(%q, %q) = %s, warnings (-want +got):\n%s", test.text, test.environ, complaints, diff)
			}
		})
	}
}

func ExampleError() {
	_, err := parse("stagelag.yaml", []byte("portal:\n  limits: fast\n  zone: UTC\n"), 0o600, nil, nil)
	fmt.Println(err)
	// Output: configuration: stagelag.yaml:2: portal.limits: expected standard, enterprise or none, found "fast"; stagelag.yaml:3: portal.zone: unknown key, the nearest is portal.time_zone
}

// A list is looked for beside the configuration, wherever it is named, and is known by its line.
func TestLists(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "stagelag.yaml")
	text := "calendar:\n  kind: working\n  lists: [ru, portal, lists/company.csv, /elsewhere/a.ics]\n  funnels:\n    7:\n      kind: working\n      lists:\n      - own.csv\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []List{{"ru", path + ":3"}, {"portal", path + ":3"}, {filepath.Join(folder, "lists", "company.csv"), path + ":3"}, {"/elsewhere/a.ics", path + ":3"}}
	own := FunnelCalendar{Kind: WorkingDays, Weekend: []time.Weekday{time.Saturday, time.Sunday}, Lists: []List{{filepath.Join(folder, "own.csv"), path + ":8"}}, Place: path + ":5"}
	if !reflect.DeepEqual(got.Calendar.Lists, want) || !reflect.DeepEqual(got.Calendar.Funnels[7], own) || got.Calendar.Place != path+":2" {
		t.Errorf("Load(%q): calendar %+v", text, got.Calendar)
	}
	if !got.Calendar.HasList("portal") || got.Calendar.HasList("kz") {
		t.Errorf("HasList(portal) is %v and HasList(kz) %v", got.Calendar.HasList("portal"), got.Calendar.HasList("kz"))
	}
	got, err = Load(path, true, []string{"STAGELAG_CALENDAR_LISTS=a.csv"})
	if want := []List{{filepath.Join(folder, "a.csv"), "STAGELAG_CALENDAR_LISTS"}}; err != nil || !reflect.DeepEqual(got.Calendar.Lists, want) {
		t.Errorf("Load with a variable: the lists are %v, %v, want %v", got.Calendar.Lists, err, want)
	}
}
