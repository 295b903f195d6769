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
	if absolute, failure := filepath.Abs(file); failure == nil {
		file = absolute
	}
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		err = perr.Err
	}
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
