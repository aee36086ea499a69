package access

import "sluice/internal/platform"

// State returns nil when the state of an environment allows what a permission is for, and
// else an error that says why not and what to do. It does not look at roles.
func State(p Permission, project platform.Project, env platform.Environment) error {
	switch p {
	case Redeploy:
		return wantActive(env, "is inactive; there is nothing to redeploy")
	case Rollback:
		if env.Status == platform.EnvironmentInactive || env.Release == "" {
			return conflict(env, "serves nothing; there is nothing to roll back", activate(env))
		}
	case Activate:
		return mayActivate(env)
	case Merge, Synchronize:
		return mayCombine(p, env)
	case Branch:
		if env.HeadCommit == "" {
			return conflict(env, "has no code; nothing was made", "push to its branch first: git push sluice "+env.Name)
		}
	case Rehearse:
		return mayRehearse(env)
	case Pause:
		return mayPause(project, env)
	case Resume:
		if env.Status != platform.EnvironmentPaused {
			return conflict(env, "is "+string(env.Status)+", not paused; nothing was changed", "")
		}
	case Deactivate:
		if env.Name == project.DefaultBranch {
			return isDefault(env, "deactivated")
		}
		return wantActive(env, "is already inactive")
	case BranchDelete:
		if env.Name == project.DefaultBranch {
			return isDefault(env, "deleted")
		}
	case Exec:
		if env.Status == platform.EnvironmentPaused {
			return conflict(env, "is paused; the command was not run", resume(env))
		}
		if env.Status == platform.EnvironmentInactive || env.Release == "" {
			return conflict(env, "is not running; the command was not run", "push to it, or activate it: "+activate(env))
		}
	case BackupCreate:
		if env.Status == platform.EnvironmentInactive || env.Release == "" {
			return conflict(env, "has no data; nothing was backed up", activate(env))
		}
	case LogsView:
		if env.Status == platform.EnvironmentPaused {
			return conflict(env, "is paused", resume(env))
		}
		return wantActive(env, "is inactive")
	case RelationshipsView, CachePurge:
		return wantActive(env, "is inactive")
	default:
	}
	return nil
}

func activate(env platform.Environment) string {
	return "sluice environment:activate -p " + env.Project + " -e " + env.Name
}

func resume(env platform.Environment) string {
	return "sluice environment:resume -p " + env.Project + " -e " + env.Name
}

// conflict says what an environment is; hint may be empty.
func conflict(env platform.Environment, what, hint string) error {
	return platform.Errorf(platform.CodeConflict, "environment %s %s", env.Name, what).WithHint("%s", hint)
}

// wantActive refuses an environment without containers.
func wantActive(env platform.Environment, otherwise string) error {
	if env.Status == platform.EnvironmentInactive {
		return conflict(env, otherwise, activate(env))
	}
	return nil
}

// mayCombine refuses to exchange anything with a parent that does not exist.
func mayCombine(p Permission, env platform.Environment) error {
	switch {
	case env.Parent == "":
		return conflict(env, "has no parent; nothing was changed", "choose one: sluice environment:info parent ENVIRONMENT -p "+env.Project+" -e "+env.Name)
	case env.HeadCommit == "":
		return conflict(env, "has no code; nothing was changed", "push to its branch first: git push sluice "+env.Name)
	case p == Synchronize && env.Status == platform.EnvironmentInactive:
		return conflict(env, "is inactive; nothing was changed", activate(env))
	}
	return nil
}

func isDefault(env platform.Environment, done string) error {
	return platform.Errorf(platform.CodeForbidden, "%s is the project's default environment and cannot be %s", env.Name, done).
		WithHint("delete the project instead: sluice project:delete -p %s", env.Project)
}

func mayActivate(env platform.Environment) error {
	switch {
	case env.Status == platform.EnvironmentPaused:
		return conflict(env, "is paused", resume(env))
	case env.Status != platform.EnvironmentInactive:
		return conflict(env, "is already "+string(env.Status), "")
	case env.HeadCommit == "":
		return conflict(env, "has no code; nothing was started", "push to its branch first: git push sluice "+env.Name)
	}
	return nil
}

// mayRehearse refuses an environment that has nothing to rehearse on.
func mayRehearse(env platform.Environment) error {
	switch {
	case env.Release == "" || env.Status == platform.EnvironmentInactive:
		return conflict(env, "serves nothing, so there is no data to rehearse on; nothing was started", "git push sluice "+env.Name)
	case env.Status == platform.EnvironmentDirty:
		return conflict(env, "had a deployment that did not finish, so its data may be half changed; nothing was started",
			"push a fix or roll back first: sluice environment:rollback -p "+env.Project+" -e "+env.Name)
	}
	return nil
}

// mayPause refuses to pause what visitors of a shop need, or what does not run.
func mayPause(project platform.Project, env platform.Environment) error {
	switch {
	case env.Type == platform.Production, env.Name == project.DefaultBranch:
		return platform.Errorf(platform.CodeForbidden, "%s is the production environment and cannot be paused", env.Name)
	case env.Status == platform.EnvironmentDirty:
		return conflict(env, "had a deployment that did not finish; it was not paused",
			"push a fix or roll back first: sluice environment:rollback -p "+env.Project+" -e "+env.Name)
	case env.Status != platform.EnvironmentActive || env.Release == "":
		return conflict(env, "does not run; there is nothing to pause", "")
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
