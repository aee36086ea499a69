// Package socket is TCP connections as the router uses them: for calls that never block,
// made often.
//
// Before a system call Go's scheduler is told that the thread may be away for long, and
// after 20 microseconds it gives the thread's work to another thread. Sending 100 KiB takes
// that long, so a busy router would change threads in every answer. A Conn makes its calls
// without telling: the socket does not block, and one call moves a bounded number of bytes.
// Waiting, deadlines and closing are Go's as ever.
//
// A Conn can also send from a file, without copying. On systems other than Linux there are
// no such connections: Wrap returns what it is given.
//
// It knows no protocol and may import the standard library and golang.org/x/sys only.
package socket
