package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/internal/access"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// Merge queues the merge of an environment's code into its parent, and the parent's
// deployment. Data stays where it is.
func (s *Service) Merge(ctx context.Context, project, name string, by platform.Actor) (platform.Activity, error) {
	env, parent, err := s.withParent(ctx, access.Merge, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	ahead, _, err := s.Repositories.Distance(ctx, project, env.HeadCommit, parent.HeadCommit)
	if err != nil {
		return platform.Activity{}, err
	}
	if ahead == 0 {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "%s has no commit that %s lacks; there is nothing to merge", name, parent.Name)
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityMerge, Project: project, Environment: parent.Name, Actor: by, OldCommit: parent.HeadCommit,
		Description: fmt.Sprintf("**%s** merged **%s** into **%s**", by.Name, titleOf(env), titleOf(parent)),
		Parameters:  map[string]string{platform.ParameterMergeFrom: name},
	})
}

// Synchronize queues the deployment of an environment with its parent's code, its data, or
// both. Its own commits stay, its own data does not.
func (s *Service) Synchronize(ctx context.Context, project, name string, req platform.SyncRequest, by platform.Actor) (platform.Activity, error) {
	if !req.Code && !req.Data {
		return platform.Activity{}, platform.Errorf(platform.CodeInvalid, "neither code nor data is to be synchronized; nothing was changed").
			WithHint("sluice environment:synchronize code data -p %s -e %s", project, name)
	}
	env, parent, err := s.withParent(ctx, access.Synchronize, project, name)
	if err != nil {
		return platform.Activity{}, err
	}
	a := platform.Activity{
		Type: platform.ActivitySynchronize, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** synchronized %s of **%s** from **%s**", by.Name, synchronized(req), titleOf(env), titleOf(parent)),
		Commit:      env.HeadCommit, OldCommit: env.HeadCommit, Parameters: map[string]string{},
	}
	if req.Code {
		if err := s.addCode(ctx, &a, env, parent, req); err != nil {
			return platform.Activity{}, err
		}
	}
	if req.Data {
		if err := s.mayCopy(ctx, env, parent, a.Parameters[platform.ParameterMergeFrom] == ""); err != nil {
			return platform.Activity{}, err
		}
		a = withData(a, parent.Name, req.KeepPersonalData)
	}
	return s.Queue.Enqueue(ctx, a)
}

func synchronized(req platform.SyncRequest) string {
	switch {
	case !req.Data:
		return "the code"
	case !req.Code:
		return "the data"
	}
	return "code and data"
}

// addCode adds the parent's code to an activity, if it has any that the environment lacks.
func (s *Service) addCode(ctx context.Context, a *platform.Activity, env, parent platform.Environment, req platform.SyncRequest) error {
	_, behind, err := s.Repositories.Distance(ctx, env.Project, env.HeadCommit, parent.HeadCommit)
	switch {
	case err != nil:
		return err
	case behind == 0 && !req.Data:
		return platform.Errorf(platform.CodeConflict, "%s has all commits of %s; there is nothing to synchronize", env.Name, parent.Name)
	case behind == 0:
		return nil
	}
	a.Commit = "" // of the merge
	a.Parameters[platform.ParameterMergeFrom] = parent.Name
	if req.Rebase {
		a.Parameters[platform.ParameterRebase] = "true"
	}
	return nil
}

// withParent returns an environment whose state allows an operation, and its parent, both with
// code.
func (s *Service) withParent(ctx context.Context, p access.Permission, project, name string) (env, parent platform.Environment, err error) {
	if env, err = s.mayBegin(ctx, p, project, name); err != nil {
		return env, parent, err
	}
	parent, err = s.Records.Environment(ctx, project, env.Parent)
	if platform.ErrorCode(err) == platform.CodeNotFound {
		return env, parent, platform.Errorf(platform.CodeConflict, "the parent %s of %s is gone; nothing was changed", env.Parent, name).
			WithHint("choose another one: sluice environment:info parent ENVIRONMENT -p %s -e %s", project, name)
	}
	if err == nil && parent.HeadCommit == "" {
		err = platform.Errorf(platform.CodeConflict, "the parent %s has no code; nothing was changed", parent.Name).
			WithHint("push to it first: git push sluice %s", parent.Name)
	}
	return env, parent, err
}

// mayCopy refuses to replace an environment's data by other data that does not fit. With new
// code for the environment, that decides later what fits.
func (s *Service) mayCopy(ctx context.Context, env, parent platform.Environment, sameCode bool) error {
	theirs, err := s.liveRelease(ctx, parent)
	if err != nil {
		return err
	}
	if theirs == nil {
		return platform.Errorf(platform.CodeConflict, "the parent %s serves nothing, so it has no data; nothing was changed", parent.Name)
	}
	if parent.Status == platform.EnvironmentDirty {
		return platform.Errorf(platform.CodeConflict, "the last deployment of %s did not finish, so its data may be half changed; nothing was changed", parent.Name).
			WithHint("push a fix to %s, or roll it back: sluice environment:rollback -p %s -e %s", parent.Name, env.Project, parent.Name)
	}
	ours, err := s.liveRelease(ctx, env)
	if err != nil || ours == nil || !sameCode {
		return err
	}
	return wantSameServices(parent.Name, versionsOf(theirs.stored.Spec), env.Name, versionsOf(ours.stored.Spec))
}

// versionsOf returns the version of each service.
func versionsOf(spec engine.Spec) map[string]string {
	versions := map[string]string{}
	for _, s := range spec.Services {
		versions[s.Name] = s.Version
	}
	return versions
}

// wantSameServices refuses to give an environment the data of another one that has other
// services: some of the data would be lost, or some would be missing.
func wantSameServices(from string, theirs map[string]string, to string, ours map[string]string) error {
	for _, pair := range []struct {
		in, notIn   string
		have, other map[string]string
	}{{from, to, theirs, ours}, {to, from, ours, theirs}} {
		for _, name := range slices.Sorted(maps.Keys(pair.have)) {
			if pair.other[name] == "" {
				return platform.Errorf(platform.CodeConflict, "%s and %s have different services: '%s' is in %s, and not in %s; nothing was changed", from, to, name, pair.in, pair.notIn).
					WithHint("bring both to the same .magento/services.yaml first")
			}
		}
	}
	return nil
}

const phraseMerge = "Merge failed"

// mergeCode moves the environment's branch to what joins it with the other one, if it can be
// deployed. Without success no branch is moved.
func (d *deployment) mergeCode(ctx context.Context) error {
	a := &d.job.Activity
	from, err := d.s.Records.Environment(ctx, d.project.ID, a.Parameters[platform.ParameterMergeFrom])
	if err != nil {
		return work.Failed(phraseMerge, "", err)
	}
	d.log.Line(2, "Merging %s into %s", from.Name, d.env.Name)
	commit, err := d.s.Repositories.Merge(ctx, platform.MergeRequest{
		Project: d.project.ID, Into: d.env.HeadCommit, From: from.HeadCommit, Rebase: a.Parameters[platform.ParameterRebase] == "true",
		Message: fmt.Sprintf("Merge branch '%s' into %s\n", from.Name, d.env.Name), By: a.Actor, At: a.CreatedAt,
	})
	if conflict, ok := errors.AsType[*platform.ConflictError](err); ok {
		for _, name := range conflict.Files {
			d.log.Line(3, "CONFLICT: %s", strings.ToValidUTF8(name, "\uFFFD"))
		}
		return work.Failed(phraseMerge, fmt.Sprintf("merge %s into %s in a checkout, resolve the conflicts and push", from.Name, d.env.Name),
			fmt.Errorf("%w; no branch was changed", conflict))
	}
	if err != nil {
		return work.Failed(phraseMerge, "", err)
	}
	update := platform.RefUpdate{Ref: "refs/heads/" + d.env.Name, Old: d.env.HeadCommit, New: commit}
	push := platform.Push{Project: d.project.ID, Actor: a.Actor, Options: a.Parameters, Updates: []platform.RefUpdate{update}}
	if err := d.s.validate(ctx, d.project, push, update, d.log); err != nil {
		return work.Failed(phraseMerge, fmt.Sprintf("fix it on %s and merge again", from.Name), err)
	}
	if err := d.s.Repositories.SetBranch(ctx, d.project.ID, d.env.Name, d.env.HeadCommit, commit); err != nil {
		return work.Failed(phraseMerge, "try again", err)
	}
	a.OldCommit, a.Commit = d.env.HeadCommit, commit
	d.log.Line(3, "%s is at %.10s now", d.env.Name, commit)
	d.env, err = d.s.moveHead(ctx, d.env, commit)
	return err
}
