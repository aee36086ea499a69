package deploy

import (
	"context"
	"fmt"
	"log/slog"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// dropOldToolkits has executables of the toolkit removed that nothing needs any more. A
// failure removes nothing and is tried again after the next deployment.
func (s *Service) dropOldToolkits(ctx context.Context) {
	if s.opts.DropToolkits == nil {
		return
	}
	if err := s.opts.DropToolkits(ctx, s.programsInUse); err != nil {
		s.Log.WarnContext(ctx, "remove old toolkits", slog.Any("error", err))
	}
}

// programsInUse returns the paths of all executables that a container may be started with:
// this control plane's, and those of what environments serve, or would serve again after
// maintenance or a pause. A release that was replaced or failed has no containers.
func (s *Service) programsInUse(ctx context.Context) (map[string]bool, error) {
	used := map[string]bool{}
	if s.opts.Toolkit != "" {
		used[s.opts.Toolkit] = true
	}
	envs, err := s.Store.Environments(ctx, "")
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
			addPrograms(used, current.plan.Spec)
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
