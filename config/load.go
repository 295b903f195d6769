package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"syscall"
)

// A Need is a part of the configuration that a command cannot do without.
type Need int

// NeedPortal asks for the portal: its address and its time zone.
const NeedPortal Need = iota

// Load reads the file at path, lays the variables of the environment (NAME=value, as of
// os.Environ) over it and the defaults under it, and checks the whole. What is absent is
// complained about only where it is needed. A file that does not exist is an error when
// it was named explicitly, and else stands for an empty one.
//
// Every error is an *Error.
func Load(path string, explicit bool, environ []string, needs ...Need) (Config, error) {
	text, mode, err := readWithMode(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
		text = nil
	case errors.Is(err, fs.ErrNotExist):
		return Config{}, &Error{Complaints: []Complaint{{Place: path, Text: fmt.Sprintf("no such file: stagelag init --config %s makes it, or correct the name, or leave --config out", path)}}}
	case err != nil:
		// A *fs.PathError would name the file a second time.
		if perr, ok := errors.AsType[*fs.PathError](err); ok {
			err = perr.Err
		}
		text := err.Error()
		if errors.Is(err, syscall.EISDIR) {
			text += fmt.Sprintf(": name the file in it, such as %s", filepath.Join(path, "stagelag.yaml"))
		}
		if errors.Is(err, fs.ErrPermission) {
			text += fmt.Sprintf(": let the user %s read it and its folders; a file without a secret may have the mode 0644, one with a secret belongs to that user", userName())
		}
		return Config{}, &Error{Complaints: []Complaint{{Place: path, Text: text}}}
	}
	return parse(path, text, mode, environ, needs)
}

// userName is who runs the program, for a person.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Geteuid())
}

// readWithMode gives a file with its mode, which is that of what was read.
func readWithMode(path string) ([]byte, fs.FileMode, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(file)
	return text, info.Mode(), err
}

// parse is Load with the text and the mode of the file at hand, nil where there is none.
func parse(path string, text []byte, mode fs.FileMode, environ []string, needs []Need) (Config, error) {
	r := &reader{
		file:      path,
		hasNoFile: text == nil,
		mode:      mode,
		variables: variablesOf(environ),
		named:     map[string]string{},
		places:    map[string]place{},
		needs:     needs,
	}
	cfg := Default()
	r.readSecretFiles()
	r.readFile(text, &cfg)
	r.readVariables(&cfg)
	r.check(&cfg)
	r.placePaths(&cfg)
	if len(r.complaints) > 0 {
		wrong := r.err()
		wrong.read = cfg
		return Config{}, wrong
	}
	cfg.Warnings = r.warnings
	return cfg, nil
}

// placePaths makes the paths absolute. They start from the folder of the file: a command that is
// run in another folder would else work with other files, and make another warehouse.
func (r *reader) placePaths(cfg *Config) {
	for _, k := range keys {
		path, ok := reflect.TypeAssert[*Path](reflect.ValueOf(cfg).Elem().FieldByIndex(k.index).Addr())
		if !ok || *path == "" {
			continue
		}
		absolute, err := filepath.Abs(r.besideFile(string(*path)))
		if err != nil {
			r.complain(r.places[k.path], k.path, "the current folder is not known (%v), give an absolute path", err)
			continue
		}
		*path = Path(absolute)
	}
}

// besideFile is a path of the configuration, with the folder of its file before a relative one.
func (r *reader) besideFile(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}

// A reader fills a Config and collects what is wrong.
type reader struct {
	file      string
	hasNoFile bool // there is none at that path
	isBroken  bool // the file is not YAML from some line on, so that nobody knows what it leaves out
	mode      fs.FileMode
	variables map[string]string // the environment, without what is empty
	// named holds, for a variable whose value lay in a file, the one that names the file.
	named map[string]string
	needs []Need

	// source is the variable that is being read, empty for the file.
	source string
	// places tells where each key is set, rightly or not, by its path.
	places map[string]place
	// referred holds the variables that the file refers to.
	referred []string

	complaints []placedComplaint
	warnings   []string
}

// A place is a line of the file or a variable; neither for what is absent.
type place struct {
	line     int
	variable string
}

type placedComplaint struct {
	place
	about string // a key's path, or what is wrong with the file as a whole
	text  string
	// misnomer is a name in place of an id, zero for another complaint.
	misnomer Misnomer
}

func (r *reader) complain(at place, about, format string, args ...any) {
	r.complaints = append(r.complaints, placedComplaint{place: at, about: about, text: fmt.Sprintf(format, args...)})
}

func (r *reader) isNeeded(need Need) bool { return slices.Contains(r.needs, need) }

// err is the complaints in the order of the file, then of the variables, then of what is
// absent.
func (r *reader) err() *Error {
	slices.SortStableFunc(r.complaints, func(a, b placedComplaint) int { return a.rank() - b.rank() })
	e := &Error{}
	for _, c := range r.complaints {
		e.Complaints = append(e.Complaints, Complaint{r.placeText(c.place), c.about + ": " + c.text, c.misnomer})
	}
	return e
}

func (p place) rank() int {
	const afterEveryLine = 1 << 30
	switch {
	case p.line > 0:
		return p.line
	case p.variable != "":
		return afterEveryLine
	default:
		return afterEveryLine + 1
	}
}
