package embedded

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// engineVersion is the version of the npm package that fetch-engine.sh brings.
//
//go:embed engine.version
var engineVersion string

// engineSums are the SHA-256 of the libraries of that version, in hexadecimal, as far as they are known:
// a line for each platform, "os/arch sum".
//
//go:embed engine.sums
var engineSums string

// EngineVersion is the version of the engine that make engine fetches.
func EngineVersion() string { return strings.TrimSpace(engineVersion) }

// FindEngine returns the file of the engine that would be started, or why there is none.
func FindEngine() (string, error) {
	name, err := findEngine()
	if err != nil {
		return "", err
	}
	return name, nil
}

// findEngine returns the file of an engine: libchdb, or a clickhouse binary.
func findEngine() (string, error) {
	if name := os.Getenv("STAGELAG_ENGINE"); name != "" {
		name, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		info, err := os.Stat(name)
		if err != nil || info.IsDir() {
			return "", fmt.Errorf("STAGELAG_ENGINE names %s, which is no file: correct it, or unset it and run \"make engine\"", name)
		}
		if info.Mode().Perm()&writableByOthers != 0 {
			return "", fmt.Errorf("STAGELAG_ENGINE names %s, which others can write (mode %04o): chmod go-w %s if you know what is in it, or name another engine", name, info.Mode().Perm(), name)
		}
		if !isLibrary(name) && unix.Access(name, unix.X_OK) != nil {
			return "", fmt.Errorf("STAGELAG_ENGINE names %s, which this user can't start: name clickhouse or libchdb, or unset it and run \"make engine\"", name)
		}
		return name, nil
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "stagelag", "engine", strings.TrimSpace(engineVersion))
		for _, library := range []string{"libchdb.so", "libchdb.dylib"} {
			name := filepath.Join(cache, library)
			if _, err := os.Lstat(name); err == nil {
				return name, checkCached(name, knownSum(engineSums))
			}
		}
	}
	if name, err := exec.LookPath("clickhouse"); err == nil {
		return filepath.Abs(name)
	}
	return "", fmt.Errorf("the ClickHouse engine is neither in %s nor on the PATH: run \"make engine\", or name one in STAGELAG_ENGINE", cache)
}

// fetchAgain is what helps against every fault of the cached engine.
const fetchAgain = `remove it and run "make engine"`

// checkCached sees that the cached library is the one that was fetched, and that nobody but this user
// and root can have put another one there. Known is its checksum, if that is known.
func checkCached(name, known string) error {
	folder, err := filepath.EvalSymlinks(filepath.Dir(name))
	if err != nil {
		return err
	}
	if err := checkAbove(folder); err != nil {
		return err
	}
	record := name + sumSuffix
	for _, file := range []string{folder, filepath.Dir(folder), filepath.Dir(filepath.Dir(folder)), name, record} {
		info, err := os.Lstat(file)
		switch {
		case file == record && errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("there is no checksum of the engine %s: %s", name, fetchAgain)
		case err != nil:
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			return fmt.Errorf("the engine's %s is a symbolic link, which is not followed here: %s", file, fetchAgain)
		case ownerOf(info) != os.Geteuid() && ownerOf(info) != 0:
			return fmt.Errorf("the engine's %s belongs to %s: %s", file, userName(ownerOf(info)), fetchAgain)
		case info.Mode().Perm()&writableByOthers != 0:
			return fmt.Errorf("the engine's %s can be written by others (mode %04o): %s, or chmod go-w %s if you know what is in it", file, info.Mode().Perm(), fetchAgain, file)
		}
	}
	return checkSum(name, record, known)
}

const sumSuffix = ".sum"

// knownSum is the checksum of this platform's library, empty where it is not known.
func knownSum(sums string) string {
	for line := range strings.Lines(sums) {
		if platform, sum, _ := strings.Cut(strings.TrimSpace(line), " "); platform == runtime.GOOS+"/"+runtime.GOARCH {
			return sum
		}
	}
	return ""
}

// checkSum compares a library with its record, which fetch-engine.sh has made of the archive that npm had
// verified, and the record with the known checksum if there is one. Reading 570 MB takes a while, so the
// library's checksum is made only when the library has changed since it was found right: the record's time
// says when that was.
func checkSum(name, record, known string) error {
	content, err := os.ReadFile(record)
	if err != nil {
		return err
	}
	var size int64
	var sum string
	if _, err := fmt.Sscan(string(content), &size, &sum); err != nil {
		return fmt.Errorf("the checksum %s of the engine is damaged: %s", record, fetchAgain)
	}
	var library, verified unix.Stat_t
	if err := errors.Join(unix.Stat(name, &library), unix.Stat(record, &verified)); err != nil {
		return err
	}
	if library.Size != size || known != "" && sum != known {
		return notFetched(name)
	}
	if changed, at := time.Unix(library.Ctim.Unix()), time.Unix(verified.Mtim.Unix()); !changed.After(at) {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return notFetched(name)
	}
	// Where the record is root's, the next start reads the library again.
	_ = unix.Utimes(record, nil)
	return nil
}

func notFetched(name string) error {
	return fmt.Errorf("the engine %s is damaged or not the one that was fetched: %s", name, fetchAgain)
}
