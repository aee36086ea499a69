package edge

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// accessFlush is how long a line may stay in the buffer.
const accessFlush = time.Second

// AccessLog writes one JSON object for each answered request. Close it to write the rest.
type AccessLog struct {
	done chan struct{}
	idle sync.WaitGroup

	mu  sync.Mutex
	buf *bufio.Writer
}

// NewAccessLog returns a log that writes to w in large pieces.
func NewAccessLog(w io.Writer) *AccessLog {
	l := &AccessLog{done: make(chan struct{}), buf: bufio.NewWriterSize(w, 64<<10)}
	l.idle.Go(l.flushRegularly)
	return l
}

// write adds one line.
func (l *AccessLog) write(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.buf.Write(line) // the error stays in the writer and is returned by Close
}

// Close writes what is buffered and returns the first error of any write.
func (l *AccessLog) Close() error {
	close(l.done)
	l.idle.Wait()
	return l.flush()
}

func (l *AccessLog) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Flush()
}

func (l *AccessLog) flushRegularly() {
	t := time.NewTicker(accessFlush)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = l.flush() // the error stays in the writer and is returned by Close
		case <-l.done:
			return
		}
	}
}

// Wrap returns next with every answer logged, also one that was aborted. Paths are logged
// without their query, which may carry secrets.
func (l *AccessLog) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		rec := &recorder{ResponseWriter: w, start: time.Now()}
		if p := parkedOf(req); p != nil {
			rec.start = p.arrived
		}
		defer func() { l.record(req, rec) }()
		next.ServeHTTP(rec, req)
	})
}

func (l *AccessLog) record(req *http.Request, rec *recorder) {
	if rec.parked {
		return // it is logged when it was answered
	}
	var room [512]byte
	now := time.Now()
	b := append(room[:0], `{"time":"`...)
	b = now.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"INFO","msg":"request"`...)
	b = appendText(b, "client", peer(req))
	b = appendText(b, "method", req.Method)
	b = appendText(b, "host", req.Host)
	b = appendText(b, "path", req.URL.Path)
	b = appendNumber(b, "status", int64(rec.status))
	b = appendNumber(b, "bytes", rec.bytes)
	b = appendNumber(b, "us", now.Sub(rec.start).Microseconds())
	b = appendText(b, "held_ms", rec.Header().Get(HeldHeader))
	l.write(append(b, "}\n"...))
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

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	start  time.Time
	status int
	bytes  int64
	parked bool
}

func (r *recorder) setParked() { r.parked = true }

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
	p, ok := r.ResponseWriter.(interface {
		WritePrepared(status int, head, body []byte) bool
	})
	if !ok || !p.WritePrepared(status, head, body) {
		return false
	}
	r.status, r.bytes = status, int64(len(body))
	return true
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
