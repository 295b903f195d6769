package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagelag/simulator"
)

// lettersOf counts the messages of a portal, by dialog.
func lettersOf(world *simulator.World) map[string]int {
	all := map[string]int{}
	for _, m := range world.Messages() {
		all[m.Dialog]++
	}
	return all
}

// letterPortal is a portal whose webhook may send messages, and a configuration that does.
func letterPortal(t *testing.T, folder string) (*simulator.Portal, *simulator.World) {
	t.Helper()
	now := time.Now()
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 200, Now: now})
	simulated := simulator.New(world, simulator.Options{Now: time.Now, Secret: webhookSecret, Scopes: portalScopes})
	servePortal(t, simulated, "letter: {chat: chat1, managers: true}\n", folder)
	return simulated, world
}

// The letters are shown, sent to one, sent while the program is killed at each of them, and not sent again: neither by
// the next call nor after a backup of before was restored.
func TestLetterKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder) // which outlives the calls
	portal, world := letterPortal(t, folder)
	mustCall(t, folder, "run")
	mustCall(t, folder, "backup", filepath.Join(folder, "before.tar.zst"))
	shown := mustCall(t, folder, "letter", "--dry-run", "--lang", "ru")
	if n := len(world.Messages()); n != 0 || !strings.Contains(shown, "Ваши сделки на ") || !strings.Contains(shown, "было бы отправлено") {
		t.Errorf("--dry-run has sent %d messages and shows %s", n, shown)
	}
	if out := mustCall(t, folder, "letter", "--to", "chat"); len(lettersOf(world)) != 1 || !strings.Contains(out, "chat1") {
		t.Errorf("--to chat has sent %v and shows %s", lettersOf(world), out)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const most = 3
	kills := 0
	for kills < most {
		prey := exec.Command(self, "letter")
		prey.Args[0], prey.Dir = "stagelag", folder
		portal.Inject(func(c *simulator.Call) *simulator.Fault {
			if c.Method != "im.message.add" {
				return nil
			}
			// Every second message is sent all the same.
			fault := &simulator.Fault{Drops: true, RunsFirst: kills%2 == 0}
			_ = prey.Process.Kill()
			return fault
		})
		if out, _ := prey.CombinedOutput(); !prey.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatalf("call %d was not killed:\n%s", kills+1, out)
		}
		kills++
	}
	portal.Inject(nil)
	out := mustCall(t, folder, "letter")
	if n := strings.Count(out, "uncertain before, counts as sent"); n != kills {
		t.Errorf("%d letters are uncertain after %d kills:\n%s", n, kills, out)
	}
	before := lettersOf(world)
	for to, n := range before {
		if n != 1 {
			t.Errorf("%s has got %d letters", to, n)
		}
	}
	tried := strings.Count(out, "counts as sent") + strings.Count(out, "  sent") + strings.Count(out, "was sent before")
	if want := tried - kills/2; len(before) != want || want < 4 {
		t.Errorf("%d have got letters, want %d, all but every second whose letter was cut off:\n%s", len(before), want, out)
	}
	for to, says := range map[string]string{
		"mail": "letter.mail: not set", "Nobody Atall": `there is no person "Nobody Atall"`, "4711": "the report has no manager 4711", "0": "0 is nobody",
	} {
		_, complaint, code := call(t, folder, "", "letter", "--to", to)
		if last := lines(complaint); code != exitUsage || !strings.Contains(last[len(last)-1], says) {
			t.Errorf("--to %s: exit code %d, %q, want %d and %q", to, code, complaint, exitUsage, says)
		}
	}

	mustCall(t, folder, "restore", "--replace", filepath.Join(folder, "before.tar.zst"))
	mustCall(t, folder, "run")
	mustCall(t, folder, "letter")
	if n := len(world.Messages()); n != len(before) {
		t.Errorf("%d messages after a restore, want the %d of before", n, len(before))
	}
}

// What the command is given wrongly is said in one line.
func TestLetterOfBadUsage(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	letterPortal(t, folder)
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"letter", "--lang", "de"}, exitUsage, `--lang: "de" is not en or ru`},
		{[]string{"letter"}, exitFailed, "no run was published yet"},
	} {
		_, complaint, code := call(t, folder, "", test.args...)
		if last := lines(complaint); code != test.code || !strings.Contains(last[len(last)-1], test.says) {
			t.Errorf("%v: exit code %d, %q, want %d and %q", test.args, code, complaint, test.code, test.says)
		}
	}
	settings := filepath.Join(folder, "stagelag.yaml")
	text, err := os.ReadFile(settings)
	if err == nil {
		err = os.WriteFile(settings, []byte(strings.Replace(string(text), "letter:", "# letter:", 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, complaint, code := call(t, folder, "", "letter"); code != exitUsage || !strings.Contains(complaint, "letter: names no chat, no managers and no mail") {
		t.Errorf("without letter in the configuration: exit code %d, %q", code, complaint)
	}
}

// The schedule sends the letters after its run. One that was stopped before all were delivered goes on with them when it
// is started again, and no other start sends any.
func TestScheduleSendsLetters(t *testing.T) {
	t.Parallel()
	folder := seededFolder(t)
	openWarehouse(t, folder)
	portal, world := letterPortal(t, folder)
	portal.Inject(simulator.OnMethod("im.message.add", simulator.Fault{Error: &simulator.OverloadLimit}))
	first := follow(t, folder, "schedule", "--log-format", "json")
	first.expect(`"msg":"letter not delivered"`)
	first.expect(`run 1 is published: letter: .* letters were not delivered.*"msg":"run failed"`)
	first.stop(syscall.SIGTERM)
	if n := len(world.Messages()); n != 0 {
		t.Fatalf("%d messages before the portal takes any", n)
	}
	portal.Inject(nil)
	second := follow(t, folder, "schedule", "--log-format", "json")
	second.expect(`"msg":"letters sent".*"sent":[1-9]`)
	second.expect(`"msg":"waiting for the next run"`)
	second.stop(syscall.SIGTERM)
	sent := lettersOf(world)
	for to, n := range sent {
		if n != 1 || len(sent) < 4 {
			t.Errorf("%s has got %d letters, of %d who got one", to, n, len(sent))
		}
	}
	third := follow(t, folder, "schedule", "--log-format", "json")
	third.expect(`"msg":"waiting for the next run"`)
	third.stop(syscall.SIGTERM)
	if n := len(world.Messages()); n != len(sent) {
		t.Errorf("%d messages after another start, want %d", n, len(sent))
	}
}
