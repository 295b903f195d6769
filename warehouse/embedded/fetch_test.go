package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A fakeNPM is the body of an npm that needs no network. PACK makes an archive
// with a library of the given content and prints its name, as npm does.
const fakeNPM = `#!/bin/sh
PACK() {
	mkdir -p package && printf '%s' "$1" >package/libchdb.so && tar -czf engine.tgz package && rm -r package && echo engine.tgz
}
`

// fetch runs the script with an empty cache and an npm of the test's. It returns
// what it said and the folder it fetches into.
func fetch(t *testing.T, npm string, environment ...string) (said, folder string, err error) {
	t.Helper()
	bin, cache := t.TempDir(), t.TempDir()
	if npm != "" {
		if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(fakeNPM+npm), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{
		"bash", "sh", "cat", "cut", "sed", "grep", "head", "tail", "sort", "tr", "wc", "tar", "gzip", "mkdir", "mktemp", "mv", "rm",
		"chmod", "touch", "dirname", "uname", "sha256sum", "sha512sum", "base64", "xargs", "printf", "openssl", "flock",
	} {
		if name, err := exec.LookPath(tool); err == nil {
			os.Symlink(name, filepath.Join(bin, tool))
		}
	}
	return runFetch(t, append([]string{"PATH=" + bin, "HOME=" + cache, "XDG_CACHE_HOME=" + cache}, environment...), cache)
}

func runFetch(t *testing.T, environment []string, cache string) (said, folder string, err error) {
	t.Helper()
	script, err := filepath.Abs("fetch-engine.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", script)
	cmd.Env = environment
	output, err := cmd.CombinedOutput()
	return string(output), filepath.Join(cache, "stagelag", "engine", strings.TrimSpace(engineVersion)), err
}

func TestFetchSaysInOneLineWhatIsWrong(t *testing.T) {
	tests := []struct {
		name, npm, want string
		environment     []string
	}{
		{"npm is missing", "", "npm is missing", nil},
		{"the registry does not have it", "echo 'npm error code E404' >&2; echo 'npm error 404 Not Found - GET https://registry/x' >&2; exit 1", "404 Not Found", nil},
		{"the network is down", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request failed' >&2; exit 1", "network request failed", nil},
		{"the archive was tampered with", "PACK 'another engine'", "damaged or not what it was", nil},
		{"the disk is full", "echo 'npm error code ENOSPC' >&2; echo 'npm error nospc no space left on device' >&2; exit 1", "is full", nil},
		{"the engine named is not there", "exit 1", "STAGELAG_ENGINE names /no/such/file", []string{"STAGELAG_ENGINE=/no/such/file"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said, folder, err := fetch(t, test.npm, test.environment...)
			if err == nil {
				t.Errorf("the script worked, and said %q", said)
			}
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "fetch engine: ") || !strings.Contains(last, test.want) {
				t.Errorf("the last line is %q, want %q in it", last, test.want)
			}
			for _, pattern := range []string{"lib*", ".fetch.*"} {
				if files, _ := filepath.Glob(filepath.Join(folder, pattern)); len(files) != 0 {
					t.Errorf("left behind: %q", files)
				}
			}
		})
	}
}

func TestFetchDoesNothingWithAnEngineAtHand(t *testing.T) {
	engine := filepath.Join(t.TempDir(), "clickhouse")
	if err := os.WriteFile(engine, []byte("#!/bin/sh\necho ClickHouse local version 26.10.1.1.\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	said, _, err := fetch(t, "exit 1", "STAGELAG_ENGINE="+engine)
	if err != nil || said != "" {
		t.Errorf("with STAGELAG_ENGINE: %q, %v, want silence", said, err)
	}
	cache := t.TempDir()
	path := filepath.Dir(engine) + ":" + os.Getenv("PATH")
	said, _, err = runFetch(t, []string{"PATH=" + path, "HOME=" + cache, "XDG_CACHE_HOME=" + cache}, cache)
	if err != nil || said != "" {
		t.Errorf("with clickhouse on the PATH: %q, %v, want silence", said, err)
	}
}

// What is in the cache is used as long as it is whole. The npm of this test fails,
// so the script works only when it does not ask it.
func TestFetchTrustsAWholeLibraryOnly(t *testing.T) {
	const content = "the engine"
	// sha256 of content.
	sum, err := exec.Command("sh", "-c", "printf '%s' '"+content+"' | sha256sum | cut -d' ' -f1").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, content, record string
		whole                 bool
	}{
		{"as it was fetched", content, "10 " + string(sum), true},
		{"cut off", "the eng", "10 " + string(sum), false},
		{"changed", "the eNgine", "10 " + string(sum), false},
		{"without a record", content, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cache := t.TempDir()
			folder := filepath.Join(cache, "stagelag", "engine", strings.TrimSpace(engineVersion))
			if err := os.MkdirAll(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			// The library is the newer file, so it is looked into.
			for _, file := range []struct{ name, content string }{{"libchdb.so.sum", test.record}, {"libchdb.so", test.content}} {
				if err := os.WriteFile(filepath.Join(folder, file.name), []byte(file.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := time.Now().Add(-time.Hour)
			if err := os.Chtimes(filepath.Join(folder, "libchdb.so.sum"), before, before); err != nil {
				t.Fatal(err)
			}
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			said, _, err := runFetch(t, []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + cache, "XDG_CACHE_HOME=" + cache}, cache)
			if whole := err == nil; whole != test.whole {
				t.Errorf("trusted: %t, want %t (%s)", whole, test.whole, said)
			}
		})
	}
}
