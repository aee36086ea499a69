package hal

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Environment is what an environment shows.
type Environment struct {
	platform.Environment

	Deployment    platform.Deployment      // what it serves; zero when it serves nothing
	DefaultDomain string                   // of the project, for its production environment
	Busy          bool                     // an activity on it waits or runs
	ParentType    platform.EnvironmentType // "" without a parent
}

// EnvironmentObject renders an environment.
func (v View) EnvironmentObject(e Environment) apiv1.Environment {
	routes := SortRoutes(e.Deployment.Routes)
	out := apiv1.Environment{
		ID:               e.Name,
		Name:             e.Name,
		MachineName:      e.MachineName,
		Title:            cmp.Or(e.Title, e.Name),
		Project:          e.Project,
		Type:             string(e.Type),
		Parent:           apiv1.NullString(e.Parent),
		Status:           status(e.Status),
		IsMain:           e.Name == v.Project.DefaultBranch,
		IsDirty:          e.Busy,
		HasCode:          e.HeadCommit != "",
		HasDeployment:    e.Release != "",
		HeadCommit:       apiv1.NullString(e.HeadCommit),
		DefaultDomain:    apiv1.NullString(e.DefaultDomain),
		HasDomains:       e.DefaultDomain != "",
		DeploymentTarget: "local",
		DeploymentState: apiv1.DeploymentState{
			LastDeploymentSuccessful: e.Release != "" && e.Status == platform.EnvironmentActive,
			LastDeploymentAt:         apiv1.Time{Time: e.DeployedAt},
		},
		EnableSMTP:          e.Type == platform.Production,
		RestrictRobots:      e.RestrictsRobots(),
		HTTPAccess:          httpAccess(e.Settings.HTTPAccess),
		Unfinished:          e.Status == platform.EnvironmentDirty,
		HoldMaxWait:         e.Settings.HoldWait.Seconds(),
		HoldMaxRequests:     e.Settings.HoldRequests,
		CloneParentOnCreate: !e.Settings.NoCloneParent,
		BypassAddresses:     append([]string{}, e.Settings.Bypass...),
		Release:             apiv1.NullString(e.Release),
		LastActiveAt:        apiv1.Time{Time: e.DeployedAt},
		CreatedAt:           apiv1.Time{Time: e.CreatedAt},
		UpdatedAt:           apiv1.Time{Time: e.UpdatedAt},
		Links:               v.environmentLinks(e, routes),
	}
	if len(routes) > 0 {
		if u, err := url.Parse(routes[0].URL); err == nil {
			out.EdgeHostname = u.Hostname()
		}
	}
	return out
}

// status is the state of an environment as clients know it. To them "dirty" means that an
// activity runs, and they refuse to delete such an environment: one whose deployment did not
// finish is active, and Unfinished says so.
func status(s platform.EnvironmentStatus) string {
	if s == platform.EnvironmentDirty {
		s = platform.EnvironmentActive
	}
	return string(s)
}

// environmentLinks offers what both the roles of the subject and the state of the
// environment allow.
func (v View) environmentLinks(e Environment, routes []platform.Route) apiv1.Links {
	links := apiv1.Links{}
	self := environmentPath(e.Project, e.Name)
	for rel, at := range map[string]string{
		"self": "", "#activities": "/activities", "#routes": "/routes", "#releases": "/releases", "#disk": "/disk", "#domains": "/domains",
		"#source-operations": "/source-operations",
	} {
		links.Set(rel, self+at)
	}
	for _, o := range []offer{
		{access.VariablesView, "#variables", "/variables"},
		{access.VariablesChange, "#manage-variables", "/variables"},
		{access.EnvironmentEdit, "#edit", ""},
		{access.Bypass, "#bypass", "/bypass"},
		{access.Activate, "#activate", "/activate"},
		{access.Redeploy, "#redeploy", "/redeploy"},
		{access.Rollback, "#rollback", "/rollback"},
		{access.Branch, "#branch", "/branch"},
		{access.Merge, "#merge", "/merge"},
		{access.Synchronize, "#synchronize", "/synchronize"},
		{access.Rehearse, "#rehearse", "/rehearse"},
		{access.Pause, "#pause", "/pause"},
		{access.Resume, "#resume", "/resume"},
		{access.BranchDelete, "#delete", ""},
		{access.CachePurge, "#purge-cache", "/cache/purge"},
		{access.Deactivate, "#deactivate", "/deactivate"},
		{access.RelationshipsView, "#relationships", "/relationships"},
		{access.LogsView, "#logs", "/logs"},
		{access.Exec, "#exec", "/exec"},
		{access.BackupCreate, "#backup", "/backup"},
		{access.BackupView, "#backups", "/backups"},
	} {
		if v.offers(o.permission, e) && stateAllows(o.permission, v.Project, e.Environment) {
			links.Set(o.rel, self+o.at)
		}
	}
	if len(routes) > 0 {
		urls := apiv1.Relation{List: true}
		for _, r := range routes {
			urls.Hrefs = append(urls.Hrefs, r.URL)
		}
		links["pf:routes"] = urls
		links.Set("public-url", urls.Hrefs[0])
	}
	v.addSSH(links, e)
	return links
}

// stateAllows reports whether the state of an environment allows an operation. A rehearsal is of
// its code; whether production can be rehearsed on is said when that is asked for.
func stateAllows(p access.Permission, project platform.Project, e platform.Environment) bool {
	if p == access.Rehearse {
		return e.HeadCommit != ""
	}
	return access.State(p, project, e) == nil
}

// offers reports whether the roles of the subject allow an operation on an environment, and what
// it does to another one.
func (v View) offers(p access.Permission, e Environment) bool {
	switch p {
	case access.Rehearse: // with the data and the variables of production
		return v.allows(p, platform.Production)
	case access.Branch: // of the type that a branch has unless it is asked for another one
		return v.allows(p, platform.Development)
	case access.Merge:
		return v.allows(p, e.Type) && v.allows(access.CodePush, e.ParentType)
	case access.Synchronize:
		return v.allows(p, e.Type) && v.allows(access.EnvironmentView, e.ParentType)
	default:
		return v.allows(p, e.Type)
	}
}

// addSSH says where each application and worker is reached.
func (v View) addSSH(links apiv1.Links, e Environment) {
	if v.Site.SSHHost == "" || !v.allows(access.Exec, e.Type) {
		return
	}
	at := func(name string) string { return "ssh://" + string(e.ID()) + "--" + name + "@" + v.Site.SSHHost }
	for _, app := range e.Deployment.Apps {
		links.Set("pf:ssh:"+app.Name, at(app.Name))
	}
	for _, w := range e.Deployment.Workers {
		links.Set("pf:ssh:"+w.Name, at(w.Name))
	}
}

// EnvironmentSettings are how the environment is deployed: always at once.
func (v View) EnvironmentSettings(e platform.Environment) apiv1.EnvironmentSettings {
	links := apiv1.Links{}
	links.Set("self", environmentPath(e.Project, e.Name)+"/settings")
	return apiv1.EnvironmentSettings{Links: links}
}

// httpAccess shows who may see an environment, with an empty text for each password. An
// environment that was never restricted has enabled, empty rules, as clients expect.
func httpAccess(rules *platform.HTTPAccess) apiv1.HTTPAccess {
	out := apiv1.HTTPAccess{IsEnabled: true, Addresses: []apiv1.AddressRule{}, BasicAuth: map[string]string{}}
	if rules == nil {
		return out
	}
	out.IsEnabled = rules.Enabled
	for _, rule := range rules.Addresses {
		out.Addresses = append(out.Addresses, apiv1.AddressRule{Permission: string(rule.Permission), Address: rule.Address})
	}
	for name := range rules.Users {
		out.BasicAuth[name] = ""
	}
	return out
}

// SortRoutes puts the primary route first, then upstream routes, then HTTPS, then by URL.
func SortRoutes(routes []platform.Route) []platform.Route {
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

// Route renders a published route.
func Route(r platform.Route) apiv1.Route {
	out := apiv1.Route{
		ID:          apiv1.NullString(r.ID),
		URL:         r.URL,
		OriginalURL: r.OriginalURL,
		Type:        string(r.Type),
		To:          r.To,
		Primary:     r.Primary,
		Attributes:  map[string]string{},
	}
	if r.Upstream != "" {
		out.Upstream = r.Upstream + ":http"
	}
	maps.Copy(out.Attributes, r.Attributes)
	return out
}
