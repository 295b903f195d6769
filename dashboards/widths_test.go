package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"stagelag/dashboards"
)

// wide is about how many pixels a text takes in a table, by what Grafana 12.3 draws: its head is bolder than its cells.
func wide(text string, isHead bool) (pixels float64) {
	cyrillic, other := 8.1, 7.0
	if isHead {
		cyrillic, other = 8.9, 7.8
	}
	for _, r := range text {
		switch {
		case r == '\u00ad':
		case r == ' ' || r == '.' || r == ',':
			pixels += 4
		case unicode.Is(unicode.Cyrillic, r):
			pixels += cyrillic
		default:
			pixels += other
		}
	}
	return pixels
}

const (
	gridWidth = 1034 // of 24 columns in a window of 1366 pixels, beside Grafana's menu
	rim       = 21   // of a panel
	padding   = 13   // of a cell
)

// On a screen of 1366 pixels, beside the menu, every table shows all of its columns with whole heads, and a table without
// rows the whole sentence that says why.
func TestTablesFitTheScreen(t *testing.T) {
	words := regexp.MustCompile("[ \u00ad]")
	checked := 0
	for _, lang := range dashboards.Langs {
		days := map[dashboards.Lang]string{dashboards.English: "working days", dashboards.Russian: "рабочих дней"}[lang]
		files, err := dashboards.Files(lang, dashboards.Options{})
		if err != nil {
			t.Fatal(err)
		}
		type board struct {
			Panels []struct {
				Type, Title     string
				GridPos         struct{ W int }
				Transformations []struct{ ID string }
				FieldConfig     struct {
					Overrides []override
				}
			}
		}
		for name, p := range boards[board](t, files) {
			for _, panel := range p.Panels {
				if panel.Type != "table" || len(panel.Transformations) > 0 { // a matrix scrolls
					continue
				}
				room := float64(gridWidth*panel.GridPos.W)/24 - rim
				left := room
				note, noteWidth, isNoteWrapped, doesNoteGrow := "", 0.0, false, false
				var grows []func(more float64)
				for _, o := range panel.FieldConfig.Overrides {
					of := o.settings()
					if of["custom.hideFrom.viz"] != nil {
						continue
					}
					checked++
					where := fmt.Sprintf("%s/%s %q, %s", lang, name, panel.Title, o.Matcher.Options)
					head := strings.ReplaceAll(of["displayName"].(string), "${days}", days)
					has, isFixed := of["custom.width"].(float64)
					if isFixed && has < 50 {
						t.Errorf("%s: %.0f pixels, Grafana gives a column at least 50", where, has)
					}
					if !isFixed {
						if has, _ = of["custom.minWidth"].(float64); has == 0 {
							has = 150
						}
					}
					left -= has
					parts := []string{head}
					if of["custom.wrapHeaderText"] == true {
						parts = words.Split(head, -1)
					}
					check := func(more float64) {
						for _, part := range parts {
							if needs := wide(part, true) + padding; needs > has+more {
								t.Errorf("%s: %q in its head needs %.0f pixels of %.0f", where, part, needs, has+more)
							}
						}
					}
					if isFixed {
						check(0)
					} else {
						grows = append(grows, check)
					}
					said, _ := json.Marshal(of["mappings"])
					said = bytes.ReplaceAll(said, []byte(`\u003c`), []byte("<"))
					looks, _ := json.Marshal(of["custom.cellOptions"])
					if isFixed && !strings.Contains(string(looks), `"wrapText":true`) {
						for _, found := range regexp.MustCompile(`"text":"([^"]*)"`).FindAllSubmatch(said, -1) {
							if needs := wide(string(found[1]), false) + padding; needs > has && !strings.Contains(string(said), nothing) {
								t.Errorf("%s: %q needs %.0f pixels of %.0f", where, found[1], needs, has)
							}
						}
					}
					if found := regexp.MustCompile(`"stagelag: nothing found":\{"text":"([^"]*)"`).FindSubmatch(said); found != nil {
						note, noteWidth, doesNoteGrow = string(found[1]), has, !isFixed
						cell, _ := json.Marshal(of["custom.cellOptions"])
						isNoteWrapped = strings.Contains(string(cell), `"wrapText":true`)
					}
				}
				if left < 0 {
					t.Errorf("%s/%s %q is %.0f pixels wider than the screen", lang, name, panel.Title, -left)
				}
				for _, check := range grows {
					check(max(0, left) / float64(len(grows)))
				}
				if note == "" {
					t.Errorf("%s/%s %q has no sentence for no rows", lang, name, panel.Title)
					continue
				}
				has := noteWidth
				if doesNoteGrow {
					has += max(0, left) / float64(len(grows))
				}
				if needs := wide(note, false) + padding; needs > has && !isNoteWrapped || needs > 1.7*has {
					t.Errorf("%s/%s %q: without rows %q needs %.0f pixels of %.0f", lang, name, panel.Title, note, needs, has)
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("%d columns: the test looks at too little", checked)
	}
}

// On a telephone, which shows so many pixels of a table, each list of the portfolio of what is late shows its number.
func TestATelephoneShowsHowLate(t *testing.T) {
	const shown = 340
	for _, lang := range dashboards.Langs {
		pages, _ := read(t, lang)
		checked := 0
		for _, panel := range pages["portfolio.json"].Panels {
			var number string
			for _, o := range panel.FieldConfig.Overrides {
				switch o.Matcher.Options {
				case "overdue_days_now", "overdue_days", "days_left", "amount":
					number = o.Matcher.Options
				}
				if number != "" {
					break
				}
			}
			if panel.Type != "table" || number == "" || strings.Contains(panel.Targets[0].RawSQL, "run_changes") {
				continue
			}
			checked++
			pixels := 0.0
			for _, o := range panel.FieldConfig.Overrides {
				of := o.settings()
				has, isFixed := of["custom.width"].(float64)
				if !isFixed {
					if has, _ = of["custom.minWidth"].(float64); has == 0 {
						has = 150
					}
				}
				pixels += has
				if o.Matcher.Options == number {
					break
				}
			}
			if pixels > shown {
				t.Errorf("%s, %q: %s ends at %.0f pixels, a telephone shows %d", lang, panel.Title, number, pixels, shown)
			}
		}
		if checked != 6 {
			t.Errorf("%s: %d lists, want 6", lang, checked)
		}
	}
}

// Names that can begin alike are not cut: those of who is late go on in the next line, and the stage that a deal is in is
// whole up to 90 letters.
func TestLongNamesAreWhole(t *testing.T) {
	const (
		line = 22      // of text, in pixels
		rest = 39 + 43 // a panel's and a table's head, with the rims of the panel and of the cell
	)
	for _, lang := range dashboards.Langs {
		pages, _ := read(t, lang)
		whole := 0
		for name, page := range pages {
			for _, p := range page.Panels {
				for _, o := range p.FieldConfig.Overrides {
					of := o.settings()
					cell, _ := json.Marshal(of["custom.cellOptions"])
					isWrapped := strings.Contains(string(cell), `"wrapText":true`)
					isOfWho := strings.HasSuffix(o.Matcher.Options, "_name") && (strings.Contains(p.Targets[0].RawSQL, " AS most_overdue") || p.Type == "table" && len(p.Transformations) > 0)
					isOfStage := name == "deal.json" && o.Matcher.Options == "stage_name" && strings.Contains(p.Targets[0].RawSQL, "deal_url")
					if !isOfWho && !isOfStage {
						continue
					}
					whole++
					if !isWrapped {
						t.Errorf("%s/%s %q cuts %s", lang, name, p.Title, o.Matcher.Options)
					}
					if has, _ := of["custom.width"].(float64); isOfStage {
						letters := int((has - padding) / 8.9) // of a line, whose last word goes on in the next one at times
						if lines := (90 + letters - 1) / letters; lines*line+rest > 38*p.GridPos.H-8 {
							t.Errorf("%s/%s %q: %d lines of a stage need %d pixels of %d", lang, name, p.Title, lines, lines*line+rest, 38*p.GridPos.H-8)
						}
					}
				}
			}
		}
		if whole != 5 {
			t.Errorf("%s: %d columns, want 5", lang, whole)
		}
	}
}

// A number with a bar ends in blanks, which Grafana measures and does not draw: without them it cuts the largest bars, and
// they look the same.
func TestBarsAreNotCut(t *testing.T) {
	for _, lang := range dashboards.Langs {
		pages, _ := read(t, lang)
		bars := 0
		for name, page := range pages {
			for _, p := range page.Panels {
				for _, o := range p.FieldConfig.Overrides {
					of := o.settings()
					if cell, _ := of["custom.cellOptions"].(map[string]any); cell["type"] != "gauge" {
						continue
					}
					bars++
					unit, _ := of["unit"].(string)
					if unit == "percentunit" && of["max"] != 1.2 || unit != "percentunit" && !strings.HasSuffix(unit, "   ") {
						t.Errorf("%s/%s %q: the bar of %s with the unit %q and the maximum %v is cut", lang, name, p.Title, o.Matcher.Options, unit, of["max"])
					}
				}
			}
		}
		if bars < 15 {
			t.Errorf("%s: %d bars: the test looks at too little", lang, bars)
		}
	}
}
