package front

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// handoff is the listener of the http.Server: it accepts what is handed over.
type handoff struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), over: make(chan struct{})}
}

// give hands a connection over, or closes it when the server has ended.
func (h *handoff) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.over:
		_ = c.Close()
	}
}

// Accept returns the next connection.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.over:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (h *handoff) Close() error { h.once.Do(func() { close(h.over) }); return nil }

// Addr returns a placeholder; the listener has no address.
func (h *handoff) Addr() net.Addr { return &net.TCPAddr{} }

// handed is a connection of which something was read already.
type handed struct {
	net.Conn
	begin []byte
	tls   *tls.ConnectionState // nil without TLS
}

// Read returns what was read before first.
func (h *handed) Read(p []byte) (int, error) {
	if len(h.begin) == 0 {
		return h.Conn.Read(p)
	}
	n := copy(p, h.begin)
	h.begin = h.begin[n:]
	if len(h.begin) == 0 {
		h.begin = nil
	}
	return n, nil
}

// NetConn returns the connection below.
func (h *handed) NetConn() net.Conn { return h.Conn }

// CloseWrite tells the client that no more comes.
func (h *handed) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type handedKey struct{}

// restoreTLS sets what net/http does not see on a connection that was handed over.
func restoreTLS(req *http.Request) {
	if h, ok := req.Context().Value(handedKey{}).(*handed); ok && req.TLS == nil {
		req.TLS = h.tls
	}
}
