package cli

import (
	"context"

	"sluice/apiv1"
)

// selection is what a command is about.
type selection struct {
	*apiv1.Client
	project string
	env     string // empty when none was found and none is needed
}

// selectProject finds the project: option, SLUICE_PROJECT, git remote.
func (c *program) selectProject(ctx context.Context) (selection, error) {
	client, err := c.client()
	if err != nil {
		return selection{}, err
	}
	project := firstOf(c.project, c.env["SLUICE_PROJECT"])
	if hostOf(project) != "" {
		project = projectOfURL(project)
	}
	if project == "" {
		project = c.remoteProject(ctx)
	}
	if project == "" {
		return selection{}, usageError("name it with -p PROJECT, or run `sluice project:set-remote PROJECT` in your checkout",
			"this directory belongs to no project")
	}
	return selection{Client: client, project: project}, nil
}

// selectEnvironment finds the project and the environment: option, SLUICE_ENVIRONMENT,
// current branch of a checkout of the project.
func (c *program) selectEnvironment(ctx context.Context) (selection, error) {
	s, err := c.maybeEnvironment(ctx)
	if err == nil && s.env == "" {
		err = usageError("name it with -e ENVIRONMENT; -e . is that of the default branch", "no environment is selected")
	}
	return s, err
}

// maybeEnvironment is selectEnvironment for commands that can do without one.
func (c *program) maybeEnvironment(ctx context.Context) (selection, error) {
	s, err := c.selectProject(ctx)
	if err != nil {
		return s, err
	}
	s.env = firstOf(c.environment, c.env["SLUICE_ENVIRONMENT"])
	if s.env == "" && c.remoteProject(ctx) == s.project {
		s.env = c.branch(ctx)
	}
	if s.env == "." {
		p, err := s.Project(ctx, s.project)
		if err != nil {
			return s, err
		}
		s.env = p.DefaultBranch
	}
	return s, nil
}
