package account

import (
	"context"
	"slices"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Members lists who has access to a project, by username. It returns CodeForbidden to those
// who may not see them.
func (s *Service) Members(ctx context.Context, by access.Subject, project string) ([]access.Member, error) {
	if err := by.Require(access.MembersView, project, ""); err != nil {
		return nil, err
	}
	users, err := s.Records.Users(ctx, project)
	if err != nil {
		return nil, err
	}
	var members []access.Member
	for _, u := range users {
		if g, ok := access.On(project, parseGrants(u.Grants)); ok {
			members = append(members, access.Member{User: u, Grant: g})
		}
	}
	return members, nil
}

// Member returns one of the members of a project, or CodeNotFound. user is an ID.
func (s *Service) Member(ctx context.Context, by access.Subject, project, user string) (access.Member, error) {
	members, err := s.Members(ctx, by, project)
	if err != nil {
		return access.Member{}, err
	}
	i := slices.IndexFunc(members, func(m access.Member) bool { return m.User.ID == user })
	if i < 0 {
		return access.Member{}, noMember(project, user)
	}
	return members[i], nil
}

func noMember(project, user string) error {
	return platform.Errorf(platform.CodeNotFound, "user %.100q has no access to the project %s; nothing was changed", user, project).
		WithHint("`sluice user:list -p %s` shows who has", project)
}

// memberGrant returns what a new member of a project gets: to be an admin of it, or roles by
// type of environment; without any they may see everything.
func memberGrant(by access.Subject, project string, wanted access.Grant) (access.Grant, error) {
	if err := by.Require(access.MembersManage, project, ""); err != nil {
		return access.Grant{}, err
	}
	wanted.Project = project
	if wanted.Role == access.NoRole && len(wanted.Types) == 0 {
		wanted.Role = access.Viewer
	}
	_, err := access.ParseGrant(wanted.String())
	return wanted, err
}

// addMember gives a user access to a project. It returns CodeConflict when the user has access
// already, unless force, which replaces the roles.
func (s *Service) addMember(ctx context.Context, by access.Subject, project string, u platform.User, wanted access.Grant, force bool) (access.Member, error) {
	if err := s.record(ctx, by, access.MembersManage, project, "add "+u.Username+" as "+wanted.String()); err != nil {
		return access.Member{}, err
	}
	err := s.Records.SetGrants(ctx, u.ID, project, func(now []string) ([]string, error) {
		if len(now) > 0 && !force {
			return nil, platform.Errorf(platform.CodeConflict, "%s has access to the project already; nothing was changed", u.Username).
				WithHint("change the roles instead: sluice user:update %s", u.Username).WithField("email")
		}
		return []string{wanted.String()}, nil
	})
	return access.Member{User: u, Grant: wanted}, err
}

// SetRole gives a member another role on a project: admin, or viewer, who then has the
// roles by type that it had, or viewer on all types when it had none.
func (s *Service) SetRole(ctx context.Context, by access.Subject, project, user string, role access.Role) (access.Member, error) {
	if role != access.Admin && role != access.Viewer {
		return access.Member{}, badRole(role, "admin or viewer")
	}
	return s.changeMember(ctx, by, access.MembersManage, "", project, user, func(g access.Grant) (access.Grant, error) {
		switch {
		case role == access.Admin:
			return access.Grant{Project: project, Role: access.Admin}, nil
		case g.Role == access.NoRole:
			return g, nil
		default:
			return access.Grant{Project: project, Role: access.Viewer}, nil
		}
	})
}

// SetTypeRole gives a member a role on the environments of a type, and with NoRole none.
func (s *Service) SetTypeRole(ctx context.Context, by access.Subject, project string, kind platform.EnvironmentType, user string, role access.Role) (access.Member, error) {
	if !slices.Contains(access.Types(), kind) {
		return access.Member{}, platform.Errorf(platform.CodeNotFound, "there is no environment type %.100q; nothing was changed", string(kind)).
			WithHint("the types are production, staging and development")
	}
	if !slices.Contains([]access.Role{access.NoRole, access.Viewer, access.Contributor, access.Admin}, role) {
		return access.Member{}, badRole(role, "admin, contributor or viewer")
	}
	return s.changeMember(ctx, by, access.TypeMembersManage, kind, project, user, func(g access.Grant) (access.Grant, error) {
		if g.Role == access.Admin {
			return g, platform.Errorf(platform.CodeConflict, "the user is an admin of the project, and so of all its environments; nothing was changed").
				WithHint("give them another role on the project first: sluice user:update")
		}
		return g.With(kind, role), nil
	})
}

// RemoveMember takes all access to a project from a user. It returns CodeNotFound when the
// user has none, and CodeForbidden for access that counts for all projects.
func (s *Service) RemoveMember(ctx context.Context, by access.Subject, project, user string) error {
	_, err := s.changeMember(ctx, by, access.MembersManage, "", project, user, func(access.Grant) (access.Grant, error) {
		return access.Grant{Project: project}, nil
	})
	return err
}

// changeMember replaces what a user has on a project, with the permission p on the
// environments of a type.
func (s *Service) changeMember(ctx context.Context, by access.Subject, p access.Permission, kind platform.EnvironmentType,
	project, user string, change func(access.Grant) (access.Grant, error),
) (access.Member, error) {
	if err := by.Require(p, project, kind); err != nil {
		return access.Member{}, err
	}
	u, err := s.Records.User(ctx, user)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return access.Member{}, noMember(project, user)
	}
	if err != nil {
		return access.Member{}, err
	}
	if _, everywhere := access.On(access.Everything, parseGrants(u.Grants)); everywhere && !by.Allows(access.UserManage, "", "") {
		return access.Member{}, platform.Errorf(platform.CodeForbidden, "%s has access to all projects; nothing was changed", u.Username).
			WithHint("ask an admin of the installation")
	}
	if err := s.record(ctx, by, p, project, "roles of "+u.Username); err != nil {
		return access.Member{}, err
	}
	var after access.Grant
	err = s.Records.SetGrants(ctx, user, project, func(now []string) ([]string, error) {
		before, ok := access.On(project, parseGrants(now))
		if !ok {
			return nil, noMember(project, user)
		}
		if after, err = change(before); err != nil {
			return nil, err
		}
		if after.Role == access.NoRole && len(after.Types) == 0 {
			return nil, nil
		}
		return []string{after.String()}, nil
	})
	return access.Member{User: u, Grant: after}, err
}

func badRole(role access.Role, known string) error {
	return platform.Errorf(platform.CodeInvalid, "%.100q is not a role here; nothing was changed", string(role)).
		WithHint("the roles are %s", known).WithField("role")
}
