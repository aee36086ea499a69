package front

import (
	"cmp"
	"strings"
	"time"

	"sluice/internal/edge/h2"
)

const protocolHTTP2 = "h2" // in a TLS handshake

// optionsHTTP2 are the limits of the http.Server as package h2 has them.
func (s *Server) optionsHTTP2() *h2.Options {
	o := &h2.Options{
		Handler: s.handler, Log: s.log, Workers: &s.workers,
		Now: s.now.Load,
		Date: func() string {
			return strings.TrimSuffix(strings.TrimPrefix(*s.date.Load(), "Date: "), "\r\n")
		},
		MaxHeader:    s.maxHead(),
		StreamWindow: 256 << 10, ConnWindow: 1 << 20,
		Greeting: s.full.ReadHeaderTimeout, Idle: s.full.IdleTimeout, Stall: maxStall,
	}
	if f := s.full.HTTP2; f != nil {
		o.StreamWindow = cmp.Or(f.MaxReceiveBufferPerStream, o.StreamWindow)
		o.ConnWindow = cmp.Or(f.MaxReceiveBufferPerConnection, o.ConnWindow)
		o.Silence, o.Answer = f.SendPingTimeout, cmp.Or(f.PingTimeout, 15*time.Second)
	}
	return o
}

// serveHTTP2 answers the requests of a client that speaks HTTP/2.
func (c *conn) serveHTTP2() {
	h := h2.NewConn(c.ctx, c.server.http2, c.net, c.tls, func(on bool) { cork(c.raw, on) })
	c.http2.Store(h)
	if c.server.closing.Load() {
		h.Leave()
	}
	h.Serve()
}
