package deploy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/internal/access"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/topology"
)

// Rollback queues the deployment of a release that was live before: its slugs, variables,
// routes and crons as they were then, without a build. A release whose code may not fit what
// the data looks like now is refused, unless the request says otherwise; one that needs a
// service in an earlier version than the one that runs is refused always.
func (s *Service) Rollback(ctx context.Context, project, name string, req platform.RollbackRequest, by platform.Actor) (platform.Activity, error) {
	env, current, err := s.serving(ctx, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	if err := access.State(access.Rollback, platform.Project{}, env); err != nil {
		return platform.Activity{}, err
	}
	if err := s.mayQueue(ctx, project); err != nil {
		return platform.Activity{}, err
	}
	// Slugs are not deleted between the check and the record that keeps them.
	s.slugs.RLock()
	defer s.slugs.RUnlock()
	if req.Release == "" {
		if req.Release, err = s.lastBefore(ctx, env, current); err != nil {
			return platform.Activity{}, err
		}
	}
	parameters := map[string]string{platform.ParameterRelease: req.Release}
	if req.CodeOnly {
		parameters[platform.ParameterCodeOnly] = "true"
	}
	if req.WithData {
		data, err := s.dataBefore(ctx, env, req.Release)
		if err != nil {
			return platform.Activity{}, err
		}
		parameters[platform.ParameterSnapshot], parameters[platform.ParameterBackup] = data.snapshot, data.backup
	}
	r, _, err := s.deployable(ctx, env, current, parameters)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityRollback, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** rolled environment **%s** back to release %s", by.Name, titleOf(env), r.ID),
		Commit:      r.Commit,
		Parameters:  parameters,
	})
}

// lastBefore returns the newest release with slugs that served before the current one. After
// a deployment that failed half way, that is the current one itself.
func (s *Service) lastBefore(ctx context.Context, env platform.Environment, current *live) (string, error) {
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return "", fmt.Errorf("list releases of %s: %w", env.Name, err)
	}
	for _, r := range releases {
		serves := r.ID == current.release.ID && env.Status != platform.EnvironmentDirty
		if !serves && !r.LiveAt.IsZero() && len(r.Slugs) > 0 {
			return r.ID, nil
		}
	}
	return "", platform.Errorf(platform.CodeConflict, "environment %s has no earlier release to go back to; nothing was changed", env.Name)
}

// Releases lists the releases of an environment that served, newest first, with what a
// rollback to each of them would meet.
func (s *Service) Releases(ctx context.Context, project, name string) ([]platform.RollbackTarget, error) {
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return nil, err
	}
	current, err := s.liveRelease(ctx, env)
	if err != nil || current == nil {
		return nil, err
	}
	releases, err := s.Records.Releases(ctx, project, name)
	if err != nil {
		return nil, fmt.Errorf("list releases of %s: %w", name, err)
	}
	now, err := s.dataNow(ctx, env, current)
	if err != nil {
		return nil, err
	}
	backups, err := s.backupsBefore(ctx, env)
	if err != nil {
		return nil, err
	}
	var out []platform.RollbackTarget
	for _, r := range releases {
		if r.LiveAt.IsZero() {
			continue
		}
		t := platform.RollbackTarget{Release: r, Serves: r.ID == env.Release, Fits: r.Data.Fits(now)}
		if t.Reason, err = s.whyNotListed(ctx, env, current, r); err != nil {
			return nil, err
		}
		if data, err := s.dataBeforeOf(ctx, env, releases, backups, r.ID); err == nil {
			t.DataOf = data.taken
		}
		out = append(out, t)
	}
	return out, nil
}

// deployable returns the stored release that a rollback names, if it can be deployed in place
// of the current one.
func (s *Service) deployable(ctx context.Context, env platform.Environment, current *live, parameters map[string]string) (platform.Release, storedRelease, error) {
	id := parameters[platform.ParameterRelease]
	r, err := s.Records.Release(ctx, env.Project, env.Name, id)
	if err != nil {
		return r, storedRelease{}, err
	}
	stored, err := readRelease(r)
	if err != nil {
		return r, stored, err
	}
	withData := parameters[platform.ParameterSnapshot] != "" || parameters[platform.ParameterBackup] != ""
	reason, err := s.whyNot(ctx, env, current, r, stored, withData)
	if err != nil {
		return r, stored, err
	}
	if reason != "" {
		return r, stored, platform.Errorf(platform.CodeConflict, "release %s cannot be deployed again: %s; nothing was changed", id, reason).
			WithHint("deploy its code instead: git push --force sluice %s:%s", r.Commit, env.Name)
	}
	if current == nil || withData || parameters[platform.ParameterCodeOnly] == "true" {
		return r, stored, nil
	}
	now, err := s.dataNow(ctx, env, current)
	if err != nil || r.Data.Fits(now) {
		return r, stored, err
	}
	hint := fmt.Sprintf("if the code of %s works on the data as it is: sluice environment:rollback %s --code-only -p %s -e %s", id, id, env.Project, env.Name)
	if data, err := s.dataBefore(ctx, env, id); err == nil {
		hint = fmt.Sprintf("with the data of %s, losing what was written since: --with-data; %s", data.taken.UTC().Format(time.RFC3339), hint)
	}
	return r, stored, platform.Errorf(platform.CodeConflict,
		"the data has changed since release %s served, so its code may not fit; nothing was changed\nthe data then: %s\nthe data now: %s", id, r.Data, now).
		WithHint("%s", hint)
}

// whyNotListed is whyNot for a release of a list, which is read in full only if its record
// leaves the question open.
func (s *Service) whyNotListed(ctx context.Context, env platform.Environment, current *live, r platform.Release) (string, error) {
	if reason := refusal(env, current, r); reason != "" {
		return reason, nil
	}
	r, err := s.Records.Release(ctx, r.Project, r.Env, r.ID)
	if err != nil {
		return "", err
	}
	stored, err := readRelease(r)
	if err != nil {
		return err.Error(), nil //nolint:nilerr // a release in another format is listed, with that as its reason
	}
	return s.whyNot(ctx, env, current, r, stored, false)
}

// refusal says why a release cannot be deployed by what its record alone shows.
func refusal(env platform.Environment, current *live, r platform.Release) string {
	switch {
	case r.LiveAt.IsZero():
		return "it was never live"
	case len(r.Slugs) == 0:
		return fmt.Sprintf("its slugs were deleted, as only those of the last %d releases are kept", keptReleases)
	case current != nil && current.release.ID == r.ID && env.Status == platform.EnvironmentActive:
		return "it serves now"
	}
	return ""
}

// whyNot says why a stored release cannot be deployed, whatever the data is; empty when it can.
func (s *Service) whyNot(ctx context.Context, env platform.Environment, current *live, r platform.Release, stored storedRelease, withData bool) (string, error) {
	if reason := refusal(env, current, r); reason != "" {
		return reason, nil
	}
	foreign, err := s.foreignHost(ctx, env, r.Routes)
	if err != nil || foreign != "" {
		return fmt.Sprintf("its route %s does not belong to the project any more", foreign), err
	}
	if current == nil || withData {
		return "", nil
	}
	if now, old, changes := versionChange(current.stored.Spec, stored.Spec, anyService); changes {
		return fmt.Sprintf("service '%s' runs %s now and its data cannot go back to %s", old.Name, now.Version, old.Version), nil
	}
	return "", nil
}

// dataNow returns what the data of an environment looks like: as its live release left it, or
// as a later deployment that failed may have.
func (s *Service) dataNow(ctx context.Context, env platform.Environment, current *live) (platform.DataState, error) {
	if env.Status != platform.EnvironmentDirty {
		return current.release.Data, nil
	}
	releases, err := s.Records.Releases(ctx, env.Project, env.Name)
	if err != nil {
		return nil, fmt.Errorf("list releases of %s: %w", env.Name, err)
	}
	return platform.DataState{platform.AllData: platform.WrittenBy(releases[0].ID)}, nil
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
	r, stored, err := d.s.deployable(ctx, d.env, d.previous, d.job.Activity.Parameters)
	if err != nil {
		return failed("", err)
	}
	d.job.Activity.Commit = r.Commit
	d.release.Slugs, d.release.Routes, d.dataOf = r.Slugs, r.Routes, r.Data
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
