package access

import (
	"slices"

	"sluice/internal/platform"
)

// Subject is someone who asks for something, with what they were granted.
type Subject struct {
	platform.Actor
	Grants []Grant
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
	return known && slices.ContainsFunc(s.Grants, func(g Grant) bool {
		if g.Project != Everything && (g.Project != projectID || r.level == installation) {
			return false
		}
		switch r.level {
		case installation:
			return g.Role.atLeast(r.least)
		case project:
			return g.onProject().atLeast(r.least)
		case someEnvironment:
			return g.highest().atLeast(r.least)
		default:
			return g.on(kind).atLeast(r.least)
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

// Forbidden says which role is missing.
func Forbidden(p Permission, projectID string, kind platform.EnvironmentType) error {
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
