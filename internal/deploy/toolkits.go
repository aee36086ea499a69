package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// dropOldToolkits removes executables of the toolkit that nothing needs any more. What could
// not be removed is tried again after the next deployment.
func (s *Service) dropOldToolkits(ctx context.Context) {
	if err := s.dropUnusedToolkits(ctx); err != nil {
		s.Log.WarnContext(ctx, "could not remove old toolkits", "error", err)
	}
}

func (s *Service) dropUnusedToolkits(ctx context.Context) error {
	installed, err := s.Toolkits.Installed(ctx)
	if err != nil {
		return fmt.Errorf("list toolkits: %w", err)
	}
	if !slices.ContainsFunc(installed, func(path string) bool { return path != s.opts.Toolkit }) {
		return nil // which spares a look at every environment
	}
	used, err := s.programsInUse(ctx)
	if err != nil {
		return fmt.Errorf("find out which toolkits are in use: %w", err)
	}
	var problems []error
	for _, path := range installed {
		if !used[path] {
			problems = append(problems, s.Toolkits.Remove(ctx, path))
		}
	}
	return errors.Join(problems...)
}

// programsInUse returns the paths of all executables that a container may be started with:
// this control plane's, and those of what environments serve, or would serve again after
// maintenance or a pause. A release that was replaced or failed has no containers.
func (s *Service) programsInUse(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	if s.opts.Toolkit != "" {
		used[s.opts.Toolkit] = true
	}
	envs, err := s.Records.Environments(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	for _, env := range envs {
		current, err := s.liveRelease(ctx, env)
		if platform.ErrorCode(err) == platform.CodeNotFound {
			continue // deleted meanwhile, with its environment
		}
		if err != nil {
			return nil, fmt.Errorf("environment %s: %w", env.ID(), err)
		}
		if current != nil {
			addPrograms(used, current.stored.Spec)
		}
	}
	return used, nil
}

func addPrograms(used map[string]bool, spec engine.Spec) {
	add := func(c engine.Container) {
		for _, program := range c.Programs {
			used[program.Source] = true
		}
	}
	for _, app := range spec.Apps {
		add(app.Container)
	}
	for _, w := range spec.Workers {
		add(w.Container)
	}
}
