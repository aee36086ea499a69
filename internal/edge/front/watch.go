package front

import (
	"errors"
	"net/http"
	"time"
)

// watchEvery is how often connections are looked at: limits are kept to about that.
const watchEvery = time.Second

// maxStall is how long a client may take nothing of a response, or send nothing of a body
// that is being read. There is no limit for all of it: uploads over slow lines are long.
const maxStall = time.Minute

// stalled reports whether a call that began then, or none, has waited for too long.
func stalled(since, now int64) bool { return since != 0 && time.Duration(now-since) > maxStall }

// errClientLeft is the cause of the end of a request whose client closed its connection.
var errClientLeft = errors.New("the client closed the connection")

// watch keeps the limits of all connections. Deadlines of each of them would have to be
// moved with every request.
func (s *Server) watch() {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	var list []*conn
	for {
		select {
		case <-s.over:
			return
		case now := <-t.C:
			s.tick(now)
			list = s.list(list[:0])
			for _, c := range list {
				c.check(now.UnixNano())
			}
			s.guard.check(now.UnixNano())
			s.workers.Trim()
			clear(list)
		}
	}
}

func (s *Server) list(list []*conn) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		list = append(list, c)
	}
	return list
}

// tick moves the clock.
func (s *Server) tick(now time.Time) {
	s.now.Store(now.UnixNano())
	date := "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
	s.date.Store(&date)
}

// check ends a connection that has been in its state for too long, and the request of a
// client that has left.
func (c *conn) check(now int64) {
	if h := c.http2.Load(); h != nil {
		h.Check(now)
		return
	}
	since := time.Duration(now - c.since.Load())
	switch c.state.Load() {
	case idle:
		if limit := c.server.full.IdleTimeout; limit > 0 && since > limit {
			c.wakeIdle()
		}
	case reading:
		if limit := c.server.full.ReadHeaderTimeout; limit > 0 && since > limit {
			_ = c.raw.Close()
		}
	case answering:
		if stalled(c.readingSince.Load(), now) || stalled(c.writingSince.Load(), now) {
			_ = c.raw.Close()
			return
		}
		if since > watchEvery && HungUp(c.raw) {
			c.leave(errClientLeft)
		}
	}
}
