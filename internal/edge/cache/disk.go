package cache

import (
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// Limits of the disk.
const (
	minSpill    = 1 << 10 // smaller bodies are not worth a place
	segments    = 16      // how many the disk's limit is divided into
	minSegment  = 1 << 20
	maxSegment  = 64 << 20
	segmentName = "sluice-cache-*.segment"
)

var (
	errDamaged = errors.New("the body on disk is not what was written")
	errDropped = errors.New("the segment was dropped")
	errTooBig  = errors.New("the body does not fit in a segment")
)

// disk keeps bodies that had to leave memory, one behind the other in files without a
// name: they end with the process, however it ends, so there is nothing of another
// process's that could be served. The oldest file is given up for a new one. What is in
// them is known in memory only.
type disk struct {
	dir     string
	size    int64 // of a segment
	log     *slog.Logger
	failing atomic.Bool // the last write failed, and was logged

	mu       sync.Mutex // guards what follows and the segments' entries
	segments []*segment // the oldest first; the last one is written to
	limit    int
}

// segment is one file.
type segment struct {
	mu   sync.RWMutex // guards file against being closed while it is read
	file *os.File     // nil after it was dropped

	end     int64 // guarded by disk.mu
	entries map[*entry]struct{}
}

// place is where a body is.
type place struct {
	segment *segment
	offset  int64
	length  int
	sum     uint32
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// openDisk makes the directory and removes what a process left there that ended between
// making a file and taking its name away.
func openDisk(dir string, limit int64, log *slog.Logger) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the cache's directory: %w", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, segmentName)) // the pattern is well formed
	for _, name := range left {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("sweep the cache's directory: %w", err)
		}
	}
	size := min(maxSegment, max(minSegment, limit/segments))
	d := &disk{dir: dir, size: size, log: log, limit: int(max(1, limit/size))}
	f, err := d.create() // says at the start what would be wrong later
	if err != nil {
		return nil, err
	}
	return d, f.Close()
}

// create returns a new file that has no name any more.
func (d *disk) create() (*os.File, error) {
	f, err := os.CreateTemp(d.dir, segmentName)
	if err != nil {
		return nil, fmt.Errorf("make a cache file: %w", err)
	}
	err = os.Remove(f.Name()) //nolint:gosec,nolintlint // it was made a line above; not every run of the linter sees a taint
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("unlink a cache file: %w", err), f.Close())
	}
	return f, nil
}

// put writes a body. It returns the entries that lost theirs because the oldest segment
// had to go.
func (d *disk) put(e *entry, body []byte) (place, []*entry, error) {
	where, dropped, err := d.reserve(e, len(body))
	if err == nil {
		where.sum = sumOf(body)
		if err = where.segment.write(body, where.offset); err != nil {
			d.forgetAt(e, where)
		}
	}
	if failed := err != nil; d.failing.Swap(failed) != failed && failed {
		d.log.Warn("the cache's disk cannot be written; answers that do not fit in memory are dropped",
			slog.String("dir", d.dir), slog.Any("error", err))
	}
	return where, dropped, err
}

func (d *disk) reserve(e *entry, n int) (place, []*entry, error) {
	if int64(n) > d.size {
		return place{}, nil, errTooBig
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var dropped []*entry
	last := d.last()
	if last == nil || last.end+int64(n) > d.size {
		if len(d.segments) >= d.limit {
			dropped = d.drop()
		}
		f, err := d.create()
		if err != nil {
			return place{}, dropped, err
		}
		last = &segment{file: f, entries: map[*entry]struct{}{}}
		d.segments = append(d.segments, last)
	}
	where := place{segment: last, offset: last.end, length: n}
	last.end += int64(n)
	last.entries[e] = struct{}{}
	return where, dropped, nil
}

func (d *disk) last() *segment {
	if len(d.segments) == 0 {
		return nil
	}
	return d.segments[len(d.segments)-1]
}

// drop gives up the oldest segment and returns who was in it.
func (d *disk) drop() []*entry {
	old := d.segments[0]
	d.segments = slices.Delete(d.segments, 0, 1)
	left := make([]*entry, 0, len(old.entries))
	for e := range old.entries {
		left = append(left, e)
	}
	old.entries = nil
	old.close()
	return left
}

func (d *disk) dropOldest() ([]*entry, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.segments) == 0 {
		return nil, false
	}
	return d.drop(), true
}

// holds reports whether the entry's place is still there.
func (d *disk) holds(e *entry, where place) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := where.segment.entries[e]
	return ok
}

// forget gives up the entry's place.
func (d *disk) forget(e *entry) { d.forgetAt(e, e.place) }

func (d *disk) forgetAt(e *entry, where place) {
	if where.segment == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(where.segment.entries, e)
}

// get reads a body, which must be the one that was written.
func (d *disk) get(where place) ([]byte, error) {
	body := make([]byte, where.length)
	if err := where.segment.read(body, where.offset); err != nil {
		return nil, err
	}
	if sumOf(body) != where.sum {
		d.log.Warn("a cached answer on disk is damaged; it is dropped", slog.String("dir", d.dir))
		return nil, errDamaged
	}
	return body, nil
}

// bytes returns what the files take.
func (d *disk) bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := int64(0)
	for _, s := range d.segments {
		n += s.end
	}
	return n
}

func (d *disk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.segments) > 0 {
		d.drop()
	}
}

func (s *segment) write(b []byte, offset int64) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		return errDropped
	}
	_, err := s.file.WriteAt(b, offset)
	return err
}

func (s *segment) read(b []byte, offset int64) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file == nil {
		return errDropped
	}
	_, err := s.file.ReadAt(b, offset)
	return err
}

func (s *segment) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.file.Close() // it has no name: nothing is left to be lost
	s.file = nil
}
