package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Rollback queues the deployment of a release that was live before: its slugs, variables,
// routes and crons as they were then, without a build. Data is not taken back, so a release
// that needs a service in an earlier version than the one that runs is refused.
func (s *Service) Rollback(ctx context.Context, project, name, release string, by platform.Actor) (platform.Activity, error) {
	env, current, err := s.serving(ctx, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	r, _, err := s.deployable(ctx, env, current, release)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityRollback, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** rolled environment **%s** back to release %s", by.Name, titleOf(env), r.ID),
		Commit:      r.Commit,
		Parameters:  map[string]string{platform.ParameterRelease: r.ID},
	})
}

// deployable returns a stored release that can be deployed in place of the current one.
func (s *Service) deployable(ctx context.Context, env platform.Environment, current *live, id string) (platform.Release, storedRelease, error) {
	r, err := s.Records.Release(ctx, env.Project, env.Name, id)
	if err != nil {
		return r, storedRelease{}, err
	}
	stored, err := readRelease(r)
	if err != nil {
		return r, stored, err
	}
	refuse := func(format string, args ...any) (platform.Release, storedRelease, error) {
		return r, stored, platform.Errorf(platform.CodeConflict, "release %s cannot be deployed again: %s; nothing was changed", id, fmt.Sprintf(format, args...)).
			WithHint("deploy its code instead: git push --force sluice %s:%s", r.Commit, env.Name)
	}
	switch {
	case r.LiveAt.IsZero():
		return refuse("it was never live")
	case len(r.Slugs) == 0:
		return refuse("its slugs were deleted, as only those of the last %d releases are kept", keptReleases)
	}
	foreign, err := s.foreignHost(ctx, env, r.Routes)
	if err != nil {
		return r, stored, err
	}
	if foreign != "" {
		return refuse("its route %s does not belong to the project any more", foreign)
	}
	if current == nil {
		return r, stored, nil
	}
	if now, old, changes := versionChange(current.stored.Spec, stored.Spec); changes {
		return refuse("service '%s' runs %s now and its data cannot go back to %s", old.Name, now.Version, old.Version)
	}
	return r, stored, nil
}

// foreignHost returns a route of a stored release whose host is not the project's any more.
func (s *Service) foreignHost(ctx context.Context, env platform.Environment, routes []platform.Route) (string, error) {
	project, err := s.Records.Project(ctx, env.Project)
	if err != nil {
		return "", err
	}
	site, err := s.site(ctx, env.Project)
	if err != nil {
		return "", err
	}
	return topology.ForeignHost(topology.Input{Project: project, Environment: env, Site: site}, routes), nil
}

// openRelease reads the release that is to be deployed again.
func (d *deployment) openRelease(ctx context.Context) error {
	r, stored, err := d.s.deployable(ctx, d.env, d.previous, d.job.Activity.Parameters[platform.ParameterRelease])
	if err != nil {
		return failed("", err)
	}
	d.job.Activity.Commit = r.Commit
	d.release.Slugs, d.release.Routes = r.Slugs, r.Routes
	d.stored = stored
	return nil
}

// again makes the stored release the one with a new identifier.
func (d *deployment) again(id string) {
	spec := &d.stored.Spec
	spec.Release = id
	spec.Project, spec.Subnet = d.project.ID, d.s.subnet(d.env)
	d.stored.Crons.Release = id
	for i := range spec.Apps {
		d.withToolkit(&spec.Apps[i].Container)
	}
	for i := range spec.Workers {
		d.withToolkit(&spec.Workers[i].Container)
	}
	d.release = platform.Release{Slugs: d.release.Slugs, Routes: d.release.Routes, CreatedAt: time.Now().UTC()}
}

// withToolkit gives a container the current toolkit: the one that the release was made with may
// have been removed.
func (d *deployment) withToolkit(c *engine.Container) {
	c.Programs = slices.Clone(c.Programs)
	for i := range c.Programs {
		c.Programs[i].Source = d.s.opts.Toolkit
	}
	if d.s.opts.Toolkit == "" {
		c.Programs = nil
	}
}
