package feed

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"sluice/internal/platform"
	"sluice/internal/termtext"
)

// journal is one log file. Readers open it for themselves and wait on grown.
type journal struct {
	activity string
	root     *os.Root
	name     string
	maxSize  int64
	now      func() time.Time
	users    int          // guarded by Feed.mu
	ready    func() error // finds out where the log stopped, once

	mu     sync.Mutex
	file   *os.File // for appending; nil until something is written
	last   int      // identifier of the last line
	size   int64
	sealed bool
	full   bool
	mask   termtext.Masker
	grown  chan struct{} // closed and replaced when the file has grown
}

func newJournal(f *Feed, activity string) *journal {
	j := &journal{
		activity: activity, root: f.root, name: activity + ".log", maxSize: f.maxSize,
		now: f.now, grown: make(chan struct{}),
	}
	j.ready = sync.OnceValue(j.load)
	return j
}

// load reads where the log stopped, and repairs its end after a crash.
func (j *journal) load() error {
	file, err := j.root.OpenFile(j.name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // nothing of value is buffered
	return j.repair(file)
}

// repair finds the last whole line. What comes after it is the rest of a write that a
// crash cut; it is truncated, and no reader has seen it as a line.
func (j *journal) repair(file *os.File) error {
	var good, offset int64
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(scanWholeLines)
	for lines.Scan() {
		offset += int64(len(lines.Bytes()))
		if e, seal, ok := parseRecord(bytes.TrimSuffix(lines.Bytes(), []byte("\n"))); ok {
			good = offset
			j.last = max(j.last, e.ID)
			j.sealed = j.sealed || seal
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return err
	}
	j.size = good
	j.full = j.size >= j.maxSize
	info, err := file.Stat()
	if err != nil || info.Size() == good {
		return err
	}
	return file.Truncate(good)
}

// scanWholeLines is a bufio.SplitFunc for lines with their newline; an unfinished last
// line does not count.
func scanWholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	return 0, nil, nil
}

func (j *journal) setMask(m termtext.Masker) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mask = m
}

// append writes the texts as lines, in one write: without secrets, and safe to show on a
// terminal.
func (j *journal) append(texts []string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sealed {
		return platform.Errorf(platform.CodeConflict, "the log of activity %s is complete", j.activity)
	}
	var buf bytes.Buffer
	last := j.last
	for _, text := range texts {
		if j.full {
			break
		}
		text = termtext.Line(j.mask.Mask(text))
		if j.size+int64(buf.Len()+len(text)) > j.maxSize {
			j.full = true
			text = fmt.Sprintf("W: this log has reached its limit of %d bytes; further lines are dropped", j.maxSize)
		}
		last++
		if err := appendEntry(&buf, platform.LogEntry{ID: last, Time: j.now(), Message: text}); err != nil {
			return err
		}
	}
	if err := j.write(buf.Bytes()); err != nil {
		return err
	}
	j.last = last
	return nil
}

// seal ends the log.
func (j *journal) seal() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sealed {
		return nil
	}
	var buf bytes.Buffer
	if err := appendRecord(&buf, record{Seal: true}); err != nil {
		return err
	}
	if err := j.write(buf.Bytes()); err != nil {
		return err
	}
	j.sealed = true
	return j.file.Sync()
}

// write appends to the file and wakes the readers. A write that fails half-way, on a
// full disk, is taken back: readers must not take its part for the start of the next line.
func (j *journal) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if j.file == nil {
		file, err := j.root.OpenFile(j.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		j.file = file
	}
	if _, err := j.file.Write(b); err != nil {
		return errors.Join(fmt.Errorf("write log: %w", err), j.file.Truncate(j.size))
	}
	j.size += int64(len(b))
	close(j.grown)
	j.grown = make(chan struct{})
	return nil
}

// growth returns how much of the file may be read, and a channel that is closed when
// there is more.
func (j *journal) growth() (size int64, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size, j.grown
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// writer splits what is written into the lines of a journal.
type writer struct {
	feed    *Feed
	journal *journal

	mu     sync.Mutex
	rest   []byte // an unfinished line
	closed bool
}

// Write implements io.Writer. It takes all of p or returns an error.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, fmt.Errorf("write log: %w", os.ErrClosed)
	}
	var texts []string
	texts, w.rest = splitLines(append(w.rest, p...))
	if len(texts) == 0 {
		return len(p), nil
	}
	if err := w.journal.append(texts); err != nil {
		return 0, err
	}
	return len(p), nil
}

// splitLines returns the whole lines of data and the rest. A line longer than maxText is
// cut.
func splitLines(data []byte) (texts []string, rest []byte) {
	for {
		i := bytes.IndexByte(data, '\n')
		switch {
		case i >= 0 && i <= maxText:
			texts = append(texts, cleanText(data[:i]))
			data = data[i+1:]
		case len(data) > maxText:
			texts = append(texts, cleanText(data[:maxText]))
			data = data[maxText:]
		default:
			return texts, bytes.Clone(data)
		}
	}
}

// Close writes the unfinished line, if there is one. Closing twice is not an error.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	var err error
	if len(w.rest) > 0 {
		err = w.journal.append([]string{cleanText(w.rest)})
	}
	return errors.Join(err, w.feed.release(w.journal))
}

var _ io.WriteCloser = (*writer)(nil)
