package embedded

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
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"stagelag/warehouse/access"
)

// A folder is where an embedded warehouse lies. Nobody but its owner can read or write
// anything in it.
type folder string

func (f folder) file(name string) string { return filepath.Join(string(f), name) }

func (f folder) engineLock() string  { return f.file("engine.lock") } // held while an engine may be up
func (f folder) startLock() string   { return f.file("start.lock") }  // held while one starts, is joined or ends
func (f folder) users() string       { return f.file("users.fifo") }  // open for writing in each command that uses the engine
func (f folder) endpoint() string    { return f.file("endpoint.json") }
func (f folder) credentials() string { return f.file("credentials") }
func (f folder) lastEngine() string  { return f.file("last-engine") }      // the version that wrote the data last
func (f folder) log() string         { return f.file("engine.log") }       // what the engine said since its start
func (f folder) lastLog() string     { return f.file("engine.log.ended") } // what the one before said, and why there is none
func (f folder) started() string     { return f.file("started") }          // written by the engine when it has come up
func (f folder) ports() string       { return f.file("ports") }            // written by the engine when it listens
func (f folder) cwd() string         { return f.file("cwd") }
func (f folder) config() string      { return f.file("config") }
func (f folder) data() string        { return f.file("data") }
func (f folder) backups() string     { return f.file("backups") } // where the engine makes and reads them

func (f folder) usersFiles() string { return filepath.Join(f.config(), "users.d") }

var databaseName = regexp.MustCompile(`^[a-z0-9_]+$`)

// hasDatabase is whether a database is there, as the engine's own files tell.
func (f folder) hasDatabase(name string) bool {
	if !databaseName.MatchString(name) {
		return false // a path, or a name in a form that the engine keeps in another one
	}
	_, err := os.Stat(filepath.Join(f.data(), "metadata", name+".sql"))
	return err == nil
}

// Look finds out without a change whether there is a warehouse in the folder path, and whether it serves
// the database.
func Look(path, database string) (isThere, hasDatabase bool, err error) {
	f := folder(path)
	var c credentials
	content, err := readOwn(f.credentials())
	switch {
	case errors.Is(err, fs.ErrNotExist): // deleted, to have new passwords made
		entries, err := os.ReadDir(filepath.Join(f.data(), "metadata"))
		if errors.Is(err, fs.ErrNotExist) {
			return false, false, nil
		}
		return len(entries) > 0, f.hasDatabase(database), err
	case err != nil:
		return false, false, err
	case json.Unmarshal(content, &c) != nil:
		return false, false, fmt.Errorf("%s is damaged", f.credentials())
	}
	_, hasDatabase = c[database]
	return true, hasDatabase || f.hasDatabase(database), nil
}

//go:embed engine.xml default-user.xml
var configFiles embed.FS

// writeConfig puts down what the engine reads at its start, and nothing outlives that. The
// users of each database go where a server would have them too, beside the user of the start
// queries.
func (f folder) writeConfig(c credentials) error {
	files := map[string][]byte{
		f.startQueries(): []byte("SELECT version() INTO OUTFILE " + access.Literal(f.started()) + " TRUNCATE FORMAT TSV;\n"),
	}
	for name, to := range map[string]string{"engine.xml": "engine.xml", "default-user.xml": "users.xml"} {
		content, err := configFiles.ReadFile(name)
		if err != nil {
			return err
		}
		files[filepath.Join(f.config(), to)] = content
	}
	// Users whose password nobody knows any more would keep the engine from starting.
	if err := os.RemoveAll(f.usersFiles()); err != nil {
		return err
	}
	if err := os.Mkdir(f.usersFiles(), 0o700); err != nil {
		return err
	}
	for database := range c {
		files[filepath.Join(f.usersFiles(), database+".xml")] = access.File(database)
	}
	for name, content := range files {
		if err := writeOwn(name, content); err != nil {
			return err
		}
	}
	return nil
}

func (f folder) startQueries() string { return filepath.Join(f.config(), "start.sql") }

// listenQueries are what the engine executes after the start queries, when it may listen.
func (f folder) listenQueries() string {
	return `SYSTEM START LISTEN TCP;
SYSTEM START LISTEN HTTP;
SELECT getServerPort('tcp_port'), getServerPort('http_port')
INTO OUTFILE ` + access.Literal(f.ports()) + ` TRUNCATE FORMAT TSV;
`
}

// Passwords are those of the users of one database, made once.
type Passwords struct {
	Program string `json:"program"`
	Analyst string `json:"analyst"`
	Grafana string `json:"grafana"`
}

// Format keeps the passwords out of whatever prints them.
func (Passwords) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "passwords") }

// credentials are the databases that the folder serves, with the passwords of the users of
// each.
type credentials map[string]Passwords

// Format keeps the passwords out of whatever prints them.
func (c credentials) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "credentials") }

// databases are the names in their order.
func (c credentials) databases() []string { return slices.Sorted(maps.Keys(c)) }

// An account is a user of the engine.
type account struct {
	password string
	home     string // the default database, if there is one
}

// account finds a user, false where there is none of the name.
func (c credentials) account(user string) (account, bool) {
	for database, passwords := range c {
		switch users := access.UsersOf(database); user {
		case users.Program:
			return account{password: passwords.Program}, true
		case users.Analyst:
			return account{passwords.Analyst, database}, true
		case users.Grafana:
			return account{passwords.Grafana, database}, true
		}
	}
	return account{}, false
}

// isUnreleased is whether credentials have the form of before the first release: passwords by user,
// and not by database.
func isUnreleased(content []byte) bool {
	var byUser map[string]string
	return json.Unmarshal(content, &byUser) == nil && byUser["analyst"] != ""
}

// readCredentials reads the passwords, and makes those of databases that are new. The
// caller holds start.lock where there are any.
func (f folder) readCredentials(databases ...string) (credentials, error) {
	c := credentials{}
	content, err := readOwn(f.credentials())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case isUnreleased(content):
		return nil, errors.New("it is a warehouse of a program of before the first release, which this one can't take over: start a new one, with another warehouse.path")
	// The error would quote what it could not read, and that may be a password.
	case json.Unmarshal(content, &c) != nil || !c.areWhole():
		return nil, fmt.Errorf("%s is damaged: delete it, and new passwords are made", f.credentials())
	}
	before := len(c)
	for _, database := range databases {
		if _, ok := c[database]; !ok {
			c[database] = Passwords{Program: rand.Text(), Analyst: rand.Text(), Grafana: rand.Text()}
		}
	}
	if len(c) == before {
		return c, nil
	}
	content, err = json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return c, replace(f.credentials(), append(content, '\n'))
}

func (c credentials) areWhole() bool {
	for database, p := range c {
		if access.Check(database) != nil || p.Program == "" || p.Analyst == "" || p.Grafana == "" {
			return false
		}
	}
	return len(c) > 0
}

// environment is how the users' files get the passwords' hashes: they hold no secret.
func (c credentials) environment() []string {
	var variables []string
	for database, p := range c {
		names := access.Variables(database)
		variables = append(variables,
			names.Program+"="+hash(p.Program),
			names.Analyst+"="+hash(p.Analyst),
			names.Grafana+"="+hash(p.Grafana))
	}
	return variables
}

func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// endpoint is where the running engine listens.
type endpoint struct {
	Native    string   `json:"native"`
	HTTP      string   `json:"http"`
	Keeper    int      `json:"keeper"` // process ids, for people
	Engine    int      `json:"engine"`
	Databases []string `json:"databases"` // whose users it knows

	IsIsolated bool `json:"is_isolated"` // see Seat
	IsConfined bool `json:"is_confined"`
}

func (f folder) readEndpoint() (endpoint, error) {
	var e endpoint
	content, err := readOwn(f.endpoint())
	if err != nil {
		return endpoint{}, err
	}
	if err := json.Unmarshal(content, &e); err != nil {
		return endpoint{}, fmt.Errorf("%s: %w", f.endpoint(), err)
	}
	return e, nil
}

// replace writes a file in one step: readers find the old content or the new, also after a
// power cut. What it returns without an error is on the disk.
func replace(name string, content []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-") // mode 0600
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "write", Path: name, Err: perr.Err} // the name of the other one says nothing
	}
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		os.Remove(temp.Name())
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder puts the names in a folder on the disk.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
