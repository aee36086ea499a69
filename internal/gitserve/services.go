package gitserve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice/internal/access"
	"sluice/internal/gitcmd"
	"sluice/internal/platform"
)

// The services of git.
const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// maxFetch is the size of the largest request of a fetch, in bytes: a list of commits.
const maxFetch = 32 << 20

// infoRefs tells a client which refs and capabilities there are.
func (s *Server) infoRefs(w http.ResponseWriter, r *http.Request) {
	service := r.URL.Query().Get("service")
	if service != uploadPack && service != receivePack {
		s.refuse(w, r, platform.Errorf(platform.CodeForbidden, "this server speaks the smart protocol only").
			WithHint("use git 1.6.6 or newer"))
		return
	}
	permission, settings, kind := access.CodeRead, fetchSettings(), s.fetches
	if service == receivePack {
		permission, settings, kind = access.CodePushSomewhere, receiveSettings("/dev/null", s.Limits.PushBytes), s.pushes
	}
	t, ok := s.admit(w, r, permission)
	if !ok {
		return
	}
	done, err := take(r.Context(), kind, t.project, s.Limits.Wait)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	env, version2 := protocol(r.Header.Get("Git-Protocol"))
	cmd := s.git.Command(r.Context(), settings, env, strings.TrimPrefix(service, "git-"), "--stateless-rpc", "--advertise-refs", t.dir)
	out, err := cmd.Output()
	done() // the client may read slowly
	if err != nil {
		s.refuse(w, r, fmt.Errorf("git %s: %w: %s", service, err, cmd.Stderr()))
		return
	}
	setContentType(w, service+"-advertisement")
	if !version2 {
		line := "# service=" + service + "\n"
		out = append([]byte(fmt.Sprintf("%04x%s0000", len(line)+4, line)), out...)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(idleLimit)) // not all transports can
	_, _ = w.Write(out)                                                           //nolint:gosec // not HTML; the client may have left
}

func setContentType(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", "application/x-"+kind)
	w.Header().Set("Cache-Control", "no-cache, max-age=0, must-revalidate")
}

// uploadPack serves a fetch. It ends with the client.
func (s *Server) uploadPack(w http.ResponseWriter, r *http.Request) {
	t, ok := s.admit(w, r, access.CodeRead)
	if !ok {
		return
	}
	err := s.send(r.Context(), t, r.Header.Get("Git-Protocol"), func(ctx context.Context, x exchange) { s.serve(ctx, w, r, x) })
	if err != nil {
		s.refuse(w, r, err)
	}
}

// send runs a fetch, which ends with the client. After an error, run was not called.
func (s *Server) send(ctx context.Context, t target, version string, run func(ctx context.Context, x exchange)) error {
	done, err := take(ctx, s.fetches, t.project, s.Limits.Wait)
	if err != nil {
		return err
	}
	defer done()
	env, _ := protocol(version)
	ctx, end := context.WithTimeoutCause(ctx, totalLimit, errTooSlow)
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run(ctx, exchange{service: uploadPack, dir: t.dir, settings: fetchSettings(), env: env, limit: maxFetch, gone: cancel})
	return nil
}

var errTooSlow = errors.New("the client takes too long")

// exchange is one request to a service of git.
type exchange struct {
	service  string
	dir      string
	settings []gitcmd.Setting
	env      []string
	limit    int64 // of the request, bytes
	gone     func(error)
}

// serve runs git for a request and returns when git has ended and the response is sent.
func (s *Server) serve(ctx context.Context, w http.ResponseWriter, r *http.Request, x exchange) {
	if got, want := r.Header.Get("Content-Type"), "application/x-"+x.service+"-request"; got != want {
		http.Error(w, "the content must be "+want, http.StatusUnsupportedMediaType)
		return
	}
	in, err := newBody(w, r, x.limit)
	if err != nil {
		s.refuse(w, r, &platform.Error{Code: platform.CodeInvalid, Message: "malformed request", Err: err})
		return
	}
	if err := s.exchange(ctx, w, in, x); err != nil {
		s.Log.WarnContext(ctx, "git service failed", "service", x.service, "repository", x.dir, "error", err)
	}
}

func (s *Server) exchange(ctx context.Context, w http.ResponseWriter, in *body, x exchange) error {
	cmd := s.git.Command(ctx, x.settings, x.env, strings.TrimPrefix(x.service, "git-"), "--stateless-rpc", x.dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out := &sink{w: w, rc: http.NewResponseController(w), gone: x.gone}
	cmd.SetStdout(out)
	_ = out.rc.EnableFullDuplex() // git may write before it has read all; HTTP/2 can anyway
	setContentType(w, x.service+"-result")
	if err := cmd.Start(); err != nil {
		return err
	}
	var feeding sync.WaitGroup
	feeding.Go(func() { in.feed(stdin, x.limit) })
	err = cmd.Wait()
	feeding.Wait() // the body may not be read after the handler
	if err != nil {
		return fmt.Errorf("git: %w: %s", err, cmd.Stderr())
	}
	return nil
}
