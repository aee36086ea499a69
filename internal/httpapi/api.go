package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"sluice/apiv1"
	"sluice/internal/platform"
)

// maxBody is the most bytes that a request may carry.
const maxBody = 1 << 20

// Config is what the API says about its server.
type Config struct {
	Version string
	// RepositoryURL returns where a project is pushed to.
	RepositoryURL func(project string) string
	Log           *slog.Logger  // receives internal errors; never nil
	Heartbeat     time.Duration // between signs of life of a silent log stream; 0 means 15 s (spec: platform 5.4)
}

type api struct {
	Ports
	cfg Config
	mux *http.ServeMux
}

// New returns the handler of everything below /api.
func New(ports Ports, cfg Config) http.Handler {
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 15*time.Second)
	a := &api{Ports: ports, cfg: cfg, mux: http.NewServeMux()}
	a.route()
	return a
}

// route lists every resource. {environment} is one escaped segment: "feature%2Fx".
func (a *api) route() {
	const (
		project = "/api/projects/{project}"
		env     = project + "/environments/{environment}"
	)
	a.handle("GET /api/version", a.version)
	a.handle("GET /api/users/me", a.me)
	a.handle("GET /api/projects", a.listProjects)
	a.handle("POST /api/projects", a.createProject)
	a.scoped("GET "+project, read, a.getProject)
	a.scoped("DELETE "+project, write, a.deleteProject)

	a.scoped("GET "+project+"/domains", read, a.listDomains)
	a.scoped("POST "+project+"/domains", write, a.addDomain)
	a.scoped("GET "+project+"/domains/{domain}", read, a.getDomain)
	a.scoped("PATCH "+project+"/domains/{domain}", write, a.updateDomain)
	a.scoped("DELETE "+project+"/domains/{domain}", write, a.deleteDomain)
	a.scoped("GET "+project+"/certificates", read, a.listCertificates)
	a.scoped("POST "+project+"/certificates", write, a.addCertificate)
	a.scoped("GET "+project+"/certificates/{certificate}", read, a.getCertificate)
	a.scoped("DELETE "+project+"/certificates/{certificate}", write, a.deleteCertificate)

	a.scoped("GET "+project+"/environments", read, a.listEnvironments)
	a.scoped("GET "+env, read, a.getEnvironment)
	a.scoped("PATCH "+env, write, a.changeEnvironment)
	a.scoped("POST "+env+"/bypass", write, a.bypass)
	a.scoped("POST "+env+"/cache/purge", write, a.purgeCache)
	a.scoped("POST "+env+"/redeploy", write, a.redeploy)
	a.scoped("POST "+env+"/activate", write, a.activate)
	a.scoped("POST "+env+"/deactivate", write, a.deactivate)
	a.scoped("GET "+env+"/relationships", write, a.relationships) // shows the services' passwords
	a.scoped("GET "+env+"/routes", read, a.routes)
	a.scoped("GET "+env+"/logs", read, a.logs)
	a.scoped("POST "+env+"/plan", read, a.plan)
	a.scoped("POST "+env+"/exec", write, a.exec)

	for _, at := range []string{project, env} {
		a.scoped("GET "+at+"/activities", read, a.listActivities)
		a.scoped("GET "+at+"/activities/{activity}", read, a.getActivity)
		a.scoped("GET "+at+"/activities/{activity}/log", read, a.activityLog)
		a.scoped("POST "+at+"/activities/{activity}/cancel", write, a.cancelActivity)
		a.scoped("GET "+at+"/variables", read, a.listVariables)
		a.scoped("POST "+at+"/variables", write, a.createVariable)
		a.scoped("GET "+at+"/variables/{variable}", read, a.getVariable)
		a.scoped("PATCH "+at+"/variables/{variable}", write, a.updateVariable)
		a.scoped("DELETE "+at+"/variables/{variable}", write, a.deleteVariable)
	}
	a.handle("GET /api/activities/{activity}", a.byActivity(read, a.getActivity))
	a.handle("GET /api/activities/{activity}/log", a.byActivity(read, a.activityLog))
	a.handle("POST /api/activities/{activity}/cancel", a.byActivity(write, a.cancelActivity))
}

// handler answers one request; an error that it returns becomes the answer.
type handler func(w http.ResponseWriter, r *http.Request) error

func (a *api) handle(pattern string, h handler) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// ServeHTTP answers a request, whatever happens while it does.
func (a *api) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &answer{ResponseWriter: rw}
	defer func() {
		if v := recover(); v != nil {
			a.recovered(w, r, v)
		}
	}()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	h, pattern := a.mux.Handler(r)
	if pattern == "" {
		a.unrouted(w, r, h)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// recovered answers for a request whose handler panicked with v.
func (a *api) recovered(w *answer, r *http.Request, v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // a recovered value, compared as net/http does
		panic(v)
	}
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	if !w.started {
		a.fail(w, r, err)
		return
	}
	_ = a.wireError(r.Context(), err) // for the log
	panic(http.ErrAbortHandler)       // the client must not take it for the whole answer
}

// answer remembers whether any of the answer was sent.
type answer struct {
	http.ResponseWriter
	started bool
}

func (a *answer) WriteHeader(status int) {
	a.started = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.started = true
	return a.ResponseWriter.Write(p) //nolint:wrapcheck // only remembers
}

// Unwrap is how http.ResponseController finds what the connection can do.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// unrouted answers for a path or a method that the mux does not know, in JSON.
func (a *api) unrouted(w http.ResponseWriter, r *http.Request, h http.Handler) {
	probe := &statusProbe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	status := http.StatusNotFound
	if probe.status == http.StatusMethodNotAllowed {
		status = probe.status
		w.Header().Set("Allow", probe.header.Get("Allow"))
	}
	a.writeError(w, r, &apiv1.Error{
		Code:    status,
		Message: r.Method + " " + r.URL.Path + " is not part of this API",
	})
}

// statusProbe keeps what a handler would answer.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

// writeJSON answers with a status and a body. What the client no longer reads is not an error.
func (a *api) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		a.fail(w, r, fmt.Errorf("encode answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

// accepted answers for a change: 202 when activities were started, else the given status.
func (a *api) accepted(w http.ResponseWriter, r *http.Request, status int, entity any, activities ...apiv1.Activity) error {
	if len(activities) > 0 {
		status = http.StatusAccepted
	}
	answer := apiv1.Accepted{Status: http.StatusText(status), Code: status}
	answer.Embedded.Activities = append([]apiv1.Activity{}, activities...) // [] rather than null
	if entity != nil {
		data, err := json.Marshal(entity)
		if err != nil {
			return fmt.Errorf("encode entity: %w", err)
		}
		answer.Embedded.Entity = data
	}
	a.writeJSON(w, r, status, answer)
	return nil
}

// readJSON decodes the request's body; an empty body leaves out as it is.
func readJSON(r *http.Request, out any) error {
	dec := json.NewDecoder(r.Body)
	err := dec.Decode(out)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && dec.More() {
		err = errors.New("more than one value")
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return platform.Errorf(platform.CodeInvalid, "the request is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "the request is not the JSON that this resource takes: %v", err)
	}
	return nil
}

// bearer returns the request's token, or "".
func bearer(r *http.Request) string {
	kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
