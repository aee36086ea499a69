package front

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"sluice/internal/edge/h2"
)

// Server serves plain requests itself and hands the rest to an http.Server.
type Server struct {
	full    *http.Server // its limits and ConnContext are ours, too
	handler http.Handler
	log     *slog.Logger
	rest    *handoff // what full serves

	closing atomic.Bool
	now     atomic.Int64 // a clock that ticks with watch; nanoseconds
	date    atomic.Pointer[string]

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	count     counter
	empty     chan struct{} // made by Shutdown; closed when no connection is left
	over      chan struct{} // closed by Close
	once      sync.Once     // of over
	serving   bool
	guard     guard       // of requests that net/http reads
	http2     *h2.Options // set when the first listener is served
	workers   h2.Workers

	keepsHanded bool // tests compare whole conversations with net/http's
	work        sync.WaitGroup
}

// New returns a server in front of full, which must not be serving yet and is shut down
// and closed with it.
func New(full *http.Server, log *slog.Logger) *Server {
	s := &Server{
		full: full, handler: full.Handler, log: log, rest: newHandoff(),
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{}, over: make(chan struct{}),
	}
	s.tick(time.Now())
	full.DisableGeneralOptionsHandler = true // it would answer before serveFull is asked
	full.Handler = http.HandlerFunc(s.serveFull)
	full.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			if h, ok := c.(*handed); ok {
				c = h.Conn
			}
			s.count.done(c)
		}
	}
	connContext := full.ConnContext
	full.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if connContext != nil {
			ctx = connContext(ctx, c)
		}
		return context.WithValue(ctx, handedKey{}, c)
	}
	return s
}

// serveFull is the handler of what net/http reads. The response is the last one of an
// HTTP/1 connection: the head of every request is to be seen here first (wire.Refuse).
func (s *Server) serveFull(w http.ResponseWriter, req *http.Request) {
	restoreTLS(req)
	if req.ProtoMajor == 1 && !s.keepsHanded {
		w.Header().Set("Connection", "close")
	}
	s.guard.serve(s.handler, w, req)
}

// maxHead is how long a head may be: net/http's limit.
func (s *Server) maxHead() int {
	if n := s.full.MaxHeaderBytes; n > 0 {
		return n
	}
	return http.DefaultMaxHeaderBytes
}

// Serve accepts connections until the server is shut down, when it returns
// http.ErrServerClosed, or l fails. Connections of l that are *tls.Conn speak TLS, and
// HTTP/2 where client and configuration agree on it. Serve closes l.
func (s *Server) Serve(l net.Listener) error {
	if !s.open(l) {
		_ = l.Close()
		return http.ErrServerClosed
	}
	defer s.forget(l)
	return s.accept(l)
}

// ServeTLS is Serve with the TLS configuration of the http.Server.
func (s *Server) ServeTLS(l net.Listener) error {
	return s.Serve(tls.NewListener(l, s.full.TLSConfig))
}

// accept starts a goroutine for each connection.
func (s *Server) accept(l net.Listener) error {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.closing.Load() {
				return http.ErrServerClosed
			}
			if !temporary(err) {
				return err
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accept failed; trying again", slog.Any("error", err))
			time.Sleep(pause)
			continue
		}
		pause = 0
		if !s.count.add(nc) {
			_ = nc.Close()
			s.logOver()
			continue
		}
		c := s.newConn(nc)
		if c == nil || !s.add(c) {
			s.rest.give(nc)
			continue
		}
		go c.serve()
	}
}

// temporary reports whether a failure to accept may pass: descriptors may be scarce.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (s *Server) open(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	if !s.serving {
		s.serving = true
		s.http2 = s.optionsHTTP2()
		s.work.Go(s.watch)
		s.work.Go(func() { _ = s.full.Serve(s.rest) }) // until it is shut down
	}
	return true
}

func (s *Server) forget(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	_ = l.Close()
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.settle()
}

func (s *Server) settle() {
	if s.empty != nil && len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
	}
}

// stop ends accepting and wakes connections that wait for a request.
func (s *Server) stop() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing.Store(true)
	for l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		c.wakeIdle()
	}
	empty := make(chan struct{})
	s.empty = empty
	s.settle()
	return empty
}

// Shutdown stops accepting, closes idle connections and returns when all requests have
// been answered, or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	empty := s.stop()
	err := s.full.Shutdown(ctx)
	select {
	case <-empty:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err == nil {
		s.end()
	}
	return err
}

// Close ends everything at once.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	for c := range s.conns {
		c.leave(http.ErrServerClosed)
		_ = c.raw.Close()
	}
	s.mu.Unlock()
	err := s.full.Close()
	s.end()
	return err
}

// end stops watching.
func (s *Server) end() {
	s.once.Do(func() { close(s.over) })
	s.workers.End()
	s.work.Wait()
}
