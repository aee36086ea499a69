package edge

import (
	"bufio"
	"io"
	"net/http"
	"sync"
	"time"
)

// accessFlush is how long a line may stay in the buffer.
const accessFlush = time.Second

// AccessLog writes one JSON object for each answered request. Close it to write the rest.
type AccessLog struct {
	done  chan struct{}
	idle  sync.WaitGroup
	lines sync.Pool // of *[]byte, in which lines are made

	mu  sync.Mutex
	to  io.Writer
	buf *bufio.Writer
	err error // the first
}

// NewAccessLog returns a log that writes to w in large pieces, whole lines each.
func NewAccessLog(w io.Writer) *AccessLog {
	l := &AccessLog{done: make(chan struct{}), to: w, buf: bufio.NewWriterSize(w, 64<<10)}
	l.lines.New = func() any { b := make([]byte, 0, 512); return &b }
	l.idle.Go(l.flushRegularly)
	return l
}

// write adds one line. It is never cut in two: another process may write to the same file.
func (l *AccessLog) write(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(line) > l.buf.Available() {
		l.flushLocked()
	}
	_, _ = l.buf.Write(line) // flushLocked meets the error again
}

// flushLocked writes what is buffered. When that fails it is lost, and what comes later is
// not: a disk has room again at some time.
func (l *AccessLog) flushLocked() {
	err := l.buf.Flush()
	if err == nil {
		return
	}
	l.buf.Reset(l.to)
	if l.err == nil {
		l.err = err
	}
}

// Flush writes what is buffered, before the file is another one.
func (l *AccessLog) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
}

// Close writes what is buffered and returns the first error of any write.
func (l *AccessLog) Close() error {
	close(l.done)
	l.idle.Wait()
	l.Flush()
	return l.err
}

func (l *AccessLog) flushRegularly() {
	t := time.NewTicker(accessFlush)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.Flush()
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
		defer func() { l.record(req, rec) }()
		next.ServeHTTP(rec, req)
	})
}
