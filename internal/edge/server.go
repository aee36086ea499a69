package edge

import (
	"log/slog"
	"net/http"
	"time"

	"sluice/internal/edge/front"
)

// Limits towards clients. There is none on all of a body or a response: a held request
// waits, and a large upload over a slow line is not an attack. What bounds clients that
// make no progress, and their number, is in front.
const (
	readHeaderTimeout = 10 * time.Second
	idleClientTimeout = 75 * time.Second
	maxHeaderBytes    = 64 << 10 // front's own limit; net/http takes 4 KiB more
)

// NewServer returns a server for h, which is a Router or wraps one, that does not let a
// client occupy it by sending its header slowly or endlessly.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleClientTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// NewFront returns a server that answers plain requests itself and has srv, which is one
// of NewServer, answer the others.
func NewFront(srv *http.Server, log *slog.Logger) *front.Server { return front.New(srv, log) }
