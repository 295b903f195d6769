package setup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stagelag/bitrix24"
	"stagelag/config"
	"stagelag/extractor"
	"stagelag/locale"
	"stagelag/setup"
)

var english = locale.For(locale.English)

func stage(id, name string) extractor.Stage {
	return extractor.Stage{ID: extractor.StageID(id), FunnelID: 5, Name: name}
}

func field(name, kind, title string) bitrix24.Field {
	return bitrix24.Field{Name: name, Type: kind, Title: title}
}

// shown is what is proposed for the stages that get something.
func shown(p setup.Proposal) []string {
	var lines []string
	for _, s := range p.Stages {
		line := fmt.Sprintf("%s %s|%s", s.ID, s.Days.Name, s.Date.Name)
		for _, unsure := range s.Unsure {
			line += " ?" + unsure.Name
		}
		if s.HasField() || len(s.Unsure) > 0 {
			lines = append(lines, line)
		}
	}
	for _, unused := range p.Unused {
		lines = append(lines, "unused "+unused.Name)
	}
	for _, pause := range p.Pauses.Found() {
		lines = append(lines, pause.Key+" "+pause.Field.Name)
	}
	return lines
}

func TestPropose(t *testing.T) {
	tests := []struct {
		name   string
		fields []bitrix24.Field
		want   []string
	}{
		{"by the stage's name in the title", []bitrix24.Field{field("UF_CRM_1", "integer", "Documents: planned days"), field("UF_CRM_2", "date", "Documents: planned end")},
			[]string{"C5:DOCS UF_CRM_1|UF_CRM_2"}},
		{"by the stage's id in the name", []bitrix24.Field{field("UF_CRM_DOCS_DAYS", "double", "UF_CRM_DOCS_DAYS")},
			[]string{"C5:DOCS UF_CRM_DOCS_DAYS|"}},
		{"in Russian, whatever the ending", []bitrix24.Field{field("UF_CRM_1", "integer", "Согласование: план, дней"), field("UF_CRM_2", "datetime", "Срок согласования")},
			[]string{"C5:UC_7Q2KXM UF_CRM_1|UF_CRM_2"}},
		{"text that speaks of days", []bitrix24.Field{field("UF_CRM_1", "string", "Documents, days"), field("UF_CRM_2", "string", "Documents, planned by")},
			[]string{"C5:DOCS UF_CRM_1|"}},
		{"no field of the stage that speaks of no plan", []bitrix24.Field{field("UF_CRM_1", "integer", "Documents: pages"), field("UF_CRM_2", "date", "Documents received")}, nil},
		{"no field of another kind", []bitrix24.Field{field("UF_CRM_1", "boolean", "Documents planned"), field("UF_CRM_2", "money", "Documents plan")}, nil},
		{"no field of the deal's own", []bitrix24.Field{field("CLOSEDATE", "date", "Documents deadline")}, nil},
		{"no field of several values", []bitrix24.Field{{Name: "UF_CRM_1", Type: "integer", Title: "Documents: days", IsMultiple: true}}, nil},
		{"a plan of no stage", []bitrix24.Field{field("UF_CRM_1", "date", "Delivery deadline")}, []string{"unused UF_CRM_1"}},
		{"no stage that has ended", []bitrix24.Field{field("UF_CRM_1", "date", "Closed: planned end")}, []string{"unused UF_CRM_1"}},
		{"two that do equally well", []bitrix24.Field{field("UF_CRM_1", "integer", "Documents: days"), field("UF_CRM_2", "integer", "Documents, planned days")},
			[]string{"C5:DOCS | ?UF_CRM_1 ?UF_CRM_2"}},
		{"a flag that pauses", []bitrix24.Field{field("UF_CRM_1", "boolean", "Waiting for the client")}, []string{"flag UF_CRM_1"}},
		{"the dates of a pause", []bitrix24.Field{field("UF_CRM_HOLD_FROM", "date", "On hold from"), field("UF_CRM_HOLD_UNTIL", "datetime", "On hold until")},
			[]string{"from UF_CRM_HOLD_FROM", "until UF_CRM_HOLD_UNTIL"}},
		{"a pause in Russian", []bitrix24.Field{field("UF_CRM_1", "date", "Пауза с"), field("UF_CRM_2", "date", "Пауза до"), field("UF_CRM_3", "boolean", "Приостановлена")},
			[]string{"flag UF_CRM_3", "from UF_CRM_1", "until UF_CRM_2"}},
		{"no end of a pause without its beginning", []bitrix24.Field{field("UF_CRM_1", "date", "Hold until")}, []string{"unused UF_CRM_1"}},
		{"a holding", []bitrix24.Field{field("UF_CRM_1", "boolean", "Belongs to a holding")}, nil},
		{"two flags that may pause", []bitrix24.Field{field("UF_CRM_1", "boolean", "On hold"), field("UF_CRM_2", "boolean", "Waiting for the client")}, nil},
		{"a pause of another type", []bitrix24.Field{field("UF_CRM_1", "string", "On hold"), field("UF_CRM_2", "string", "On hold from")}, nil},
		{"a planned end of waiting", []bitrix24.Field{field("UF_CRM_1", "date", "Waiting from, planned")}, []string{"unused UF_CRM_1"}},
		{"the better one of two stages", []bitrix24.Field{field("UF_CRM_1", "integer", "Final check: days"), field("UF_CRM_2", "integer", "Check of documents: days")},
			[]string{"C5:DOCS UF_CRM_2|", "C5:CHECK UF_CRM_1|"}},
	}
	portal := extractor.Description{Funnels: []extractor.Funnel{{ID: 5, Name: "Projects", Stages: []extractor.Stage{
		stage("C5:NEW", "Request"), stage("C5:DOCS", "Documents"), stage("C5:UC_7Q2KXM", "Согласование"), stage("C5:CHECK", "Final check"),
		{ID: "C5:WON", FunnelID: 5, Name: "Closed", Semantics: extractor.Success},
	}}}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			portal.Fields = test.fields
			if got := shown(setup.Propose(portal, nil)); !slices.Equal(got, test.want) {
				t.Errorf("Propose = %q, want %q", got, test.want)
			}
			if got := setup.Propose(portal, []extractor.FunnelID{7}); len(got.Stages) > 0 {
				t.Errorf("Propose for another funnel = %q, want nothing", shown(got))
			}
		})
	}
}

// What may wait, or pause, stands in a new file, and an old one gets remarks.
func TestWaitingAndPauses(t *testing.T) {
	portal := extractor.Description{Funnels: []extractor.Funnel{{ID: 5, Name: "Projects", Stages: []extractor.Stage{
		stage("C5:NEW", "Request"), stage("C5:WAIT", "Waiting for the client"), stage("C5:UC_1", "Ожидание оплаты"),
	}}}}
	portal.Fields = []bitrix24.Field{field("UF_CRM_1", "date", "Hold from"), field("UF_CRM_2", "date", "Hold until")}
	p := setup.Propose(portal, nil)
	text := setup.File(english, setup.Site{Host: "example.bitrix24.ru", TimeZone: "Europe/Moscow", Limits: bitrix24.Standard}, portal, p)
	cfg, err := load(t, t.TempDir(), text)
	want := config.Pauses{From: "UF_CRM_1", Until: "UF_CRM_2"}
	if err != nil || cfg.Pauses != want || len(cfg.Stages.Waiting) > 0 {
		t.Fatalf("the file reads as %+v, stages %+v, %v, want %+v:\n%s", cfg.Pauses, cfg.Stages, err, want, text)
	}
	for _, line := range []string{"  # - \"C5:WAIT\"  # Projects: Waiting for the client\n", "  # - \"C5:UC_1\"  # Projects: Ожидание оплаты\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("the file lacks %q:\n%s", line, text)
		}
	}
	remarks := []string{
		"C5:WAIT (Projects: Waiting for the client) may be one to wait in; add it to stages.waiting if it is",
		"C5:UC_1 (Projects: Ожидание оплаты) may be one to wait in; add it to stages.waiting if it is",
		"the field UF_CRM_1 (Hold from) may pause deals; set pauses.from to it if it does",
		"the field UF_CRM_2 (Hold until) may pause deals; set pauses.until to it if it does",
	}
	if got := setup.Remarks(portal, config.Config{}, p); !slices.Equal(got, remarks) {
		t.Errorf("Remarks = %q, want %q", got, remarks)
	}
	cfg.Stages.Waiting = []extractor.StageID{"C5:WAIT", "C5:UC_1"}
	if got := setup.Remarks(portal, cfg, p); len(got) > 0 {
		t.Errorf("Remarks on a configuration that has it all = %q, want none", got)
	}
}

func load(t rapid.TB, folder, text string) (config.Config, error) {
	t.Helper()
	path := filepath.Join(folder, "stagelag.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, true, []string{"STAGELAG_PORTAL_URL=https://example.bitrix24.ru/rest/1/s3cr3t/"}, config.NeedPortal)
}

// Names on a portal may be anything, and the file is a configuration that says what was
// proposed all the same.
func TestAFileCanBeRead(t *testing.T) {
	folder := t.TempDir()
	hostile := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"a\n  evil: 1", "# x", "'", `"`, "${HOME}", "$${", "\u202e\u2028", "{a: b}", "- a", "*a", "&a", "!!int", "<- ", strings.Repeat("long ", 100), "\x00\x1b[2J",
	}))
	rapid.Check(t, func(t *rapid.T) {
		days := field("UF_CRM_DOCS_DAYS", "integer", hostile.Draw(t, "title"))
		portal := extractor.Description{Description: bitrix24.Description{Fields: []bitrix24.Field{days}}, Funnels: []extractor.Funnel{{ID: 5, Name: hostile.Draw(t, "funnel"), Stages: []extractor.Stage{
			stage("C5:DOCS", hostile.Draw(t, "name")), stage("C5:NEW", hostile.Draw(t, "other")),
		}}}}
		p := setup.Propose(portal, nil)
		site := setup.Site{Host: hostile.Draw(t, "host"), TimeZone: "Europe/Moscow", Limits: bitrix24.Enterprise}
		if rapid.Bool().Draw(t, "keeps") {
			site.URL = "https://example.bitrix24.ru/rest/1/s3cr3t/"
		}
		text := setup.File(locale.For(rapid.SampledFrom(locale.Languages).Draw(t, "language")), site, portal, p)
		cfg, err := load(t, folder, text)
		if err != nil {
			t.Fatalf("%v, the file:\n%s", err, text)
		}
		wantsDocs := p.Stages[0].Days.Name == "UF_CRM_DOCS_DAYS"
		if _, hasDocs := cfg.Plan.Fields["C5:DOCS"]; hasDocs != wantsDocs || !slices.Equal(cfg.Funnels, []extractor.FunnelID{5}) || len(cfg.Plan.Norms) > 0 ||
			cfg.Portal.Limits != bitrix24.Enterprise || cfg.Portal.URL.Host() != "example.bitrix24.ru" {
			t.Fatalf("the file reads as %+v, the file:\n%s", cfg, text)
		}
		if again, added, err := setup.Merge(text, p); err != nil || again != text || len(added) > 0 {
			t.Fatalf("Merge of what was proposed adds %v, %v, want nothing", added, err)
		}
	})
}

// A file in Russian has Russian comments, and is the same configuration.
func TestCommentsOfALanguage(t *testing.T) {
	ru := locale.For(locale.Russian)
	days := int32(4)
	stages := []extractor.Stage{stage("C5:DOCS", "Документы"), stage("C5:BUILD", "Монтаж"), stage("C5:WAIT", "Ожидание оплаты")}
	portal := extractor.Description{Funnels: []extractor.Funnel{{ID: 5, Name: "Проекты", Stages: stages}}}
	all := []bitrix24.Field{
		field("UF_CRM_1", "integer", "Документы: план, дней"), field("UF_CRM_2", "date", "Монтаж: срок"), field("UF_CRM_3", "date", "Срок монтажа"),
		field("UF_CRM_4", "date", "Срок поставки"), field("UF_CRM_5", "boolean", "Пауза"), field("UF_CRM_6", bitrix24.ListType, "Регион"),
	}
	for _, test := range []struct {
		name    string
		fields  []bitrix24.Field
		norm    *int32
		site    setup.Site
		remarks int // so many, or more
	}{
		{"everything", all, &days, setup.Site{Host: "example.bitrix24.ru", TimeZone: "Europe/Moscow", Limits: bitrix24.Standard, IsZoneGuessed: true}, 18},
		{"nothing but stages", nil, nil, setup.Site{Host: "example.bitrix24.ru", TimeZone: "Europe/Moscow", Limits: bitrix24.Standard, URL: "https://example.bitrix24.ru/rest/1/s3cr3t/"}, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			portal.Fields = test.fields
			p := setup.Propose(portal, nil)
			if p.Stages[0].Norm = test.norm; test.norm != nil {
				p.Stages[0].NormReason = "Документы: " + ru.Count(20, "%d visit", "%d visits")
			}
			got, want := setup.File(ru, test.site, portal, p), setup.File(english, test.site, portal, p)
			remark := regexp.MustCompile(`(?m)^ *# (.*)$`)
			isOurs := regexp.MustCompile(`^(?:- |UF_|  )|^[а-яА-Я]+$|: UF_`)
			found := 0
			for _, line := range remark.FindAllStringSubmatch(got, -1) {
				if isOurs.MatchString(line[1]) {
					continue
				}
				found++
				if !regexp.MustCompile(`\p{Cyrillic}{3}`).MatchString(line[1]) || strings.Contains(want, line[1]) {
					t.Errorf("a comment of the file in Russian is %q", line[1])
				}
			}
			if found < test.remarks {
				t.Errorf("the file in Russian has %d comments, want %d or more:\n%s", found, test.remarks, got)
			}
			if a, b := remark.ReplaceAllString(got, ""), remark.ReplaceAllString(want, ""); strings.ReplaceAll(a, "\n\n", "\n") != strings.ReplaceAll(b, "\n\n", "\n") {
				t.Errorf("without its comments the file in Russian is\n%s\nwant\n%s", a, b)
			}
		})
	}
}

// twoStages is a proposal for two stages.
var twoStages = setup.Proposal{Stages: []setup.Stage{
	{Funnel: extractor.Funnel{ID: 5}, ID: "C5:DOCS", Name: "Documents", Days: setup.Field{Name: "UF_CRM_DOCS_DAYS", Title: "Documents: days"}},
	{Funnel: extractor.Funnel{ID: 5}, ID: "C5:BUILD", Name: "Building", Date: setup.Field{Name: "UF_CRM_BUILD_DUE", Title: "Building: due", IsDate: true}},
	{Funnel: extractor.Funnel{ID: 5}, ID: "C5:NEW", Name: "New"},
}}

const (
	docsLine  = `"C5:DOCS": {days: UF_CRM_DOCS_DAYS}`
	buildLine = `"C5:BUILD": {date: UF_CRM_BUILD_DUE}`
)

func TestMerge(t *testing.T) {
	const docs, build = docsLine + "  # Documents <- Documents: days\n", buildLine + "  # Building <- Building: due\n"
	tests := []struct{ name, text, want string }{
		{"an empty file", "", "\nplan:\n  fields:\n    " + docs + "    " + build},
		{"a file without plans, and without an end", "funnels: [5] # mine", "funnels: [5] # mine\n\nplan:\n  fields:\n    " + docs + "    " + build},
		{"behind the fields that are there", "plan:\n    fields:\n\n        \"C5:X\": # why\n            days: UF_X\n\n    norms: [] # none\n",
			"plan:\n    fields:\n\n        \"C5:X\": # why\n            days: UF_X\n        " + docs + "        " + build + "\n    norms: [] # none\n"},
		{"what was edited stays", "plan:\n  fields:\n    \"C5:DOCS\": {date: UF_MINE}\n", "plan:\n  fields:\n    \"C5:DOCS\": {date: UF_MINE}\n    " + build},
		{"all is there", "plan: {fields: {\"C5:DOCS\": {days: UF_A}, \"C5:BUILD\": {days: UF_B}}}", "plan: {fields: {\"C5:DOCS\": {days: UF_A}, \"C5:BUILD\": {days: UF_B}}}"},
		{"an empty plan", "plan:\nfunnels: [5]\n", "plan:\n  fields:\n    " + docs + "    " + build + "funnels: [5]\n"},
		{"empty fields", "plan:\n  fields: # later\n  norms: []\n", "plan:\n  fields: # later\n    " + docs + "    " + build + "  norms: []\n"},
		{"a plan of norms alone", "plan:\n  # norms\n  norms: []\n", "plan:\n  fields:\n    " + docs + "    " + build + "  # norms\n  norms: []\n"},
		{"fields in braces", "plan:\n  fields: {\"Щ\": {days: UF_A}} # mine\n", "plan:\n  fields: {" + docsLine + ", " + buildLine + ", \"Щ\": {days: UF_A}} # mine\n"},
		{"empty braces", "plan: {fields: {}}\n", "plan: {fields: {" + docsLine + ", " + buildLine + "}}\n"},
		{"a plan in braces", "plan: {norms: []}\n", "plan: {fields: {" + docsLine + ", " + buildLine + "}, norms: []}\n"},
		{"lines that end as on Windows", "plan:\r\n  fields:\r\n    A: {days: UF_A}\r\nfunnels: [5]\r\n",
			"plan:\r\n  fields:\r\n    A: {days: UF_A}\r\n    " + docs + "    " + build + "funnels: [5]\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := setup.Merge(test.text, twoStages)
			if err != nil || got != test.want {
				t.Errorf("Merge(%q) = %v\n%s\nwant\n%s", test.text, err, got, test.want)
			}
			again, added, err := setup.Merge(got, twoStages)
			if err != nil || again != got || len(added) > 0 {
				t.Errorf("a second Merge adds %v, %v, want nothing", added, err)
			}
		})
	}
}

// Where nothing can be added, the lines are told.
func TestMergeThatCannotBe(t *testing.T) {
	for _, text := range []string{"plan: &p\n  fields: &f\n    A: {days: UF_A}\nx: *p\n", "plan: {fields: ~}\n"} {
		got, _, err := setup.Merge(text, twoStages)
		if err != nil && (!strings.Contains(err.Error(), docsLine) || got != "") {
			t.Errorf("Merge(%q): %v, %q, want an error that tells the lines", text, err, got)
		}
		if err == nil && !strings.Contains(got, docsLine) {
			t.Errorf("Merge(%q) = %q without the lines, and without an error", text, got)
		}
	}
}

// Whatever a file looks like, Merge takes nothing away: without what it added, every line is
// as it was.
func TestMergeTakesNothingAway(t *testing.T) {
	folder := t.TempDir()
	pieces := []string{
		"portal:\n  url: https://example.bitrix24.ru/rest/1/s3cr3t/ # secret\n  time_zone: 'Europe/Moscow'\n", "# a remark\n", "\n",
		"funnels: [5,  7]\n", "schedule: {cron: \"1 2 * * *\"}\n", "stages:\n  map:\n    A: B # old\n", "calendar:\n\n  kind: calendar\n",
	}
	plans := []string{
		"plan:\n  fields:\n    \"C5:X\":\n      days: UF_X\n\n      # the end\n      date: UF_Y\n  # norms\n  norms:\n    - {stage: \"C5:X\", days: 3}\n",
		"plan:\n    norms:\n    - stage: A\n      days: 3\n    fields: {B: {days: UF_B}}\n", "plan:\n", "",
		"plan: {norms: [], fields: {B: {days: UF_B}}}\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.Permutation(append(slices.Clone(pieces), rapid.SampledFrom(plans).Draw(t, "plan"))).Draw(t, "order")
		text := strings.Join(parts, "")
		before, err := load(t, folder, text)
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		merged, added, err := setup.Merge(text, twoStages)
		if err != nil || len(added) != 2 {
			t.Fatalf("Merge adds %v, %v, want two stages to:\n%s", added, err, text)
		}
		left := merged
		for _, line := range strings.SplitAfter(merged, "\n") {
			if strings.Contains(line, " <- ") {
				left = strings.Replace(left, line, "", 1)
			}
		}
		left = strings.Replace(left, docsLine+", "+buildLine+", ", "", 1)
		if left != text && strings.Replace(left, "  fields:\n", "", 1) != text && strings.TrimSuffix(left, "\nplan:\n  fields:\n") != text {
			t.Fatalf("without what was added the file is\n%s\nand was\n%s", left, text)
		}
		after, err := load(t, folder, merged)
		if err != nil {
			t.Fatalf("%v:\n%s", err, merged)
		}
		delete(after.Plan.Fields, "C5:DOCS")
		delete(after.Plan.Fields, "C5:BUILD")
		if len(after.Plan.Fields) != len(before.Plan.Fields) || len(after.Plan.Norms) != len(before.Plan.Norms) || after.Schedule != before.Schedule {
			t.Fatalf("the file reads as %+v, and did as %+v", after, before)
		}
	})
}

func TestGuessZone(t *testing.T) {
	tests := []struct {
		host   string
		offset int
		want   string
	}{
		{"example.bitrix24.ru", 3, "Europe/Moscow"}, {"crm.example.ru:8443", 7, "Asia/Krasnoyarsk"}, {"example.bitrix24.com", 0, "UTC"},
		{"example.bitrix24.de", 2, ""}, {"example.bitrix24.com", -5, ""}, {"example.bitrix24.ru", -5, ""},
	}
	for _, test := range tests {
		at := time.Now().In(time.FixedZone("", test.offset*60*60))
		if got := setup.GuessZone(test.host, at); got != test.want {
			t.Errorf("GuessZone(%s, %+d h) = %q, want %q", test.host, test.offset, got, test.want)
		}
	}
}
