package relay

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// upload sends a request's body while the response is already waited for: a backend may
// answer before it has read everything.
type upload struct {
	body  *body
	done  chan struct{}
	whole atomic.Bool  // the backend got it
	asks  atomic.Bool  // the client is waited for
	last  atomic.Int64 // when a part of it came from the client; nanoseconds
	cut   bool         // it is answered before it came to its end
}

// bodies lends buffers for bodies.
var bodies = sync.Pool{New: func() any { return new([bodyBuffer]byte) }} //nolint:gochecknoglobals // a cache

const bodyBuffer = 32 << 10

func (c *call) startUpload(u *conn) *upload {
	from := c.body
	// Without it the server reads the rest of a body before it sends an early answer.
	_ = http.NewResponseController(c.w).EnableFullDuplex()
	up := &upload{body: from, done: make(chan struct{})}
	up.touch()
	go func() {
		defer close(up.done)
		defer c.catch(func() {
			from.failed.Store(true)
			u.Abort()
		})
		err := up.send(u, c.req)
		up.whole.Store(err == nil)
		if err != nil && from.failed.Load() {
			u.Abort() // half a request must not be waited for, nor carried out
		}
	}()
	return up
}

// read reads from the client.
func (up *upload) read(p []byte) (int, error) {
	up.asks.Store(true)
	defer up.asks.Store(false)
	defer up.touch()
	return up.body.Read(p)
}

func (up *upload) touch() { up.last.Store(time.Now().UnixNano()) }

// due returns since when it is the backend's turn: now, while the client is waited for.
func (up *upload) due() time.Time {
	if up.asks.Load() {
		return time.Now()
	}
	return time.Unix(0, up.last.Load())
}

// sent reports whether the backend has got the whole body.
func (up *upload) sent() bool {
	select {
	case <-up.done:
		return up.whole.Load()
	default:
		return false
	}
}

// closing tells the client, before an answer that comes while its body is still on its way,
// that the connection ends with it.
func (up *upload) closing(h http.Header, req *http.Request) {
	if up != nil && !up.body.ended.Load() {
		up.cut = true
		if req.ProtoMajor == 1 {
			h.Set("Connection", "close")
		}
	}
}

// stop ends what is left of an upload after the answer. Only on a connection that is
// closed with it: to net/http an interrupted read is a client that has left.
func (up *upload) stop(w http.ResponseWriter) {
	switch {
	case up == nil || up.sent():
	case up.cut:
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		<-up.done
	default:
		<-up.done // all was read; what it still writes ends with the backend's connection
	}
}

// send copies the body in the framing that the head announced.
func (up *upload) send(u *conn, req *http.Request) error {
	buf := bodies.Get().(*[bodyBuffer]byte) //nolint:errcheck // New makes nothing else
	defer bodies.Put(buf)
	if req.ContentLength >= 0 {
		return up.sendLength(u, req.ContentLength, buf[:])
	}
	const room = 10 // for a chunk's size before it and the line end behind it
	for {
		n, err := up.read(buf[room : len(buf)-2])
		if n > 0 {
			size := strconv.AppendInt(make([]byte, 0, room), int64(n), 16)
			size = append(size, "\r\n"...)
			start := room - len(size)
			copy(buf[start:], size)
			copy(buf[room+n:], "\r\n")
			if _, err := u.Write(buf[start : room+n+2]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			_, err := u.Write(appendTrailer([]byte("0\r\n"), req.Trailer))
			return err
		case err != nil:
			return err
		}
	}
}

// sendLength copies exactly the announced length.
func (up *upload) sendLength(u *conn, length int64, buf []byte) error {
	for left := length; left > 0; {
		n, err := up.read(buf[:min(int64(len(buf)), left)])
		left -= int64(n)
		if left == 0 {
			up.body.ended.Store(true)
		}
		if n > 0 {
			if _, err := u.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err != nil && left > 0 {
			return early(err)
		}
	}
	return nil
}

func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendTrailer ends a chunked body.
func appendTrailer(b []byte, trailer http.Header) []byte {
	for name, values := range trailer {
		for _, value := range values {
			if mayTrail(name) {
				b = appendField(b, name, value)
			}
		}
	}
	return append(b, "\r\n"...)
}
