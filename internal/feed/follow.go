package feed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"sluice/internal/platform"
)

// Follow copies the text of the log to w, from its beginning, line by line, until the
// log is sealed (then it returns nil), ctx ends (its cause) or w fails. The log need not
// exist yet.
func (f *Feed) Follow(ctx context.Context, activity string, w io.Writer) error {
	for e, err := range f.Entries(ctx, activity, 0) {
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, e.Message+"\n"); err != nil {
			return fmt.Errorf("follow log of activity %s: %w", activity, err)
		}
	}
	return nil
}

// Entries yields the entries of the log whose ID is at least from, and waits for more.
// The sequence ends without an error when the log is sealed; otherwise its last element
// is an error: the cause of ctx, or why the log cannot be read. The log need not exist yet.
func (f *Feed) Entries(ctx context.Context, activity string, from int) iter.Seq2[platform.LogEntry, error] {
	return func(yield func(platform.LogEntry, error) bool) {
		j, err := f.acquire(activity)
		if err != nil {
			yield(platform.LogEntry{}, err)
			return
		}
		r := &reader{journal: j}
		defer func() { _ = errors.Join(r.close(), f.release(j)) }() // both were only read
		for {
			size, more := j.growth()
			done, err := r.readTo(size, func(e platform.LogEntry) bool { return e.ID < from || ctx.Err() != nil || yield(e, nil) })
			if err != nil {
				yield(platform.LogEntry{}, fmt.Errorf("read log of activity %s: %w", activity, err))
			}
			if done || err != nil {
				return
			}
			select {
			case <-more:
			case <-ctx.Done():
				yield(platform.LogEntry{}, context.Cause(ctx))
				return
			}
		}
	}
}

// reader reads a log file as far as whole lines are known to be there.
type reader struct {
	journal *journal
	file    *os.File
	offset  int64
}

// readTo reads on up to size and hands every entry to each. done is true after the seal,
// or when each returned false.
func (r *reader) readTo(size int64, each func(platform.LogEntry) bool) (done bool, err error) {
	if r.offset >= size {
		return false, nil
	}
	if r.file == nil {
		if r.file, err = r.journal.root.Open(r.journal.name); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return true, nil // removed: there will be no more
			}
			return false, err
		}
	}
	lines := bufio.NewScanner(io.NewSectionReader(r.file, r.offset, size-r.offset))
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	lines.Split(scanWholeLines)
	for lines.Scan() {
		r.offset += int64(len(lines.Bytes()))
		e, seal, ok := parseRecord(bytes.TrimSuffix(lines.Bytes(), []byte("\n")))
		if seal || (ok && !each(e)) {
			return true, nil
		}
	}
	return false, lines.Err()
}

func (r *reader) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
