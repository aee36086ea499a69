package edge

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"sluice/internal/edge/cache"
)

// record writes the line of a request. What does not apply to it is left out.
func (l *AccessLog) record(req *http.Request, rec *recorder) {
	room, ok := l.lines.Get().(*[]byte)
	if !ok {
		return
	}
	now := time.Now()
	b := (*room)[:0]
	b = append(b, `{"time":"`...)
	b = now.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"INFO","msg":"request"`...)
	b = appendText(b, "client", peer(req))
	b = appendText(b, "method", req.Method)
	b = appendText(b, "host", req.Host)
	b = appendText(b, "path", req.URL.Path)
	b = appendText(b, "proto", req.Proto)
	if req.TLS != nil {
		b = appendText(b, "tls", tlsVersion(req.TLS.Version))
		b = appendText(b, "alpn", req.TLS.NegotiatedProtocol)
	}
	b = appendNumber(b, "status", int64(rec.status))
	b = appendNumber(b, "bytes", rec.bytes)
	b = appendNumber(b, "us", now.Sub(rec.start).Microseconds())
	b = rec.appendWay(b)
	b = append(b, "}\n"...)
	l.write(b)
	if cap(b) <= maxLine {
		*room = b
		l.lines.Put(room)
	}
}

// maxLine is the longest line whose room is kept, in bytes.
const maxLine = 4 << 10

// appendWay adds how the answer came about.
func (r *recorder) appendWay(b []byte) []byte {
	if said := cache.SaidInHead(r.head); len(said) > 0 {
		b = append(append(append(b, `,"cache":"`...), said...), '"')
	} else if said := cache.Said(r.Header()); said != "" {
		b = append(append(append(b, `,"cache":"`...), said...), '"')
	}
	if held := r.Header()[HeldHeader]; len(held) > 0 && digits(held[0]) {
		b = append(append(b, `,"held_ms":`...), held[0]...)
	}
	if r.upstream.status != 0 {
		b = appendNumber(b, "upstream_status", int64(r.upstream.status))
		b = appendNumber(b, "upstream_us", r.upstream.took.Microseconds())
	}
	return b
}

// appendText adds a member of a JSON object. Encoding what needs no escapes by hand is
// half of what a line costs.
func appendText(b []byte, name, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			text, err := json.Marshal(value)
			if err != nil {
				text = []byte(`""`) // a string always encodes
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, value...)
	return append(b, '"')
}

func appendNumber(b []byte, name string, value int64) []byte {
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, value, 10)
}

// digits reports whether s is a number as JSON has it.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s == "0" || (s != "" && s[0] != '0')
}

// tlsVersion is the version as people write it.
func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS13:
		return "1.3"
	case tls.VersionTLS12:
		return "1.2"
	case tls.VersionTLS11:
		return "1.1"
	default:
		return "1.0"
	}
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	start    time.Time
	status   int
	bytes    int64
	head     []byte // of an answer whose head was made already; nil for others
	upstream upstreamResponse
}

// upstreamResponse is what an application answered, and how long it took to begin.
type upstreamResponse struct {
	status int
	took   time.Duration
}

// upstreamLog is a response writer that wants to know what an application answered.
type upstreamLog interface {
	upstreamBegan(upstream upstreamResponse)
	// ended is told the status of a request whose connection ends without a response.
	ended(status int)
}

func (r *recorder) ended(status int) { r.status = status }

func (r *recorder) upstreamBegan(upstream upstreamResponse) { r.upstream = upstream }

// upstreamLogOf finds it behind w, where http.ResponseController would look; nil when
// there is none.
func upstreamLogOf(w http.ResponseWriter) upstreamLog {
	for {
		if l, ok := w.(upstreamLog); ok {
			return l
		}
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapped.Unwrap()
	}
}

// Unwrap lets http.ResponseController flush and hijack.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// WriteHeader notes the final status; informational ones come before it.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// WritePrepared passes an answer on whose head is made already, to a server that takes it.
func (r *recorder) WritePrepared(status int, head, body []byte) bool {
	p, ok := r.ResponseWriter.(preparer)
	if !ok || !p.WritePrepared(status, head, body) {
		return false
	}
	r.status, r.bytes, r.head = status, int64(len(body)), head
	return true
}

// preparer is what a server's writer has for the cache.
type preparer interface {
	WritePrepared(status int, head, body []byte) bool
}

// Write counts the bytes of the body.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}
