package work

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Logbook writes an activity's log in the shape that users of the platform know: two spaces
// for each level, "W: " for warnings, "E: " for errors. A log that cannot be written never
// stops an activity. It is safe for concurrent use.
type Logbook struct {
	mu    sync.Mutex
	w     io.Writer
	blank bool // the last line was
}

// NewLogbook returns a logbook that writes to w.
func NewLogbook(w io.Writer) *Logbook { return &Logbook{w: w} }

// Line writes one line at a level of indentation.
func (l *Logbook) Line(level int, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write(strings.Repeat("  ", level) + fmt.Sprintf(format, args...))
}

func (l *Logbook) write(line string) {
	_, _ = io.WriteString(l.w, line+"\n") // see type
	l.blank = line == ""
}

// Blank separates sections, by one line however often it is called.
func (l *Logbook) Blank() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.blank {
		l.write("")
	}
}

// At returns a writer that indents every line it is given. Close writes out a last line
// that has no newline.
func (l *Logbook) At(level int) *Lines { return &Lines{log: l, level: level} }

// Filter is At for output of which only the lines that keep approves belong in the log.
func (l *Logbook) Filter(level int, keep func(line string) bool) *Lines {
	return &Lines{log: l, level: level, keep: keep}
}

// Lines splits what it is given into lines of a log.
type Lines struct {
	log   *Logbook
	level int

	mu   sync.Mutex
	rest []byte
	keep func(line string) bool // nil: all
}

// maxLine bounds how much of an endless line is kept in memory.
const maxLine = 64 << 10

// Write implements io.Writer and never fails.
func (w *Lines) Write(p []byte) (int, error) {
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
func (w *Lines) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.emit(w.rest)
		w.rest = nil
	}
	return nil
}

func (w *Lines) emit(line []byte) {
	s := strings.TrimRight(string(line), "\r")
	if w.keep != nil && !w.keep(s) {
		return
	}
	w.log.Line(w.level, "%s", s)
}

// Took writes durations for people: "0.4 s", "1 m 12 s".
func Took(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d m %d s", d/time.Minute, d%time.Minute/time.Second)
}
