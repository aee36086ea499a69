package gitserve

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// target is what an admitted request works on.
type target struct {
	project string
	dir     string // the bare repository
	subject access.Subject
}

// admit authorizes a request. When it is refused, the response has been written and ok is
// false. A repository that does not exist and one that the client may not see give the
// same response.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, p access.Permission) (t target, ok bool) {
	project, found := strings.CutSuffix(r.PathValue("repository"), ".git")
	token := bearer(r)
	if token == "" {
		s.refuse(w, r, platform.Errorf(platform.CodeUnauthorized, "authentication required").
			WithHint("use any user name, and an access token as the password"))
		return target{}, false
	}
	subject, err := s.Gate.Authenticate(r.Context(), token)
	if err == nil {
		t, err = s.authorize(r.Context(), subject, p, project)
	}
	if err == nil && !found {
		err = errNoRepository()
	}
	if err != nil {
		s.refuse(w, r, err)
		return target{}, false
	}
	return t, true
}

// authorize returns the repository of a project for a subject that may do something with it.
func (s *Server) authorize(ctx context.Context, subject access.Subject, p access.Permission, project string) (target, error) {
	if err := s.Gate.Authorize(ctx, subject, p, project, ""); err != nil {
		return target{}, err
	}
	if !platform.ValidProjectID(project) {
		return target{}, errNoRepository()
	}
	dir, err := s.Repositories.Path(project)
	return target{project: project, dir: dir, subject: subject}, err
}

func errNoRepository() error { return platform.Errorf(platform.CodeNotFound, "repository not found") }

// bearer returns the token of a request: the password of Basic authentication, for git,
// or a Bearer token.
func bearer(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// refuse responds with an error. Git shows the lines of a plain text to its user.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code := platform.ErrorCode(err)
	if code == platform.CodeUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Sluice", charset="UTF-8"`)
	}
	text, hint := s.shown(r.Context(), err, r.URL.Path)
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Second)) // the body is not waited for
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(idleLimit)) // not all transports can
	w.WriteHeader(code.HTTPStatus())
	if hint != "" {
		text += "\n" + hint
	}
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text; the client may have left
}

// shown returns what a client reads of an error.
func (s *Server) shown(ctx context.Context, err error, path string) (text, hint string) {
	switch platform.ErrorCode(err) {
	case platform.CodeNotFound:
		// Not the error's own text, which may say more than the client may know.
		return "repository not found, or your token may not see it", ""
	case platform.CodeInternal:
		s.Log.ErrorContext(ctx, "git request failed", "path", path, "error", err)
		return "internal error", ""
	default:
		return err.Error(), platform.ErrorHint(err)
	}
}
