package config

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// overrides holds for every key a value of its variable, unlike the one in the sample
// file, and the value as the file would have it.
var overrides = map[string]struct{ variable, file string }{
	"portal.url":                 {"https://other.bitrix24.ru/rest/2/other/", "https://other.bitrix24.ru/rest/2/other/"},
	"portal.check_clock":         {"false", "false"},
	"portal.time_zone":           {"Asia/Vladivostok", "Asia/Vladivostok"},
	"portal.limits":              {"none", "none"},
	"funnels":                    {"1, 2", "[1, 2]"},
	"plan.fields":                {`{"C1:NEW": {date: UF_CRM_NEW}}`, `{"C1:NEW": {date: UF_CRM_NEW}}`},
	"plan.norms":                 {`{stage: "C1:NEW", days: 3}, {stage: X, days: 0, from: 2026-01-31}`, `[{stage: "C1:NEW", days: 3}, {stage: X, days: 0, from: 2026-01-31}]`},
	"stages.map":                 {`"C1:OLD": "C1:NEW"`, `{"C1:OLD": "C1:NEW"}`},
	"visits.shortest":            {"5m", "5m"},
	"stages.waiting":             {"C1:WAIT", "[\"C1:WAIT\"]"},
	"calendar.kind":              {"calendar", "calendar"},
	"calendar.weekend":           {"sun", "[sun]"},
	"calendar.lists":             {"kz, other.ics", "[kz, other.ics]"},
	"calendar.off":               {"2026-01-30", "[2026-01-30]"},
	"calendar.work":              {"2026-01-31, 2026-02-01", "[2026-01-31, 2026-02-01]"},
	"calendar.funnels":           {"5: {kind: working, weekend: []}", "{5: {kind: working, weekend: []}}"},
	"pauses.flag":                {"UF_CRM_A", "UF_CRM_A"},
	"pauses.from":                {"UF_CRM_B", "UF_CRM_B"},
	"pauses.until":               {"UF_CRM_C", "UF_CRM_C"},
	"warehouse.url":              {"embedded", "embedded"},
	"warehouse.database":         {"south", "south"},
	"warehouse.path":             {" /elsewhere ", "/elsewhere"},
	"warehouse.analyst_url":      {"https://analyst:a%23b@db:8123", "https://analyst:a%23b@db:8123"},
	"warehouse.cluster":          {"stagelag", "stagelag"},
	"warehouse.keep_landing":     {"7", "7"},
	"warehouse.ca_file":          {"/other/ca.pem", "/other/ca.pem"},
	"warehouse.certificate_file": {"/other/client.pem", "/other/client.pem"},
	"warehouse.key_file":         {"/other/client.key", "/other/client.key"},

	"targets.on_time_rate": {"0.7", "0.7"},
	"targets.coverage":     {"1", "1"},
	"dimensions":           {"{branch: UF_CRM_BRANCH}", "{branch: UF_CRM_BRANCH}"},

	"warehouse.listen.native": {"127.0.0.1:9001", "127.0.0.1:9001"},
	"warehouse.listen.http":   {"[::1]:8124", "'[::1]:8124'"},

	"schedule.cron":    {"15 1 * * 1-5", "15 1 * * 1-5"},
	"schedule.listen":  {"0.0.0.0:9469", "0.0.0.0:9469"},
	"schedule.max_age": {"50h", "50h"},

	"write_back.language":         {"en", "en"},
	"write_back.state":            {"uf_a", "UF_A"},
	"write_back.days_late":        {"UF_B", "UF_B"},
	"write_back.days_left":        {"UF_C", "UF_C"},
	"write_back.planned_end":      {"UF_D", "UF_D"},
	"write_back.days_lost":        {"UF_E", "UF_E"},
	"write_back.expected_end":     {"UF_F", "UF_F"},
	"write_back.late_probability": {"UF_G", "UF_G"},

	"letter.chat":      {"sg7", "sg7"},
	"letter.managers":  {"false", "false"},
	"letter.mail.to":   {"other@example.com", "[other@example.com]"},
	"letter.mail.from": {"another@example.com", "another@example.com"},
	"letter.mail.url":  {"smtps://u:other@mail.example.org", "smtps://u:other@mail.example.org"},
	"letter.language":  {"en", "en"},
}

func TestEveryKeyHasAVariable(t *testing.T) {
	variables := map[string]string{}
	for _, k := range keys {
		name := variableOf(k.path)
		if other, ok := variables[name]; ok {
			t.Errorf("%s sets both %s and %s", name, other, k.path)
		}
		variables[name] = k.path

		value := overrides[k.path]
		if value.variable == "" {
			t.Errorf("%s has no value to override it with in this test", k.path)
			continue
		}
		base, want := sample, sampleConfig(t)
		if k.path == "calendar.kind" { // calendar, which leaves nothing to the other keys
			base = regexp.MustCompile(`(?s)calendar:\n.*\npauses:`).ReplaceAllString(sample, "calendar: {kind: working}\npauses:")
			want.Calendar = Calendar{}
		}
		got, complaints := load(t, base, []string{name + "=" + value.variable})
		if complaints != "" {
			t.Errorf("Load with %s=%s: %s", name, value.variable, complaints)
			continue
		}

		text := yamlOf(k.path, value.file)
		section, key, _ := strings.Cut(k.path, ".")
		switch { // what stands for nothing alone
		case section == "calendar" && key != "kind":
			text = "calendar: {kind: working, " + key + ": " + value.file + "}"
		case k.path == "pauses.until":
			text = "pauses: {from: UF_X, until: " + value.file + "}"
		case strings.HasPrefix(key, "mail."):
			one := strings.TrimPrefix(key, "mail.")
			text = regexp.MustCompile(`(?m)^    `+one+`: .*$`).ReplaceAllString(sample, "    "+one+": "+value.file)
		}
		if strings.HasSuffix(k.path, "_file") { // which stand for nothing alone
			key := strings.TrimPrefix(k.path, "warehouse.")
			text = regexp.MustCompile(`(?m)^  `+key+`: .*$`).ReplaceAllString(sample, "  "+key+": "+value.file)
		}
		fromFile, _ := load(t, text, nil)
		field := func(cfg *Config) reflect.Value { return reflect.ValueOf(cfg).Elem().FieldByIndex(k.index) }
		field(&want).Set(field(&fromFile))
		if diff := cmp.Diff(want, got, compareOpaque); diff != "" {
			t.Errorf("Load with %s=%s (-want +got):\n%s", name, value.variable, diff)
		}
	}
}

// yamlOf is a file that sets one key.
func yamlOf(path, value string) string {
	text := value
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '.' {
			text = "{" + path[i+1:] + ": " + text + "}"
			path = path[:i]
		}
	}
	return path + ": " + text
}

func TestVariables(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		environ []string
		want    string // the path of the warehouse, or the complaint
	}{
		{"a reference", "warehouse: {path: 'data/${SITE}/x'}", []string{"SITE=msk"}, "data/msk/x"},
		{"two references", "warehouse: {path: '${A}${B}'}", []string{"A=1", "B=2"}, "12"},
		{"a reference is not replaced again", "warehouse: {path: '${A}'}", []string{"A=${B}", "B=2"}, "${B}"},
		{"a reference that is escaped", "warehouse: {path: 'a$${B}'}", []string{"B=2"}, "a${B}"},
		{"a dollar without a brace", "warehouse: {path: 'a$B$'}", []string{"B=2"}, "a$B$"},
		{"a variable is taken as it is", "", []string{"STAGELAG_WAREHOUSE_PATH=a: ${B} # c"}, "a: ${B} # c"},
		{"an empty variable is none", "warehouse: {path: x}", []string{"STAGELAG_WAREHOUSE_PATH="}, "x"},
		{"an empty reference is none", "warehouse: {path: '${A}'}", []string{"A="}, "configuration: stagelag.yaml:1: warehouse.path: the variable A is not set, set it or write the value here"},
		{"a value that is overridden is not looked at", "warehouse: {path: '${A}'}", []string{"STAGELAG_WAREHOUSE_PATH=y"}, "y"},
		{"a number from a variable", "warehouse: {path: x}\nplan: {norms: [{stage: A, days: '${D}'}]}", []string{"D=5"}, "x"},
		{"no number from a variable", "plan: {norms: [{stage: A, days: '${D}'}]}", []string{"D=s3cr3t"},
			"configuration: stagelag.yaml:1: plan.norms[0].days: expected a whole number of days from 0 to 36500, found something else in the variable"},
		{"a wrong value", "", []string{"STAGELAG_PORTAL_LIMITS=fast"}, `configuration: STAGELAG_PORTAL_LIMITS: portal.limits: expected standard, enterprise or none, found "fast"`},
		{"a wrong value in a list", "", []string{"STAGELAG_FUNNELS=5,x"}, `configuration: STAGELAG_FUNNELS: funnels[1]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found "x"`},
		{"a mapping that is none", "", []string{"STAGELAG_STAGES_MAP=A"}, `configuration: STAGELAG_STAGES_MAP: stages.map: expected a mapping from a stage id such as C5:DOCS, found the text "A"`},
		{"a list that is no YAML", "", []string{"STAGELAG_FUNNELS=5]"}, "configuration: STAGELAG_FUNNELS: not YAML: did not find expected <document start>"},
		{"variables come after the file", "funnels: [x]", []string{"STAGELAG_SCHEDULE_CRON=x"},
			`configuration: stagelag.yaml:1: funnels[0]: expected a funnel id such as 5 (stagelag init writes the ids with the names beside them), found the text "x"; ` +
				`STAGELAG_SCHEDULE_CRON: schedule.cron: expected five cron fields such as 30 2 * * *, found "x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg, complaints := load(t, test.text, test.environ)
			if got := string(cfg.Warehouse.Path) + complaints; got != test.want {
				t.Errorf("Load(%q, %q)\n got %s\nwant %s", test.text, test.environ, got, test.want)
			}
		})
	}
}
