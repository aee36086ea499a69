package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

func projectPath(project string) string { return "/api/projects/" + url.PathEscape(project) }

func environmentPath(project, env string) string {
	return projectPath(project) + "/environments/" + url.PathEscape(env)
}

// listEnvironments shows the default branch first, then the others by name.
func (a *api) listEnvironments(w http.ResponseWriter, r *http.Request, s scope) error {
	envs, err := a.Environments.Environments(r.Context(), s.project.ID)
	if err != nil {
		return err
	}
	out := make([]apiv1.Environment, 0, len(envs))
	for _, e := range envs {
		if s.sees(envs, e.Name) {
			out = append(out, s.wireEnvironment(e))
		}
	}
	slices.SortFunc(out, func(x, y apiv1.Environment) int {
		if x.IsMain != y.IsMain {
			if x.IsMain {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.Name, y.Name)
	})
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

func (a *api) getEnvironment(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	routes, err := a.Inspector.Routes(r.Context(), s.project.ID, env.Name)
	if err != nil {
		return err
	}
	out := s.wireEnvironment(env)
	urls := apiv1.Relation{List: true}
	for _, route := range sortRoutes(routes) {
		urls.Hrefs = append(urls.Hrefs, route.URL)
	}
	if len(urls.Hrefs) > 0 {
		out.Links["pf:routes"] = urls
		out.Links.Set("public-url", urls.Hrefs[0])
		if u, err := url.Parse(urls.Hrefs[0]); err == nil {
			out.EdgeHostname = u.Hostname()
		}
	}
	if err := a.addDomains(r.Context(), s, &out); err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// addDomains adds the names by which visitors reach a production environment.
func (a *api) addDomains(ctx context.Context, s scope, env *apiv1.Environment) error {
	if env.Type != string(platform.Production) {
		return nil
	}
	list, err := a.Domains.Domains(ctx, s.project.ID)
	if err == nil && len(list) > 0 && list[0].Default {
		env.HasDomains, env.DefaultDomain = true, apiv1.NullString(list[0].Name)
	}
	return err
}

func (s scope) wireEnvironment(e platform.Environment) apiv1.Environment {
	return apiv1.Environment{
		ID:               e.Name,
		Name:             e.Name,
		MachineName:      e.MachineName,
		Title:            cmp.Or(e.Title, e.Name),
		Project:          e.Project,
		Type:             string(e.Type),
		Parent:           apiv1.NullString(e.Parent),
		Status:           string(e.Status),
		IsMain:           e.Name == s.project.DefaultBranch,
		IsDirty:          e.Status == platform.EnvironmentDirty,
		HasCode:          e.HeadCommit != "",
		HasDeployment:    e.Release != "",
		HeadCommit:       apiv1.NullString(e.HeadCommit),
		DeploymentTarget: "local",
		DeploymentState: apiv1.DeploymentState{
			LastDeploymentSuccessful: e.Release != "" && e.Status == platform.EnvironmentActive,
			LastDeploymentAt:         apiv1.Time{Time: e.DeployedAt},
		},
		EnableSMTP:      e.Type == platform.Production,
		RestrictRobots:  e.RestrictsRobots(),
		HTTPAccess:      wireAccess(e.Settings.HTTPAccess),
		HoldMaxWait:     e.Settings.HoldWait.Seconds(),
		HoldMaxRequests: e.Settings.HoldRequests,
		BypassAddresses: append([]string{}, e.Settings.Bypass...),
		Release:         apiv1.NullString(e.Release),
		LastActiveAt:    apiv1.Time{Time: e.DeployedAt},
		CreatedAt:       apiv1.Time{Time: e.CreatedAt},
		UpdatedAt:       apiv1.Time{Time: e.UpdatedAt},
		Links:           s.environmentLinks(e),
	}
}

// environmentLinks offers what both the roles of the subject and the state of the
// environment allow.
func (s scope) environmentLinks(e platform.Environment) apiv1.Links {
	links := apiv1.Links{}
	self := environmentPath(e.Project, e.Name)
	links.Set("self", self)
	links.Set("#activities", self+"/activities")
	links.Set("#routes", self+"/routes")
	links.Set("#releases", self+"/releases")
	for _, offer := range []struct {
		permission access.Permission
		rel, at    string
	}{
		{access.VariablesView, "#variables", "/variables"},
		{access.VariablesChange, "#manage-variables", "/variables"},
		{access.EnvironmentEdit, "#edit", ""},
		{access.Bypass, "#bypass", "/bypass"},
		{access.Activate, "#activate", "/activate"},
		{access.Redeploy, "#redeploy", "/redeploy"},
		{access.Rollback, "#rollback", "/rollback"},
		{access.CachePurge, "#purge-cache", "/cache/purge"},
		{access.Deactivate, "#deactivate", "/deactivate"},
		{access.RelationshipsView, "#relationships", "/relationships"},
		{access.LogsView, "#logs", "/logs"},
		{access.Exec, "#exec", "/exec"},
	} {
		if s.subject.Allows(offer.permission, e.Project, e.Type) && access.State(offer.permission, s.project, e) == nil {
			links.Set(offer.rel, self+offer.at)
		}
	}
	return links
}

func (a *api) redeploy(w http.ResponseWriter, r *http.Request, s scope) error {
	params, err := readParameters(r)
	if err != nil {
		return err
	}
	return a.operate(w, r, s, func(ctx context.Context, env string) (platform.Activity, error) {
		return a.Deployments.Redeploy(ctx, s.project.ID, env, s.subject.Actor, params)
	})
}

func (a *api) activate(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env string) (platform.Activity, error) {
		return a.Deployments.Activate(ctx, s.project.ID, env, s.subject.Actor)
	})
}

func (a *api) deactivate(w http.ResponseWriter, r *http.Request, s scope) error {
	return a.operate(w, r, s, func(ctx context.Context, env string) (platform.Activity, error) {
		if err := a.Gate.Record(ctx, s.subject, access.Deactivate, s.project.ID, env, ""); err != nil {
			return platform.Activity{}, err
		}
		return a.Deployments.Deactivate(ctx, s.project.ID, env, s.subject.Actor)
	})
}

// operate starts an activity and responds with it and with the environment. Only the start
// of the activity depends on the client's context.
func (a *api) operate(
	w http.ResponseWriter, r *http.Request, s scope,
	start func(ctx context.Context, env string) (platform.Activity, error),
) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	act, err := start(r.Context(), env.Name)
	if err != nil {
		return err
	}
	return a.accepted(w, r, http.StatusAccepted, s.wireEnvironment(env), wireActivity(act))
}

// readParameters reads a flat object of push options.
func readParameters(r *http.Request) (map[string]string, error) {
	var body map[string]any
	if err := readJSON(r, &body); err != nil {
		return nil, err
	}
	params := map[string]string{}
	for name, v := range body {
		switch v := v.(type) {
		case string, bool, float64:
			params[name] = fmt.Sprint(v)
		default:
			return nil, invalid(name, "%q is not a text, number or truth value; nothing was started", name)
		}
	}
	return params, nil
}

func (a *api) relationships(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	data, err := a.Inspector.Relationships(r.Context(), s.project.ID, env.Name, r.FormValue("app"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, data)
	return nil
}

func (a *api) routes(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	routes, err := a.Inspector.Routes(r.Context(), s.project.ID, env.Name)
	if err != nil {
		return err
	}
	out := make([]apiv1.Route, 0, len(routes))
	for _, route := range sortRoutes(routes) {
		out = append(out, wireRoute(route))
	}
	a.writeJSON(w, r, http.StatusOK, out)
	return nil
}

// sortRoutes puts the primary route first, then upstream routes, then HTTPS, then by URL.
func sortRoutes(routes []platform.Route) []platform.Route {
	rank := func(r platform.Route) int {
		n := 0
		if !r.Primary {
			n += 4
		}
		if r.Type != platform.RouteUpstream {
			n += 2
		}
		if !strings.HasPrefix(r.URL, "https:") {
			n++
		}
		return n
	}
	return slices.SortedFunc(slices.Values(routes), func(x, y platform.Route) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.URL, y.URL))
	})
}

func wireRoute(r platform.Route) apiv1.Route {
	return apiv1.Route{
		ID:          apiv1.NullString(r.ID),
		URL:         r.URL,
		OriginalURL: r.OriginalURL,
		Type:        string(r.Type),
		Upstream:    r.Upstream,
		To:          r.To,
		Primary:     r.Primary,
		Attributes:  r.Attributes,
	}
}

// maxLogLines bounds what a request may ask for.
const maxLogLines = 100_000

func (a *api) logs(w http.ResponseWriter, r *http.Request, s scope) error {
	lines, err := countParameter(r, "lines", 100, maxLogLines)
	if err != nil {
		return err
	}
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	// The header is set by the first write, so that an error before it has its own response.
	out := &textWriter{w: w}
	err = a.Inspector.Logs(r.Context(), s.project.ID, env.Name, r.FormValue("app"), cmp.Or(r.FormValue("type"), "app"), lines, out)
	if err != nil && !out.started {
		return err
	}
	if err != nil {
		a.cfg.Log.WarnContext(r.Context(), "could not send a log to its end", "error", err)
		panic(http.ErrAbortHandler) // the client must not take it for the whole log
	}
	out.start()
	return nil
}

// logTypes lists the names of the logs that there are.
func (a *api) logTypes(w http.ResponseWriter, r *http.Request, s scope) error {
	env, err := a.environment(r.Context(), s)
	if err != nil {
		return err
	}
	names, err := a.Inspector.LogNames(r.Context(), s.project.ID, env.Name, r.FormValue("app"))
	if err != nil {
		return err
	}
	a.writeJSON(w, r, http.StatusOK, append([]string{}, names...))
	return nil
}

// countParameter reads a number from 0 to most.
func countParameter(r *http.Request, name string, byDefault, most int) (int, error) {
	v := r.FormValue(name)
	if v == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, invalid(name, "%s must be a number from 0 to %d", name, most)
	}
	return n, nil
}

// textWriter makes a response plain text when it is first written to.
type textWriter struct {
	w       http.ResponseWriter
	started bool
}

func (t *textWriter) start() {
	if !t.started {
		t.started = true
		t.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
}

func (t *textWriter) Write(p []byte) (int, error) {
	t.start()
	return t.w.Write(p) //nolint:wrapcheck // a plain writer
}
