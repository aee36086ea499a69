package deploy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sluice/internal/manifest"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// PreReceive validates a push while its objects are in Git's quarantine. Findings go to
// out; an error refuses the push, and then nothing was stored, queued or changed.
func (s *Service) PreReceive(ctx context.Context, push platform.Push, out io.Writer) error {
	project, err := s.Records.Project(ctx, push.Project)
	if err != nil {
		return err
	}
	log := work.NewLogbook(out)
	log.Line(0, "Validating configuration files")
	if push.Options, err = acceptedOptions(push.Options, log); err != nil {
		return err
	}
	if err := s.mayQueue(ctx, project.ID); err != nil {
		return err
	}
	if push.Options[optionRehearse] != "" {
		if _, err := s.rehearsalTarget(ctx, project.ID); err != nil {
			return err
		}
	}
	created := 0
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
		isNew, err := s.mayCreate(ctx, project, branch, push.Options, created)
		if err != nil {
			return err
		}
		if isNew {
			created++
		}
		if err := s.validate(ctx, project, push, u, log); err != nil {
			return err
		}
	}
	return nil
}

// mayQueue refuses more work for a project of which too much waits already.
func (s *Service) mayQueue(ctx context.Context, project string) error {
	_, pending, err := s.Records.ProjectLoad(ctx, project)
	if err != nil {
		return err
	}
	if pending >= s.opts.Pending {
		return platform.Errorf(platform.CodeUnavailable, "%d activities of project %s are waiting, which is the limit; nothing was queued", pending, project).
			WithHint("wait for them, or cancel some: sluice activity:list -p %s --state pending", project)
	}
	return nil
}

// mayCreate reports whether a branch is new, and refuses it when its environment could not
// be made. created is how many the same push makes before it.
func (s *Service) mayCreate(ctx context.Context, project platform.Project, branch string, options map[string]string, created int) (isNew bool, err error) {
	_, err = s.Records.Environment(ctx, project.ID, branch)
	if platform.ErrorCode(err) != platform.CodeNotFound {
		return false, err
	}
	if parent := options[optionParent]; parent != "" {
		_, err := s.Records.Environment(ctx, project.ID, parent)
		if parent == branch || platform.ErrorCode(err) == platform.CodeNotFound {
			return false, platform.Errorf(platform.CodeInvalid, "%s=%s does not name an environment of the project; the push was refused", optionParent, parent).
				WithHint("sluice environment:list -p %s", project.ID)
		}
		if err != nil {
			return false, err
		}
	}
	existing, _, err := s.Records.ProjectLoad(ctx, project.ID)
	if err != nil {
		return false, err
	}
	if existing+created >= s.opts.Environments {
		return false, platform.Errorf(platform.CodeConflict, "project %s has %d environments, which is the limit; the push was refused", project.ID, existing).
			WithHint("delete an unused branch: git push sluice --delete BRANCH; the server's --project-environments sets the limit")
	}
	return true, s.Records.CheckIdentity(ctx, newEnvironment(project, branch))
}

func (s *Service) validate(ctx context.Context, project platform.Project, push platform.Push, u platform.RefUpdate, log *work.Logbook) error {
	tree, err := s.Source.Tree(ctx, project.ID, u.New, push.Quarantine)
	if err != nil {
		return fmt.Errorf("read the pushed tree: %w", err)
	}
	defer func() { _ = tree.Close() }() // read only
	m, findings := manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, Now: time.Now()})
	if m != nil {
		loss, err := s.loss(ctx, push, u, m)
		if err != nil {
			return err
		}
		findings = append(findings, loss...)
	}
	errs := report(log, findings)
	if errs == 0 {
		return s.checkRoutes(ctx, project, u, m)
	}
	noun := "errors"
	if errs == 1 {
		noun = "error"
	}
	return platform.Errorf(platform.CodeInvalid,
		"the configuration has %d %s; the push was refused and nothing was changed", errs, noun).
		WithHint("fix the errors above; `sluice validate` checks without pushing")
}

// loss says what the push would do to the data of what runs now. A pusher who means it
// says so with the option manifest.AcceptDataLoss. What cannot be compared is refused.
func (s *Service) loss(ctx context.Context, push platform.Push, u platform.RefUpdate, pushed *manifest.Manifest) (manifest.Diagnostics, error) {
	branch, _ := u.Branch()
	env, err := s.Records.Environment(ctx, push.Project, branch)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil, nil // a new branch
	}
	var current *live
	if err == nil {
		current, err = s.liveRelease(ctx, env)
	}
	if err != nil {
		return nil, fmt.Errorf("compare the push with what runs now: %w", err)
	}
	if current == nil {
		return nil, nil // nothing runs
	}
	tree, err := s.Source.Tree(ctx, push.Project, current.release.Commit, nil)
	if err != nil {
		if acceptsLoss(push.Options) {
			return nil, nil
		}
		return nil, &platform.Error{
			Code: platform.CodeConflict, Err: err,
			Message: fmt.Sprintf("the push cannot be compared with what runs now, commit %.10s, so it is not known whether data would be lost; the push was refused", current.release.Commit),
			Hint:    "try again; if that commit is gone for good, push with -o " + manifest.AcceptDataLoss,
		}
	}
	defer func() { _ = tree.Close() }() // read only
	old, _ := manifest.Parse(tree, manifest.Options{Catalog: s.Catalog, AllowUnknownVersions: true})
	return lossOf(old, pushed, push.Options), nil
}

func acceptsLoss(options map[string]string) bool {
	name, value, _ := strings.Cut(manifest.AcceptDataLoss, "=")
	return options[name] == value
}

func lossOf(old, pushed *manifest.Manifest, options map[string]string) manifest.Diagnostics {
	findings := manifest.Compare(old, pushed)
	if acceptsLoss(options) {
		return findings.Acknowledge()
	}
	return findings
}

// report writes findings as the platform does and returns the number of errors.
func report(log *work.Logbook, findings manifest.Diagnostics) (errs int) {
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
	env, err := s.Records.Environment(ctx, project, branch)
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
	log := work.NewLogbook(out)
	var err error
	if push.Options, err = acceptedOptions(push.Options, work.NewLogbook(io.Discard)); err != nil {
		push.Options = nil // refused by PreReceive, unless the push was missed then
	}
	var queued []platform.Activity
	for _, u := range push.Updates {
		branch, ok := u.Branch()
		if !ok {
			continue
		}
		each := push
		if push.Options[optionRehearse] != "" && !u.Deletes() {
			a, options, err := s.rehearsePush(lasting, push, u, branch)
			if err != nil {
				return fmt.Errorf("queue the rehearsal of %s: %w", branch, err)
			}
			each.Options, queued = options, append(queued, a)
		}
		a, ok, err := s.enqueuePush(lasting, each, u, branch, log)
		if err != nil {
			return fmt.Errorf("queue the deployment of %s: %w", branch, err)
		}
		if ok {
			queued = append(queued, a)
		}
	}
	if push.Options[platform.OptionWait] == "false" {
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

// enqueuePush brings the environment's record up to date and queues its deployment; ok is
// false when there is nothing to deploy.
func (s *Service) enqueuePush(ctx context.Context, push platform.Push, u platform.RefUpdate, branch string, log *work.Logbook) (platform.Activity, bool, error) {
	if u.Deletes() {
		return platform.Activity{}, false, s.forgetBranch(ctx, push.Project, branch)
	}
	project, err := s.Records.Project(ctx, push.Project)
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
	from, err := s.dataSource(ctx, env)
	if err != nil {
		return platform.Activity{}, false, err
	}
	a, err := s.Queue.Enqueue(ctx, withData(platform.Activity{
		Type:        platform.ActivityPush,
		Project:     project.ID,
		Environment: env.Name,
		Actor:       push.Actor,
		Description: fmt.Sprintf("**%s** pushed to **%s**", push.Actor.Name, titleOf(env)),
		Commit:      u.New,
		OldCommit:   u.Old,
		Parameters:  push.Options,
	}, from, false))
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
// default one or the pusher asks otherwise.
func (s *Service) pushedEnvironment(ctx context.Context, project platform.Project, options map[string]string, branch string) (platform.Environment, error) {
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Records.Environment(ctx, project.ID, branch)
	switch platform.ErrorCode(err) {
	case "":
	case platform.CodeNotFound:
		env = newEnvironment(project, branch)
		env.Title = options[optionTitle]
		if parent := options[optionParent]; parent != "" && parent != branch {
			if _, err := s.Records.Environment(ctx, project.ID, parent); err == nil {
				env.Parent = parent
			}
		}
		env.Settings.NoCloneParent = strings.EqualFold(options[optionClone], "false")
		if options[optionType] == string(platform.Staging) && env.Type != platform.Production {
			env.Type = platform.Staging
		}
	default:
		return platform.Environment{}, err
	}
	if options[optionStatus] == "active" && env.Status == platform.EnvironmentInactive {
		env.Status = platform.EnvironmentActive
	}
	env.UpdatedAt = time.Now().UTC()
	return s.Records.SaveEnvironment(ctx, env)
}

// environmentOrNew returns an environment's record, or the one that a push would make.
func (s *Service) environmentOrNew(ctx context.Context, project platform.Project, branch string) (platform.Environment, error) {
	env, err := s.Records.Environment(ctx, project.ID, branch)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return newEnvironment(project, branch), nil
	}
	return env, err
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

// forgetBranch drops the record of an inactive environment whose branch is gone. The
// environments below it move up and keep the access rules that they inherited from it: that
// a branch is deleted never opens a site.
func (s *Service) forgetBranch(ctx context.Context, project, branch string) error {
	s.records.Lock()
	defer s.records.Unlock()
	env, err := s.Records.Environment(ctx, project, branch)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	access, err := s.accessOf(ctx, env)
	if err != nil {
		return err
	}
	all, err := s.Records.Environments(ctx, project)
	if err != nil {
		return fmt.Errorf("list environments: %w", err)
	}
	for _, child := range all {
		if child.Parent != branch {
			continue
		}
		child.Parent = env.Parent
		if child.Settings.HTTPAccess == nil && env.Settings.HTTPAccess != nil {
			child.Settings.HTTPAccess = &access
		}
		if _, err := s.Records.SaveEnvironment(ctx, child); err != nil {
			return fmt.Errorf("move environment %s up: %w", child.Name, err)
		}
	}
	if err := s.Records.DeleteEnvironment(ctx, project, branch); err != nil {
		return fmt.Errorf("delete environment %s: %w", branch, err)
	}
	return nil
}

// sayBlocker names what a queued activity waits for.
func (s *Service) sayBlocker(ctx context.Context, a platform.Activity, log *work.Logbook) {
	busy, err := s.Records.Unfinished(ctx)
	if err != nil {
		return // only a courtesy
	}
	for _, b := range busy {
		if b.ID != a.ID && b.Locks(a.Project, a.Environment) {
			log.Line(0, "Waiting for other activities to complete: %s (%s, step %s, by %s, for %s)",
				b.ID, b.Type, b.Step, b.Actor.Name, work.Took(time.Since(b.StartedAt)))
			if b.Cancellable {
				log.Line(0, "   To cancel it: sluice activity:cancel %s", b.ID)
			}
		}
	}
}
