package embedded

import (
	"os"
	"syscall"
)

// dieWithParent makes the kernel end a child when the thread that started it
// ends, however that happens.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }

// nameProcess gives this process the name that ps and pkill show. It would else be called exe, as the
// file that it was started from.
func nameProcess(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }
