package cache

import (
	"os"
	"syscall"
)

// A large answer that is asked for again and again over connections without TLS has its
// body a second time, in a file without a name: in the cache's directory, or else in the
// system's memory. The system sends from there without copying. TLS, ranges and everything
// else use the body itself.

const (
	minTwin  = 32 << 10 // below it, copying costs less than a file does
	maxTwins = 512      // files at once, each of which is a descriptor
)

// twin is the file of a body. Its content never changes; it may be closed at any time.
type twin struct {
	file *os.File
	raw  syscall.RawConn
	size int64
}

// source is what a server sends from, nil for none.
func (t *twin) source() syscall.RawConn {
	if t == nil {
		return nil
	}
	return t.raw
}

func (t *twin) close() { _ = t.file.Close() } // it has no name: nothing is left to be lost

// wantsTwin reports whether f is large, often used, and has none.
func (f *found) wantsTwin() bool {
	return f.twin == nil && len(f.body) >= minTwin && f.hits.Load() >= maxHits
}

// double gives the entry a twin, which is counted as memory like its body. It does nothing
// when there are too many, or the entry left the memory meanwhile; a file that could not be
// made is not tried again.
func (s *store) double(f *found) {
	if s.twins.Load() >= maxTwins || !f.doubled.CompareAndSwap(false, true) {
		return
	}
	t := s.newTwin(f.body)
	if t == nil {
		return
	}
	if !s.attach(f, t) {
		t.close()
		return
	}
	f.twin = t
	s.shrink()
}

// newTwin returns nil when the system gives no file.
func (s *store) newTwin(body []byte) *twin {
	f, err := s.newFile()
	if err != nil {
		return nil
	}
	raw, err := f.SyscallConn()
	if err == nil {
		_, err = f.Write(body)
	}
	if err != nil {
		_ = f.Close() // it is given up
		return nil
	}
	return &twin{file: f, raw: raw, size: int64(len(body))}
}

func (s *store) newFile() (*os.File, error) {
	if s.disk != nil {
		return s.disk.create()
	}
	return memoryFile()
}

// attach puts the twin where the entry's uses find it.
func (s *store) attach(f *found, t *twin) bool {
	sh := s.shard([]byte(f.res.key))
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := f.entry
	if !e.resident || e.queue == nil || e.twin != nil {
		return false
	}
	e.twin = t
	s.twins.Add(1)
	e.queue.bytes += t.size
	s.charge(e, e.cost+t.size)
	return true
}

// detach closes the twin of an entry that is in no queue, if it has one. The caller holds
// the shard's lock.
func (s *store) detach(e *entry) {
	if e.twin == nil {
		return
	}
	s.charge(e, e.cost-e.twin.size)
	e.twin.close()
	e.twin = nil
	e.doubled.Store(false)
	s.twins.Add(-1)
}
