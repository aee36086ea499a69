package front

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// cork makes the system send full packets only, until it is called with false. TLS writes
// a long response as many records.
func cork(c net.Conn, on bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	value := 0
	if on {
		value = 1
	}
	_ = raw.Control(func(fd uintptr) { // without it there are more packets
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, value)
	})
}
