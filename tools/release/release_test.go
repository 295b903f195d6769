//go:build release

// Package release_test builds releases and uses them. It takes minutes: make release-test.
package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/macho"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"stagelag/simulator"
	"stagelag/sql"
	"stagelag/warehouse"
	"stagelag/warehouse/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfAsked()
	os.Exit(m.Run())
}

const version = "0.0.1"

// command runs something, and gives what it printed.
func command(t *testing.T, folder string, environ []string, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), environ...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return out.String(), log.String(), cmd.ProcessState.ExitCode()
}

func must(t *testing.T, folder string, environ []string, name string, args ...string) string {
	t.Helper()
	stdout, stderr, code := command(t, folder, environ, name, args...)
	if code != 0 {
		t.Fatalf("%s %q: exit code %d, %s%s", name, args, code, stdout, stderr)
	}
	return stdout
}

// clone is the commit in another folder.
func clone(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "elsewhere")
	must(t, ".", nil, "git", "clone", "--quiet", "--no-hardlinks", "../..", folder)
	must(t, folder, nil, "git", "checkout", "--quiet", strings.TrimSpace(must(t, ".", nil, "git", "rev-parse", "HEAD")))
	return folder
}

func files(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, entry := range entries {
		if all[entry.Name()], err = os.ReadFile(filepath.Join(folder, entry.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// unpack puts an archive into a folder and gives its modes by name.
func unpack(t *testing.T, archive []byte, folder string) map[string]os.FileMode {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]os.FileMode{}
	for reader := tar.NewReader(zipped); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return modes
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[header.Name] = header.FileInfo().Mode()
		name := filepath.Join(folder, header.Name)
		if header.FileInfo().IsDir() {
			err = os.MkdirAll(name, 0o755)
		} else {
			var text []byte
			if text, err = io.ReadAll(reader); err == nil {
				err = os.WriteFile(name, text, header.FileInfo().Mode())
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRelease(t *testing.T) {
	first := filepath.Join(t.TempDir(), "dist")
	must(t, "../..", nil, "./tools/release.sh", "v"+version, first, runtime.GOOS+"/"+runtime.GOARCH)
	built := files(t, first)
	host := fmt.Sprintf("stagelag-%s-%s-%s", version, runtime.GOOS, runtime.GOARCH)
	unpacked := t.TempDir()
	modes := unpack(t, built[host+".tar.gz"], unpacked)
	program := filepath.Join(unpacked, host, "stagelag")

	t.Run("has everything", func(t *testing.T) {
		must(t, first, nil, "sha256sum", "--check", "--strict", "checksums.txt")
		for name, mode := range map[string]os.FileMode{
			"stagelag": 0o755, "README.md": 0o644, "docs/packages.md": 0o644, "engine/fetch-engine.sh": 0o755, "engine/engine.version": 0o644,
			"completions/stagelag.bash": 0o644, "deploy/stagelag.service": 0o644, "deploy/backup.sh": 0o755, "stagelag.example.yaml": 0o644,
		} {
			if got := modes[host+"/"+name].Perm(); got != mode {
				t.Errorf("the archive has %s with the mode %o, want %o", name, got, mode)
			}
		}
		for name := range modes {
			if strings.HasSuffix(name, ".go") {
				t.Errorf("the archive has %s", name)
			}
		}
		var parts struct {
			Metadata   struct{ Component struct{ Version string } }
			Components []struct{ Name, Version string }
		}
		if err := json.Unmarshal(built[host+".cdx.json"], &parts); err != nil {
			t.Fatal(err)
		}
		isThere := slices.ContainsFunc(parts.Components, func(c struct{ Name, Version string }) bool {
			return c.Name == "github.com/ClickHouse/clickhouse-go/v2" && c.Version != ""
		})
		if !isThere || parts.Metadata.Component.Version != "v"+version {
			t.Errorf("the parts of %s %s are %d, want the client of ClickHouse among them", host, parts.Metadata.Component.Version, len(parts.Components))
		}
	})

	t.Run("says what it is", func(t *testing.T) {
		commit := strings.TrimSpace(must(t, ".", nil, "git", "rev-parse", "HEAD"))
		if got := must(t, unpacked, nil, program, "version"); !strings.HasPrefix(got, "version  v"+version+"\ncommit   "+commit+"\n") {
			t.Errorf("version: %s", got)
		}
	})

	t.Run("the package", func(t *testing.T) {
		deb := filepath.Join(first, "stagelag_"+version+"_"+runtime.GOARCH+".deb")
		root := t.TempDir()
		must(t, first, nil, "dpkg-deb", "--extract", deb, root)
		control := must(t, first, nil, "dpkg-deb", "--field", deb)
		for _, line := range []string{"Package: stagelag", "Version: " + version, "Architecture: " + runtime.GOARCH} {
			if !strings.Contains(control, line+"\n") {
				t.Errorf("the package lacks the line %s: %s", line, control)
			}
		}
		unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/stagelag.service"))
		if err != nil || !bytes.Contains(unit, []byte("\nExecStart=/usr/bin/stagelag schedule ")) || bytes.Contains(unit, []byte("/usr/local/bin")) {
			t.Errorf("the unit of the package: %v, %s", err, unit)
		}
		for _, name := range []string{
			"usr/bin/stagelag", "usr/lib/sysusers.d/stagelag.conf", "usr/lib/stagelag/backup.sh", "usr/lib/systemd/system/stagelag-backup.timer", "usr/share/doc/stagelag/docs/packages.md",
			"usr/share/bash-completion/completions/stagelag", "usr/share/zsh/vendor-completions/_stagelag", "usr/share/fish/vendor_completions.d/stagelag.fish", "etc/stagelag/environment",
		} {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		}
		units := t.TempDir()
		var list []string
		for _, name := range []string{"stagelag.service", "stagelag-backup.service", "stagelag-backup.timer"} {
			text, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system", name))
			if err != nil {
				t.Fatal(err)
			}
			// The programs are looked for where the package was unpacked.
			text = []byte(strings.NewReplacer("=/usr/bin/stagelag", "="+root+"/usr/bin/stagelag", "=/usr/lib/stagelag", "="+root+"/usr/lib/stagelag").Replace(string(text)))
			list = append(list, filepath.Join(units, name))
			if err := os.WriteFile(filepath.Join(units, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		must(t, root, nil, "systemd-analyze", append([]string{"--man=no", "verify"}, list...)...)
		scripts := t.TempDir()
		must(t, first, nil, "dpkg-deb", "--control", deb, scripts)
		for _, name := range []string{"postinst", "prerm", "postrm"} {
			must(t, scripts, nil, "sh", "-n", name)
		}
		if list := must(t, scripts, nil, "cat", "conffiles"); list != "/etc/stagelag/environment\n" {
			t.Errorf("an upgrade keeps %q, want the environment", list)
		}
	})

	t.Run("completes", func(t *testing.T) {
		out := must(t, unpacked, nil, "bash", "-c", `source "$1" && complete -p stagelag`, "bash", filepath.Join(unpacked, host, "completions/stagelag.bash"))
		if !strings.Contains(out, "-F __start_stagelag stagelag") {
			t.Errorf("bash completes stagelag by %q", out)
		}
	})

	t.Run("runs as another user on a root that is read-only", func(t *testing.T) { runsReadOnly(t, program) })
	t.Run("is upgraded, and taken back", func(t *testing.T) { upgrades(t, program) })
	t.Run("is the same built elsewhere", func(t *testing.T) {
		second := filepath.Join(t.TempDir(), "dist")
		must(t, clone(t), []string{"GOCACHE=" + t.TempDir(), "TZ=Asia/Tokyo", "HOME=" + t.TempDir(), "GOMODCACHE=" + strings.TrimSpace(must(t, ".", nil, "go", "env", "GOMODCACHE"))},
			"./tools/release.sh", version, second, runtime.GOOS+"/"+runtime.GOARCH)
		again := files(t, second)
		delete(again, "checksums.txt") // of fewer files
		if len(again) < 2 {
			t.Errorf("built elsewhere there are %d files, want an archive and its parts", len(again))
		}
		for name, text := range again {
			if !bytes.Equal(built[name], text) {
				t.Errorf("%s differs when it is built elsewhere", name)
			}
		}
	})
}

func TestReleaseOfAllPlatforms(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "dist")
	must(t, "../..", nil, "./tools/release.sh", "v"+version, folder)
	var want []string
	for _, system := range []string{"linux", "darwin"} {
		for _, processor := range []string{"amd64", "arm64"} {
			name := fmt.Sprintf("stagelag-%s-%s-%s", version, system, processor)
			want = append(want, name+".tar.gz", name+".cdx.json")
		}
	}
	want = append(want, "stagelag_"+version+"_amd64.deb", "stagelag_"+version+"_arm64.deb", "checksums.txt")
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(files(t, folder))); !slices.Equal(got, want) {
		t.Errorf("a release has %q, want %q", got, want)
	}
	must(t, folder, nil, "sha256sum", "--check", "--strict", "checksums.txt")

	again := filepath.Join(t.TempDir(), "dist")
	must(t, clone(t), []string{"TZ=Asia/Tokyo"}, "./tools/release.sh", "v"+version, again)
	first, second := files(t, folder), files(t, again)
	for _, name := range want {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs when it is built again in another folder", name)
		}
	}
	for processor, cpu := range map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64} {
		name := fmt.Sprintf("stagelag-%s-darwin-%s", version, processor)
		unpacked := t.TempDir()
		unpack(t, first[name+".tar.gz"], unpacked)
		program, err := macho.Open(filepath.Join(unpacked, name, "stagelag"))
		if err != nil {
			t.Fatal(err)
		}
		if program.Type != macho.TypeExec || program.Cpu != cpu {
			t.Errorf("the program of %s is %v for %v, want one that runs on %v", name, program.Type, program.Cpu, cpu)
		}
		if err := program.Close(); err != nil {
			t.Error(err)
		}
	}
}

// The steps of the image's build give the program from what docker sends, in the shell of this machine.
func TestImage(t *testing.T) {
	sent := clone(t)
	ignored, err := os.ReadFile(filepath.Join(sent, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for pattern := range strings.FieldsSeq(string(ignored)) {
		paths, err := filepath.Glob(filepath.Join(sent, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	file, err := os.ReadFile(filepath.Join(sent, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "stagelag")
	stages := strings.Split(string(file), "\nFROM ")
	if len(stages) != 3 || !strings.Contains(stages[2], ":nonroot\n") || !strings.Contains(stages[2], "COPY --from=build /stagelag ") {
		t.Fatalf("the image is made in %d stages, want a build and one without root", len(stages)-1)
	}
	for _, step := range regexp.MustCompile(`(?m)^RUN (.*)$`).FindAllStringSubmatch(stages[1], -1) {
		must(t, sent, []string{"VERSION=v" + version, "COMMIT=abc", "GOFLAGS=-buildvcs=false"}, "sh", "-c", strings.Replace(step[1], "-o /stagelag ", "-o "+program+" ", 1))
	}
	if got := must(t, sent, nil, program, "version"); !strings.HasPrefix(got, "version  v"+version+"\ncommit   abc\n") {
		t.Errorf("the program of the image: %s", got)
	}

	// The image's base has a C library and certificates. Here the root has the libraries that the program names.
	root := t.TempDir()
	must(t, root, nil, "install", "-D", "-m", "0755", program, "usr/local/bin/stagelag")
	for _, library := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(must(t, root, nil, "ldd", program), -1) {
		must(t, root, nil, "install", "-D", "-m", "0755", library[1], "."+library[1])
	}
	settings := filepath.Join(root, "etc", "stagelag")
	if err := os.MkdirAll(settings, 0o755); err != nil {
		t.Fatal(err)
	}
	configure(t, settings, startPortal(t), 0o644)
	environ := startServer(t)
	for _, job := range [][]string{{"--help"}, {"run"}, {"doctor"}, {"query", "SELECT count() FROM deals_now"}, {"report"}} {
		args := append([]string{"--userspec=65532:65532", root, "/usr/local/bin/stagelag", "--config", "/etc/stagelag/stagelag.yaml"}, job...)
		if stdout, stderr, code := command(t, root, environ, "chroot", args...); code != 0 || stdout == "" {
			t.Errorf("%q with a C library alone: exit code %d, %s%s", job, code, stdout, stderr)
		}
	}
}

// startServer starts the embedded warehouse of somebody else, which stands for a server, and returns the variables that
// name it.
func startServer(t *testing.T) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root can start a program as another user: run this as root")
	}
	server, err := warehouse.Open(t.Context(), warehouse.Config{URL: warehouse.Embedded, Path: filepath.Join(t.TempDir(), "warehouse")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	options := server.Options()
	endpoints, _ := server.Endpoints()
	return []string{
		"STAGELAG_WAREHOUSE_URL=clickhouse://" + options.Auth.Username + ":" + options.Auth.Password + "@" + options.Addr[0],
		"STAGELAG_WAREHOUSE_ANALYST_URL=" + strings.Replace(endpoints.HTTP, "://", "://"+endpoints.User+":"+endpoints.Password+"@", 1),
		"HOME=/nonexistent",
	}
}

// runsReadOnly starts the program as the image does: as nobody's user, with a root that nothing can be written to.
func runsReadOnly(t *testing.T, program string) {
	environ := startServer(t)
	place, err := os.MkdirTemp("/var/tmp", "stagelag-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(place)
	if err := os.Chmod(place, 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, place, nil, "install", "-m", "0755", program, place)
	configure(t, place, startPortal(t), 0o644)
	const script = `mount --make-rprivate / && mount -o remount,ro,bind / || exit 3
awk '$5 != "/" && $5 !~ "^/(proc|sys|dev/)" { print $5 }' /proc/self/mountinfo | while read -r at; do mount -o remount,ro,bind "$at" || mount -t tmpfs -o ro none "$at"; done
cd "$1" || exit 3
touch here 2>/dev/null && exit 3
shift
exec setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs --bounding-set=-all ./stagelag "$@"`
	for _, job := range [][]string{{"run"}, {"doctor"}, {"query", "SELECT count() FROM deals_now"}, {"report"}} {
		stdout, stderr, code := command(t, place, environ, "unshare", append([]string{"--mount", "sh", "-c", script, "sh", place}, job...)...)
		if code != 0 || stdout == "" {
			t.Errorf("%q on a root that is read-only: exit code %d, %s%s", job, code, stdout, stderr)
		}
	}
}

// startPortal serves a simulated portal with 40 deals, and gives the webhook.
func startPortal(t *testing.T) string {
	t.Helper()
	world, _ := simulator.Generate(simulator.GenerateOptions{Seed: 1, Deals: 40, Now: time.Now()})
	portal := simulator.New(world, simulator.Options{Now: time.Now})
	server := httptest.NewServer(portal)
	t.Cleanup(server.Close)
	return portal.WebhookURL(server.URL)
}

func configure(t *testing.T, folder, webhook string, mode os.FileMode) {
	t.Helper()
	settings := fmt.Sprintf("portal: {url: %q, time_zone: Europe/Moscow, limits: none}\nplan: {norms: [{stage: NEW, days: 3}]}\n", webhook)
	if err := os.WriteFile(filepath.Join(folder, "stagelag.yaml"), []byte(settings), mode); err != nil {
		t.Fatal(err)
	}
}

// buildNext is the program after the next release: with a table, a column and a view more, and another text of a view.
func buildNext(t *testing.T) string {
	t.Helper()
	tree := clone(t)
	edit := func(name string, change func(string) string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			t.Fatal(err)
		}
		changed := change(string(text))
		if changed == string(text) {
			t.Fatalf("%s is not changed", name)
		}
		if err := os.WriteFile(filepath.Join(tree, name), []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	add := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	next := int(sql.NewestVersion()) + 1
	add(fmt.Sprintf("sql/migrations/%06d_create_notes.up.sql", next), "CREATE TABLE notes\n(\n    deal_id UInt64 COMMENT 'Deal ID in Bitrix24'\n)\nENGINE = MergeTree\nORDER BY deal_id\n")
	add(fmt.Sprintf("sql/migrations/%06d_create_notes.down.sql", next), "DROP TABLE notes SYNC\n")
	add(fmt.Sprintf("sql/migrations/%06d_add_note_to_run_events.up.sql", next+1), "ALTER TABLE run_events ADD COLUMN IF NOT EXISTS note String COMMENT 'A remark'\n")
	add(fmt.Sprintf("sql/migrations/%06d_add_note_to_run_events.down.sql", next+1), "ALTER TABLE run_events DROP COLUMN IF EXISTS note\n")
	edit("sql/views.go", func(text string) string {
		return strings.Replace(text, fmt.Sprintf("const ViewsVersion = %d", sql.ViewsVersion), fmt.Sprintf("const ViewsVersion = %d", sql.ViewsVersion+1), 1)
	})
	edit("sql/views/runs_v1.sql", func(text string) string {
		return regexp.MustCompile(`(?m)^COMMENT '`).ReplaceAllString(text, "COMMENT 'Next: ")
	})
	edit("warehouse/access/users.xml", func(text string) string {
		return strings.Replace(text, "ALTER UPDATE, ALTER DELETE, ALTER MOVE PARTITION ON stagelag_internal.*", "ALTER UPDATE, ALTER DELETE, ALTER MOVE PARTITION, ALTER ADD COLUMN ON stagelag_internal.*", 1)
	})
	program := filepath.Join(t.TempDir(), "stagelag-next")
	must(t, tree, []string{"CGO_ENABLED=0", "GOFLAGS="}, "go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-X main.version=v0.0.2", "-o", program, "./cmd/stagelag")
	return program
}

const numbers = "SELECT (SELECT (count(), sum(overdue_days_total)) FROM deals_now) AS deals, (SELECT (count(), sum(overdue_day), sum(elapsed_days)) FROM deal_stage_days) AS days, (SELECT (count(), sum(visits_late)) FROM quality_report) AS report, (SELECT (count(), sum(overdue_days_total)) FROM portfolio_days) AS portfolio, (SELECT count() FROM runs WHERE status = 'published') AS runs"

// upgrades takes a warehouse to the next release and back.
func upgrades(t *testing.T, program string) {
	next := buildNext(t)
	folder := t.TempDir()
	configure(t, folder, startPortal(t), 0o600)
	call := func(program string, args ...string) string { t.Helper(); return must(t, folder, nil, program, args...) }
	call(program, "run")
	before := call(program, "query", numbers)
	backup := filepath.Join(t.TempDir(), "before-upgrade.tar.zst")
	call(program, "backup", backup)

	if status := call(next, "migrate", "status"); !strings.Contains(status, "create_notes") || !strings.Contains(status, "the next run, brings it to this version") {
		t.Errorf("the next program says of the schema: %s", status)
	}
	call(next, "migrate", "up")
	if got := call(next, "query", numbers); got != before {
		t.Errorf("brought up, the views show %s, want %s", got, before)
	}
	call(next, "run")
	after := call(next, "query", numbers)

	// The older program keeps its hands off, and says what to do.
	_, stderr, code := command(t, folder, nil, program, "run")
	want := fmt.Sprintf("the warehouse has schema %d, this program knows %d: use the program that made it, or a newer one\n", sql.NewestVersion()+2, sql.NewestVersion())
	if code != 1 || !strings.HasSuffix(stderr, want) {
		t.Errorf("the older program: exit code %d, %s, want %s", code, stderr, want)
	}
	if got := call(next, "query", numbers); got != after {
		t.Errorf("after the older program was called the views show %s, want %s", got, after)
	}

	// Back, in the same place and in a new one.
	for _, place := range []string{"", filepath.Join(t.TempDir(), "another")} {
		var environ []string
		if place != "" {
			environ = []string{"STAGELAG_WAREHOUSE_PATH=" + place}
		}
		back := func(args ...string) string { t.Helper(); return must(t, folder, environ, program, args...) }
		back("restore", "--replace", backup)
		if got := back("query", numbers); got != before {
			t.Errorf("taken back to %q, the views show %s, want %s", place, got, before)
		}
		back("run")
		back("doctor")
		if got := must(t, folder, environ, next, "migrate", "status"); !strings.Contains(got, "create_notes") {
			t.Errorf("taken back to %q, the schema is %s", place, got)
		}
	}
	// And up again from there, with the backup of the older one.
	call(next, "restore", "--replace", backup)
	if got := call(next, "query", numbers); got != before {
		t.Errorf("the next program restores %s, want %s", got, before)
	}
}
