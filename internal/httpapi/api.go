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
	"sluice/internal/access"
	"sluice/internal/platform"
)

// maxBody is the most bytes that a request may carry.
const maxBody = 1 << 20

// Config is what the API says about its server.
type Config struct {
	Version   string
	PublicURL string // of the API and of Git over HTTP, without a slash at the end
	// RepositoryURL returns where a project is pushed to over HTTP.
	RepositoryURL func(project string) string
	SSH           SSH
	BaseDomain    string        // below which environments have their host names
	Log           *slog.Logger  // receives internal errors; not nil
	Heartbeat     time.Duration // between signs of life of a silent log stream; 0 means 15 s
	BodyTimeout   time.Duration // how long a client may take to send a body; 0 means 30 s
	WriteTimeout  time.Duration // how long a client may take to read a piece of a response; 0 means 30 s
}

type api struct {
	Ports
	cfg Config
	mux *http.ServeMux
	// patterns are all routes, for the test that goes through them with every role.
	patterns []string
}

// New returns the handler of the API: below /api, where the links of resources lead, and at the
// root, where clients begin.
func New(ports Ports, cfg Config) http.Handler {
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, 15*time.Second)
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, 30*time.Second)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, 30*time.Second)
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
	a.handle("GET /cli/{file}", a.clientConfiguration)
	a.routeAccounts(project)
	a.routeOAuth()
	a.routeSSH()
	a.authenticated("GET /api/audit", a.installationAudit)
	a.authenticated("GET /api/projects", a.listProjects)
	a.authenticated("POST /api/projects", a.createProject)
	a.scoped("GET "+project, access.ProjectView, a.getProject)
	a.scoped("PATCH "+project, access.ProjectEdit, a.changeProject)
	a.scoped("DELETE "+project, access.ProjectDelete, a.deleteProject)
	a.scoped("GET "+project+"/settings", access.ProjectView, a.projectSettings)
	a.scoped("GET "+project+"/capabilities", access.ProjectView, a.capabilities)
	a.routeIntegrations(project)

	a.scoped("GET "+project+"/domains", access.DomainView, a.listDomains)
	a.scoped("POST "+project+"/domains", access.DomainManage, a.addDomain)
	a.scoped("GET "+project+"/domains/{domain}", access.DomainView, a.getDomain)
	a.scoped("GET "+project+"/audit", access.AuditView, a.projectAudit)
	a.scoped("POST "+project+"/domains/{domain}/verify", access.DomainManage, a.verifyDomain)
	a.scoped("PATCH "+project+"/domains/{domain}", access.DomainManage, a.updateDomain)
	a.scoped("DELETE "+project+"/domains/{domain}", access.DomainManage, a.deleteDomain)
	a.scoped("GET "+project+"/certificates", access.CertificateView, a.listCertificates)
	a.scoped("POST "+project+"/certificates", access.CertificateManage, a.addCertificate)
	a.scoped("GET "+project+"/certificates/{certificate}", access.CertificateView, a.getCertificate)
	a.scoped("DELETE "+project+"/certificates/{certificate}", access.CertificateManage, a.deleteCertificate)

	a.scoped("GET "+project+"/environments", access.ProjectView, a.listEnvironments)
	a.scoped("GET "+env, access.EnvironmentView, a.getEnvironment)
	a.scoped("PATCH "+env, access.EnvironmentEdit, a.changeEnvironment)
	a.scoped("POST "+env+"/bypass", access.Bypass, a.bypass)
	a.scoped("POST "+env+"/cache/purge", access.CachePurge, a.purgeCache)
	a.scoped("POST "+env+"/redeploy", access.Redeploy, a.redeploy)
	a.scoped("POST "+env+"/rollback", access.Rollback, a.rollback)
	a.scoped("GET "+env+"/releases", access.EnvironmentView, a.releases)
	a.scoped("GET "+env+"/disk", access.EnvironmentView, a.disk)
	a.scoped("POST "+env+"/branch", access.EnvironmentView, a.branch)
	a.scoped("POST "+env+"/merge", access.Merge, a.merge)
	a.scoped("POST "+env+"/synchronize", access.Synchronize, a.synchronize)
	a.scoped("POST "+env+"/rehearse", access.EnvironmentView, a.rehearse)
	a.scoped("POST "+env+"/pause", access.Pause, a.pause)
	a.scoped("POST "+env+"/resume", access.Resume, a.resume)
	a.scoped("DELETE "+env, access.BranchDelete, a.deleteEnvironment)
	a.scoped("POST "+env+"/activate", access.Activate, a.activate)
	a.scoped("POST "+env+"/deactivate", access.Deactivate, a.deactivate)
	a.scoped("GET "+env+"/deployments/current", access.EnvironmentView, a.deployment)
	a.scoped("GET "+env+"/settings", access.EnvironmentView, a.environmentSettings)
	a.scoped("GET "+env+"/source-operations", access.EnvironmentView, a.nothing)
	a.scoped("GET "+env+"/tasks", access.EnvironmentView, a.nothing)
	a.scoped("PATCH "+env+"/settings", access.EnvironmentEdit, a.changeEnvironmentSettings)
	a.scoped("GET "+env+"/domains", access.DomainView, a.environmentDomains)
	a.scoped("POST "+env+"/domains", access.DomainManage, a.addDomain)
	a.scoped("GET "+env+"/domains/{domain}", access.DomainView, a.getDomain)
	a.scoped("PATCH "+env+"/domains/{domain}", access.DomainManage, a.updateDomain)
	a.scoped("DELETE "+env+"/domains/{domain}", access.DomainManage, a.deleteDomain)
	a.scoped("GET "+env+"/relationships", access.RelationshipsView, a.relationships)
	a.scoped("GET "+env+"/routes", access.EnvironmentView, a.routes)
	a.scoped("GET "+env+"/logs", access.LogsView, a.logs)
	a.scoped("GET "+env+"/logs/types", access.LogsView, a.logTypes)
	a.scoped("POST "+env+"/plan", access.Plan, a.plan)
	a.scoped("POST "+env+"/exec", access.Exec, a.exec)
	a.scoped("POST "+env+"/database", access.Exec, a.database)

	a.routeCode(project)
	a.routeBackups(env)
	a.routeLevel(project, access.ProjectView, access.ProjectVarsView, access.ProjectVarsChange)
	a.routeLevel(env, access.EnvironmentView, access.VariablesView, access.VariablesChange)
	a.authenticated("GET /api/activities/{activity}", a.byActivity(access.EnvironmentView, a.getActivity))
	a.authenticated("GET /api/activities/{activity}/log", a.byActivity(access.EnvironmentView, a.activityLog))
	a.authenticated("GET /api/activities/{activity}/rehearsal", a.byActivity(access.EnvironmentView, a.rehearsal))
	a.authenticated("POST /api/activities/{activity}/cancel", a.byActivity(access.Cancel, a.cancelActivity))
}

// routeLevel lists what projects and environments both have. Below a project, activities
// are shown and cancelled by the permission on their environment.
func (a *api) routeLevel(at string, view, variables, change access.Permission) {
	a.scoped("GET "+at+"/activities", view, a.listActivities)
	a.scoped("GET "+at+"/activities/{activity}", view, a.orDelivery(a.ofActivity(access.EnvironmentView, a.getActivity), a.delivery))
	a.scoped("GET "+at+"/activities/{activity}/log", view, a.orDelivery(a.ofActivity(access.EnvironmentView, a.activityLog), a.deliveryLog))
	a.scoped("GET "+at+"/activities/{activity}/rehearsal", view, a.ofActivity(access.EnvironmentView, a.rehearsal))
	a.scoped("POST "+at+"/activities/{activity}/cancel", view, a.ofActivity(access.Cancel, a.cancelActivity))
	a.scoped("GET "+at+"/variables", variables, a.listVariables)
	a.scoped("POST "+at+"/variables", change, a.createVariable)
	a.scoped("GET "+at+"/variables/{variable}", variables, a.getVariable)
	a.scoped("PATCH "+at+"/variables/{variable}", change, a.updateVariable)
	a.scoped("DELETE "+at+"/variables/{variable}", change, a.deleteVariable)
}

func (a *api) register(pattern string, h http.HandlerFunc) {
	a.patterns = append(a.patterns, pattern)
	a.mux.HandleFunc(pattern, h)
}

// handler answers one request; an error that it returns becomes the response.
type handler func(w http.ResponseWriter, r *http.Request) error

func (a *api) handle(pattern string, h handler) {
	a.register(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// ServeHTTP answers a request; a panic of a handler becomes an error.
func (a *api) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &response{ResponseWriter: rw, timeout: a.cfg.WriteTimeout}
	defer func() {
		if v := recover(); v != nil {
			a.recovered(w, r, v)
		}
	}()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r.Body = http.MaxBytesReader(w, a.timelyBody(w, r), maxBody)
	routed := r
	h, pattern := a.mux.Handler(r)
	if below := atAPI(r); pattern == "" && below != nil {
		routed = below
		h, pattern = a.mux.Handler(below)
	}
	if pattern == "" {
		a.unrouted(w, r, h)
		return
	}
	a.mux.ServeHTTP(w, routed)
}

// atAPI returns a request at the root as one below /api, or nil when it is there already.
func atAPI(r *http.Request) *http.Request {
	const root = "/api"
	if r.URL.Path == root || strings.HasPrefix(r.URL.Path, root+"/") {
		return nil
	}
	below, at := *r, *r.URL
	at.Path = root + at.Path
	if at.RawPath != "" {
		at.RawPath = root + at.RawPath
	}
	below.URL = &at
	return &below
}

// timelyBody gives the client until BodyTimeout to send its body, also when no handler reads
// it: net/http does before it sends the response. At the end of the body the limit goes, for
// it would end the streams of a response.
func (a *api) timelyBody(w http.ResponseWriter, r *http.Request) io.ReadCloser {
	if r.ContentLength == 0 {
		return r.Body
	}
	rc := http.NewResponseController(w)
	if rc.SetReadDeadline(time.Now().Add(a.cfg.BodyTimeout)) != nil {
		return r.Body // a transport without deadlines, in tests
	}
	return &deadlineBody{ReadCloser: r.Body, rc: rc}
}

type deadlineBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

// Read implements io.Reader.
func (b *deadlineBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.rc.SetReadDeadline(time.Time{}) // it could be set before
	}
	return n, err //nolint:wrapcheck // only watches for the end
}

// recovered answers a request whose handler panicked with v.
func (a *api) recovered(w *response, r *http.Request, v any) {
	if v == http.ErrAbortHandler { //nolint:errorlint // a recovered value, compared as net/http does
		panic(v)
	}
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	if !w.started {
		a.fail(w, r, err)
		return
	}
	_ = a.wireError(r.Context(), err) // for the log
	panic(http.ErrAbortHandler)       // the client must not take it for the whole response
}

// response remembers whether any of it was sent, and does not wait for clients that do not
// read.
type response struct {
	http.ResponseWriter
	timeout time.Duration
	started bool
}

func (a *response) WriteHeader(status int) {
	a.started = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *response) Write(p []byte) (int, error) {
	a.started = true
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(a.timeout)) // not all transports can
	return a.ResponseWriter.Write(p)                                                             //nolint:wrapcheck // only adds the deadline
}

// Unwrap is how http.ResponseController finds what the connection can do.
func (a *response) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// unrouted answers a request for a path or method that the API does not have, in JSON.
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
		Message: "no such endpoint: " + r.Method + " " + r.URL.Path,
	})
}

// statusProbe keeps the status and header of a response and drops its body.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

// writeJSON sends a status and a body. A client that has left is not an error.
func (a *api) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		a.fail(w, r, fmt.Errorf("encode response: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

// accepted responds to a change: 202 when activities were started, else the given status.
func (a *api) accepted(w http.ResponseWriter, r *http.Request, status int, entity any, activities ...apiv1.Activity) error {
	if len(activities) > 0 {
		status = http.StatusAccepted
	}
	out := apiv1.Accepted{Status: http.StatusText(status), Code: status}
	out.Embedded.Activities = append([]apiv1.Activity{}, activities...) // [] rather than null
	if entity != nil {
		data, err := json.Marshal(entity)
		if err != nil {
			return fmt.Errorf("encode entity: %w", err)
		}
		out.Embedded.Entity = data
	}
	a.writeJSON(w, r, status, out)
	return nil
}

// readJSON decodes the request's body; an empty body leaves out as it is, and so does [], which
// some clients send for an empty object.
func readJSON(r *http.Request, out any) error {
	dec := json.NewDecoder(r.Body)
	var body json.RawMessage
	err := dec.Decode(&body)
	if errors.Is(err, io.EOF) || string(body) == "[]" {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(body, out)
	}
	if err == nil && dec.More() {
		err = errors.New("more than one value")
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return platform.Errorf(platform.CodeInvalid, "the request is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "cannot parse the request as JSON of this resource: %v", err)
	}
	return nil
}

// asObject decodes an object that was read as a map.
func asObject(body map[string]json.RawMessage, out any) error {
	data, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(data, out)
	}
	if err != nil {
		return platform.Errorf(platform.CodeInvalid, "cannot parse the request as JSON of this resource: %v", err)
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
