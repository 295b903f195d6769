package embedded

import (
	"fmt"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// canConfine is whether the system lets a process give up what confine takes.
func canConfine() bool { return seccomp.Supported() }

// confine takes away from this process, for good, what an engine does not need: to connect to somebody, in whichever
// network, and, if it is told so, to start programs. It can still be connected to.
func confine(mayStartPrograms bool) error {
	refused := []string{"connect", "sendmsg", "sendmmsg", "io_uring_setup"}
	if !mayStartPrograms {
		refused = append(refused, "execve", "execveat")
	}
	err := seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		// All threads, and without the slowness that is for programs which execute what strangers wrote.
		Flag: seccomp.FilterFlagTSync | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls: []seccomp.SyscallGroup{{
				Action: seccomp.ActionErrno, // EPERM
				Names:  refused,
				NamesWithCondtions: []seccomp.NameWithConditions{{
					// With an address, its fifth argument. Without one it answers who has connected.
					Name:       "sendto",
					Conditions: seccomp.ArgumentConditions{{Argument: 4, Operation: seccomp.NotEqual, Value: 0}},
				}},
			}},
		},
	})
	if err != nil {
		return fmt.Errorf("confine the engine: %w", err)
	}
	return nil
}
