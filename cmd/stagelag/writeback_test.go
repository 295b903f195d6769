package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/writeback"
)

// configurationFor is a configuration for a portal at the address.
const configurationFor = `
portal: {url: %q, time_zone: Europe/Moscow, limits: none}
plan: {norms: [{stage: NEW, days: 3}, {stage: "C5:NEW", days: 2}, {stage: "C5:DOCS", days: 7}]}
`

// writtenPortal serves a portal that is looked into while commands write to it, and leaves a
// configuration for it in the folder.
func writtenPortal(t *testing.T, folder string, deals int, writeBack string) (*simulator.Portal, *simulator.World) {
	t.Helper()
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: time.Now()})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: webhookSecret})
	servePortal(t, simulated, writeBack, folder)
	return simulated, world
}

// nightlyPortal is a portal whose clock stands in its first night until it is set on, in seconds. It
// leaves a configuration in the folders.
func nightlyPortal(t *testing.T, deals int, folders ...string) (*simulator.Portal, *simulator.World, *atomic.Int64) {
	t.Helper()
	first := time.Date(2026, 3, 10, 2, 30, 0, 0, time.UTC)
	clock := &atomic.Int64{}
	clock.Store(first.Unix())
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: deals, Now: first})
	simulated := simulator.New(world, simulator.Options{Secret: webhookSecret, Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
	servePortal(t, simulated, "", folders...)
	return simulated, world, clock
}

func servePortal(t *testing.T, simulated *simulator.Portal, more string, folders ...string) {
	t.Helper()
	server := httptest.NewServer(simulated)
	t.Cleanup(server.Close)
	settings := fmt.Sprintf(configurationFor, simulated.WebhookURL(server.URL)) + more
	for _, folder := range folders {
		if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// updatesOf counts the updates that the portal has carried out, by deal.
func updatesOf(p *simulator.Portal) map[string]int {
	n := map[string]int{}
	for _, call := range p.Log() {
		for _, command := range call.Commands {
			if command.Method == "crm.item.update" && command.IsRun && !command.HasFailed {
				n[command.Params.Text("id")]++
			}
		}
	}
	return n
}

// What setup prints is a configuration with which a run writes the result.
func TestFromSetupToWriteBack(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	simulated, _ := writtenPortal(t, folder, 40, "")
	stdout, stderr, code := call(t, folder, "", "write-back", "setup")
	if code != 0 || strings.Count(stdout, "  missing\n") != 7 || !strings.Contains(stdout, "--create makes the fields") {
		t.Fatalf("setup: exit code %d, %s%s, want seven missing fields and what to do", code, stdout, stderr)
	}
	var settings string
	for range 2 { // the second finds the fields
		stdout, stderr, code = call(t, folder, "", "write-back", "setup", "--create")
		_, found, _ := strings.Cut(stdout, "For stagelag.yaml:\n\n")
		if code != 0 || found == "" || settings != "" && found != settings {
			t.Fatalf("setup --create: exit code %d, %s%s", code, stdout, stderr)
		}
		settings = found
	}
	_, stderr, code = call(t, folder, "", "write-back")
	if code != 2 || !strings.Contains(stderr, "write_back: names no field") {
		t.Errorf("write-back that is off: exit code %d, %s, want 2 and why", code, stderr)
	}
	path := filepath.Join(folder, "stagelag.yaml")
	base, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(base, settings...), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = call(t, folder, "", "run")
	if code != 0 || !strings.Contains(stdout, "Write-back of run 1") || len(updatesOf(simulated)) != 40 {
		t.Errorf("run with write-back: exit code %d, %d deals written, %s%s", code, len(updatesOf(simulated)), stdout, stderr)
	}
	stdout, stderr, code = call(t, folder, "", "write-back", "--dry-run")
	if code != 0 || !strings.Contains(stdout, "would write  0") {
		t.Errorf("a dry run after that: exit code %d, %s%s, want nothing to write", code, stdout, stderr)
	}
	if want := "\nWarehouse: " + filepath.Join(folder, "data", "warehouse") + "\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("a dry run prints %s, want it to end with the place of the warehouse:%s", stdout, want)
	}
	stdout, stderr, code = call(t, folder, "", "write-back", "--dry-run", "--lang", "ru")
	if code != 0 || !strings.HasPrefix(stdout, "Запись расчёта 1 в сделки\n") || !strings.Contains(stdout, "было бы записано  0\n") || !strings.Contains(stdout, "\nХранилище: /") {
		t.Errorf("a dry run in Russian: exit code %d, %s%s", code, stdout, stderr)
	}
	if strings.Contains(stdout+stderr, "hidden5ecret") {
		t.Errorf("the webhook's secret is in the output: %s%s", stdout, stderr)
	}
}

func TestTheChangesOfADryRunAreATable(t *testing.T) {
	var stdout bytes.Buffer
	a := newApp(strings.NewReader(""), &stdout, io.Discard, nil, time.Now)
	long := strings.Repeat("д", maxShown+1)
	if err := a.printChanges(slices.Values([]writeback.Change{
		{DealID: 7, Field: "UF_CRM_STATE", From: "в срок", To: "просрочка 1 день"}, {DealID: 1234, Field: "UF_CRM_LATE", To: "12"}, {DealID: 8, Field: "UF_CRM_END", From: "a\x1b[2Jb\nc", To: long},
	})); err != nil {
		t.Fatal(err)
	}
	want := `deal  field         is        would be
7     UF_CRM_STATE  в срок    просрочка 1 день
1234  UF_CRM_LATE   -         12
8     UF_CRM_END    a [2Jb c  ` + strings.Repeat("д", maxShown-1) + "…\n\n"
	if got := stdout.String(); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	stdout.Reset()
	if err := a.printChanges(slices.Values([]writeback.Change(nil))); err != nil || stdout.Len() > 0 {
		t.Errorf("without changes: %q, %v, want nothing", stdout.String(), err)
	}
}

// A write-back that fails leaves the run published, and says both.
func TestAWriteBackThatFailsLeavesTheRunPublished(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	writtenPortal(t, folder, 10, "write_back: {state: UF_CRM_NOT_THERE}\n")
	stdout, stderr, code := call(t, folder, "", "run", "--json")
	var row struct {
		Status    string
		WriteBack struct {
			Written int
			Error   string
		} `json:"write_back"`
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[len(lines)-1]
	if err := json.Unmarshal([]byte(stdout), &row); err != nil || row.Status != "published" || code != 1 {
		t.Errorf("run: exit code %d, %s, %v, want 1 and a published run", code, stdout, err)
	}
	if want := `write-back: configuration: write_back.state: the portal has no deal field "UF_CRM_NOT_THERE"`; !strings.HasPrefix(row.WriteBack.Error, want) || row.WriteBack.Written != 0 {
		t.Errorf("the row says of the write-back %+v, want none written, and the error %s", row.WriteBack, want)
	}
	if want := `stagelag: run 1 is published, but not all of it is written back (0 deals were): write-back: configuration: write_back.state: the portal has no deal field "UF_CRM_NOT_THERE"`; !strings.HasPrefix(last, want) {
		t.Errorf("the last line is %q, want it to begin with %q", last, want)
	}
}

// What managers look for in a deal is its state of today.
func TestARunOfAPastDateIsNotWrittenBack(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	simulated, world := writtenPortal(t, folder, 10, "write_back: {days_lost: UF_CRM_LOST}\n")
	world.AddField(simulator.Field{Name: "UF_CRM_LOST", Type: "integer"})
	past := time.Now().AddDate(0, 0, -7).Format(time.DateOnly)
	stdout, stderr, code := call(t, folder, "", "run", "--json", "--as-of", past)
	if code != 0 || strings.Contains(stdout, "write_back") || len(updatesOf(simulated)) != 0 {
		t.Errorf("run as of %s: exit code %d, %d deals written, %s%s, want none", past, code, len(updatesOf(simulated)), stdout, stderr)
	}
	stdout, stderr, code = call(t, folder, "", "run", "--json")
	var row struct {
		WriteBack struct {
			Written int
			Error   *string
		} `json:"write_back"`
	}
	if err := json.Unmarshal([]byte(stdout), &row); err != nil || code != 0 || row.WriteBack.Written != 10 || row.WriteBack.Error != nil || len(updatesOf(simulated)) != 10 {
		t.Errorf("run as of today: exit code %d, %v, %s%s, want 10 written", code, err, stdout, stderr)
	}
}

// TestWriteBackKilledAtAnyMoment kills write-backs. Whoever calls again has each deal written
// once in the end.
func TestWriteBackKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder) // which outlives the kills
	simulated, world := writtenPortal(t, folder, 150, "")
	world.AddField(simulator.Field{Name: "UF_CRM_LOST", Type: "integer"})
	if _, stderr, code := call(t, folder, "", "run"); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	path := filepath.Join(folder, "stagelag.yaml")
	base, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(base, "write_back: {days_lost: UF_CRM_LOST}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	simulated.ForgetLog()
	random := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		left := 2 + random.IntN(6) // requests
		var once sync.Once
		reached := make(chan struct{})
		simulated.Inject(func(*simulator.Call) *simulator.Fault {
			if left--; left <= 0 {
				once.Do(func() { close(reached) })
			}
			return nil
		})
		s := serve(t, folder, "write-back")
		select {
		case <-reached:
		case <-time.After(30 * time.Second):
		}
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		_ = s.cmd.Wait()
	}
	simulated.Inject(nil)
	if _, stderr, code := call(t, folder, "", "write-back"); code != 0 {
		t.Fatalf("write-back after the kills: exit code %d, %s", code, stderr)
	}
	updates := updatesOf(simulated)
	for id, n := range updates {
		if n > 1 {
			t.Errorf("deal %s was written %d times, want once", id, n)
		}
	}
	stdout, _, _ := call(t, folder, "", "write-back", "--dry-run")
	if len(updates) != 150 || !strings.Contains(stdout, "would write  0") {
		t.Errorf("%d deals written, then %s, want 150 and nothing more to write", len(updates), stdout)
	}
}
