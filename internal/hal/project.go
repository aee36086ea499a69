package hal

import (
	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// ProjectObject renders the project of the view.
func (v View) ProjectObject() apiv1.Project {
	p := v.Project
	return apiv1.Project{
		ID:            p.ID,
		Title:         p.Title,
		DefaultBranch: p.DefaultBranch,
		Timezone:      "UTC",
		Status:        apiv1.ProjectStatus{Code: "provision", Message: "ok"},
		Repository:    v.repository(),
		CreatedAt:     apiv1.Time{Time: p.CreatedAt},
		UpdatedAt:     apiv1.Time{Time: p.UpdatedAt},
		Links:         v.projectLinks(),
	}
}

// repository names where code is pushed to: over SSH, the only way that stock clients know, when
// that can be.
func (v View) repository() apiv1.Repository {
	out := apiv1.Repository{HTTPURL: v.Site.RepositoryURL(v.Project.ID)}
	out.URL = out.HTTPURL
	if v.Site.GitHost != "" {
		out.URL = v.Project.ID + "@" + v.Site.GitHost + ":" + v.Project.ID + ".git"
	}
	return out
}

func (v View) projectLinks() apiv1.Links {
	links := apiv1.Links{}
	self := projectPath(v.Project.ID)
	links.Set("self", self)
	for _, o := range []offer{
		{access.ProjectView, "environments", "/environments"},
		{access.ProjectView, "activities", "/activities"},
		{access.ProjectView, "settings", "/settings"},
		{access.ProjectView, "capabilities", "/capabilities"},
		{access.IntegrationManage, "integrations", "/integrations"},
		{access.ProjectVarsView, "variables", "/variables"},
		{access.ProjectVarsChange, "#manage-variables", "/variables"},
		{access.DomainView, "domains", "/domains"},
		{access.DomainManage, "#manage-domains", "/domains"},
		{access.CertificateView, "certificates", "/certificates"},
		{access.MembersView, "access", "/access"},
		{access.MembersManage, "invitations", "/invitations"},
		{access.ProjectView, "environment-types", "/environment-types"},
		{access.ProjectEdit, "#edit", ""},
		{access.ProjectDelete, "#delete", ""},
	} {
		if v.allows(o.permission, "") {
			links.Set(o.rel, self+o.at)
		}
	}
	return links
}

// Capabilities says what clients can expect of the project.
func (v View) Capabilities() apiv1.Capabilities {
	links := apiv1.Links{}
	links.Set("self", projectPath(v.Project.ID)+"/capabilities")
	return apiv1.Capabilities{
		// Enabled restricts the types of integrations to those of Config.
		Integrations: apiv1.IntegrationCapability{Enabled: true, Config: map[string]apiv1.Capability{platform.Webhook: {Enabled: true}}},
		Links:        links,
	}
}

// Settings are those of the project; nothing of what clients ask about exists.
func (v View) Settings() apiv1.ProjectSettings {
	links := apiv1.Links{}
	links.Set("self", projectPath(v.Project.ID)+"/settings")
	return apiv1.ProjectSettings{Links: links}
}
