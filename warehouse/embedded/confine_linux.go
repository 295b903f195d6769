package embedded

import (
	"errors"
	"fmt"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// refusing is a policy that refuses (EPERM) what an engine does not need.
func refusing(mayStartPrograms bool) seccomp.Policy {
	refused := []string{"connect", "sendmsg", "sendmmsg", "io_uring_setup"}
	if !mayStartPrograms {
		refused = append(refused, "execve", "execveat")
	}
	return seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{
			Action: seccomp.ActionErrno,
			Names:  refused,
			NamesWithCondtions: []seccomp.NameWithConditions{{
				// With an address, its fifth argument. Without one it answers who has connected.
				Name:       "sendto",
				Conditions: seccomp.ArgumentConditions{{Argument: 4, Operation: seccomp.NotEqual, Value: 0}},
			}},
		}},
	}
}

// canConfine is whether the system lets a process give up what confine takes.
func canConfine() bool {
	policy := refusing(true)
	_, err := policy.Assemble() // not for every processor
	return err == nil && seccomp.Supported()
}

// confine takes away from this process, for good, what an engine does not need: to connect to somebody, in whichever
// network, and, if it is told so, to start programs. It can still be connected to.
func confine(mayStartPrograms bool) error {
	// All threads, and without the slowness that is for programs which execute what strangers wrote. Kernels
	// older than 4.17 do not know that.
	var err error
	for _, flag := range []seccomp.FilterFlag{seccomp.FilterFlagTSync | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, seccomp.FilterFlagTSync} {
		err = seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Flag: flag, Policy: refusing(mayStartPrograms)})
		if !errors.Is(err, unix.EINVAL) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("confine the engine: %w", err)
	}
	return nil
}
