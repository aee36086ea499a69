package deploy

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"sluice/internal/engine"
	"sluice/internal/platform"
)

// ChangeEnvironment changes what users set on an environment and has the router carry it
// out, for the environments below it too, which may inherit it. With an error that is
// CodeUnavailable the change was stored, but the router did not get it.
func (s *Service) ChangeEnvironment(ctx context.Context, project, name string, change platform.EnvironmentChange) (platform.Environment, error) {
	env, err := s.saveChange(ctx, project, name, change)
	if err != nil {
		return platform.Environment{}, err
	}
	family, err := s.withDescendants(ctx, env)
	if err != nil {
		return env, err
	}
	for _, member := range family {
		if member.Release == "" && member.Name != name {
			continue // the router gets it with the first deployment
		}
		if err := s.configure(ctx, member); err != nil {
			return env, &platform.Error{
				Code: platform.CodeUnavailable, Err: err,
				Message: "the change was saved, but could not be sent to the router for environment " + member.Name,
				Hint:    "check that the router runs, then run the command again",
			}
		}
	}
	return env, nil
}

// saveChange applies a change to the record; passwords are hashed before others have to wait.
func (s *Service) saveChange(ctx context.Context, project, name string, change platform.EnvironmentChange) (platform.Environment, error) {
	if err := change.HTTPAccess.Prepare(); err != nil {
		return platform.Environment{}, err
	}
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return platform.Environment{}, err
	}
	if change.Parent != nil || change.Type != nil {
		if err := s.checkPlace(ctx, env, change); err != nil {
			return platform.Environment{}, err
		}
	}
	if env, err = change.Apply(env); err != nil {
		return platform.Environment{}, err
	}
	env.UpdatedAt = time.Now().UTC()
	return s.Records.SaveEnvironment(ctx, env)
}

func (s *Service) checkPlace(ctx context.Context, env platform.Environment, change platform.EnvironmentChange) error {
	project, err := s.Records.Project(ctx, env.Project)
	if err != nil {
		return err
	}
	all, err := s.Records.Environments(ctx, env.Project)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	return change.CheckPlace(env, project.DefaultBranch, all)
}

// withDescendants returns an environment and all that are below it.
func (s *Service) withDescendants(ctx context.Context, env platform.Environment) ([]platform.Environment, error) {
	all, err := s.Records.Environments(ctx, env.Project)
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	family := []platform.Environment{env}
	in := map[string]bool{env.Name: true}
	for i := 0; i < len(family); i++ {
		for _, e := range all {
			if e.Parent == family[i].Name && !in[e.Name] {
				in[e.Name] = true
				family = append(family, e)
			}
		}
	}
	return family, nil
}

// configure has the router do what an environment's settings say. Reading them and telling
// the router happens one after the other, so that the last change is the one that counts.
func (s *Service) configure(ctx context.Context, env platform.Environment) error {
	s.settings.Lock()
	defer s.settings.Unlock()
	env, err := s.Records.Environment(ctx, env.Project, env.Name)
	if err != nil {
		return err
	}
	settings := platform.EdgeSettings{RestrictRobots: env.RestrictsRobots(), Bypass: env.Settings.Bypass}
	if settings.Access, err = s.accessOf(ctx, env); err != nil {
		return err
	}
	return s.Gate.Configure(ctx, env.ID(), settings)
}

// accessOf returns who may see an environment: what was set on it, or on the nearest parent.
// The default environment takes the place of a parent that is gone.
func (s *Service) accessOf(ctx context.Context, env platform.Environment) (platform.HTTPAccess, error) {
	project, err := s.Records.Project(ctx, env.Project)
	if err != nil {
		return platform.HTTPAccess{}, err
	}
	seen := map[string]bool{}
	for !seen[env.Name] {
		if env.Settings.HTTPAccess != nil {
			return *env.Settings.HTTPAccess, nil
		}
		seen[env.Name] = true
		if env.Name == project.DefaultBranch {
			break
		}
		parent, err := s.Records.Environment(ctx, env.Project, env.Parent)
		if platform.ErrorCode(err) == platform.CodeNotFound || seen[parent.Name] {
			parent, err = s.Records.Environment(ctx, env.Project, project.DefaultBranch)
		}
		if platform.ErrorCode(err) == platform.CodeNotFound {
			break // nothing of the project was ever restricted
		}
		if err != nil {
			return platform.HTTPAccess{}, err
		}
		env = parent
	}
	return platform.HTTPAccess{}, nil
}

// open sends the router who may see the environment, and then where its requests go: a
// site that is not for everybody must not be open for a moment.
func (s *Service) open(
	ctx context.Context, env platform.Environment, l live, endpoints []engine.Endpoint,
) (platform.HoldReport, error) {
	if err := s.configure(ctx, env); err != nil {
		return platform.HoldReport{}, fmt.Errorf("send the environment's settings to the router: %w", err)
	}
	return s.Gate.Publish(ctx, s.publication(env, l, endpoints))
}

// Bypass returns a link that lets its holder past holds and maintenance, and until when
// it does.
func (s *Service) Bypass(ctx context.Context, project, name string, life time.Duration) (link string, until time.Time, err error) {
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return "", time.Time{}, err
	}
	current, err := s.liveRelease(ctx, env)
	if err != nil {
		return "", time.Time{}, err
	}
	if current == nil {
		return "", time.Time{}, notDeployed(env)
	}
	for _, r := range current.release.Routes {
		if !r.Primary {
			continue
		}
		path, until, err := s.Gate.Bypass(ctx, env.ID(), life)
		return origin(r.URL) + path, until, err
	}
	return "", time.Time{}, notDeployed(env)
}

func notDeployed(env platform.Environment) error {
	return platform.Errorf(platform.CodeConflict, "environment %s has no address, as nothing is deployed", env.Name).
		WithHint("push to it first")
}

// origin returns scheme, host and port of an absolute URL.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// holdLimits returns how long and how many requests may wait in this deployment.
func (d *deployment) holdLimits() (wait time.Duration, requests int) {
	wait = cmp.Or(d.env.Settings.HoldWait, d.s.opts.HoldLimit)
	requests = d.env.Settings.HoldRequests
	asked := d.job.Activity.Parameters[optionHoldMax]
	if asked == "" {
		return wait, requests
	}
	limit, err := time.ParseDuration(asked)
	if err != nil || limit < time.Second || limit > platform.MaxHoldWait {
		d.log.Line(3, "W: %s=%s is not a time from 1s to %s; it was ignored", optionHoldMax, asked, platform.MaxHoldWait)
		return wait, requests
	}
	return limit, requests
}

// offer lets operators who bypass the hold see the new release. A failure affects
// no one else.
func (d *deployment) offer(ctx context.Context) {
	if d.previous == nil || d.replaces() {
		return // there is no hold, or the new data must not be seen yet
	}
	if err := d.s.Gate.Offer(ctx, d.s.publication(d.env, live{d.release, d.stored}, d.endpoints)); err != nil {
		d.log.Line(4, "W: previewing the new release is unavailable: %v", err)
		return
	}
	d.offered = true
}
