package hal

import (
	"net/url"

	"sluice/apiv1"
	"sluice/internal/access"
	"sluice/internal/platform"
)

// Site says where users reach the installation.
type Site struct {
	// RepositoryURL returns where a project is pushed to over HTTP.
	RepositoryURL func(project string) string
	// SSHHost and GitHost are the names of the SSH gateway for containers and for
	// repositories; empty when there is none. Clients know its port.
	SSHHost string
	GitHost string
}

// View renders the resources of one project for one subject.
type View struct {
	Subject access.Subject
	Project platform.Project
	Site    Site
}

// Root is where projects are. Clients look for it in the links of environments.
const Root = "/api/projects/"

func projectPath(project string) string { return Root + url.PathEscape(project) }

func environmentPath(project, env string) string {
	return projectPath(project) + "/environments/" + url.PathEscape(env)
}

// ProjectPath returns where the project is.
func (v View) ProjectPath() string { return projectPath(v.Project.ID) }

// offer is a link that depends on a permission.
type offer struct {
	permission access.Permission
	rel, at    string
}

// allows reports whether the subject has a permission on the project or on the
// environments of a type.
func (v View) allows(p access.Permission, kind platform.EnvironmentType) bool {
	return v.Subject.Allows(p, v.Project.ID, kind)
}

// editable adds the links of a resource that its collection's permission governs.
func (v View) editable(links apiv1.Links, self string, p access.Permission, kind platform.EnvironmentType) {
	links.Set("self", self)
	if v.allows(p, kind) {
		links.Set("#edit", self)
		links.Set("#delete", self)
	}
}
