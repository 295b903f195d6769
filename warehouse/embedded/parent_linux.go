package embedded

import "syscall"

// dieWithParent makes the kernel end a child when the thread that started it
// ends, however that happens.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
