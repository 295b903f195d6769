//go:build !linux

package embedded

import "syscall"

// dieWithParent does nothing: the engine ends on its own when the pipe on its
// standard input closes, which takes as long as its last query.
func dieWithParent(*syscall.SysProcAttr) {}

// nameProcess leaves the name to the arguments that the process was started with.
func nameProcess(string) {}
