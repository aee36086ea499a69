package h2

import (
	"runtime"
	"sync"
)

// outBuffer is how much waits to be written until those who write wait.
const outBuffer = 64 << 10

// outs lends buffers of frames.
var outs = sync.Pool{New: func() any { return new([outBuffer]byte) }} //nolint:gochecknoglobals // a cache

// record is how much fits into one record of TLS.
const record = 16 << 10

// room makes sure that there is a buffer. The lock is held, as everywhere below.
func (c *Conn) room() {
	if c.out == nil {
		c.out = outs.Get().(*[outBuffer]byte)[:0] //nolint:errcheck // New makes nothing else
	}
}

// kick has written what there is, by another goroutine: the reader must go on reading.
func (c *Conn) kick() {
	if !c.flushing && len(c.out) > 0 && c.err == nil {
		c.flushing = true
		go func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.writeAll()
		}()
	}
}

// flush has written what there is. When somebody else is writing, that one does it. st is the
// stream that waits for it; nil for none.
func (c *Conn) flush(st *stream) {
	if c.flushing || len(c.out) == 0 || c.err != nil {
		return
	}
	c.flushing = true
	if c.running > 0 { // others are about to say something, too: one write, one record
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	}
	c.flusher = st
	c.write()
	c.flusher, c.flushing = nil, false
	c.kick() // what came meanwhile is not this request's business
}

func (c *Conn) writeAll() {
	for len(c.out) > 0 && c.err == nil {
		c.write()
	}
	c.flushing = false
}

// write writes what there is now. The lock is released meanwhile.
func (c *Conn) write() {
	b := c.out
	c.out, c.control = nil, 0
	c.writing.Store(c.o.Now())
	c.mu.Unlock()
	err := c.send(b)
	if cap(b) == outBuffer {
		outs.Put((*[outBuffer]byte)(b[:outBuffer]))
	}
	c.mu.Lock()
	c.writing.Store(0)
	c.wrote.Broadcast()
	if err != nil {
		c.fail(err)
		_ = c.net.Close() // the reader ends
	}
	c.wakeWaiting()
}

func (c *Conn) send(b []byte) error {
	if len(b) > record && c.cork != nil {
		c.cork(true)
		defer c.cork(false)
	}
	_, err := c.net.Write(b)
	return err
}

// wakeWaiting wakes those who wait for room in the buffer or for the connection's window.
func (c *Conn) wakeWaiting() {
	if c.waiting == 0 {
		return
	}
	for _, st := range c.streams {
		if st.sendingSince != 0 {
			st.changed.Broadcast()
		}
	}
}

// credit is how much a client may still send, of a body or of all.
type credit struct {
	left   int // bytes
	unsaid int // bytes that were read and not announced yet
	size   int // of the window
}

// take counts what came. It reports false when that was too much.
func (c *credit) take(n int) bool {
	c.left -= n
	return c.left >= 0
}

// give counts what was read, and returns how much is to be announced: now and then half a
// window.
func (c *credit) give(n int) (announce int) {
	if c.unsaid += n; c.unsaid < c.size/2 {
		return 0
	}
	announce, c.unsaid = c.unsaid, 0
	c.left += announce
	return announce
}
