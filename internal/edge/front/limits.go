package front

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound the connections of a Server. The zero value bounds nothing.
type Limits struct {
	Connections int                   // at once; 0 for any number
	PerAddress  int                   // of one address at once, of one /64 in IPv6; 0 for any number
	Exempt      func(netip.Addr) bool // addresses without a limit of their own, such as proxies; nil for none
}

// counter counts connections.
type counter struct {
	limits Limits

	mu     sync.Mutex
	from   map[netip.Addr]int
	conns  map[net.Conn]netip.Addr
	over   int64     // connections that were closed at once, and not logged yet
	logged time.Time // last
}

// origin is whose share a connection takes.
func origin(addr net.Addr) netip.Addr {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// add counts a connection, until done. It reports false when there are too many.
func (c *counter) add(nc net.Conn) bool {
	from := origin(nc.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.limits.PerAddress > 0 && from.IsValid() && !from.IsLoopback() && (c.limits.Exempt == nil || !c.limits.Exempt(from))
	if c.limits.Connections > 0 && len(c.conns) >= c.limits.Connections || own && c.from[from] >= c.limits.PerAddress {
		c.over++
		return false
	}
	if c.conns == nil {
		c.conns, c.from = map[net.Conn]netip.Addr{}, map[netip.Addr]int{}
	}
	c.conns[nc] = from
	c.from[from]++
	return true
}

// done takes a connection out. It may be called more than once.
func (c *counter) done(nc net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from, counted := c.conns[nc]
	if !counted {
		return
	}
	delete(c.conns, nc)
	if c.from[from]--; c.from[from] == 0 {
		delete(c.from, from)
	}
}

// overEvery is how often it is logged that connections are refused.
const overEvery = time.Minute

// logOver says that connections were refused, now and then.
func (s *Server) logOver() {
	now := time.Now()
	s.count.mu.Lock()
	n, due, limits := s.count.over, now.Sub(s.count.logged) >= overEvery, s.count.limits
	if due {
		s.count.over, s.count.logged = 0, now
	}
	s.count.mu.Unlock()
	if due {
		s.log.Warn("closed new connections: too many are open", slog.Int64("closed", n),
			slog.Int("max_connections", limits.Connections), slog.Int("max_per_address", limits.PerAddress))
	}
}

// Limit sets the limits of connections that are accepted from now on.
func (s *Server) Limit(l Limits) {
	s.count.mu.Lock()
	defer s.count.mu.Unlock()
	s.count.limits = l
}
