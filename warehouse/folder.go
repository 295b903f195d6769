package warehouse

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A folder is where an embedded warehouse lies. Nobody but the owner can read
// anything in it.
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

func (f folder) engineLock() string  { return f.file("engine.lock") } // held while an engine may be up
func (f folder) startLock() string   { return f.file("start.lock") }  // held while one starts, is joined or ends
func (f folder) users() string       { return f.file("users.fifo") }  // open for writing in each command that uses the engine
func (f folder) endpoint() string    { return f.file("endpoint.json") }
func (f folder) credentials() string { return f.file("credentials") }
func (f folder) lastEngine() string  { return f.file("last-engine") } // the version that wrote the data last
func (f folder) log() string         { return f.file("engine.log") }  // what the engine said since its start
func (f folder) ports() string       { return f.file("ports") }       // told by the engine when it listens
func (f folder) cwd() string         { return f.file("cwd") }
func (f folder) config() string      { return f.file("config") }
func (f folder) data() string        { return f.file("data") }
func (f folder) backups() string     { return f.file("backups") } // where the engine makes and reads them

// make makes the folder with all that does not change in it.
func (f folder) make() error {
	for _, name := range []string{string(f), f.data(), f.backups(), filepath.Join(f.config(), "users.d")} {
		if err := os.MkdirAll(name, 0o700); err != nil {
			return err
		}
	}
	if err := unix.Mkfifo(f.users(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "mkfifo", Path: f.users(), Err: err}
	}
	return nil
}

// hasDatabase is whether the shard's database is there, as the engine's own files tell: the engine
// of a folder can be one of a cluster.
func (f folder) hasDatabase(name string) bool {
	if name != ShardDatabase {
		return false
	}
	_, err := os.Stat(filepath.Join(f.data(), "metadata", name+".sql"))
	return err == nil
}

//go:embed engine.xml default-user.xml users.xml
var configFiles embed.FS

// writeConfig puts down what the engine reads at its start. users.xml goes where
// a server would have it too, beside the user of the start queries.
func (f folder) writeConfig() error {
	for name, to := range map[string]string{
		"engine.xml":       "engine.xml",
		"default-user.xml": "users.xml",
		"users.xml":        "users.d/stagelag.xml",
	} {
		content, err := configFiles.ReadFile(name)
		if err != nil {
			return err
		}
		if err := replace(filepath.Join(f.config(), to), content); err != nil {
			return err
		}
	}
	return replace(f.startQueries(), []byte(`SYSTEM START LISTEN TCP;
SYSTEM START LISTEN HTTP;
SELECT getServerPort('tcp_port'), getServerPort('http_port'), version()
INTO OUTFILE `+quote(f.ports())+` TRUNCATE FORMAT TSV;
`))
}

func (f folder) startQueries() string { return filepath.Join(f.config(), "start.sql") }

// quote makes a SQL literal.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// credentials are the passwords of the users, made once per folder.
type credentials struct {
	Stagelag string `json:"stagelag"`
	Analyst  string `json:"analyst"`
	Grafana  string `json:"grafana"`
}

// Format keeps the passwords out of whatever prints them.
func (c credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "credentials") }

// readCredentials reads the passwords, and makes them where there are none. The
// caller holds start.lock.
func (f folder) readCredentials() (credentials, error) {
	var c credentials
	content, err := os.ReadFile(f.credentials())
	if errors.Is(err, fs.ErrNotExist) {
		c = credentials{Stagelag: rand.Text(), Analyst: rand.Text(), Grafana: rand.Text()}
		return c, f.writeCredentials(c)
	}
	if err != nil {
		return credentials{}, err
	}
	// The error would quote what it could not read, and that may be a password.
	if json.Unmarshal(content, &c) != nil || c.Stagelag == "" || c.Analyst == "" {
		return credentials{}, fmt.Errorf("%s is damaged: delete it, and new passwords are made", f.credentials())
	}
	if c.Grafana == "" { // a folder that is older than this user
		c.Grafana = rand.Text()
		return c, f.writeCredentials(c)
	}
	return c, nil
}

func (f folder) writeCredentials(c credentials) error {
	content, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return replace(f.credentials(), append(content, '\n'))
}

// environment is how users.xml gets the passwords' hashes: its file stays the
// same for every installation and holds no secret.
func (c credentials) environment() []string {
	return []string{
		"STAGELAG_PASSWORD_SHA256=" + hash(c.Stagelag),
		"STAGELAG_ANALYST_PASSWORD_SHA256=" + hash(c.Analyst),
		"STAGELAG_GRAFANA_PASSWORD_SHA256=" + hash(c.Grafana),
	}
}

func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// endpoint is where the running engine listens.
type endpoint struct {
	Native string `json:"native"`
	HTTP   string `json:"http"`
	Keeper int    `json:"keeper"` // process ids, for people
	Engine int    `json:"engine"`
}

func (f folder) readEndpoint() (endpoint, error) {
	var e endpoint
	content, err := os.ReadFile(f.endpoint())
	if err != nil {
		return endpoint{}, err
	}
	if err := json.Unmarshal(content, &e); err != nil {
		return endpoint{}, fmt.Errorf("%s: %w", f.endpoint(), err)
	}
	return e, nil
}

// replace writes a file in one step: readers find the old content or the new.
func replace(name string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-") // mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}
