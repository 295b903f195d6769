//go:build !linux

package embedded

import "errors"

func canConfine() bool { return false }

func confine(bool) error { return errors.ErrUnsupported }
