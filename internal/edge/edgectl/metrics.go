package edgectl

import (
	"log/slog"
	"net/http"
	"time"

	"sluice/internal/edge"
)

// MetricsServer returns a server of nothing but GET /metrics, for an address that only
// operators reach.
func MetricsServer(router *edge.Router, log *slog.Logger) *http.Server {
	s := &Server{router: router, mux: http.NewServeMux(), log: log}
	s.mux.HandleFunc("GET /metrics", s.metrics)
	srv := s.HTTPServer()
	srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout = 10*time.Second, time.Minute, 2*time.Minute
	return srv
}
