package access

import (
	"slices"

	"sluice/internal/platform"
)

// Subject is someone who asks for something, with what they were granted.
type Subject struct {
	platform.Actor
	Grants []Grant
	// Limits are the scopes of the token or certificate that the request came with: it allows
	// no more than both the Grants and the Limits do. nil is no limit.
	Limits []Grant
	// Credential says how the subject proved who it is: a kind and an ID, such as
	// "token/k3j4h5". Empty: it is the program itself.
	Credential string
}

// Operator is the person who runs programs on the server's own machine.
func Operator() Subject {
	return Subject{
		Actor:  platform.Actor{ID: "operator", Name: "the operator"},
		Grants: []Grant{{Project: Everything, Role: Admin}},
	}
}

// Allows reports whether the subject has a permission on a project and, where the
// permission is about an environment, on its type. A permission that does not exist is
// never allowed.
func (s Subject) Allows(p Permission, projectID string, kind platform.EnvironmentType) bool {
	r, known := rules()[p]
	return known && r.allowed(s.Grants, projectID, kind) && (s.Limits == nil || r.allowed(s.Limits, projectID, kind))
}

// Require returns nil when Allows reports true, and else the error that says which role is
// missing.
func (s Subject) Require(p Permission, projectID string, kind platform.EnvironmentType) error {
	if s.Allows(p, projectID, kind) {
		return nil
	}
	return forbidden(p, projectID, kind)
}

// allowed reports whether one of the grants has the role that a rule wants.
func (r rule) allowed(grants []Grant, projectID string, kind platform.EnvironmentType) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool {
		if g.Project != Everything && (g.Project != projectID || r.level == installation) {
			return false
		}
		switch r.level {
		case installation:
			return g.Role.atLeast(r.least)
		case project:
			return g.OnProject().atLeast(r.least)
		case someEnvironment:
			return g.highest().atLeast(r.least)
		default:
			return g.On(kind).atLeast(r.least)
		}
	})
}

// Covers reports whether the subject may give a grant to someone else: only an admin of
// the project may, and only an admin of everything what counts for all projects.
func (s Subject) Covers(g Grant) bool {
	if g.Project == Everything {
		return s.Allows(InstallationManage, "", "")
	}
	return s.Allows(TokenManage, g.Project, "")
}

// Holds reports whether the subject has everything that a grant gives.
func (s Subject) Holds(g Grant) bool {
	return holds(s.Grants, g) && (s.Limits == nil || holds(s.Limits, g))
}

// Full reports whether the limits of the subject leave all that it was granted.
func (s Subject) Full() bool {
	return s.Limits == nil || !slices.ContainsFunc(s.Grants, func(g Grant) bool { return !holds(s.Limits, g) })
}

func holds(grants []Grant, g Grant) bool {
	var have Subject // on the project of g, or on all
	for _, own := range grants {
		if own.Project == Everything || own.Project == g.Project {
			own.Project = g.Project
			have.Grants = append(have.Grants, own)
		}
	}
	for p, r := range rules() {
		if r.level == installation && g.Project != Everything {
			continue
		}
		for _, kind := range Types() {
			if r.allowed([]Grant{g}, g.Project, kind) && !have.Allows(p, g.Project, kind) {
				return false
			}
		}
	}
	return true
}

// forbidden says which role is missing.
func forbidden(p Permission, projectID string, kind platform.EnvironmentType) error {
	r := rules()[p]
	scope := projectID + ":" + string(r.least)
	needs := "the role " + string(r.least) + " on the project " + projectID
	switch r.level {
	case installation:
		scope = Everything + ":" + string(r.least)
		needs = "the role admin on all projects"
	case environment:
		scope = projectID + ":" + string(kind) + "=" + string(r.least)
		needs = "the role " + string(r.least) + " on " + string(kind) + " environments of " + projectID
	case someEnvironment:
		scope = projectID + ":" + string(platform.Development) + "=" + string(r.least)
		needs = "the role " + string(r.least) + " on some environments of " + projectID
	case project:
	}
	return platform.Errorf(platform.CodeForbidden, "%s needs %s; nothing was changed", p, needs).
		WithHint("ask an admin for a token with the scope %s", scope)
}
