package deploy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"sluice/internal/build"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// keptReleases is how many releases of an environment that were live keep their slugs, the
// serving one included, so that going back to one of them needs no build. Beside them the
// newest release keeps its own, whatever became of it.
const keptReleases = 5

// lookup finds a slug. A deployment that means to use it passes itself, and until it has
// ended the slug is not deleted, although no record names it yet.
func (s *Service) lookup(ctx context.Context, d *deployment, project, app string, key build.Key) (platform.Slug, bool, error) {
	s.slugs.RLock()
	defer s.slugs.RUnlock()
	for _, k := range topology.ReusableKeys(key) {
		slug, ok, err := s.Builder.Lookup(ctx, project, app, k)
		if err != nil {
			return platform.Slug{}, false, fmt.Errorf("look for an existing slug: %w", err)
		}
		if ok && d != nil {
			d.lease(slug.Ref)
		}
		if ok {
			return slug, true, nil
		}
	}
	return platform.Slug{}, false, nil
}

// lease keeps a slug until unlease.
func (d *deployment) lease(ref string) {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.s.leases[ref]++
	d.leased = append(d.leased, ref)
}

// unlease ends what lease began: the release is recorded, or there is none.
func (d *deployment) unlease() {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	for _, ref := range d.leased {
		if d.s.leases[ref]--; d.s.leases[ref] == 0 {
			delete(d.s.leases, ref)
		}
	}
	d.leased = nil
}

// dropOldSlugs deletes slugs that only releases older than the kept ones of their
// environment use. A slug is shared by all environments of the project that built the
// same tree, so all their releases are looked at.
func (s *Service) dropOldSlugs(ctx context.Context, project string) error {
	s.slugs.Lock()
	defer s.slugs.Unlock()
	envs, err := s.Records.Environments(ctx, project)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	kept := map[string]bool{} // by reference
	s.mu.Lock()
	for ref := range s.leases {
		kept[ref] = true
	}
	s.mu.Unlock()
	wanted, err := s.wantedReleases(ctx, project)
	if err != nil {
		return err
	}
	rehearsed, last, err := s.rehearsedSlugs(ctx, project)
	if err != nil {
		return err
	}
	for _, slug := range last {
		kept[slug.Ref] = true
	}
	var old []platform.Release
	for _, env := range envs {
		releases, err := s.Records.Releases(ctx, project, env.Name)
		if err != nil {
			return fmt.Errorf("list releases of %s: %w", env.Name, err)
		}
		keep, drop := split(releases, env.Release, wanted[env.Name])
		for _, r := range keep {
			for _, slug := range r.Slugs {
				kept[slug.Ref] = true
			}
		}
		old = append(old, drop...)
	}
	return errors.Join(s.dropSlugs(ctx, old, kept), s.dropRehearsed(ctx, rehearsed, kept))
}

// rehearsedSlugs returns the rehearsals of a project whose slugs may be deleted, and the slugs of
// the last one, which are kept: the deployment that follows it needs them.
func (s *Service) rehearsedSlugs(ctx context.Context, project string) (old []platform.Rehearsal, last []platform.Slug, err error) {
	all, err := s.Records.Rehearsals(ctx, project)
	if err != nil || len(all) == 0 {
		return nil, nil, err
	}
	return all[1:], all[0].Slugs, nil
}

// dropRehearsed deletes the slugs of rehearsals but for the kept ones, and forgets them.
func (s *Service) dropRehearsed(ctx context.Context, old []platform.Rehearsal, kept map[string]bool) error {
	var problems []error
	for _, r := range old {
		var left []platform.Slug
		for _, slug := range r.Slugs {
			if kept[slug.Ref] {
				continue // some release has it
			}
			if err := s.Builder.Remove(ctx, slug); err != nil {
				problems, left = append(problems, fmt.Errorf("remove slug %s: %w", slug.Ref, err)), append(left, slug)
			}
		}
		r.Slugs = left
		problems = append(problems, s.Records.SaveRehearsal(ctx, r))
	}
	return errors.Join(problems...)
}

// wantedReleases returns the releases, by environment, that rollbacks which wait or run will
// deploy.
func (s *Service) wantedReleases(ctx context.Context, project string) (map[string][]string, error) {
	open, err := s.Records.Activities(ctx, platform.ActivityFilter{
		Project: project, Types: []platform.ActivityType{platform.ActivityRollback},
		States: []platform.ActivityState{platform.ActivityPending, platform.ActivityInProgress}, Limit: math.MaxInt32,
	})
	if err != nil {
		return nil, fmt.Errorf("list rollbacks: %w", err)
	}
	wanted := map[string][]string{}
	for _, a := range open {
		wanted[a.Environment] = append(wanted[a.Environment], a.Parameters[platform.ParameterRelease])
	}
	return wanted, nil
}

// split tells the releases, newest first, whose slugs are kept from the others.
func split(releases []platform.Release, serving string, wanted []string) (keep, drop []platform.Release) {
	wereLive := 0
	for i, r := range releases {
		if !r.LiveAt.IsZero() {
			wereLive++
		}
		switch {
		case i == 0, r.ID == serving, slices.Contains(wanted, r.ID), r.State == platform.ReleasePreparing, !r.LiveAt.IsZero() && wereLive <= keptReleases:
			keep = append(keep, r)
		default:
			drop = append(drop, r)
		}
	}
	return keep, drop
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
		if err := s.Records.ForgetSlugs(ctx, r.Project, r.Env, r.ID); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// dropAllSlugs deletes the slugs of a project that is about to be deleted.
func (s *Service) dropAllSlugs(ctx context.Context, envs []platform.Environment) error {
	var all []platform.Release
	if len(envs) > 0 {
		rehearsed, err := s.Records.Rehearsals(ctx, envs[0].Project)
		if err == nil {
			err = s.dropRehearsed(ctx, rehearsed, nil)
		}
		if err != nil {
			return err
		}
	}
	for _, env := range envs {
		releases, err := s.Records.Releases(ctx, env.Project, env.Name)
		if err != nil {
			return fmt.Errorf("list releases of %s: %w", env.Name, err)
		}
		all = append(all, releases...)
	}
	return s.dropSlugs(ctx, all, nil)
}
