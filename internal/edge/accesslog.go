package edge

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// accessFlush is how long a line may stay in the buffer.
const accessFlush = time.Second

// AccessLog writes one JSON object for each answered request. Close it to write the rest.
type AccessLog struct {
	log  *slog.Logger
	done chan struct{}
	idle sync.WaitGroup

	mu  sync.Mutex
	buf *bufio.Writer
}

// NewAccessLog returns a log that writes to w in large pieces.
func NewAccessLog(w io.Writer) *AccessLog {
	l := &AccessLog{done: make(chan struct{}), buf: bufio.NewWriterSize(w, 64<<10)}
	l.log = slog.New(slog.NewJSONHandler(l, nil))
	l.idle.Go(l.flushRegularly)
	return l
}

// Write adds one line.
func (l *AccessLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
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
	l.log.LogAttrs(context.WithoutCancel(req.Context()), slog.LevelInfo, "request",
		slog.String("client", peer(req)),
		slog.String("method", req.Method),
		slog.String("host", req.Host),
		slog.String("path", req.URL.Path),
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes),
		slog.Int64("us", time.Since(rec.start).Microseconds()),
		slog.String("held_ms", rec.Header().Get(HeldHeader)),
	)
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

// Write counts the bytes of the body.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}
