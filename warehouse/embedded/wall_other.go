//go:build !linux

package embedded

import (
	"errors"
	"syscall"
)

// walls are none: only Linux can give a process a network of its own.
func walls() []func(*syscall.SysProcAttr) { return nil }

func openLoopback() error { return errors.ErrUnsupported }
