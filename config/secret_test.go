package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"
)

// holder keeps its configuration where fmt may call no method.
type holder struct{ cfg Config }

func TestSecretsAreNeverPrinted(t *testing.T) {
	cfg := sampleConfig(t)
	var out bytes.Buffer

	for _, value := range []any{cfg, &cfg, cfg.Portal, cfg.Portal.URL, &cfg.Portal.URL, cfg.Warehouse, cfg.Warehouse.URL, holder{cfg}, &holder{cfg}, []Config{cfg}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%T", "%t"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		fmt.Fprintln(&out, value)

		text, err := json.Marshal(value)
		fmt.Fprintln(&out, string(text), err)
		text, err = yaml.Marshal(value)
		fmt.Fprintln(&out, string(text), err)

		for _, formatter := range []logrus.Formatter{&logrus.TextFormatter{}, &logrus.JSONFormatter{}} {
			log := &logrus.Logger{Out: &out, Formatter: formatter, Level: logrus.InfoLevel, Hooks: logrus.LevelHooks{}}
			log.WithField("value", value).Info(value)
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("value", "value", value)
		}
	}
	fmt.Fprintln(&out, fmt.Errorf("portal %v: %w", cfg.Portal.URL, &Error{}))

	for _, secret := range []string{"s3cr3t", "pa55", "r3ad", hexOf("s3cr3t"), hexOf("pa55")} {
		if at := strings.Index(out.String(), secret); at >= 0 {
			t.Errorf("%s was printed: …%s…", secret, out.String()[max(0, at-200):at+len(secret)])
		}
	}
	for _, shown := range []string{"example.bitrix24.ru", "clickhouse://db:9000/stagelag"} {
		if !strings.Contains(out.String(), shown) {
			t.Errorf("%s was not printed", shown)
		}
	}
}

func hexOf(text string) string { return fmt.Sprintf("%x", text) }

func TestParseWarehouseURL(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		shown string
	}{
		{"embedded", "embedded", "embedded"},
		{"native", "clickhouse://u:pa55@db:9000/stagelag?secure=true&password=pa55", "clickhouse://db:9000/stagelag"},
		{"http", "http://u:pa55@db:8123", "http://db:8123"},
		{"https without a user", "https://db/stagelag/", "https://db/stagelag/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ParseWarehouseURL(test.text)
			if err != nil || got.Reveal() != test.text || got.String() != test.shown || got.IsEmbedded() != (test.text == "embedded") {
				t.Errorf("ParseWarehouseURL(%q) = %v, %v, want it shown as %s", test.text, got, err, test.shown)
			}
		})
	}
}

// Whatever the file and a variable hold, Load neither panics nor tells a secret, and its
// error is one line.
func FuzzLoad(f *testing.F) {
	f.Add(sample, "5,7")
	f.Add("portal: &a {url: *a}", "[")
	f.Add("plan: {norms: [{stage: A, days: '${SECRET}'}], fields: {? [a] : b}}", "- 1\n- ${SECRET}")
	f.Add("portal: {url: '${SECRET}', limits: '${SECRET}', time_zone: '$${SECRET}'}", "!!binary x")
	f.Add("--- !!map\n? a\n: - !x b\n...\n---\n", "*a")
	const secretValue = "https://example.com/rest/1/s3cr3t/"
	f.Fuzz(func(t *testing.T, text, funnels string) {
		environ := []string{"SECRET=" + secretValue, "STAGELAG_PORTAL_URL=" + secretValue + "a/b/c", "STAGELAG_FUNNELS=" + funnels}
		_, err := parse("stagelag.yaml", []byte(text), environ, []Need{NeedPortal})
		if err == nil {
			t.Fatalf("Load of a wrong portal.url: no error")
		}
		message := err.Error()
		if strings.Contains(message, "s3cr3t") && !strings.Contains(text+funnels, "s3cr3t") || strings.ContainsAny(message, "\n\r") {
			t.Errorf("Load(%q): %q", text, message)
		}
	})
}
