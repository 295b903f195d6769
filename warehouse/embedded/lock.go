package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked says that another process has the lock.
var errLocked = errors.New("is locked by another process")

// tryLock takes the file's lock, or returns errLocked. The lock lasts until the
// file is closed here and in every process that inherited it.
func tryLock(name string) (*os.File, error) {
	file, err := openOwn(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s %w", name, errLocked)
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}

// lock is tryLock that waits. Waiting in the kernel could not be ended by ctx.
func lock(ctx context.Context, name string) (*os.File, error) {
	for {
		file, err := tryLock(name)
		if !errors.Is(err, errLocked) {
			return file, err
		}
		if pause(ctx) != nil {
			return nil, err
		}
	}
}

// pause waits a moment between two looks at something that gives no notice.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Millisecond):
		return nil
	}
}
