package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// What lies in the folder of a warehouse is believed, so nobody but its owner may have put it there.

const (
	writableByOthers fs.FileMode = 0o022
	openToOthers     fs.FileMode = 0o077
)

// secure makes the folder, where it is absent, and sees that it and what lies in it is this user's.
// It returns the folder's place without links.
func (f folder) secure() (folder, error) {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return "", err
	}
	// A link on the way is its owner's decision. From here on there is none.
	place, err := filepath.EvalSymlinks(string(f))
	if err != nil {
		return "", err
	}
	f = folder(place)
	if err := checkAbove(place); err != nil {
		return "", err
	}
	if err := checkFolder(place); err != nil {
		return "", err
	}
	if err := close0700(place); err != nil {
		return "", err
	}
	for _, name := range []string{f.data(), f.backups(), f.config()} {
		if err := os.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if err := checkFolder(name); err != nil {
			return "", err
		}
	}
	if err := unix.Mkfifo(f.users(), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", &fs.PathError{Op: "mkfifo", Path: f.users(), Err: err}
	}
	for _, name := range []string{
		f.engineLock(), f.startLock(), f.users(), f.endpoint(), f.credentials(), f.lastEngine(),
		f.log(), f.lastLog(), f.started(), f.ports(),
	} {
		info, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if err := checkFile(name, info, kindOf(f, name)); err != nil {
			return "", err
		}
		if name == f.credentials() && info.Mode().Perm()&openToOthers != 0 {
			return "", fmt.Errorf("%s holds passwords and can be read by others (mode %04o): chmod 600 %s", name, info.Mode().Perm(), name)
		}
	}
	return f, nil
}

// kindOf is the type of file that a name in the folder stands for.
func kindOf(f folder, name string) fs.FileMode {
	if name == f.users() {
		return fs.ModeNamedPipe
	}
	return 0
}

// close0700 closes a folder of this user's that others could only look into.
func close0700(name string) error {
	info, err := os.Lstat(name)
	if err != nil || info.Mode().Perm()&openToOthers == 0 {
		return err
	}
	return os.Chmod(name, 0o700) //nolint:gosec // a folder
}

// checkAbove refuses a place that others can put another folder into: one whose folders above let
// everybody rename what lies in them.
func checkAbove(place string) error {
	for above := filepath.Dir(place); ; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
			return fmt.Errorf("%s lies in %s, where everybody can put another one in its place (mode %04o): move it, or chmod o-w %s",
				place, above, info.Mode().Perm(), above)
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

func checkFolder(name string) error {
	info, err := os.Lstat(name)
	if err != nil {
		return err
	}
	return checkFile(name, info, fs.ModeDir)
}

// checkFile refuses a part of a warehouse's folder that is not of the kind, not this user's, or open to others.
func checkFile(name string, info fs.FileInfo, kind fs.FileMode) error {
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return linkError(name)
	case kind == fs.ModeDir && mode.Type() != kind:
		return &fs.PathError{Op: "open", Path: name, Err: unix.ENOTDIR}
	case mode.Type() != kind:
		return fmt.Errorf("%s is not a file of stagelag's: remove it", name)
	case ownerOf(info) != os.Geteuid():
		return fmt.Errorf("%s belongs to %s, and this is %s: use it as its owner, or set warehouse.path to another folder",
			name, userName(ownerOf(info)), userName(os.Geteuid()))
	case mode.Perm()&writableByOthers != 0:
		return fmt.Errorf("%s can be written by others (mode %04o), so what is in it may not be yours: chmod go-w %s if you know that it is, or set warehouse.path to another folder",
			name, mode.Perm(), name)
	}
	return nil
}

func linkError(name string) error {
	return fmt.Errorf("%s is a symbolic link, which is not followed here: put what it leads to in its place", name)
}

// ownerOf is the owner of a file on a disk, -1 where the system does not say.
func ownerOf(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}

// userName is for a person.
func userName(id int) string {
	if u, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return u.Username
	}
	return "user " + strconv.Itoa(id)
}

// openOwn opens a file of the folder's, which is made with mode 0600 where the flags say so. It follows
// no link, waits for nothing, and opens nothing that is not this user's alone to write.
func openOwn(name string, flags int) (*os.File, error) {
	file, err := os.OpenFile(name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, linkError(name)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = checkFile(name, info, info.Mode().Type()&fs.ModeNamedPipe)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func readOwn(name string) ([]byte, error) {
	file, err := openOwn(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// writeOwn replaces the content of a file. Unlike [replace] it does so in place, for what need not
// outlast the engine.
func writeOwn(name string, content []byte) error {
	file, err := openOwn(name, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.Write(content)
	}
	return errors.Join(err, file.Close())
}
