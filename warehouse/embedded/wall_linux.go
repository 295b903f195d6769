package embedded

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// walls are the ways to give a keeper, and the engine with it, a network of its own, the best one first:
// nobody else is in it, and nothing leads out of it. What the gate listens on is handed in, and stays in
// the network of the machine. Which ways the system allows is seen by trying.
//
// Root needs no user namespace for it, and would lose the right to open what is not its own in one.
func walls() []func(*syscall.SysProcAttr) {
	network := func(attributes *syscall.SysProcAttr) { attributes.Cloneflags |= unix.CLONE_NEWNET }
	userAndNetwork := func(attributes *syscall.SysProcAttr) {
		network(attributes)
		attributes.Cloneflags |= unix.CLONE_NEWUSER
		// Everybody stays who he is.
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		attributes.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN} // to have loopback, see openLoopback
	}
	if os.Geteuid() == 0 {
		return []func(*syscall.SysProcAttr){network, userAndNetwork}
	}
	return []func(*syscall.SysProcAttr){userAndNetwork}
}

// openLoopback gives the network of this process its loopback addresses, which a new one does not have.
// What was needed for that the engine does not get: call it on the thread that starts the engine.
func openLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(socket) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("set up loopback: %w", err)
	}
	return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
}
