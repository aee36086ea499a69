package project

import (
	"context"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// Authorize returns nil when the subject has the permission on the project and, for a
// permission about environments, on env. It returns CodeNotFound when the subject may not
// see the project at all, and CodeForbidden when it lacks a role.
func (s *Service) Authorize(ctx context.Context, by access.Subject, p access.Permission, project, env string) error {
	if !p.OnInstallation() && !by.Allows(access.ProjectView, project, "") {
		return noProject(project)
	}
	var kind platform.EnvironmentType
	if p.OnEnvironment() {
		var err error
		if kind, err = s.typeOf(ctx, project, env); err != nil {
			return err
		}
	}
	return by.Require(p, project, kind)
}

// typeOf returns the type of an environment, also of one that does not exist yet.
func (s *Service) typeOf(ctx context.Context, project, env string) (platform.EnvironmentType, error) {
	p, err := s.Records.Project(ctx, project)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return "", noProject(project)
	}
	if err != nil {
		return "", err
	}
	e, err := s.Records.Environment(ctx, project, env)
	switch platform.ErrorCode(err) {
	case "":
		return e.Type, nil
	case platform.CodeNotFound:
		return access.TypeOf(p, env, nil), nil
	default:
		return "", err
	}
}

// AuthorizePush checks every branch of a push by itself. A new branch that is to become a
// staging environment counts as one.
func (s *Service) AuthorizePush(ctx context.Context, by access.Subject, push platform.Push) error {
	if push.Options[platform.OptionRehearse] != "" {
		if err := s.authorizeRehearsal(ctx, by, push.Project); err != nil {
			return err
		}
	}
	for _, u := range push.Updates {
		branch, ok := u.Branch()
		if !ok {
			continue // tags deploy nothing
		}
		permission := access.CodePush
		if u.Deletes() {
			permission = access.BranchDelete
		}
		if err := s.Authorize(ctx, by, permission, push.Project, branch); err != nil {
			return err
		}
		wanted := platform.EnvironmentType(push.Options["environment.type"])
		if wanted == platform.Staging {
			if err := by.Require(permission, push.Project, wanted); err != nil {
				return err
			}
		}
		if u.Deletes() {
			if err := s.Record(ctx, by, permission, push.Project, branch, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// authorizeRehearsal asks for the role on production, whose data and variables the pushed code gets.
func (s *Service) authorizeRehearsal(ctx context.Context, by access.Subject, project string) error {
	p, err := s.Records.Project(ctx, project)
	if err == nil {
		err = s.Authorize(ctx, by, access.Rehearse, project, p.DefaultBranch)
	}
	if err != nil {
		return err
	}
	return s.Record(ctx, by, access.Rehearse, project, p.DefaultBranch, "push")
}

func noProject(id string) error {
	return platform.Errorf(platform.CodeNotFound, "project %q not found, or your token may not see it", id).
		WithHint("`sluice project:list` shows the projects that you can see")
}
