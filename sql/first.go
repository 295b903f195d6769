package sql

import (
	"bytes"
	"io"

	"github.com/golang-migrate/migrate/v4/database"
	"golang.org/x/sync/errgroup"
)

// A firstDriver is the driver of the library for a database that has no version yet. Each of its migrations makes a
// table of its own and can be repeated. So they are sent side by side, and the version is recorded once, behind all:
// a program that is killed before leaves tables that the next one finds made.
type firstDriver struct {
	database.Driver
	newest int // the last version there is
	made   map[string]bool
	making errgroup.Group
}

func newFirstDriver(d database.Driver, newest uint) *firstDriver {
	f := &firstDriver{Driver: d, newest: int(newest), made: map[string]bool{}}
	f.making.SetLimit(atOnce)
	return f
}

// Run begins a migration. One that is about a table of another one waits for all before, and the next for it.
func (f *firstDriver) Run(migration io.Reader) error {
	text, err := io.ReadAll(migration)
	if err != nil {
		return err
	}
	table := ""
	if found := subject.FindSubmatch(text); found != nil {
		table = string(found[1])
	}
	if table == "" || f.made[table] {
		if err := f.making.Wait(); err != nil {
			return err
		}
		return f.Driver.Run(bytes.NewReader(text))
	}
	f.made[table] = true
	f.making.Go(func() error { return f.Driver.Run(bytes.NewReader(text)) })
	return nil
}

// SetVersion records the last version, and none before it.
func (f *firstDriver) SetVersion(version int, isDirty bool) error {
	if isDirty || version != f.newest {
		return nil
	}
	if err := f.making.Wait(); err != nil {
		return err
	}
	return f.Driver.SetVersion(version, false)
}

// Close waits for what is under way.
func (f *firstDriver) Close() error {
	_ = f.making.Wait() // SetVersion has told its error
	return f.Driver.Close()
}
