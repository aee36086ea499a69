package edge

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// descriptor returns the number of a socket's descriptor, which stays valid until the
// socket is closed.
func descriptor(c net.Conn) (fd int, ok bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(own uintptr) { fd = int(own) })
	return fd, err == nil
}

// gone returns those whose client has closed its side. A descriptor that was closed and
// given to another connection meanwhile may be among them.
func gone(all []*parked) []*parked {
	const atOnce = 1024
	var left []*parked
	for len(all) > 0 {
		some := all[:min(atOnce, len(all))]
		all = all[len(some):]
		fds := make([]unix.PollFd, len(some))
		for i, p := range some {
			fds[i] = unix.PollFd{Fd: int32(p.fd), Events: unix.POLLRDHUP} //nolint:gosec // a descriptor fits
		}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
			continue
		}
		for i, fd := range fds {
			if fd.Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0 {
				left = append(left, some[i])
			}
		}
	}
	return left
}
