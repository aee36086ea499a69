package cache

import (
	"net/http"
	"os"
	"strconv"
	"syscall"
)

// A large answer that is asked for many times a second over connections without TLS lies in
// a file as well, head and body, for as long as its head is right: Age makes that a second.
// The system sends it from there in one call and without copying. The file has no name; it
// is in the cache's directory, or else in the system's memory. TLS, ranges, conditions and
// rare requests use the body.

const (
	minWhole  = 32 << 10 // bytes of the body; below, copying costs less than a file does
	maxWholes = 512      // files at once, each of which is a descriptor
	manyUses  = 8        // of one head, so in a second
)

// whole is an answer in a file. It never changes; it may be closed at any time.
type whole struct {
	head *ageHeader // that is in it
	file *os.File
	raw  syscall.RawConn
	size int64
}

func (w *whole) close() { _ = w.file.Close() } // it has no name: nothing is left to be lost

// wholeWith returns the file that has the head, nil when there is none.
func (f *found) wholeWith(head *ageHeader) *whole {
	if f.whole != nil && f.whole.head == head {
		return f.whole
	}
	return nil
}

// use notes a use of the head that a file could serve. It reports whether it is time to
// make one: once for a head.
func (a *ageHeader) use() bool { return a.uses.Add(1) == manyUses }

// putDown puts an answer into a file, which counts as memory like its body and takes the
// place of the file with an earlier head. It does nothing when there are too many files,
// the system gives none, or the entry left the memory meanwhile.
func (s *store) putDown(f *found, head *ageHeader) {
	if f.whole == nil && s.wholes.Load() >= maxWholes {
		return
	}
	w := s.newWhole(f, head)
	if w == nil {
		return
	}
	if !s.attach(f, w) {
		w.close()
		return
	}
	s.shrink()
}

func (s *store) newWhole(f *found, head *ageHeader) *whole {
	file, err := s.newFile()
	if err != nil {
		return nil
	}
	w := &whole{head: head, file: file}
	if w.raw, err = file.SyscallConn(); err == nil {
		w.size, err = writeWhole(file, f, head)
	}
	if err != nil {
		w.close()
		return nil
	}
	return w
}

func (s *store) newFile() (*os.File, error) {
	if s.disk != nil {
		return s.disk.create()
	}
	return memoryFile()
}

// writeWhole writes an answer as it goes over a connection (RFC 9112 2.1).
func writeWhole(file *os.File, f *found, head *ageHeader) (size int64, err error) {
	b := make([]byte, 0, 64+len(head.lines)+len(f.body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(f.status), 10)
	b = append(append(append(b, ' '), http.StatusText(f.status)...), "\r\n"...)
	b = append(append(b, head.lines...), "\r\n"...)
	n, err := file.Write(append(b, f.body...))
	return int64(n), err
}

// attach puts a file where the entry's uses find it.
func (s *store) attach(f *found, w *whole) bool {
	sh := s.shard([]byte(f.res.key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := f.entry
	if !e.resident || e.queue == nil {
		return false
	}
	q := e.queue
	q.bytes -= e.cost
	s.detach(e)
	e.whole = w
	s.wholes.Add(1)
	s.charge(e, e.cost+w.size)
	q.bytes += e.cost
	return true
}

// detach closes the file of an entry, if it has one. The caller holds the shard's lock, and
// keeps the books of the entry's queue.
func (s *store) detach(e *entry) {
	if e.whole == nil {
		return
	}
	s.charge(e, e.cost-e.whole.size)
	e.whole.close()
	e.whole = nil
	s.wholes.Add(-1)
}
