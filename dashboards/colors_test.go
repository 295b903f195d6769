package dashboards_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stagelag/dashboards"
)

// themed are the colours of Grafana 12.3 that texts may have, in its dark and in its light theme.
var themed = map[string][2]string{
	"text": {"#CCCCDC", "#24292E"}, "red": {"#F2495C", "#E02F44"}, "blue": {"#5794F2", "#3274D9"}, "purple": {"#B877D9", "#A352CC"},
}

// Texts stand on panels of the dark and of the light theme.
func TestTextsCanBeRead(t *testing.T) {
	for name, shades := range themed {
		for i, ground := range []string{"#181B1F", "#FFFFFF"} {
			if c := contrast(shades[i], ground); c < 4.5 {
				t.Errorf("%s on %s: %.2f to 1, want 4.5", name, ground, c)
			}
		}
	}
	type property struct {
		ID    string
		Value json.RawMessage
	}
	type thresholds struct{ Steps []struct{ Color string } }
	for _, lang := range dashboards.Langs {
		files, err := dashboards.Files(lang, dashboards.Options{Targets: dashboards.Targets{OnTimeRate: 0.85, Coverage: 0.9}})
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		type board struct {
			Panels []struct {
				ID          int
				Type, Title string
				Options     struct{ ColorMode string }
				FieldConfig struct {
					Defaults  struct{ Color struct{ FixedColor string } }
					Overrides []struct{ Properties []property }
				}
			}
		}
		for name, p := range boards[board](t, files) {
			for _, panel := range p.Panels {
				check := func(color string) {
					t.Helper()
					checked++
					if _, ok := themed[color]; !ok && color != "" {
						t.Errorf("%s/%s, %q: a text has the colour %s", lang, name, panel.Title, color)
					}
				}
				isValue := panel.Type == "stat" && panel.Options.ColorMode == "value"
				if isValue || panel.Type == "table" {
					check(panel.FieldConfig.Defaults.Color.FixedColor)
				}
				for _, o := range panel.FieldConfig.Overrides {
					byID := map[string]json.RawMessage{}
					for _, property := range o.Properties {
						byID[property.ID] = property.Value
					}
					var cell struct{ Type string }
					_ = json.Unmarshal(byID["custom.cellOptions"], &cell)
					if !isValue && cell.Type != "color-text" {
						continue
					}
					var fixed struct{ FixedColor string }
					_ = json.Unmarshal(byID["color"], &fixed)
					check(fixed.FixedColor)
					var levels thresholds
					_ = json.Unmarshal(byID["thresholds"], &levels)
					for _, step := range levels.Steps {
						check(step.Color)
					}
					var mappings []struct{ Options map[string]json.RawMessage }
					_ = json.Unmarshal(byID["mappings"], &mappings)
					for _, m := range mappings {
						for _, option := range m.Options {
							var word struct{ Color string }
							_ = json.Unmarshal(option, &word)
							check(word.Color)
						}
					}
				}
			}
		}
		if checked < 100 {
			t.Errorf("%s: %d colours of texts: the test looks at too little", lang, checked)
		}
	}
}

// Links are blue. In a table, no other text is.
func TestOnlyLinksLookLikeLinks(t *testing.T) {
	for _, lang := range dashboards.Langs {
		words := 0
		for name, page := range first(read(t, lang)) {
			for _, p := range page.Panels {
				if p.Type != "table" {
					continue
				}
				for _, o := range p.FieldConfig.Overrides {
					mappings, err := json.Marshal(o.settings()["mappings"])
					if err != nil {
						t.Fatal(err)
					}
					words += strings.Count(string(mappings), `"color":`)
					if strings.Contains(string(mappings), `"color":"blue"`) {
						t.Errorf("%s/%s, %q: words of %s are as blue as links", lang, name, p.Title, o.Matcher.Options)
					}
				}
			}
		}
		if words < 50 {
			t.Errorf("%s: %d words of a colour: the test looks at too little", lang, words)
		}
	}
}

// Texts on grounds of a colour: the banner's, which are white, and those of the cells of a heat map, which Grafana 12.3
// writes in black on a light colour and in white on any other.
func TestTextsOnColoursCanBeRead(t *testing.T) {
	seen := map[string]int{}
	hex, step := regexp.MustCompile(`#[0-9A-F]{6}`), regexp.MustCompile(`"color":"(#[0-9A-F]{6})","value":`)
	for _, lang := range dashboards.Langs {
		files, err := dashboards.Files(lang, dashboards.Options{})
		if err != nil {
			t.Fatal(err)
		}
		type board struct {
			Panels []struct {
				Type, Title string
				Options     struct{ ColorMode string }
				FieldConfig any
			}
		}
		for name, p := range boards[board](t, files) {
			for _, panel := range p.Panels {
				config, err := json.Marshal(panel.FieldConfig)
				if err != nil {
					t.Fatal(err)
				}
				check := func(color, ground string) {
					seen[panel.Type]++
					if c := contrast(color, ground); c < 4.5 {
						t.Errorf("%s/%s, %q: %.2f to 1 on %s, want 4.5", lang, name, panel.Title, c, ground)
					}
				}
				if panel.Options.ColorMode == "background_solid" {
					for _, ground := range hex.FindAllString(string(config), -1) {
						if ground != "#0072B2" { // the one threshold of a panel without levels
							check("#FFFFFF", ground)
						}
					}
				}
				if strings.Contains(string(config), `"color-background"`) {
					for _, found := range step.FindAllStringSubmatch(string(config), -1) {
						if isLight(found[1]) {
							check("#202226", found[1])
						} else {
							check("#F7F8FA", found[1])
						}
					}
				}
			}
		}
	}
	if seen["stat"] < 30 || seen["table"] < 10 {
		t.Errorf("%v grounds: the test looks at too little", seen)
	}
}

// isLight is what Grafana takes for a light ground.
func isLight(color string) bool {
	sum := uint64(0)
	for i, weight := range []uint64{299, 587, 114} {
		n, _ := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		sum += weight * n
	}
	return sum > 180_000
}

// contrast is that of two colours as WCAG 2 defines it.
func contrast(a, b string) float64 {
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

func luminance(color string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(color[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic(fmt.Sprintf("%s is no colour: %v", color, err))
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// A share has a level where a target is set for it, and no colour of its own else.
func TestSharesAreColouredByTargets(t *testing.T) {
	level := func(asked dashboards.Options) (found []string) {
		files, err := dashboards.Files(dashboards.English, asked)
		if err != nil {
			t.Fatal(err)
		}
		var p page
		if err := json.Unmarshal(files["portfolio.json"], &p); err != nil {
			t.Fatal(err)
		}
		for _, panel := range p.Panels {
			for _, o := range panel.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if o.Matcher.Options == "on_time_rate" && (property.ID == "thresholds" || property.ID == "color") || o.Matcher.Options == "on_time_rate" && property.ID == "displayName" {
						found = append(found, property.ID+" "+fmt.Sprint(property.Value))
					}
				}
			}
		}
		return found
	}
	if got := fmt.Sprint(level(dashboards.Options{})); got != "[displayName On-time rate]" {
		t.Errorf("without a target: %s", got)
	}
	got := fmt.Sprint(level(dashboards.Options{Targets: dashboards.Targets{OnTimeRate: 0.85}}))
	const want = "[displayName On-time rate thresholds map[mode:absolute steps:[map[color:red value:<nil>] map[color:blue value:0.85]]] color map[mode:thresholds] displayName On-time rate (target 85 %)]"
	if got != want {
		t.Errorf("with a target: %s, want %s", got, want)
	}
}
