package front

import (
	"context"
	"crypto/tls"
	"net"
)

// Parked is a connection that was hijacked from a Server, and what was known of it.
type Parked struct {
	Conn net.Conn                              // as Hijack returned it
	Read []byte                                // what is to be read first; the server's from now on
	TLS  *tls.ConnectionState                  // nil without TLS
	With func(context.Context) context.Context // makes the context of its requests; it ends with the connection
}

// Again serves a connection once more that was hijacked from the server. It returns at
// once and reports false, with nothing done, when the server is shut down.
func (s *Server) Again(p Parked) bool {
	c := s.newConn(p.Conn, p.With)
	if c == nil {
		return false
	}
	c.tls, c.buf, c.w = p.TLS, p.Read, len(p.Read)
	if !s.add(c) {
		return false // its context does not end: whoever is told of the end was not served
	}
	go c.serve()
	return true
}
