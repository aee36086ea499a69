package socket

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls, as they are. Each moves maxCall bytes at most and never blocks: Go's
// sockets do not, and MSG_DONTWAIT says so again where it can be said.

// maxCall is how many bytes one call moves at most: some 50 microseconds, in which the
// thread runs nothing else and a garbage collection that begins has to wait for it.
const maxCall = 256 << 10

// read reads what there is; 0 bytes without an error are the end.
func read(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(min(len(p), maxCall)))
	return int(n), errno
}

// peek returns EAGAIN when read would have to wait.
func peek(fd uintptr) syscall.Errno {
	var one [1]byte
	_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&one)), uintptr(len(one)), unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// write writes p and more, or their beginning. With follows the end does not go out alone:
// something else is written at once.
func write(fd uintptr, p, more []byte, follows bool) (int, syscall.Errno) {
	first := min(len(p), maxCall)
	pieces := [2]unix.Iovec{{Base: unsafe.SliceData(p)}, {Base: unsafe.SliceData(more)}}
	pieces[0].SetLen(first)
	if first == len(p) {
		pieces[1].SetLen(min(len(more), maxCall-first))
	}
	message := unix.Msghdr{Iov: &pieces[0]}
	message.SetIovlen(len(pieces))
	flags := uintptr(unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT)
	if follows {
		flags |= unix.MSG_MORE
	}
	n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), flags)
	return int(n), errno
}

// push sends what was written with more to follow, which setting TCP_NODELAY does (tcp(7)),
// also where it is set, as Go sets it on all connections.
func push(fd uintptr) {
	on := int32(1)
	_, _, _ = unix.RawSyscall6(unix.SYS_SETSOCKOPT, fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, uintptr(unsafe.Pointer(&on)), unsafe.Sizeof(on), 0)
}

// sendFile sends what is in src from at to end, or its beginning, and moves at; 0 bytes
// without an error say that the file has ended.
func sendFile(fd, src uintptr, at *int64, end int64) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDFILE, fd, src, uintptr(unsafe.Pointer(at)), uintptr(min(end-*at, maxCall)), 0, 0)
	return int(n), errno
}
