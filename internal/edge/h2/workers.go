package h2

import "sync"

// maxIdleWorkers is how many goroutines wait for a request at most.
const maxIdleWorkers = 256

// Workers are goroutines that answer requests, one after the other: a new one would have
// to grow its stack for each. The zero value is ready to use.
type Workers struct {
	mu    sync.Mutex
	idle  []chan *stream
	ended bool
}

// run has a request answered.
func (w *Workers) run(st *stream) {
	w.mu.Lock()
	var ch chan *stream
	if n := len(w.idle); n > 0 {
		ch, w.idle = w.idle[n-1], w.idle[:n-1]
	}
	w.mu.Unlock()
	if ch == nil {
		go w.work(st)
		return
	}
	ch <- st
}

func (w *Workers) work(st *stream) {
	ch := make(chan *stream, 1)
	for ; st != nil; st = <-ch {
		st.serve()
		w.mu.Lock()
		if w.ended || len(w.idle) >= maxIdleWorkers {
			w.mu.Unlock()
			return
		}
		w.idle = append(w.idle, ch)
		w.mu.Unlock()
	}
}

// Trim ends half of those that have nothing to do. It is called about once a second.
func (w *Workers) Trim() { w.end((len(w.idleNow()) + 1) / 2) }

func (w *Workers) idleNow() []chan *stream {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.idle
}

// End ends all that have nothing to do, and the others when they are done.
func (w *Workers) End() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.end(maxIdleWorkers)
}

// end ends those that have waited for longest.
func (w *Workers) end(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, len(w.idle))
	for _, ch := range w.idle[:n] {
		ch <- nil
	}
	w.idle = append(w.idle[:0], w.idle[n:]...)
}
