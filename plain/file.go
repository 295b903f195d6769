package plain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// NotWritten is an error of writing a file, under the file's own name and with what to do: the error of the
// system names one that was to take its place. It is nil for a nil error.
func NotWritten(file string, err error) error {
	if err == nil {
		return nil
	}
	file, err = named(file, err)
	if lerr, ok := errors.AsType[*os.LinkError](err); ok {
		err = lerr.Err
	}
	what := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what = "; make the folder, or name another one"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		what = "; name a place that you may write to"
	case errors.Is(err, syscall.ENOSPC):
		what = "; make room on the disk"
	}
	return fmt.Errorf("%s can't be written: %w%s", file, err, what)
}

// NotRead is an error of reading a file that somebody has named, under its whole name and with what to do. It is nil for
// a nil error.
func NotRead(file string, err error) error {
	if err == nil {
		return nil
	}
	file, err = named(file, err)
	return fmt.Errorf("%s: %w; check the name, and that this user can read it", file, err)
}

// named is the whole name of a file, and the error without a name of its own.
func named(file string, err error) (string, error) {
	if absolute, failure := filepath.Abs(file); failure == nil {
		file = absolute
	}
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err
	}
	return file, err
}
