package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v3"

	"stagelag/bitrix24"
)

// holder keeps its configuration where fmt may call no method.
type holder struct{ cfg Config }

func TestSecretsAreNeverPrinted(t *testing.T) {
	cfg := sampleConfig(t)
	var out bytes.Buffer

	for _, value := range []any{cfg, &cfg, cfg.Portal, cfg.Portal.URL, &cfg.Portal.URL, cfg.Warehouse, cfg.Warehouse.URL, cfg.Letter, cfg.Letter.Mail.URL, &cfg.Letter.Mail.URL, holder{cfg}, &holder{cfg}, []Config{cfg}} {
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

	for _, secret := range []string{"s3cr3t", "pa55", "r3ad", "m4il", hexOf("s3cr3t"), hexOf("pa55"), hexOf("m4il")} {
		if at := strings.Index(out.String(), secret); at >= 0 {
			t.Errorf("%s was printed: …%s…", secret, out.String()[max(0, at-200):at+len(secret)])
		}
	}
	for _, shown := range []string{"example.bitrix24.ru", "clickhouse://db:9000", "smtp://mail.example.com:587"} {
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

// A password that stands in a file which others can read is refused, unless it opens nothing
// but this machine.
func TestModeOfAFileWithAPassword(t *testing.T) {
	const (
		webhook = "portal: {url: 'https://example.bitrix24.ru/rest/1/s3cr3t/'}"
		server  = "warehouse: {url: 'clickhouse://stagelag:pa55@db:9000'}"
	)
	environ := []string{"HOOK=https://example.bitrix24.ru/rest/1/s3cr3t/", "SECRET=s3cr3t", "DB=db", "LOCAL=127.0.0.1"}
	tests := []struct {
		name  string
		text  string
		mode  os.FileMode
		about string // the key that is complained of
	}{
		{"a webhook for the owner alone", webhook, 0o600, ""},
		{"a webhook for the owner alone, who can't write", webhook, 0o400, ""},
		{"a webhook for the group", webhook, 0o640, "portal.url"},
		{"a webhook for everybody", webhook, 0o644, "portal.url"},
		{"a reference to a webhook", "portal: {url: '${HOOK}'}", 0o644, ""},
		{"a reference to its secret", "portal: {url: 'https://example.bitrix24.ru/rest/1/${SECRET}/'}", 0o644, ""},
		{"a webhook of this machine", "portal: {url: 'http://127.0.0.1:8080/rest/1/s3cr3t/'}", 0o644, ""},
		{"a server's password", server, 0o644, "warehouse.url"},
		{"a server's password among the parameters", "warehouse: {url: 'clickhouse://db:9000?username=u&password=pa55'}", 0o644, "warehouse.url"},
		{"a server's password, with a reference to its host", "warehouse: {url: 'clickhouse://stagelag:pa55@${DB}:9000'}", 0o644, "warehouse.url"},
		{"an analyst's password", "warehouse: {analyst_url: 'https://analyst:pa55@db'}", 0o644, "warehouse.analyst_url"},
		{"a reference to a server's password", "warehouse: {url: 'clickhouse://stagelag:${SECRET}@db:9000'}", 0o644, ""},
		{"a server without a password", "warehouse: {url: 'clickhouse://stagelag@db:9000'}", 0o644, ""},
		{"a server on this machine", "warehouse: {url: 'clickhouse://stagelag:pa55@${LOCAL}:9000'}", 0o644, ""},
		{"the embedded warehouse", "warehouse: {url: embedded}", 0o644, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "stagelag.yaml")
			if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil { // whatever the umask
				t.Fatal(err)
			}
			_, err := Load(path, true, environ)
			want := "<nil>"
			if test.about != "" {
				want = fmt.Sprintf("configuration: %[1]s:1: %[2]s: holds a password, and the file's mode %04[3]o lets others read it: chmod 600 %[1]s, or put ${NAME} in its place and set the variable",
					path, test.about, test.mode)
			}
			if got := fmt.Sprint(err); got != want {
				t.Errorf("Load:\n got %s\nwant %s", got, want)
			}
		})
	}
}

// The variables of secrets can name files that hold them.
func TestSecretsFromFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const webhook = "https://example.bitrix24.ru/rest/1/s3cr3t/"
	narrow, wide := write("narrow", webhook+"\n", 0o600), write("wide", webhook, 0o644)
	local, empty, other := write("local", "http://localhost:1/rest/1/s3cr3t/", 0o644), write("empty", " \n", 0o600), write("other", "s3cr3t", 0o600)
	server := write("server", "clickhouse://stagelag:pa55@db:9000", 0o600)
	const variable = "STAGELAG_PORTAL_URL_FILE"
	tests := []struct {
		name    string
		text    string
		environ []string
		want    string // what is set, or the complaint
	}{
		{"a webhook", "", []string{variable + "=" + narrow}, webhook + " embedded"},
		{"a server", "", []string{"STAGELAG_WAREHOUSE_URL_FILE=" + server, variable + "=" + narrow}, webhook + " clickhouse://stagelag:pa55@db:9000"},
		{"it outweighs the file", "portal: {url: 'http://127.0.0.1:1/rest/1/a/'}", []string{variable + "=" + narrow}, webhook + " embedded"},
		{"others can read it", "", []string{variable + "=" + wide}, variable + ": portal.url: the mode 0644 of " + wide + " lets others read it: chmod 600 " + wide},
		{"others can read what opens this machine only", "", []string{variable + "=" + local}, "http://localhost:1/rest/1/s3cr3t/ embedded"},
		{"systemd has put it there", "", []string{variable + "=" + wide, "CREDENTIALS_DIRECTORY=" + folder}, webhook + " embedded"},
		{"set twice", "", []string{variable + "=" + narrow, "STAGELAG_PORTAL_URL=" + webhook}, variable + ": portal.url: STAGELAG_PORTAL_URL is set as well, unset one of them"},
		{"no such file", "", []string{variable + "=" + folder + "/none"}, variable + ": portal.url: " + folder + "/none: no such file or directory"},
		{"a folder", "", []string{variable + "=" + folder}, variable + ": portal.url: " + folder + ": is a directory"},
		{"an empty file", "", []string{variable + "=" + empty}, variable + ": portal.url: " + empty + " is empty"},
		{"no webhook in it", "", []string{variable + "=" + other}, variable + ": portal.url: webhook: the address names no host; expected https://HOST/rest/USER/SECRET/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg, complaints := load(t, test.text+"\nstages: {}", append(test.environ, "STAGELAG_PORTAL_TIME_ZONE=UTC"), NeedPortal)
			got := strings.TrimPrefix(complaints, "configuration: ")
			if complaints == "" {
				got = cmp.Diff(mustWebhook(t, strings.Fields(test.want)[0]), cfg.Portal.URL, compareOpaque) + strings.Fields(test.want)[0] + " " + cfg.Warehouse.URL.Reveal()
			}
			if got != test.want || len(cfg.Warnings) > 0 {
				t.Errorf("Load with %q:\n got %s, warnings %q\nwant %s", test.environ, got, cfg.Warnings, test.want)
			}
		})
	}
}

func TestFilesForTLS(t *testing.T) {
	tests := []struct{ name, warehouse, want string }{
		{"an authority", "url: 'clickhouse://db?secure=true', ca_file: ca.pem", ""},
		{"a certificate with its key", "url: 'https://db', certificate_file: c.pem, key_file: c.key", ""},
		{"an authority for the analyst's address", "url: 'clickhouse://db', analyst_url: 'https://analyst@db', ca_file: ca.pem", ""},
		{"no TLS", "url: 'clickhouse://db', ca_file: ca.pem", "warehouse.ca_file: is for a server that is reached over TLS: set warehouse.url to one, https://… or clickhouse://…?secure=true"},
		{"no TLS after all", "url: 'clickhouse://db?secure=false', ca_file: ca.pem", "warehouse.ca_file: is for a server that is reached over TLS: set warehouse.url to one, https://… or clickhouse://…?secure=true"},
		{"the embedded warehouse", "ca_file: ca.pem", "warehouse.ca_file: is for a server that is reached over TLS: set warehouse.url to one, https://… or clickhouse://…?secure=true"},
		{"a certificate without its key", "url: 'https://db', certificate_file: c.pem", "warehouse.certificate_file: goes together with warehouse.key_file, set both"},
		{"a key without its certificate", "url: 'https://db', key_file: c.key", "warehouse.key_file: goes together with warehouse.certificate_file, set both"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, complaints := load(t, "warehouse: {"+test.warehouse+"}", nil)
			if got := strings.TrimPrefix(complaints, "configuration: stagelag.yaml:1: "); got != test.want {
				t.Errorf("Load:\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestOnlySecretsComeFromFiles(t *testing.T) {
	cfg, complaints := load(t, "", []string{"STAGELAG_FUNNELS_FILE=/etc/passwd"})
	if want := "the variable STAGELAG_FUNNELS_FILE sets nothing, the nearest that does is STAGELAG_FUNNELS"; complaints != "" || len(cfg.Warnings) != 1 || cfg.Warnings[0] != want {
		t.Errorf("Load: %q, warnings %q, want %q", complaints, cfg.Warnings, want)
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
		_, err := parse("stagelag.yaml", []byte(text), 0o600, environ, []Need{NeedPortal})
		if err == nil {
			t.Fatalf("Load of a wrong portal.url: no error")
		}
		message := err.Error()
		if strings.Contains(message, "s3cr3t") && !strings.Contains(text+funnels, "s3cr3t") || strings.ContainsAny(message, "\n\r") {
			t.Errorf("Load(%q): %q", text, message)
		}
	})
}

// Whatever stands in the place of an address, nothing that is said of it holds a password, and a
// password in a file is found.
func FuzzAddresses(f *testing.F) {
	f.Add("s3cr3t", "example.bitrix24.ru")
	f.Add("a%2Fb", "db:9000")
	f.Add("${X}", "127.0.0.1")
	f.Add("@", "[::1]:9000")
	f.Fuzz(func(t *testing.T, password, host string) {
		isPlain := regexp.MustCompile(`^[A-Za-z0-9]{6,}$`).MatchString
		webhook, server := "https://"+host+"/rest/1/"+password+"/", "clickhouse://stagelag:"+password+"@"+host
		w, err := bitrix24.ParseWebhook(webhook)
		u, err2 := ParseWarehouseURL(server)
		said := fmt.Sprintf("%v %v %+v %#v %v %v", err, err2, w, w, u, []any{u})
		if isPlain(password) && !strings.Contains(host, password) && strings.Contains(said, password) {
			t.Errorf("the password %q is said: %s", password, said)
		}
		if isPlain(password) && err == nil && !strings.Contains(host, "/") && !(webhookSecret{w}).isIn(webhook) {
			t.Errorf("the secret in %q is not found", webhook)
		}
		if isPlain(password) && err2 == nil && !strings.ContainsAny(host, "/@?") && !u.isIn(server) {
			t.Errorf("the password in %q is not found", server)
		}
	})
}
