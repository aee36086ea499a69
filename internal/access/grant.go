package access

import (
	"maps"
	"slices"
	"strings"

	"sluice/internal/platform"
)

// Role is how much someone may do on a project or on the environments of a type. A higher
// role has all permissions of the lower ones.
type Role string

// The roles. Contributor exists on environment types only.
const (
	NoRole      Role = ""
	Viewer      Role = "viewer"      // sees states, activities and logs
	Contributor Role = "contributor" // pushes, deploys, runs commands
	Admin       Role = "admin"       // changes settings and variables, deletes data
)

// atLeast reports whether r has everything that least has.
func (r Role) atLeast(least Role) bool {
	order := []Role{NoRole, Viewer, Contributor, Admin}
	return slices.Index(order, r) >= slices.Index(order, least)
}

// Everything is the project of a grant that counts for all projects.
const Everything = "*"

// Grant gives roles on one project, or on all.
type Grant struct {
	Project string // an ID, or Everything
	Role    Role   // Admin, Viewer or NoRole; it counts for all types of environments
	Types   map[platform.EnvironmentType]Role
}

// ParseGrant reads the text form of a grant: PROJECT:ROLE, or PROJECT:TYPE=ROLE,...
// PROJECT is an ID, or "*" for all projects.
func ParseGrant(text string) (Grant, error) {
	project, roles, ok := strings.Cut(strings.TrimSpace(text), ":")
	if !ok || project != Everything && !platform.ValidProjectID(project) {
		return Grant{}, badGrant(text)
	}
	g := Grant{Project: project}
	if role := Role(roles); role == Admin || role == Viewer {
		g.Role = role
		return g, nil
	}
	g.Types = map[platform.EnvironmentType]Role{}
	for part := range strings.SplitSeq(roles, ",") {
		kind, role, _ := strings.Cut(part, "=")
		if _, twice := g.Types[platform.EnvironmentType(kind)]; twice ||
			!slices.Contains(Types(), platform.EnvironmentType(kind)) || !slices.Contains([]Role{Viewer, Contributor, Admin}, Role(role)) {
			return Grant{}, badGrant(text)
		}
		g.Types[platform.EnvironmentType(kind)] = Role(role)
	}
	return g, nil
}

func badGrant(text string) error {
	return platform.Errorf(platform.CodeInvalid, "cannot parse the scope %q; nothing was changed", text).
		WithHint("write PROJECT:admin, PROJECT:viewer or PROJECT:production=viewer,development=contributor; " +
			"the types are production, staging and development, the roles admin, contributor and viewer, and * is every project")
}

// Types are the types of environments that roles are given for.
func Types() []platform.EnvironmentType {
	return []platform.EnvironmentType{platform.Production, platform.Staging, platform.Development}
}

// String returns the text form of a grant.
func (g Grant) String() string {
	if g.Role != NoRole {
		return g.Project + ":" + string(g.Role)
	}
	var roles []string
	for _, kind := range slices.Sorted(maps.Keys(g.Types)) {
		roles = append(roles, string(kind)+"="+string(g.Types[kind]))
	}
	return g.Project + ":" + strings.Join(roles, ",")
}

// On joins what grants give on one project: those that name it and those for all projects.
// With Everything it joins the latter only. It reports whether there are any.
func On(project string, grants []Grant) (Grant, bool) {
	joined := Grant{Project: project, Types: map[platform.EnvironmentType]Role{}}
	var found bool
	for _, g := range grants {
		if g.Project != Everything && g.Project != project {
			continue
		}
		found = true
		if g.Role.atLeast(joined.Role) {
			joined.Role = g.Role
		}
		for kind, role := range g.Types {
			if role.atLeast(joined.Types[kind]) {
				joined.Types[kind] = role
			}
		}
	}
	switch {
	case joined.Role == Admin:
		joined.Types = nil
	case joined.Role == Viewer && len(joined.Types) > 0: // one text form, not two
		return joined.With("", NoRole), true
	}
	return joined, found
}

// With returns the grant with another role on the environments of one type; the roles on
// the other types stay as they are. NoRole takes the access to them.
func (g Grant) With(kind platform.EnvironmentType, role Role) Grant {
	changed := Grant{Project: g.Project, Types: map[platform.EnvironmentType]Role{}}
	for _, k := range Types() {
		have := g.On(k)
		if k == kind {
			have = role
		}
		if have != NoRole {
			changed.Types[k] = have
		}
	}
	return changed
}

// On returns the role on the environments of a type.
func (g Grant) On(kind platform.EnvironmentType) Role {
	if g.Role.atLeast(g.Types[kind]) {
		return g.Role
	}
	return g.Types[kind]
}

// highest returns the highest role on any type.
func (g Grant) highest() Role {
	highest := g.Role
	for _, kind := range Types() {
		if role := g.On(kind); role.atLeast(highest) {
			highest = role
		}
	}
	return highest
}

// OnProject returns the role on the project itself: who has a role on some environments
// sees the project.
func (g Grant) OnProject() Role {
	if g.Role == NoRole && len(g.Types) > 0 {
		return Viewer
	}
	return g.Role
}

// Member is a user with access to a project.
type Member struct {
	User  platform.User
	Grant Grant // all that the user has on the project, with Project as asked for
}
