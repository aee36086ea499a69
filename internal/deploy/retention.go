package deploy

import (
	"context"
	"errors"
	"fmt"

	"sluice/internal/platform"
)

// keptReleases is how many releases of an environment keep their slugs, the serving one
// included, so that going back to one of them needs no build.
const keptReleases = 5

// dropOldSlugs deletes slugs that only releases older than the kept ones of their
// environment use. A slug is shared by all environments of the project that built the
// same tree, so all their releases are looked at.
func (s *Service) dropOldSlugs(ctx context.Context, project string) error {
	envs, err := s.Store.Environments(ctx, project)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	kept := map[string]bool{} // by reference
	var old []platform.Release
	for _, env := range envs {
		releases, err := s.Store.Releases(ctx, project, env.Name)
		if err != nil {
			return fmt.Errorf("list releases of %s: %w", env.Name, err)
		}
		for i, r := range releases {
			if i >= keptReleases && r.ID != env.Release {
				old = append(old, r)
				continue
			}
			for _, slug := range r.Slugs {
				kept[slug.Ref] = true
			}
		}
	}
	return s.dropSlugs(ctx, old, kept)
}

// dropSlugs deletes the slugs of old releases but for the kept ones, and forgets them.
func (s *Service) dropSlugs(ctx context.Context, old []platform.Release, kept map[string]bool) error {
	var problems []error
	for _, r := range old {
		if len(r.Slugs) == 0 {
			continue
		}
		failed := false
		for _, slug := range r.Slugs {
			if kept[slug.Ref] {
				continue
			}
			if err := s.Builder.Remove(ctx, slug); err != nil {
				failed = true
				problems = append(problems, fmt.Errorf("remove slug %s: %w", slug.Ref, err))
			}
		}
		if failed {
			continue // tried again next time
		}
		r.Slugs = nil
		if err := s.Store.SaveRelease(ctx, r); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// dropAllSlugs deletes the slugs of a project that is about to be deleted.
func (s *Service) dropAllSlugs(ctx context.Context, envs []platform.Environment) error {
	var all []platform.Release
	for _, env := range envs {
		releases, err := s.Store.Releases(ctx, env.Project, env.Name)
		if err != nil {
			return fmt.Errorf("list releases of %s: %w", env.Name, err)
		}
		all = append(all, releases...)
	}
	return s.dropSlugs(ctx, all, nil)
}
