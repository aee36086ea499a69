package gitserve

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"sluice/internal/fair"
	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// Config is what a Server works with. All but Limits must be set.
type Config struct {
	Repositories Repositories
	Gate         Gate
	Receiver     Receiver
	Hooks        *HookServer
	Limits       Limits
	Log          *slog.Logger
}

// Server serves Git over HTTP at /<project>.git/. It is an http.Handler. It sets the
// deadlines of its connections itself.
type Server struct {
	Config
	git      *gitcmd.Git
	pushes   *fair.Slots
	fetches  *fair.Slots
	mux      *http.ServeMux
	stop     func() // closes stopping, once
	stopping chan struct{}

	receivedMu sync.Mutex
	received   map[string]string // by directory and ref: the commit that the Receiver knows
}

// New returns a Server.
func New(c Config) (*Server, error) {
	git, err := gitcmd.Find()
	if err != nil {
		return nil, (&platform.Error{Code: platform.CodeUnavailable, Message: "git is not installed on this machine", Err: err}).
			WithHint("install git, for example with: apt-get install git")
	}
	c.Limits = c.Limits.withDefaults()
	stopping := make(chan struct{})
	s := &Server{
		Config: c, git: git, mux: http.NewServeMux(), received: map[string]string{},
		pushes:   fair.New(c.Limits.Pushes, c.Limits.ProjectPushes),
		fetches:  fair.New(c.Limits.Fetches, c.Limits.ProjectFetches),
		stopping: stopping, stop: sync.OnceFunc(func() { close(stopping) }),
	}
	s.mux.HandleFunc("GET /{repository}/info/refs", s.infoRefs)
	s.mux.HandleFunc("POST /{repository}/git-upload-pack", s.uploadPack)
	s.mux.HandleFunc("POST /{repository}/git-receive-pack", s.receivePack)
	return s, nil
}

// noteReceived remembers that the Receiver knows these updates of the repository in dir.
func (s *Server) noteReceived(dir string, updates []platform.RefUpdate) {
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	for _, u := range updates {
		s.received[dir+" "+u.Ref] = u.New
	}
}

// wasReceived reports whether the update is the last one of its ref that the Receiver knows of.
func (s *Server) wasReceived(dir string, u platform.RefUpdate) bool {
	s.receivedMu.Lock()
	defer s.receivedMu.Unlock()
	return s.received[dir+" "+u.Ref] == u.New
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Stop refuses new pushes and ends the log streams of those that were stored, with the
// cause ErrStopping; their deployments are not touched. Then http.Server.Shutdown does
// not wait long.
func (s *Server) Stop() { s.stop() }

// ErrStopping is why the context of a Receiver's stream ends when the server stops.
var ErrStopping = errors.New("the server is stopping")

// errClientLeft is why it ends when the client has left.
var errClientLeft = errors.New("the client left")
