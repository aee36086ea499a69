package front

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/edge/wire"
)

// outBuffer is what is gathered before it is written: what is in a record of TLS.
const outBuffer = 16 << 10

// outs lends buffers for writing.
var outs = sync.Pool{New: func() any { return new([outBuffer]byte) }} //nolint:gochecknoglobals // a cache

// writer is the answer to one request. The head is made when the handler writes it, but
// for how the body ends, which is decided when the first bytes have to go.
type writer struct {
	conn   *conn
	req    *http.Request
	header http.Header
	lent   *[outBuffer]byte
	out    []byte // of lent: what is to be written
	pend   []byte // the beginning of a body whose end is not known yet

	status  int
	length  int64 // that the handler stated; -1 for none
	written int64

	trailers []string // announced by the handler
	trailing bool     // a trailer may follow the body

	framed   bool // how the body ends is decided and said
	chunked  bool
	bodiless bool
	close    bool  // the connection ends with this answer
	err      error // of the connection
}

// begin makes the writer ready for an answer.
func (w *writer) begin(c *conn, req *http.Request, last bool) {
	*w = writer{conn: c, req: req, header: w.header, pend: w.pend[:0], length: -1, close: last}
	if w.header == nil {
		w.header = http.Header{} // small: a request that waits has one, too
	}
	clear(w.header)
}

// Header returns the fields to be sent.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader sends an interim answer at once and notes the head of the final one.
func (w *writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("front: invalid status " + strconv.Itoa(status))
	}
	switch {
	case w.status != 0:
		return
	case status < http.StatusOK:
		w.interim(status)
		return
	}
	w.status = status
	w.close = w.close || w.conn.body.tooLong()
	w.bodiless = status == http.StatusNoContent || status == http.StatusNotModified || w.req.Method == http.MethodHead
	w.lend()
	w.out = appendStatus(w.out, status)
	dated := false
	for name, values := range w.header {
		switch name {
		case "Content-Length":
			w.stated(values)
			continue
		case "Content-Type":
			if status == http.StatusNotModified {
				continue // of what the client has already
			}
		case "Connection":
			w.close = w.close || slices.ContainsFunc(values, closes)
			continue
		case "Transfer-Encoding":
			continue
		case "Trailer":
			w.announce(values)
		case "Date":
			dated = true
		}
		w.trailing = w.trailing || strings.HasPrefix(name, http.TrailerPrefix)
		w.out = appendField(w.out, name, values)
	}
	if !dated {
		w.out = append(w.out, *w.conn.server.date.Load()...)
	}
	if w.close {
		w.out = append(w.out, "Connection: close\r\n"...)
	} else {
		w.out = appendField(w.out, "Connection", w.header["Connection"])
	}
	switch {
	case w.length >= 0 && status != http.StatusNoContent && status != http.StatusNotModified:
		w.frameLength(w.length)
	case w.bodiless:
		w.frame()
	}
}

func closes(list string) bool { return wire.HasToken(list, "close") }

// WritePrepared sends an answer whose head is made already: whole lines, with its Date and
// its Content-Length. It returns false, with nothing sent, when something else is to be in
// the head.
func (w *writer) WritePrepared(status int, head, body []byte) bool {
	if !w.takesPrepared(status) {
		return false
	}
	w.status, w.bodiless = status, w.req.Method == http.MethodHead
	w.lend()
	w.out = append(appendStatus(w.out, status), head...)
	w.frame()
	if !w.bodiless {
		w.length, w.written = int64(len(body)), int64(len(body))
		w.add(body)
	}
	return true
}

// takesPrepared reports whether nothing is known that the head of a prepared answer lacks.
func (w *writer) takesPrepared(status int) bool {
	return w.status == 0 && len(w.header) == 0 && !w.close && status != http.StatusNoContent
}

func (w *writer) lend() {
	if w.lent == nil {
		w.lent = outs.Get().(*[outBuffer]byte) //nolint:errcheck // New makes nothing else
		w.out = w.lent[:0]
	}
}

// stated reads the length that the handler set.
func (w *writer) stated(values []string) {
	if len(values) == 0 {
		return
	}
	if n, err := strconv.ParseInt(values[0], 10, 64); err == nil && n >= 0 {
		w.length = n
	}
}

// frame ends the head.
func (w *writer) frame() {
	w.framed = true
	w.out = append(w.out, "\r\n"...)
}

func (w *writer) frameLength(n int64) {
	w.out = append(w.out, "Content-Length: "...)
	w.out = strconv.AppendInt(w.out, n, 10)
	w.out = append(w.out, "\r\n"...)
	w.frame()
}

func (w *writer) frameChunks() {
	w.chunked = true
	w.out = append(w.out, "Transfer-Encoding: chunked\r\n"...)
	w.frame()
	if pend := w.pend; len(pend) > 0 {
		w.pend = pend[:0]
		w.chunk(pend)
	}
}

// interim sends an informational answer (RFC 9110 15.2).
func (w *writer) interim(status int) {
	b := appendStatus(make([]byte, 0, 256), status)
	for name, values := range w.header {
		if name != "Content-Length" && name != "Transfer-Encoding" {
			b = appendField(b, name, values)
		}
	}
	w.send(append(b, "\r\n"...))
}

// Write adds to the body.
func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case len(p) == 0:
		return 0, nil
	case w.bodiless && w.req.Method == http.MethodHead:
		return len(p), nil
	case w.bodiless:
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	switch {
	case w.length >= 0:
		w.add(p)
	case w.chunked:
		w.chunk(p)
	case len(w.pend)+len(p) <= maxPending:
		w.pend = append(w.pend, p...)
	default:
		w.frameChunks()
		w.chunk(p)
	}
	return len(p), w.err
}

// maxPending is how long a body may be that gets a length although none was stated.
const maxPending = 4 << 10

// WriteString is Write.
func (w *writer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// add gathers small pieces and sends large ones as they are.
func (w *writer) add(p []byte) {
	if len(w.out)+len(p) <= cap(w.out) {
		w.out = append(w.out, p...)
		return
	}
	w.flush(p)
}

func (w *writer) chunk(p []byte) {
	w.out = strconv.AppendInt(w.out, int64(len(p)), 16)
	w.out = append(w.out, "\r\n"...)
	w.add(p)
	w.out = append(w.out, "\r\n"...)
}

// maxPiece is how much is written at most until the client has to have taken it.
const maxPiece = 256 << 10

// flush sends what was gathered, and p behind it.
func (w *writer) flush(p []byte) {
	for len(p) > maxPiece {
		w.flushPiece(p[:maxPiece])
		p = p[maxPiece:]
	}
	w.flushPiece(p)
}

func (w *writer) flushPiece(p []byte) {
	if w.err != nil {
		return
	}
	w.conn.writingSince.Store(w.conn.server.now.Load())
	defer w.conn.writingSince.Store(0)
	if tcp, ok := w.conn.net.(*net.TCPConn); ok && len(p) > 0 {
		w.fail(w.conn.writeBoth(tcp, p))
	} else {
		w.sendRecords(p)
	}
	w.out = w.out[:0]
}

// writeBoth writes what was gathered and p with one system call.
func (c *conn) writeBoth(tcp *net.TCPConn, p []byte) error {
	c.two = [...][]byte{c.out.out, p}
	c.pieces = c.two[:]
	_, err := c.pieces.WriteTo(tcp)
	return err
}

// sendRecords sends over TLS, in which every write is a record at least. The first one is
// filled up, and records share packets.
func (w *writer) sendRecords(p []byte) {
	n := copy(w.out[len(w.out):cap(w.out)], p)
	w.out, p = w.out[:len(w.out)+n], p[n:]
	if len(p) > 0 {
		cork(w.conn.raw, true)
		defer cork(w.conn.raw, false)
	}
	w.send(w.out)
	w.send(p)
}

func (w *writer) send(p []byte) {
	if w.err == nil && len(p) > 0 {
		_, err := w.conn.net.Write(p)
		w.fail(err)
	}
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Flush sends what there is.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError sends what there is.
func (w *writer) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.framed {
		w.frameChunks()
	}
	if len(w.out) > 0 {
		w.flush(nil)
	}
	return w.err
}

// SetReadDeadline bounds reads of the body.
func (w *writer) SetReadDeadline(t time.Time) error {
	w.conn.deadlines.Store(true)
	return w.conn.net.SetReadDeadline(t)
}

// SetWriteDeadline bounds writes of the answer. It may be called from anywhere while the
// handler runs.
func (w *writer) SetWriteDeadline(t time.Time) error {
	w.conn.deadlines.Store(true)
	return w.conn.net.SetWriteDeadline(t)
}

// EnableFullDuplex is how it always is.
func (w *writer) EnableFullDuplex() error { return nil }

// finish sends the rest. It reports whether the connection can go on.
func (w *writer) finish() bool {
	defer w.drop()
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.trailing && !w.framed {
		w.frameChunks()
	}
	switch {
	case !w.framed:
		w.frameLength(int64(len(w.pend)))
		w.add(w.pend)
	case w.chunked:
		w.out = w.appendTrailer(append(w.out, "0\r\n"...))
	}
	if len(w.out) > 0 {
		w.flush(nil)
	}
	// A client that was promised more than came must see that: by the connection's end.
	short := !w.bodiless && w.length >= 0 && w.written != w.length
	return w.err == nil && !w.close && !short
}

// drop forgets what was not sent.
func (w *writer) drop() {
	if w.lent != nil {
		outs.Put(w.lent)
	}
	w.lent, w.out = nil, nil
}

func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	return append(b, "\r\n"...)
}

// appendField appends a line for each value, but not for an invalid name, such as those for
// the trailer are. A line end within a value ends no line.
func appendField(b []byte, name string, values []string) []byte {
	if !wire.ValidName(name) {
		return b
	}
	for _, value := range values {
		b = append(b, name...)
		b = append(b, ": "...)
		if strings.ContainsAny(value, "\r\n") {
			value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
		}
		b = append(b, value...)
		b = append(b, "\r\n"...)
	}
	return b
}
