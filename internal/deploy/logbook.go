package deploy

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// logbook writes an activity's log in the shape that users of the platform know
// (spec: platform 1.14): two spaces per level, "W: " for warnings, "E: " for errors.
// A log that cannot be written never stops a deployment.
type logbook struct {
	mu    sync.Mutex
	w     io.Writer
	blank bool // the last line was
}

func newLogbook(w io.Writer) *logbook { return &logbook{w: w} }

// Line writes one line at a level of indentation.
func (l *logbook) Line(level int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(strings.Repeat("  ", level) + fmt.Sprintf(format, args...))
}

func (l *logbook) write(line string) {
	_, _ = io.WriteString(l.w, line+"\n") // see type
	l.blank = line == ""
}

// Blank separates sections, by one line however often it is called.
func (l *logbook) Blank() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.blank {
		l.write("")
	}
}

// At returns a writer that indents every line it is given. Close writes out a last line
// that has no newline.
func (l *logbook) At(level int) *indented { return &indented{log: l, level: level} }

// indented splits what it is given into lines.
type indented struct {
	log   *logbook
	level int

	mu   sync.Mutex
	rest []byte
	seen func(line string) (keep bool) // nil: keep all
}

// maxLine bounds how much of an endless line is kept in memory.
const maxLine = 64 << 10

// Write implements io.Writer and never fails.
func (w *indented) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		i := bytes.IndexByte(w.rest, '\n')
		if i < 0 {
			break
		}
		w.emit(w.rest[:i])
		w.rest = w.rest[i+1:]
	}
	if len(w.rest) > maxLine {
		w.emit(w.rest)
		w.rest = nil
	}
	return len(p), nil
}

// Close writes what is left.
func (w *indented) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.emit(w.rest)
		w.rest = nil
	}
	return nil
}

func (w *indented) emit(line []byte) {
	s := strings.TrimRight(string(line), "\r")
	if w.seen != nil && !w.seen(s) {
		return
	}
	w.log.Line(w.level, "%s", s)
}

// took writes durations for people: "0.4 s", "1 m 12 s".
func took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d m %d s", d/time.Minute, d%time.Minute/time.Second)
}
