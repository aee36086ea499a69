package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"sluice/internal/access"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// A rehearsal deploys a commit to a copy of production and reports what happened. The copy is an
// environment that has no record: whatever lists, schedules, backs up or routes environments does
// not know it, and after a crash it is an orphan. Its name follows from the activity's.

// The limits of what a rehearsal is asked to look at.
const (
	maxRehearsedPages = 100
	maxPageText       = 1 << 10 // bytes
)

const phraseRehearse = "Rehearsal failed"

// Rehearse queues the rehearsal of a deployment of an environment's head to production.
func (s *Service) Rehearse(ctx context.Context, project string, req platform.RehearseRequest, by platform.Actor) (platform.Activity, error) {
	from, err := s.Records.Environment(ctx, project, req.From)
	if err != nil {
		return platform.Activity{}, err
	}
	if from.HeadCommit == "" {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "environment %s has no code; nothing was started", from.Name).
			WithHint("push to its branch first: git push sluice %s", from.Name)
	}
	if err := checkPages(req.Pages); err != nil {
		return platform.Activity{}, err
	}
	parameters := map[string]string{}
	if len(req.Pages) > 0 {
		parameters[platform.ParameterPages] = strings.Join(req.Pages, "\n")
	}
	if req.KeepPersonalData {
		parameters[platform.ParameterKeepPersonal] = "true"
	}
	return s.rehearseCommit(ctx, from, from.HeadCommit, parameters, by)
}

func checkPages(pages []string) error {
	if len(pages) > maxRehearsedPages {
		return platform.Errorf(platform.CodeInvalid, "at most %d pages are compared, not %d; nothing was started", maxRehearsedPages, len(pages)).WithField("pages")
	}
	for _, p := range pages {
		if p == "" || len(p) > maxPageText || !platform.Printable(p) {
			return platform.Errorf(platform.CodeInvalid, "a page is a path or a URL of at most %d bytes; nothing was started", maxPageText).WithField("pages")
		}
	}
	return nil
}

// rehearsalTarget returns the environment that rehearsals are for, if there can be one.
func (s *Service) rehearsalTarget(ctx context.Context, project string) (platform.Environment, error) {
	record, err := s.Records.Project(ctx, project)
	if err != nil {
		return platform.Environment{}, err
	}
	return s.mayBegin(ctx, access.Rehearse, project, record.DefaultBranch)
}

func (s *Service) rehearseCommit(
	ctx context.Context, from platform.Environment, commit string, parameters map[string]string, by platform.Actor,
) (platform.Activity, error) {
	target, err := s.rehearsalTarget(ctx, from.Project)
	if err != nil {
		return platform.Activity{}, err
	}
	all := map[string]string{platform.ParameterRehearseFrom: from.Name}
	maps.Copy(all, parameters)
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityRehearse, Project: from.Project, Environment: target.Name, Actor: by, Commit: commit, Parameters: all,
		Description: fmt.Sprintf("**%s** rehearsed the deployment of **%s** to **%s**", by.Name, titleOf(from), titleOf(target)),
	})
}

// rehearsePush queues the rehearsal of a pushed commit. A push to production itself waits for it:
// the returned options say so.
func (s *Service) rehearsePush(ctx context.Context, push platform.Push, u platform.RefUpdate, branch string) (platform.Activity, map[string]string, error) {
	project, err := s.Records.Project(ctx, push.Project)
	if err != nil {
		return platform.Activity{}, nil, err
	}
	from, err := s.environmentOrNew(ctx, project, branch)
	if err != nil {
		return platform.Activity{}, nil, err
	}
	parameters := maps.Clone(push.Options)
	delete(parameters, platform.OptionRehearse)
	waits := branch == project.DefaultBranch
	if waits {
		parameters[platform.ParameterThenDeploy] = "true"
	}
	a, err := s.rehearseCommit(ctx, from, u.New, parameters, push.Actor)
	options := maps.Clone(push.Options)
	if waits {
		options[platform.ParameterAfter] = a.ID
	}
	return a, options, err
}

// wantRehearsed refuses a push whose rehearsal did not succeed.
func (d *deployment) wantRehearsed(ctx context.Context) error {
	id := d.job.Activity.Parameters[platform.ParameterAfter]
	if id == "" {
		return nil
	}
	a, err := d.s.Records.Activity(ctx, id)
	if err == nil && a.Result == platform.ResultSuccess {
		d.log.Line(2, "The rehearsal %s passed", id)
		return nil
	}
	return failed(fmt.Sprintf("fix what the rehearsal found and push again; to deploy all the same: sluice environment:redeploy -p %s -e %s", d.project.ID, d.env.Name),
		errors.Join(platform.Errorf(platform.CodeConflict, "the rehearsal %s did not pass, so nothing was deployed; %s", id, d.unharmed()), err))
}

// rehearsalKind is the kind of activity that rehearses a deployment.
func (s *Service) rehearsalKind() work.Kind {
	k := work.Kind{
		Types: []platform.ActivityType{platform.ActivityRehearse}, Phrase: phraseRehearse,
		Steps: []work.Step{{Name: platform.StepCopy, Phase: platform.PhaseBuild}},
		Run:   func(ctx context.Context, job *work.Job) error { return s.rehearsal(job).run(ctx) },
		// Nothing of it is worth going on with: another try begins from production as it is then.
		Recover: func(ctx context.Context, job *work.Job) error { return s.rehearsal(job).recover(ctx) },
	}
	for _, row := range plan.Table() {
		k.Steps = append(k.Steps, work.Step{Name: row.Name, Phase: row.Phase})
		if row.Name == platform.StepBuild {
			k.Steps = append(k.Steps, work.Step{Name: platform.StepRecreate, Phase: platform.PhaseDeploy})
		}
	}
	k.Steps = append(k.Steps, work.Step{Name: platform.StepExamine, Phase: platform.PhasePostDeploy}, work.Step{Name: platform.StepDiscard, Phase: platform.PhasePostDeploy})
	return k
}
