package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"stagelag/dashboards"
)

func TestCommittedFilesAreWhatIsGenerated(t *testing.T) {
	for _, lang := range dashboards.Langs {
		files, err := dashboards.Files(lang, dashboards.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(string(lang), name))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s/%s is not what is generated (%v): go generate ./dashboards", lang, name, err)
			}
		}
		committed, err := os.ReadDir(string(lang))
		if err != nil || len(committed) != len(files) {
			t.Errorf("%s has %d files, want %d (%v)", lang, len(committed), len(files), err)
		}
	}
}

func TestEveryPanelIsDescribed(t *testing.T) {
	for _, lang := range dashboards.Langs {
		for name, page := range first(read(t, lang)) {
			ids := map[int]bool{}
			for _, p := range page.Panels {
				if ids[p.ID] {
					t.Errorf("%s/%s: two panels with the id %d", lang, name, p.ID)
				}
				ids[p.ID] = true
				if p.Type == "row" {
					continue
				}
				isBanner := p.ID == 1 // it is a sentence, and needs no heading
				if p.Title == "" != isBanner || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
					t.Errorf("%s/%s %q: title, description, unit and a text for no data have to be set", lang, name, p.Title)
				}
			}
		}
	}
}

// Grafana 12.3 reads "+21" as a number and shows it as 21, unless a mapping says the text.
func TestADifferenceKeepsItsSign(t *testing.T) {
	for _, lang := range dashboards.Langs {
		differences := 0
		for _, p := range first(read(t, lang))["portfolio.json"].Panels {
			for _, o := range p.FieldConfig.Overrides {
				if !strings.HasSuffix(o.Matcher.Options, "_change") {
					continue
				}
				differences++
				data, err := json.Marshal(o.settings()["mappings"])
				if err != nil {
					t.Fatal(err)
				}
				var mappings []struct {
					Type    string
					Options json.RawMessage
				}
				if err := json.Unmarshal(data, &mappings); err != nil {
					t.Fatal(err)
				}
				for _, value := range []string{"+21", "−3", "0"} {
					shown := ""
					for _, m := range mappings {
						var to struct {
							Pattern string
							Result  struct{ Text string }
						}
						if m.Type != "regex" {
							continue
						}
						if err := json.Unmarshal(m.Options, &to); err != nil {
							t.Fatal(err)
						}
						if pattern := regexp.MustCompile(to.Pattern); pattern.MatchString(value) {
							shown = pattern.ReplaceAllString(value, to.Result.Text)
							break
						}
					}
					if shown != value {
						t.Errorf("%s, %s: %s is shown as %q", lang, o.Matcher.Options, value, shown)
					}
				}
			}
		}
		if differences != 2 {
			t.Errorf("%s: %d differences, want 2", lang, differences)
		}
	}
}

// Grafana 12.3 cuts the first of the labels below a chart that are turned, because it begins left of the chart. Where a
// label has no room, it writes what stands for no value.
func TestLabelsBelowAChartAreNotTurned(t *testing.T) {
	type board struct {
		Panels []struct {
			Type, Title string
			Options     struct {
				XField                                string
				XTickLabelRotation, XTickLabelSpacing int
			}
			FieldConfig struct{ Overrides []override }
		}
	}
	files, err := dashboards.Files(dashboards.English, dashboards.Options{})
	if err != nil {
		t.Fatal(err)
	}
	charts := 0
	for name, p := range boards[board](t, files) {
		for _, panel := range p.Panels {
			if panel.Type != "barchart" {
				continue
			}
			charts++
			if o := panel.Options; o.XTickLabelRotation != 0 || o.XTickLabelSpacing < 76 { // a date takes 66 pixels
				t.Errorf("%s, %q: labels are turned by %d and %d pixels apart", name, panel.Title, o.XTickLabelRotation, o.XTickLabelSpacing)
			}
			isText := false
			for _, o := range panel.FieldConfig.Overrides {
				of := o.settings()
				isText = isText || o.Matcher.Options == panel.Options.XField && (of["unit"] == "string" || of["noValue"] == " ")
			}
			if !isText {
				t.Errorf("%s, %q: the labels that have no room are not empty", name, panel.Title)
			}
		}
	}
	if charts < 8 {
		t.Errorf("%d bar charts: the test looks at too little", charts)
	}
}

// Grafana keeps the cells of a table by the names that are shown: of two that are alike, one
// would show the other's values.
func TestNamesThatAreShownDifferWithinAPanel(t *testing.T) {
	for _, lang := range dashboards.Langs {
		for name, page := range first(read(t, lang)) {
			for _, p := range page.Panels {
				columns := map[any]string{}
				for _, o := range p.FieldConfig.Overrides {
					for _, property := range o.Properties {
						if property.ID != "displayName" {
							continue
						}
						if other, isTaken := columns[property.Value]; isTaken {
							t.Errorf("%s/%s %q: %s and %s are both shown as %v", lang, name, p.Title, other, o.Matcher.Options, property.Value)
						}
						columns[property.Value] = o.Matcher.Options
					}
				}
			}
		}
	}
}

var linkTo = regexp.MustCompile(`"url": "/d/[^"]*"`)

var address = regexp.MustCompile(`/d/([a-z-]+)`)

func TestLinksLeadToDashboardsAndKeepTheChoice(t *testing.T) {
	for _, lang := range dashboards.Langs {
		pages, _ := read(t, lang)
		uids := map[string]bool{}
		for name, page := range pages {
			if uids[page.UID] {
				t.Errorf("%s/%s: its uid %s is taken", lang, name, page.UID)
			}
			uids[page.UID] = true
		}
		for name, page := range pages {
			for _, link := range page.Links {
				if link.KeepTime || !link.IncludeVars {
					t.Errorf("%s/%s: the links to the other dashboards take the range along, which has to be that of each, or drop variables", lang, name)
				}
			}
			text, err := os.ReadFile(filepath.Join(string(lang), name))
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range address.FindAllSubmatch(text, -1) {
				if !uids[string(found[1])] {
					t.Errorf("%s/%s: a link leads to %s, which is no dashboard", lang, name, found[1])
				}
			}
			for _, found := range linkTo.FindAllString(string(text), -1) {
				if !strings.Contains(found, "{shown:queryparam}") {
					t.Errorf("%s/%s: a link drops the date: %s", lang, name, found)
				}
				if strings.Contains(found, "?var-deal=") && strings.Contains(found, "__url_time_range") {
					t.Errorf("%s/%s: a link takes the range of a portfolio to a deal: %s", lang, name, found)
				}
			}
		}
	}
}

// texts are those between quotes.
var texts = regexp.MustCompile(`'(?:[^'\\]|\\.)*'`)

var selected = regexp.MustCompile(`(?i)\b(?:FROM|JOIN)\s+([a-z_.]+)`)

func TestQueriesReadTheDocumentedViewsOnly(t *testing.T) {
	text, err := os.ReadFile("../docs/views.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements(t) {
		for _, found := range selected.FindAllStringSubmatch(texts.ReplaceAllString(s.sql, "''"), -1) {
			if strings.Contains(s.sql, "  "+found[1]+" AS\n") { // its own, of its WITH
				continue
			}
			if !strings.Contains(string(text), "\n## "+found[1]+"\n") {
				t.Errorf("%s reads %s, which docs/views.md does not tell", s.place, found[1])
			}
		}
	}
}

func TestLanguagesAreAlike(t *testing.T) {
	ru, _ := read(t, dashboards.Russian)
	en, _ := read(t, dashboards.English)
	for name, page := range en {
		other := ru[name]
		if len(other.Panels) != len(page.Panels) {
			t.Errorf("%s: %d panels in Russian, %d in English", name, len(other.Panels), len(page.Panels))
			continue
		}
		for i, p := range page.Panels {
			q := other.Panels[i]
			if p.ID != q.ID || p.Type != q.Type || len(p.FieldConfig.Overrides) != len(q.FieldConfig.Overrides) {
				t.Errorf("%s: panel %d differs: %q and %q", name, i, p.Title, q.Title)
			}
			if !regexp.MustCompile(`[а-яА-Я]`).MatchString(q.Title+q.Description) || regexp.MustCompile(`[а-яА-Я]`).MatchString(p.Title+p.Description) {
				t.Errorf("%s: %q and %q: each has to be in its language", name, p.Title, q.Title)
			}
		}
	}
}

func TestOnlyAskedAlertsFire(t *testing.T) {
	type alertRule struct {
		UID         string
		IsPaused    bool `yaml:"isPaused"`
		Annotations map[string]string
		Data        []struct {
			Model struct {
				RawSQL     string `yaml:"rawSql"`
				Conditions []struct{ Evaluator struct{ Params []float64 } }
			}
		}
	}
	for _, lang := range dashboards.Langs {
		for _, tt := range []struct {
			asked dashboards.Options
			days  float64
		}{{dashboards.Options{}, 100}, {dashboards.Options{PlansMoved: 45, LikelyLate: 12}, 45}} {
			files, err := dashboards.Files(lang, tt.asked)
			if err != nil {
				t.Fatal(err)
			}
			var file struct{ Groups []struct{ Rules []alertRule } }
			if err := yaml.Unmarshal(files["alerts.yaml"], &file); err != nil {
				t.Fatal(err)
			}
			for _, r := range file.Groups[0].Rules {
				isOptional := r.UID == "stagelag-plans_moved-"+string(lang)
				isLikely := r.UID == "stagelag-likely_late-"+string(lang)
				if want := (isOptional || isLikely) && tt.asked.PlansMoved == 0; r.IsPaused != want {
					t.Errorf("%s with %+v is paused: %v, want %v", r.UID, tt.asked, r.IsPaused, want)
				}
				if got := r.Data[1].Model.Conditions[0].Evaluator.Params[0]; isOptional && (got != tt.days || !strings.Contains(r.Annotations["description"], fmt.Sprint(tt.days))) {
					t.Errorf("%s with %+v fires above %v and says %q, want %v", r.UID, tt.asked, got, r.Annotations["description"], tt.days)
				}
				if sql := r.Data[0].Model.RawSQL; isLikely && tt.asked.LikelyLate > 0 && (!strings.Contains(sql, "+ 12") || !strings.Contains(r.Annotations["description"], "12")) {
					t.Errorf("%s with %+v asks %s and says %q", r.UID, tt.asked, sql, r.Annotations["description"])
				}
			}
		}
	}
}
