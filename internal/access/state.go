package access

import "sluice/internal/platform"

// State returns nil when the state of an environment allows what a permission is for, and
// else an error that says why not and what to do. It does not look at roles.
func State(p Permission, project platform.Project, env platform.Environment) error {
	inactive := env.Status == platform.EnvironmentInactive
	activate := "sluice environment:activate -p " + env.Project + " -e " + env.Name
	switch p {
	case Redeploy:
		if inactive {
			return platform.Errorf(platform.CodeConflict, "environment %s is inactive; there is nothing to redeploy", env.Name).WithHint("%s", activate)
		}
	case Rollback:
		if inactive || env.Release == "" {
			return platform.Errorf(platform.CodeConflict, "environment %s serves nothing; there is nothing to roll back", env.Name).WithHint("%s", activate)
		}
	case Activate:
		if !inactive {
			return platform.Errorf(platform.CodeConflict, "environment %s is already %s", env.Name, env.Status)
		}
		if env.HeadCommit == "" {
			return platform.Errorf(platform.CodeConflict, "environment %s has no code; nothing was started", env.Name).
				WithHint("push to its branch first: git push sluice %s", env.Name)
		}
	case Deactivate:
		if env.Name == project.DefaultBranch {
			return platform.Errorf(platform.CodeForbidden, "%s is the project's default environment and cannot be deactivated", env.Name).
				WithHint("delete the project instead: sluice project:delete -p %s", env.Project)
		}
		if inactive {
			return platform.Errorf(platform.CodeConflict, "environment %s is already inactive", env.Name)
		}
	case Exec:
		if inactive || env.Release == "" {
			return platform.Errorf(platform.CodeConflict, "environment %s is not running; the command was not run", env.Name).
				WithHint("push to it, or activate it: %s", activate)
		}
	case RelationshipsView, LogsView, CachePurge:
		if inactive {
			return platform.Errorf(platform.CodeConflict, "environment %s is inactive", env.Name).WithHint("%s", activate)
		}
	case BackupCreate:
		if inactive || env.Release == "" {
			return platform.Errorf(platform.CodeConflict, "environment %s has no data; nothing was backed up", env.Name).WithHint("%s", activate)
		}
	default:
	}
	return nil
}

// TypeOf returns the type of an environment for the rules: that of its record, and for
// a branch that has none the type that a push would give it.
func TypeOf(project platform.Project, branch string, envs []platform.Environment) platform.EnvironmentType {
	for _, env := range envs {
		if env.Name == branch {
			return env.Type
		}
	}
	if branch == project.DefaultBranch {
		return platform.Production
	}
	return platform.Development
}
