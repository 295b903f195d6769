package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
)

// From an address to a run, and on: what is new on the portal comes in, what was edited stays.
func TestInit(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 120, Now: time.Now(), Language: simulator.Russian})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: "hidden5ecret"})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	address := simulated.WebhookURL(server.URL)
	variable := "STAGELAG_PORTAL_URL=" + address
	path := filepath.Join(folder, "stagelag.yaml")
	read := func() string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var said strings.Builder

	stdout, stderr, code := callWith(t, folder, []string{variable}, "", "init", "--dry-run")
	said.WriteString(stdout + stderr)
	if _, err := os.Stat(path); err == nil || code != 0 || !strings.Contains(stdout, "\nfunnels:\n  - 0  # Продажи\n") {
		t.Errorf("init --dry-run: exit code %d, %s%s, want the file printed and none written", code, stdout, stderr)
	}
	stdout, stderr, code = callWith(t, folder, []string{variable, "LC_ALL=ru_RU.UTF-8"}, "", "init", "--dry-run")
	said.WriteString(stdout + stderr)
	if code != 0 || !strings.HasPrefix(stdout, "# Предложено командой stagelag init для ") || !strings.Contains(stdout, " завершени") || strings.Contains(stdout, " visit") {
		t.Errorf("init --dry-run in Russian: exit code %d, %s%s, want Russian comments", code, stdout, stderr)
	}
	stdout, stderr, code = callWith(t, folder, []string{variable}, "", "init")
	said.WriteString(stdout + stderr)
	if code != 0 || !strings.Contains(stdout, "set STAGELAG_PORTAL_URL for every command") || !strings.Contains(stdout, "guessed") ||
		!strings.Contains(stdout, "\nThe days in plan.norms come from ") {
		t.Fatalf("init: exit code %d, %s%s", code, stdout, stderr)
	}
	if text := read(); !strings.Contains(text, `"C5:DOCS": {days: UF_CRM_DOCS_DAYS, date: UF_CRM_DOCS_DUE}`) || strings.Contains(text, "hidden5ecret") {
		t.Errorf("init wrote\n%s\nwant the fields of C5:DOCS and no secret", text)
	}
	usual, err := os.Create(filepath.Join(t.TempDir(), "usual"))
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	want, err := usual.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != want.Mode() {
		t.Errorf("the file, which holds no secret: %v, %v, want the mode %v that the umask leaves", info.Mode(), err, want.Mode())
	}
	stdout, stderr, code = callWith(t, folder, []string{variable}, "", "run")
	said.WriteString(stdout + stderr)
	if code != 0 {
		t.Fatalf("run with what init wrote: exit code %d, %s%s", code, stdout, stderr)
	}

	edited := strings.Replace(read(), `"C5:DOCS": {days: UF_CRM_DOCS_DAYS, date: UF_CRM_DOCS_DUE}`, `"C5:DOCS":   {days: UF_CRM_DESIGN_DAYS}`, 1) + "\n# my remark\n"
	if err := os.WriteFile(path, []byte(edited), 0o640); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = callWith(t, folder, []string{variable}, "", "init")
	if code != 0 || read() != edited || !strings.Contains(stdout, "nothing is changed") {
		t.Errorf("init of a file that was edited: exit code %d, %s%s, want nothing changed", code, stdout, stderr)
	}
	world.AddField(simulator.Field{Name: "UF_CRM_HANDOVER_DAYS", Type: "integer", Label: "Сдача объекта: план, дней"})
	stdout, stderr, code = callWith(t, folder, []string{variable}, "", "init")
	said.WriteString(stdout + stderr)
	const line = `"C5:HANDOVER": {days: UF_CRM_HANDOVER_DAYS}`
	if code != 0 || !strings.Contains(stdout, "+ plan.fields: "+line) || strings.Contains(edited, line) {
		t.Errorf("init with a new field: exit code %d, %s%s, want it added", code, stdout, stderr)
	}
	left := strings.Replace(read(), "    "+line+"  # Сдача объекта <- Сдача объекта: план, дней\n", "", 1)
	if left != edited {
		t.Errorf("but for the new line the file is\n%s\nand was\n%s", left, edited)
	}
	stdout, stderr, code = callWith(t, folder, []string{variable}, "", "doctor")
	said.WriteString(stdout + stderr)
	if code != 0 {
		t.Errorf("doctor with what init has added: exit code %d, %s%s", code, stdout, stderr)
	}
	if strings.Contains(said.String(), "hidden5ecret") {
		t.Errorf("the webhook's secret is in the output: %s", said.String())
	}
}

// The address can come on standard input, and be kept in the file.
func TestInitKeepsTheAddress(t *testing.T) {
	t.Parallel()
	folder := newFolder(t)
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 5, Now: time.Now()})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: "hidden5ecret", Zone: time.FixedZone("", -5*60*60)})
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	address := simulated.WebhookURL(server.URL)

	_, stderr, code := call(t, folder, address+"\n", "init", "--keep-address")
	if code != 2 || !strings.Contains(stderr, "give it with --time-zone") {
		t.Errorf("init of a portal whose zone can't be guessed: exit code %d, %s, want 2 and what to give", code, stderr)
	}
	stdout, stderr, code := call(t, folder, address+"\n", "init", "--keep-address", "--time-zone", "America/New_York")
	if code != 0 || strings.Contains(stdout+stderr, "hidden5ecret") {
		t.Fatalf("init --keep-address: exit code %d, %s%s", code, stdout, stderr)
	}
	if info, err := os.Stat(filepath.Join(folder, "stagelag.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the address: %v, %v, want the mode 0600", info.Mode(), err)
	}
	if stdout, stderr, code = call(t, folder, "", "run"); code != 0 {
		t.Errorf("run with the address in the file: exit code %d, %s%s", code, stdout, stderr)
	}
	for _, wrong := range []struct {
		args        []string
		stdin, want string
	}{
		{[]string{"init", "--keep-address"}, "", "stagelag.yaml is there"},
		{[]string{"init", "--config", "other.yaml"}, "", "no webhook's address; give it as STAGELAG_PORTAL_URL or on standard input"},
		{[]string{"init", "--config", "other.yaml"}, "http://example.com/rest/1/hidden5ecret/", "plain http would show the secret"},
		{[]string{"init", "--config", "other.yaml", "--time-zone", "Mars"}, address, `"Mars" is no zone`},
	} {
		_, stderr, code := call(t, folder, wrong.stdin, wrong.args...)
		if code != 2 || !strings.Contains(stderr, wrong.want) || strings.Contains(stderr, "hidden5ecret") {
			t.Errorf("%q: exit code %d, %s, want 2 and %s", wrong.args, code, stderr, wrong.want)
		}
	}
}
