package deploy

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/internal/manifest"
	"sluice/internal/platform"
)

// PreReceive validates a push while its objects are in Git's quarantine. Findings go to
// out; an error refuses the push, and then nothing was stored, queued or changed.
func (s *Service) PreReceive(ctx context.Context, push platform.Push, out io.Writer) error {
	if _, err := s.Store.Project(ctx, push.Project); err != nil {
		return err
	}
	log := newLogbook(out)
	log.Line(0, "Validating configuration files")
	for _, u := range push.Updates {
		branch, ok := u.Branch()
		if !ok {
			continue
		}
		if u.Deletes() {
			if err := s.mayDelete(ctx, push.Project, branch); err != nil {
				return err
			}
			continue
		}
		if err := s.validate(ctx, push, u, log); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) validate(ctx context.Context, push platform.Push, u platform.RefUpdate, log *logbook) error {
	tree, err := s.Source.Tree(ctx, push.Project, u.New, push.Quarantine)
	if err != nil {
		return fmt.Errorf("read the pushed tree: %w", err)
	}
	defer func() { _ = tree.Close() }() // read only
	m, findings := manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, Now: time.Now()})
	if m != nil {
		findings = append(findings, s.loss(ctx, push, u, m)...)
	}
	errs := report(log, findings)
	if errs == 0 {
		return s.checkRoutes(ctx, push.Project, u, m)
	}
	noun := "errors"
	if errs == 1 {
		noun = "error"
	}
	return platform.Errorf(platform.CodeInvalid,
		"the configuration has %d %s; the push was refused and nothing was changed", errs, noun).
		WithHint("mend the lines above; `sluice validate` checks them without a push")
}

// loss says what the push would do to the data of what runs now. A pusher who means it
// says so with the option manifest.AcceptDataLoss.
func (s *Service) loss(ctx context.Context, push platform.Push, u platform.RefUpdate, pushed *manifest.Manifest) manifest.Diagnostics {
	branch, _ := u.Branch()
	env, err := s.Store.Environment(ctx, push.Project, branch)
	if err != nil {
		return nil // a new branch
	}
	current, err := s.liveRelease(ctx, env)
	if err != nil || current == nil {
		return nil // nothing runs
	}
	tree, err := s.Source.Tree(ctx, push.Project, current.release.Commit, nil)
	if err != nil {
		return nil // the old commit is gone from the repository: nothing to compare with
	}
	defer func() { _ = tree.Close() }() // read only
	old, _ := manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, AllowUnknownVersions: true})
	return lossOf(old, pushed, push.Options)
}

func lossOf(old, pushed *manifest.Manifest, options map[string]string) manifest.Diagnostics {
	findings := manifest.Compare(old, pushed)
	name, value, _ := strings.Cut(manifest.AcceptDataLoss, "=")
	if options[name] == value {
		return findings.Acknowledge()
	}
	return findings
}

// report writes findings as the platform does and returns the number of errors.
func report(log *logbook, findings manifest.Diagnostics) (errs int) {
	for _, f := range findings {
		switch f.Severity {
		case manifest.SeverityError:
			errs++
			log.Line(1, "E: %s", f)
		case manifest.SeverityWarning:
			log.Line(1, "W: %s", f)
		default:
			log.Line(1, "%s", f)
		}
	}
	return errs
}

// mayDelete refuses to delete the branch of an environment that has containers.
func (s *Service) mayDelete(ctx context.Context, project, branch string) error {
	env, err := s.Store.Environment(ctx, project, branch)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if env.Status != platform.EnvironmentInactive {
		return platform.Errorf(platform.CodeConflict, "environment %s is active; its branch was not deleted", branch).
			WithHint("deactivate it first, which deletes its data: sluice environment:deactivate -p %s -e %s", project, branch)
	}
	return nil
}

// PostReceive queues an activity for every pushed branch of an active environment and
// streams their logs to out until they are done or ctx ends. The activities do not depend
// on ctx: a pusher may leave.
func (s *Service) PostReceive(ctx context.Context, push platform.Push, out io.Writer) error {
	lasting := context.WithoutCancel(ctx)
	log := newLogbook(out)
	var queued []platform.Activity
	for _, u := range push.Updates {
		branch, ok := u.Branch()
		if !ok {
			continue
		}
		a, ok, err := s.received(lasting, push, u, branch, log)
		if err != nil {
			return fmt.Errorf("queue the deployment of %s: %w", branch, err)
		}
		if ok {
			queued = append(queued, a)
		}
	}
	if push.Options["deploy.wait"] == "false" {
		for _, a := range queued {
			log.Line(0, "Queued activity %s; follow it with: sluice activity:log %s", a.ID, a.ID)
		}
		return nil
	}
	for _, a := range queued {
		s.sayBlocker(ctx, a, log)
		if err := s.Journal.Follow(ctx, a.ID, out); err != nil {
			return fmt.Errorf("follow activity %s: %w", a.ID, err)
		}
	}
	return nil
}

// received brings the environment's record up to date and queues its deployment; ok is
// false when there is nothing to deploy.
func (s *Service) received(ctx context.Context, push platform.Push, u platform.RefUpdate, branch string, log *logbook) (platform.Activity, bool, error) {
	if u.Deletes() {
		return platform.Activity{}, false, s.forgetBranch(ctx, push.Project, branch)
	}
	project, err := s.Store.Project(ctx, push.Project)
	if err != nil {
		return platform.Activity{}, false, err
	}
	env, err := s.pushedEnvironment(ctx, project, push.Options, branch)
	if err != nil {
		return platform.Activity{}, false, err
	}
	if env.Status == platform.EnvironmentInactive {
		if _, err := s.moveHead(ctx, env, u.New); err != nil {
			return platform.Activity{}, false, err
		}
		log.Line(0, "Environment %s is inactive: its code was stored and nothing is built.", branch)
		log.Line(0, "   Next: sluice environment:activate -p %s -e %s", project.ID, branch)
		return platform.Activity{}, false, nil
	}
	a, err := s.enqueue(ctx, platform.Activity{
		Type:        platform.ActivityPush,
		Project:     project.ID,
		Environment: env.Name,
		Actor:       push.Actor,
		Description: fmt.Sprintf("**%s** pushed to **%s**", push.Actor.Name, titleOf(env)),
		Commit:      u.New,
		OldCommit:   u.Old,
		Parameters:  push.Options,
	})
	if err != nil {
		return platform.Activity{}, false, err
	}
	// The head moves last: after a crash in between, EnqueueMissed finds the push again.
	_, err = s.moveHead(ctx, env, u.New)
	return a, err == nil, err
}

func (s *Service) moveHead(ctx context.Context, env platform.Environment, commit string) (platform.Environment, error) {
	return s.changeEnvironment(ctx, env.Project, env.Name, func(env *platform.Environment) { env.HeadCommit = commit })
}

// pushedEnvironment creates the environment of a new branch, inactive unless it is the
// default one or the pusher asks otherwise (spec: platform 8.4).
func (s *Service) pushedEnvironment(ctx context.Context, project platform.Project, options map[string]string, branch string) (platform.Environment, error) {
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Store.Environment(ctx, project.ID, branch)
	switch platform.ErrorCode(err) {
	case "":
	case platform.CodeNotFound:
		env = newEnvironment(project, branch)
		env.Title = options["environment.title"]
		env.Parent = cmp.Or(options["environment.parent"], env.Parent)
		if options["environment.type"] == string(platform.Staging) && env.Type != platform.Production {
			env.Type = platform.Staging
		}
	default:
		return platform.Environment{}, err
	}
	if options["environment.status"] == "active" && env.Status == platform.EnvironmentInactive {
		env.Status = platform.EnvironmentActive
	}
	env.UpdatedAt = time.Now().UTC()
	return s.Store.SaveEnvironment(ctx, env)
}

// newEnvironment returns the record of a branch that is seen for the first time.
func newEnvironment(project platform.Project, branch string) platform.Environment {
	env := platform.Environment{
		Project:     project.ID,
		Name:        branch,
		MachineName: platform.MachineName(project.ID, branch),
		Parent:      project.DefaultBranch,
		Type:        platform.Development,
		Status:      platform.EnvironmentInactive,
		CreatedAt:   time.Now().UTC(),
	}
	if branch == project.DefaultBranch {
		env.Parent = ""
		env.Type = platform.Production
		env.Status = platform.EnvironmentActive
	}
	return env
}

func titleOf(env platform.Environment) string {
	if env.Title != "" {
		return env.Title
	}
	if env.Name == "" {
		return env.Name
	}
	return strings.ToUpper(env.Name[:1]) + env.Name[1:]
}

// forgetBranch drops the record of an inactive environment whose branch is gone.
func (s *Service) forgetBranch(ctx context.Context, project, branch string) error {
	if err := s.Store.DeleteEnvironment(ctx, project, branch); err != nil {
		return fmt.Errorf("delete environment %s: %w", branch, err)
	}
	return nil
}

// sayBlocker names what a queued activity waits for.
func (s *Service) sayBlocker(ctx context.Context, a platform.Activity, log *logbook) {
	busy, err := s.Store.Unfinished(ctx)
	if err != nil {
		return // only a courtesy
	}
	for _, b := range busy {
		if b.ID != a.ID && b.Project == a.Project && b.Environment == a.Environment {
			log.Line(0, "Waiting for other activities to complete: %s (%s, step %s, by %s, for %s)",
				b.ID, b.Type, b.Step, b.Actor.Name, took(time.Since(b.StartedAt)))
			if b.Step.Before(platform.StepHold) {
				log.Line(0, "   To cancel it: sluice activity:cancel %s", b.ID)
			}
		}
	}
}
