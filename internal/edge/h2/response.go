package h2

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"

	"sluice/internal/edge/wire"
)

// response is what a stream keeps of its response. The handler's goroutine alone uses it,
// but for ended.
type response struct {
	header   http.Header
	status   int
	length   int64 // that the handler stated; -1 for none
	written  int64
	pend     []byte // the beginning of a body whose length is not known
	bodiless bool
	wrote    bool // the header is written
	ended    bool // nothing follows

	trailers []string // announced by the handler
	trailing bool     // a trailer may follow

	tooLarge     bool // the request's header
	trailerNames []string

	readTimer, writeTimer *time.Timer
}

// maxPending is how long a body may be that gets a length although none was stated.
const maxPending = 4 << 10

// Header returns the fields to be sent.
func (st *stream) Header() http.Header {
	if st.header == nil {
		st.header = make(http.Header, 8)
	}
	return st.header
}

// WriteHeader sends an informational response at once and notes the header of the final
// one.
func (st *stream) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("h2: invalid status " + strconv.Itoa(status))
	}
	if st.status != 0 {
		return
	}
	if status < http.StatusOK {
		st.interim(status)
		return
	}
	st.status, st.length = status, -1
	st.bodiless = status == http.StatusNoContent || status == http.StatusNotModified || st.req.Method == http.MethodHead
	if values := st.Header()["Content-Length"]; len(values) > 0 && status != http.StatusNoContent && status != http.StatusNotModified {
		if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
			st.length = n
		}
	}
	for name, values := range st.header {
		if name == "Trailer" {
			st.announce(values)
		}
		st.trailing = st.trailing || strings.HasPrefix(name, http.TrailerPrefix)
	}
	if st.length >= 0 || st.bodiless {
		st.sendHeader(st.bodiless || st.length == 0 && !st.trailing)
	}
}

func (st *stream) announce(lists []string) {
	st.trailing = true
	st.trailers = append(st.trailers, wire.Trailers(lists)...)
}

// interim sends an informational response.
func (st *stream) interim(status int) {
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.err != nil || st.wrote {
		return
	}
	c.appendStatus(status)
	for name, values := range st.Header() {
		if name != "Content-Length" {
			c.appendField(name, values)
		}
	}
	c.appendBlock(st.id, false)
	c.flush(st)
}

// sendHeader adds the header to what is written.
func (st *stream) sendHeader(end bool) {
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	st.wrote = true
	if st.err != nil {
		return
	}
	c.appendStatus(st.status)
	dated := false
	for name, values := range st.header {
		switch name {
		case "Content-Length", "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade":
			continue
		case "Content-Type":
			if st.status == http.StatusNotModified {
				continue // of what the client has already
			}
		case "Date":
			dated = true
		}
		c.appendField(name, values)
	}
	if st.length >= 0 {
		c.appendOne("content-length", strconv.FormatInt(st.length, 10))
	}
	if !dated {
		c.appendOne("date", c.o.Date())
	}
	c.appendBlock(st.id, end)
	st.ended = end
}

// WritePrepared sends a response whose header is made already: whole lines, with its Date
// and its Content-Length. It returns false, with nothing sent, when something else is to be
// in the header.
func (st *stream) WritePrepared(status int, head, body []byte) bool {
	if st.status != 0 || len(st.header) > 0 || status == http.StatusNoContent {
		return false
	}
	st.status, st.bodiless, st.length = status, len(body) == 0, int64(len(body))
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	st.wrote = true
	if st.err != nil {
		return true
	}
	c.appendStatus(status)
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(": "))
		c.appendOne(c.lowerName(string(name)), string(value))
	}
	st.ended = st.bodiless
	c.appendBlock(st.id, st.ended)
	if !st.bodiless {
		_ = st.send(body, true) // the client left
	}
	return true
}

// Write adds to the body.
func (st *stream) Write(p []byte) (int, error) {
	if st.status == 0 {
		st.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case st.bodiless && st.req.Method == http.MethodHead:
		return len(p), nil
	case st.bodiless:
		return 0, http.ErrBodyNotAllowed
	case st.length >= 0 && st.written+int64(len(p)) > st.length:
		return 0, http.ErrContentLength
	}
	st.written += int64(len(p))
	if !st.wrote {
		if len(st.pend)+len(p) <= maxPending {
			st.pend = append(st.pend, p...)
			return len(p), nil
		}
		if err := st.begun(); err != nil {
			return 0, err
		}
	}
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(p), st.send(p, st.written == st.length && !st.trailing)
}

// WriteString is Write.
func (st *stream) WriteString(s string) (int, error) { return st.Write([]byte(s)) }

// begun sends the header of a body whose length is not known, and what there is of it.
func (st *stream) begun() error {
	st.sendHeader(false)
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	pend := st.pend
	st.pend = nil
	return st.send(pend, false)
}

// send adds a part of the body to what is written, as much as the client takes at a time.
// The lock is held.
func (st *stream) send(p []byte, end bool) error {
	c := st.conn
	for len(p) > 0 {
		if st.err != nil {
			return st.err
		}
		n := min(int64(len(p)), c.window, st.window, int64(c.frame), int64(outBuffer-frameHead-len(c.out)))
		if n <= 0 {
			c.flush(st)
			if st.err == nil && (c.window <= 0 || st.window <= 0 || len(c.out) > outBuffer/2) {
				st.wait()
			}
			continue
		}
		c.window -= n
		st.window -= n
		last := end && n == int64(len(p))
		c.appendData(st.id, p[:n], last)
		st.ended = last
		p = p[n:]
	}
	if len(c.out) >= record {
		c.flush(st)
	}
	return st.err
}

const frameHead = 9

// wait waits until the client takes more. The lock is held.
func (st *stream) wait() {
	c := st.conn
	c.waiting++
	st.sendingSince = c.o.Now()
	st.changed.Wait()
	st.sendingSince = 0
	c.waiting--
}

// Flush sends what there is.
func (st *stream) Flush() { _ = st.FlushError() }

// FlushError sends what there is.
func (st *stream) FlushError() error {
	if st.status == 0 {
		st.WriteHeader(http.StatusOK)
	}
	if !st.wrote {
		if err := st.begun(); err != nil {
			return err
		}
	}
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush(st)
	return st.err
}

// finish ends the response. Done flushes it.
func (st *stream) finish() {
	if st.status == 0 {
		st.WriteHeader(http.StatusOK)
	}
	if !st.wrote {
		if !st.trailing {
			st.length = int64(len(st.pend))
		}
		st.sendHeader(st.length == 0)
	}
	c := st.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	short := !st.bodiless && st.length >= 0 && st.written != st.length
	if st.ended || st.err != nil || short { // done resets what is short
		return
	}
	pend := st.pend
	st.pend = nil
	if len(pend) > 0 && st.send(pend, !st.trailing) != nil || st.ended {
		return
	}
	st.ended = true
	if st.trailing && st.appendTrailer() {
		c.appendBlock(st.id, true)
		return
	}
	c.appendData(st.id, nil, true)
}

// appendTrailer codes the fields behind the body: those that were announced, and those that
// the handler set with http.TrailerPrefix. It reports false for none.
func (st *stream) appendTrailer() bool {
	for _, name := range st.trailers {
		st.conn.appendField(name, st.header[name])
	}
	for name, values := range st.header {
		if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			st.conn.appendField(trailer, values)
		}
	}
	return st.conn.block.Len() > 0
}

// appendStatus codes the status of a response. The lock is held until the block is
// appended: both sides remember what was coded in which order.
func (c *Conn) appendStatus(status int) {
	if status == http.StatusOK {
		c.appendOne(":status", "200")
		return
	}
	c.appendOne(":status", strconv.Itoa(status))
}

func (c *Conn) appendOne(name, value string) {
	_ = c.fields.WriteField(hpack.HeaderField{Name: name, Value: value}) // to memory
}

// appendField codes a field, but not one with an invalid name, such as those for the
// trailer have.
func (c *Conn) appendField(name string, values []string) {
	if !wire.ValidName(name) {
		return
	}
	lower := c.lowerName(name)
	for _, value := range values {
		if strings.ContainsAny(value, "\r\n\x00") {
			value = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(value)
		}
		c.appendOne(lower, value)
	}
}

// lowerName is strings.ToLower, which allocates, for the names of this connection.
func (c *Conn) lowerName(name string) string {
	if s, ok := c.lower[name]; ok {
		return s
	}
	s := strings.ToLower(name)
	if len(c.lower) < maxNames && len(name) < maxNames {
		c.lower[name] = s
	}
	return s
}
