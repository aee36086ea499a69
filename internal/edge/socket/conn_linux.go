package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Conn is a TCP connection. Any number of goroutines may use it, as any net.Conn.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
	in  receipt
	out dispatch
}

// Wrap returns a connection that makes its calls without Go's scheduler, or c itself when it
// is none of TCP. What c is used for otherwise, other than closing it, may mix with it.
func Wrap(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	w := &Conn{TCPConn: tcp, raw: raw}
	w.in.call, w.in.peek = w.in.receive, w.in.listen
	w.out.call, w.out.fromFile = w.out.send, func(fd uintptr) { w.out.file(w.raw, fd) }
	return w
}

// Unwrap returns the connection that Wrap was given: one that nobody uses for a while needs
// no more memory than it does.
func Unwrap(c net.Conn) net.Conn {
	if w, ok := c.(*Conn); ok {
		return w.TCPConn
	}
	return c
}

// receipt is a read under way. Its functions are made once: a read allocates nothing.
type receipt struct {
	mu   sync.Mutex
	call func(fd uintptr) (done bool) // receive
	into []byte
	n    int
	err  syscall.Errno

	peek   func(fd uintptr) // listen
	silent bool
}

// receive reads what there is. It returns false when there is nothing yet.
func (r *receipt) receive(fd uintptr) (done bool) {
	for {
		r.n, r.err = read(fd, r.into)
		if r.err != unix.EINTR {
			return r.err != unix.EAGAIN
		}
	}
}

// Read reads what there is, and waits for it when there is nothing.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r := &c.in
	r.mu.Lock()
	defer r.mu.Unlock()
	r.into = p
	err := c.raw.Read(r.call)
	r.into = nil
	switch {
	case err != nil:
		return 0, err
	case r.err != 0:
		return 0, c.failure("read", r.err)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// Silent reports whether the connection is open and nothing has arrived that was not read.
// It must not be called while somebody reads.
func (c *Conn) Silent() bool {
	c.in.silent = false
	return c.raw.Control(c.in.peek) == nil && c.in.silent
}

// listen notes whether a read would have to wait.
func (r *receipt) listen(fd uintptr) { r.silent = peek(fd) == unix.EAGAIN }

// failure is an error as net has it.
func (c *Conn) failure(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno)}
}

// dispatch is a write under way: of bytes and more bytes, or of a file's beginning.
type dispatch struct {
	mu       sync.Mutex
	call     func(fd uintptr) (done bool) // send
	fromFile func(fd uintptr)             // file
	corked   atomic.Bool

	bytes []byte
	more  []byte
	src   uintptr // the file
	at    int64   // in the file
	end   int64   // 0 for no file
	n     int64   // bytes sent
	err   error
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Gather(p, nil)
	return int(n), err
}

// Gather writes all of p, and all of more behind it.
func (c *Conn) Gather(p, more []byte) (int64, error) {
	d := &c.out
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin(p, more)
	err := c.raw.Write(d.call)
	return c.sent(err)
}

// Cork makes writes send full packets only: what does not fill one waits for the next write,
// or for Uncork. TLS writes a long answer as many records.
func (c *Conn) Cork() { c.out.corked.Store(true) }

// Uncork sends what waits.
func (c *Conn) Uncork() error {
	c.out.corked.Store(false)
	return c.raw.Control(push)
}

// SendFile writes n bytes from the beginning of a file. It returns false, with nothing sent,
// when the file is closed.
func (c *Conn) SendFile(file syscall.RawConn, n int64) (open bool, err error) {
	d := &c.out
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begin(nil, nil)
	d.end = n
	if err := file.Control(d.fromFile); err != nil {
		return false, nil // it is closed, and that is no failure of the connection
	}
	_, err = c.sent(d.err)
	return true, err
}

// file sends while the file cannot be closed.
func (d *dispatch) file(raw syscall.RawConn, src uintptr) {
	d.src = src
	if err := raw.Write(d.call); err != nil {
		d.err = err
	}
}

func (d *dispatch) begin(p, more []byte) {
	d.bytes, d.more, d.at, d.end, d.n, d.err = p, more, 0, 0, 0, nil
}

// sent ends a write.
func (c *Conn) sent(err error) (int64, error) {
	d := &c.out
	d.bytes, d.more = nil, nil
	if err == nil {
		err = d.err
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = c.failure("write", errno)
	}
	return d.n, err
}

// send writes what the socket takes. It returns false when there is more.
func (d *dispatch) send(fd uintptr) (done bool) {
	for d.err == nil && (len(d.bytes)+len(d.more) > 0 || d.at < d.end) {
		switch err := d.step(fd); {
		case err == nil, errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return false
		default:
			d.err = err
		}
	}
	return true
}

// step makes one call.
func (d *dispatch) step(fd uintptr) error {
	if len(d.bytes)+len(d.more) > 0 {
		n, errno := write(fd, d.bytes, d.more, d.corked.Load())
		if errno != 0 {
			return errno
		}
		first := min(n, len(d.bytes))
		d.bytes, d.more = d.bytes[first:], d.more[n-first:]
		d.n += int64(n)
		return nil
	}
	n, errno := sendFile(fd, d.src, &d.at, d.end)
	switch {
	case errno != 0:
		return errno
	case n == 0:
		return io.ErrUnexpectedEOF // the file is shorter than was said
	}
	d.n += int64(n)
	return nil
}
