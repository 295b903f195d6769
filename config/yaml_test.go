package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// crossing is a text whose last byte order mark lies across the edge of the library's buffer.
const crossing = "# Proposed by stagelag init for \U0010fffd.\u2008\u06d2\U0001fbcaA\u20b6 \u093b\u0903\U00017ad1\u1f9d\u257d\u200c?A\u0267\u02d3\u1faf=\\\U00012402. Change what you like: called again, it adds\n" +
	"# what is new on the portal, and leaves everything else as it is.\n" +
	"\n" +
	"portal:\n" +
	"  # The webhook's address is a password: nobody else may read this file.\n" +
	"  url: \"https://example.bitrix24.ru/rest/1/s3cr3t/\"\n" +
	"  # The zone of all dates.\n" +
	"  time_zone: \"Europe/Moscow\"\n" +
	"  # standard (2 requests a second, burst 50), enterprise (5, 250) or none (self-hosted).\n" +
	"  limits: enterprise\n" +
	"\n" +
	"# The funnels to read; all of them when this is left out.\n" +
	"funnels:\n" +
	"  - 5  # '\n" +
	"\n" +
	"# How many days a stage is given.\n" +
	"plan:\n" +
	"  # The fields of the deal that carry it: a number of days, or the last day on time.\n" +
	"  fields:\n" +
	"    # '\n" +
	"    \"C5:DOCS\": {days: UF_CRM_DOCS_DAYS}  # A\u1f88AAA\U00010780\u01c5\u01c5\u10d0\u02d7\u214b\u0304A@\u0602\u06f4\u00ad <- # x\n" +
	"  # What holds where the deal carries none: take the # away and set the days.\n" +
	"  norms:\n" +
	"  # - {stage: \"C5:DOCS\", days: 7}  # ': A\u1f88AAA\U00010780\u01c5\u01c5\u10d0\u02d7\u214b\u0304A@\u0602\u06f4\u00ad\n" +
	"  # - {stage: \"C5:NEW\", days: 7}  # ': a\u1f89\u0488\u04f5 \u20a5\u2299!~\u023a\ufeff\n" +
	"\n" +
	"schedule:\n" +
	"  # Minute, hour, day, month, weekday, on the clocks of portal.time_zone.\n" +
	"  cron: \"30 2 * * *\"\n"

func TestATextAcrossTheBuffersEdge(t *testing.T) {
	for _, text := range []string{crossing, strings.Replace(crossing, "\n", "\r\n", 1)} {
		documents, err := DecodeYAML([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		cron := documents[0].Content[0].Content[7].Content[1]
		if cron.Value != "30 2 * * *" || cron.Line != 29 || cron.Column != 9 {
			t.Errorf("the last value is %q in line %d, column %d, want that of schedule.cron in line 29, column 9", cron.Value, cron.Line, cron.Column)
		}
	}
}

// scalars tells the scalars below a node with their places, one in a line.
func scalars(node *yaml.Node) string {
	var b strings.Builder
	if node.Kind == yaml.ScalarNode {
		fmt.Fprintf(&b, "%d:%d %s\n", node.Line, node.Column, node.Value)
	}
	for _, child := range node.Content {
		b.WriteString(scalars(child))
	}
	return b.String()
}

// A byte order mark is a character like others wherever it stands behind the first: at all places
// across two edges of the library's buffer, in a comment and in a value.
func TestAByteOrderMarkAnywhere(t *testing.T) {
	for _, form := range []string{"# …MARK\nfunnels: [5]\nportal:\n  limits: none\n", "plan: 'MARK' # …MARK\nwarehouse: \"MARK\uE000\"\n"} {
		for length := range 1100 {
			text := strings.ReplaceAll(form, "…", strings.Repeat("x", length))
			want, err := DecodeYAML([]byte(strings.ReplaceAll(text, "MARK", "Z")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeYAML([]byte(strings.ReplaceAll(text, "MARK", byteOrderMark)))
			if err != nil || len(got) != 1 {
				t.Fatalf("a mark behind %d characters: %d documents, %v", length, len(got), err)
			}
			wanted := strings.ReplaceAll(scalars(&want[0]), "Z", byteOrderMark)
			if diff := cmp.Diff(wanted, scalars(&got[0])); diff != "" {
				t.Fatalf("a mark behind %d characters (-want +got):\n%s", length, diff)
			}
		}
	}
}

func TestAByteOrderMarkAtTheBeginning(t *testing.T) {
	text := []byte(byteOrderMark + "funnels: [5]\n")
	if masked, mask := maskMarks(text); mask != "" || !bytes.Equal(masked, text) {
		t.Errorf("maskMarks(%q) = %q, %q, want the text as it is", text, masked, mask)
	}
	if _, complaints := load(t, string(text), nil); complaints != "" {
		t.Errorf("Load(%q): %s", text, complaints)
	}
}
