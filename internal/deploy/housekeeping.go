package deploy

import (
	"context"
	"time"
)

// How often repositories are packed, and how long after a start for the first time: soon
// enough that a server that is restarted every night gets round to it.
const (
	tidyFirst = 10 * time.Minute
	tidyEvery = 24 * time.Hour
)

// Housekeep packs the repositories once a day until ctx ends: pushes never do.
func (s *Service) Housekeep(ctx context.Context) error {
	wait := tidyFirst
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			s.tidy(ctx)
			wait = tidyEvery
		}
	}
}

func (s *Service) tidy(ctx context.Context) {
	envs, err := s.Records.Environments(ctx, "")
	if err != nil {
		s.Log.ErrorContext(ctx, "could not list environments to tidy repositories", "error", err)
		return
	}
	last := ""
	for _, env := range envs { // sorted by project
		if err := s.dropOldData(ctx, env); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "could not remove old data", "environment", string(env.ID()), "error", err)
		}
		if env.Project == last {
			continue
		}
		last = env.Project
		if err := s.Repositories.Tidy(ctx, env.Project); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "could not tidy a repository", "project", env.Project, "error", err)
		}
	}
}
