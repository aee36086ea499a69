package edgectl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"sluice/internal/edge"
	"sluice/internal/platform"
)

// maxBody bounds one control request: the largest publication has 50,000 redirects.
const maxBody = 32 << 20

// Server answers control requests for a router.
type Server struct {
	router *edge.Router
	mux    *http.ServeMux
	log    *slog.Logger

	certificates Certificates // nil without a TLS listener

	predecessor  bool   // the router was taken over from: the client that asks is its successor
	predecessors string // pattern of the sockets of those before this one; "" for none
	own          string // of them, that of this process
}

// NewServer returns the control endpoint of router.
func NewServer(router *edge.Router, log *slog.Logger) *Server {
	s := &Server{router: router, mux: http.NewServeMux(), log: log}
	s.mux.HandleFunc("POST /v1/environments/{env}/hold", answer(s, s.hold))
	s.mux.HandleFunc("POST /v1/environments/{env}/hold-briefly", answer(s, s.holdBriefly))
	s.mux.HandleFunc("POST /v1/environments/{env}/end-brief-hold", answer(s, s.endBriefHold))
	s.mux.HandleFunc("POST /v1/environments/{env}/commit", answer(s, s.commit))
	s.mux.HandleFunc("POST /v1/environments/{env}/publish", answer(s, s.publish))
	s.mux.HandleFunc("POST /v1/environments/{env}/resume", answer(s, s.resume))
	s.mux.HandleFunc("POST /v1/environments/{env}/close", answer(s, s.close))
	s.mux.HandleFunc("POST /v1/environments/{env}/offer", answer(s, s.offer))
	s.mux.HandleFunc("POST /v1/environments/{env}/configure", answer(s, s.configure))
	s.mux.HandleFunc("POST /v1/environments/{env}/bypass", answer(s, s.bypass))
	s.mux.HandleFunc("POST /v1/environments/{env}/purge", answer(s, s.purge))
	s.mux.HandleFunc("DELETE /v1/environments/{env}", answer(s, s.forget))
	s.mux.HandleFunc("GET /v1/environments/{env}", answer(s, s.status))
	s.mux.HandleFunc("GET /v1/environments", answer(s, s.list))
	s.mux.HandleFunc("PUT /v1/certificates", answer(s, s.replaceCertificates))
	s.mux.HandleFunc("GET /v1/certificates", answer(s, s.listCertificates))
	s.mux.HandleFunc("GET /v1/authority", answer(s, s.authority))
	s.mux.HandleFunc("GET /metrics", s.metrics)
	return s
}

// ServeHTTP answers one control request.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	req.Body = http.MaxBytesReader(w, req.Body, maxBody)
	if s.predecessor {
		req = req.WithContext(edge.Forwarded(req.Context()))
	}
	s.mux.ServeHTTP(w, req)
}

// HTTPServer returns a server for the control socket.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// nothing is the answer of operations that report nothing.
type nothing struct{}

// bypassing is the body of a bypass request.
type bypassing struct {
	Life time.Duration `json:"life"`
}

// briefHold is the body of the requests that begin and end a brief hold; the second has no limit.
type briefHold struct {
	Activity string        `json:"activity"`
	Limit    time.Duration `json:"limit,omitempty"`
}

// closing is the body of a close request.
type closing struct {
	Message string `json:"message"`
}

func (s *Server) hold(ctx context.Context, env platform.EnvironmentID, req *http.Request) (platform.HoldReport, error) {
	var h platform.Hold
	if err := decode(req, &h); err != nil {
		return platform.HoldReport{}, err
	}
	h.Environment = env
	return s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) { return s.router.Hold(ctx, h) },
		func(ctx context.Context, c *Client) (platform.HoldReport, error) { return c.Hold(ctx, h) })
}

func (s *Server) holdBriefly(ctx context.Context, env platform.EnvironmentID, req *http.Request) (nothing, error) {
	var p briefHold
	if err := decode(req, &p); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.passOn(ctx,
		func(ctx context.Context) error { return s.router.HoldBriefly(ctx, env, p.Activity, p.Limit) },
		func(ctx context.Context, c *Client) error { return c.HoldBriefly(ctx, env, p.Activity, p.Limit) })
}

func (s *Server) endBriefHold(ctx context.Context, env platform.EnvironmentID, req *http.Request) (platform.HoldReport, error) {
	var p briefHold
	if err := decode(req, &p); err != nil {
		return platform.HoldReport{}, err
	}
	return s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) {
			return s.router.EndBriefHold(ctx, env, p.Activity)
		},
		func(ctx context.Context, c *Client) (platform.HoldReport, error) {
			return c.EndBriefHold(ctx, env, p.Activity)
		})
}

func (s *Server) commit(ctx context.Context, env platform.EnvironmentID, _ *http.Request) (nothing, error) {
	return nothing{}, s.passOn(ctx,
		func(ctx context.Context) error { return s.router.Commit(ctx, env) },
		func(ctx context.Context, c *Client) error { return c.Commit(ctx, env) })
}

func (s *Server) publish(ctx context.Context, env platform.EnvironmentID, req *http.Request) (platform.HoldReport, error) {
	var p platform.Publication
	if err := decode(req, &p); err != nil {
		return platform.HoldReport{}, err
	}
	p.Environment = env
	return s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) {
			report, err := s.router.Publish(ctx, p)
			if err == nil {
				s.prepare(p)
			}
			return report, err
		},
		func(ctx context.Context, c *Client) (platform.HoldReport, error) { return c.Publish(ctx, p) })
}

func (s *Server) resume(ctx context.Context, env platform.EnvironmentID, _ *http.Request) (platform.HoldReport, error) {
	return s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) { return s.router.Resume(ctx, env) },
		func(ctx context.Context, c *Client) (platform.HoldReport, error) { return c.Resume(ctx, env) })
}

func (s *Server) close(ctx context.Context, env platform.EnvironmentID, req *http.Request) (platform.HoldReport, error) {
	var c closing
	if err := decode(req, &c); err != nil {
		return platform.HoldReport{}, err
	}
	return s.reported(ctx,
		func(ctx context.Context) (platform.HoldReport, error) { return s.router.Close(ctx, env, c.Message) },
		func(ctx context.Context, old *Client) (platform.HoldReport, error) {
			return old.Close(ctx, env, c.Message)
		})
}

func (s *Server) offer(ctx context.Context, env platform.EnvironmentID, req *http.Request) (nothing, error) {
	var p platform.Publication
	if err := decode(req, &p); err != nil {
		return nothing{}, err
	}
	p.Environment = env
	return nothing{}, s.passOn(ctx,
		func(ctx context.Context) error { return s.router.Offer(ctx, p) },
		func(ctx context.Context, c *Client) error { return c.Offer(ctx, p) })
}

func (s *Server) configure(ctx context.Context, env platform.EnvironmentID, req *http.Request) (nothing, error) {
	var settings platform.EdgeSettings
	if err := decode(req, &settings); err != nil {
		return nothing{}, err
	}
	return nothing{}, s.passOn(ctx,
		func(ctx context.Context) error { return s.router.Configure(ctx, env, settings) },
		func(ctx context.Context, c *Client) error { return c.Configure(ctx, env, settings) })
}

func (s *Server) bypass(ctx context.Context, env platform.EnvironmentID, req *http.Request) (edge.Bypass, error) {
	var b bypassing
	if err := decode(req, &b); err != nil {
		return edge.Bypass{}, err
	}
	return s.router.Bypass(ctx, env, b.Life)
}

// purge also empties the caches of predecessors, which still answer who waits there. The
// report is this router's.
func (s *Server) purge(ctx context.Context, env platform.EnvironmentID, req *http.Request) (report platform.PurgeReport, err error) {
	var p platform.Purge
	if err := decode(req, &p); err != nil {
		return report, err
	}
	err = s.passOn(ctx,
		func(ctx context.Context) error { report, err = s.router.Purge(ctx, env, p); return err },
		func(ctx context.Context, c *Client) error { _, err := c.Purge(ctx, env, p); return err })
	return report, err
}

func (s *Server) forget(ctx context.Context, env platform.EnvironmentID, _ *http.Request) (nothing, error) {
	return nothing{}, s.passOn(ctx,
		func(ctx context.Context) error { return s.router.Forget(ctx, env) },
		func(ctx context.Context, c *Client) error { return c.Forget(ctx, env) })
}

func (s *Server) status(ctx context.Context, env platform.EnvironmentID, _ *http.Request) (edge.Status, error) {
	status, err := s.router.Status(env)
	if err != nil {
		return status, err
	}
	return s.withOlder(ctx, status), nil
}

func (s *Server) list(ctx context.Context, _ platform.EnvironmentID, _ *http.Request) ([]edge.Status, error) {
	all := s.router.Statuses()
	for i := range all {
		all[i] = s.withOlder(ctx, all[i])
	}
	return all, nil
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_ = s.router.WriteMetrics(w) // the reader left
}

// answer makes a handler of an operation: its result as JSON, its error as a problem.
func answer[T any](s *Server, op func(context.Context, platform.EnvironmentID, *http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		result, err := op(req.Context(), platform.EnvironmentID(req.PathValue("env")), req)
		if err != nil {
			level := slog.LevelWarn
			if platform.ErrorCode(err) == platform.CodeNotFound {
				level = slog.LevelDebug // an answer as any other to who asks whether it is there
			}
			s.log.LogAttrs(req.Context(), level, "control request failed",
				slog.String("request", req.Method+" "+req.URL.Path), slog.Any("error", err))
			write(w, statusOf(err), newProblem(err))
			return
		}
		write(w, http.StatusOK, result)
	}
}

func decode(req *http.Request, v any) error {
	if err := json.NewDecoder(req.Body).Decode(v); err != nil {
		return &platform.Error{Code: platform.CodeInvalid, Message: "the control request is not valid JSON", Err: err}
	}
	return nil
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) //nolint:errchkjson // the reader left; it asks again
}

// problem is an error on the wire.
type problem struct {
	Code    platform.Code `json:"code"`
	Message string        `json:"message"`
	Hint    string        `json:"hint,omitempty"`
}

func newProblem(err error) problem {
	return problem{Code: platform.ErrorCode(err), Message: err.Error(), Hint: platform.ErrorHint(err)}
}

func (p problem) error() error {
	if p.Message == "" {
		return errors.New("the router answered with an error that it did not explain")
	}
	return &platform.Error{Code: p.Code, Message: p.Message, Hint: p.Hint}
}

// statusMoved tells a client to ask again: another process has the socket by now.
const statusMoved = http.StatusMisdirectedRequest

func statusOf(err error) int {
	if errors.Is(err, edge.ErrReplaced) {
		return statusMoved
	}
	return platform.ErrorCode(err).HTTPStatus()
}

// errRunning says that another router has the socket.
func errRunning(path string) error {
	return fmt.Errorf("another router answers on %s; stop it first", path)
}
