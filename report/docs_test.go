package report

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/report.md lists every field of the JSON, in its order, and nothing else.
func TestDocsOfJSON(t *testing.T) {
	text, err := os.ReadFile("../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		for _, match := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(body, -1) {
			listed[name] = append(listed[name], match[1])
		}
	}
	want := map[string][]string{}
	for name, object := range map[string]any{
		"Report": jsonReport{}, "Run": jsonRun{}, "Period": jsonPeriod{}, "Funnel": jsonNamed{}, "Level": jsonLevel{}, "Row": jsonRow{},
		"Dimension": jsonDimension{}, "Finding": jsonFinding{}, "Amount": jsonAmount{}, "Cell": jsonCell{}, "Stage time": jsonStageTime{}, "Ahead": jsonAhead{},
		"Horizon": jsonHorizon{}, "Likely deal": jsonLikelyDeal{}, "Record": jsonRecord{}, "Bin": jsonBin{}, "Trend period": jsonTrend{}, "Visit": jsonVisit{}, "Plan change": jsonPlanChange{}, "Cause count": jsonCauseCount{}, "Gap": jsonGap{}, "Gap item": jsonGapItem{},
	} {
		want[name] = jsonFields(reflect.TypeOf(object))
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("docs/report.md lists other fields (-JSON +docs):\n%s", diff)
	}
}

func jsonFields(object reflect.Type) (names []string) {
	for field := range object.Fields() {
		if field.Anonymous {
			names = slices.Concat(names, jsonFields(field.Type))
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// The example of docs/report.md is the first row of a report that was made.
func TestExampleOfDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/report.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```json\n")
	example, _, _ = strings.Cut(example, "```")
	made, err := os.ReadFile("testdata/manager.json")
	if err != nil {
		t.Fatal(err)
	}
	var got jsonRow
	if err := json.Unmarshal([]byte(example), &got); err != nil {
		t.Fatal(err)
	}
	var report jsonReport
	if err := json.Unmarshal(made, &report); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report.Levels[0].Rows[0], got, cmp.AllowUnexported(jsonRow{})); diff != "" {
		t.Errorf("the example differs (-made +docs):\n%s", diff)
	}
}
