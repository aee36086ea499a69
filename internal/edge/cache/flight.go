package cache

import (
	"context"
	"sync"
	"time"
)

// flights are the questions that the application is being asked, so that it is asked
// each of them once.
type flights struct {
	mu sync.Mutex
	of map[string]*flight
}

// flight is one question. Its result may be read when done is closed.
type flight struct {
	done  chan struct{}
	once  sync.Once
	epoch int64 // of the question when it began

	entry *entry // nil when the answer is not for others
	body  []byte
	alone bool // the answer cannot be shared: let everybody ask
}

// join returns the flight of a question, and whether the caller is to ask it.
func (fs *flights) join(name string, epoch int64) (f *flight, leader bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.of[name]; f != nil && f.epoch == epoch {
		return f, false
	}
	if fs.of == nil {
		fs.of = map[string]*flight{}
	}
	f = &flight{done: make(chan struct{}), epoch: epoch}
	fs.of[name] = f
	return f, true
}

// land ends a flight with what set says. Only the first call counts.
func (fs *flights) land(name string, f *flight, set func()) {
	f.once.Do(func() {
		if set != nil {
			set()
		}
		fs.mu.Lock()
		if fs.of[name] == f {
			delete(fs.of, name)
		}
		fs.mu.Unlock()
		close(f.done)
	})
}

// wait returns whether the flight landed before the limit or the end of ctx.
func (f *flight) wait(ctx context.Context, limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-f.done:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}
