package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sluice/internal/engine"
	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// deployment is one activity on its way through the steps of plan.Table.
type deployment struct {
	s     *Service
	job   *work.Job
	log   *work.Logbook // the job's
	steps []work.Step   // of the job's kind

	project  platform.Project
	env      platform.Environment
	vars     []platform.Variable
	manifest *manifest.Manifest // of the commit; nil when a stored release is deployed
	page     string             // the project's maintenance page; "" for none
	release  platform.Release
	stored   storedRelease // what release.Spec holds
	previous *live         // what serves now; nil for the first deployment

	endpoints []engine.Endpoint // of the new web containers, from StepStart on
	heldSince time.Time         // from StepHold on
	offered   bool              // operators can see the new release

	hooked  map[string]bool   // applications whose deploy hook was begun or skipped
	wrote   map[string]string // state of the data of applications whose deploy hook ran
	waiting *earlyHook        // begun before the hold, waits to write; nil when none does
	leased  []string          // references of slugs, see Service.lease

	snapshot string             // what replaces the data; empty until it was fetched
	versions map[string]string  // of the services that it is from
	dataOf   platform.DataState // of the release that a rollback goes back to
	// sanitizes: the data is production's, and leaves it.
	sanitizes bool
	// rehearsed is the rehearsal that the deployment belongs to; nil for one that counts.
	rehearsed *rehearsing

	reach platform.Reach // what an undo has to put right
}

// live is the release that serves, with what it stored.
type live struct {
	release platform.Release
	stored  storedRelease
}

// deploymentKind is the kind of activity that takes a commit, or a stored release, to the
// visitors. Which of its steps an activity takes depends on what it brings along.
func (s *Service) deploymentKind(types []platform.ActivityType, skip ...platform.Step) work.Kind {
	k := work.Kind{Types: types, Phrase: phraseDeploy, Locks: sources}
	k.Steps = append(k.Steps, work.Step{Name: platform.StepMerge, Phase: platform.PhaseDeploy})
	for _, row := range plan.DataTable() {
		if row.Name == platform.StepHold {
			k.Steps = append(k.Steps, work.Step{Name: platform.StepEarlyHook, Phase: row.Phase})
		}
		k.Steps = append(k.Steps, work.Step{Name: row.Name, Phase: row.Phase})
	}
	k.Steps = slices.DeleteFunc(k.Steps, func(step work.Step) bool { return slices.Contains(skip, step.Name) })
	k.Run = func(ctx context.Context, job *work.Job) error {
		d := s.deployment(job, k.Steps)
		defer d.unlease()
		defer d.dropSnapshots(ctx)
		err := d.load(ctx)
		if err == nil {
			err = d.wantRehearsed(ctx)
		}
		if err != nil {
			return err
		}
		return d.run(ctx)
	}
	k.Recover = func(ctx context.Context, job *work.Job) error {
		d := s.deployment(job, k.Steps)
		defer d.dropSnapshots(ctx)
		return d.recover(ctx)
	}
	return k
}

// sources are the environments that an activity takes something from.
func sources(a platform.Activity) []string {
	names := []string{a.Parameters[platform.ParameterDataFrom], a.Parameters[platform.ParameterMergeFrom]}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// takes returns those of a kind's steps that an activity goes through once its code is there.
func takes(a platform.Activity, steps []work.Step) []work.Step {
	table := plan.Table()
	if a.Parameters[platform.ParameterBackup] != "" || a.Parameters[platform.ParameterDataFrom] != "" || a.Parameters[platform.ParameterSnapshot] != "" {
		table = plan.DataTable()
	}
	return slices.DeleteFunc(slices.Clone(steps), func(step work.Step) bool {
		return !slices.ContainsFunc(table, func(row plan.Row) bool { return row.Name == step.Name })
	})
}

func (s *Service) deployment(job *work.Job, steps []work.Step) *deployment {
	return &deployment{s: s, job: job, log: job.Log, steps: takes(job.Activity, steps), hooked: map[string]bool{}, wrote: map[string]string{}}
}

// action returns what a step of plan.Table does.
func (d *deployment) action(step platform.Step) func(context.Context) error {
	return map[platform.Step]func(context.Context) error{
		platform.StepMerge:      d.mergeCode,
		platform.StepFetch:      d.fetch,
		platform.StepBuild:      d.build,
		platform.StepPrepare:    d.prepare,
		platform.StepPreflight:  d.preflight,
		platform.StepKeep:       d.keep,
		platform.StepEarlyHook:  d.early,
		platform.StepHold:       d.hold,
		platform.StepQuiesce:    d.quiesce,
		platform.StepData:       d.replaceData,
		platform.StepStart:      d.start,
		platform.StepSanitize:   d.sanitize,
		platform.StepDeployHook: d.deployHooks,
		platform.StepSwitch:     d.publish,
		platform.StepRetire:     d.retire,
		platform.StepPostDeploy: d.postDeploy,
		platform.StepBackground: d.background,
	}[step]
}

// furthest is how far a deployment may have come that stopped in a step.
func furthest(step platform.Step) platform.Reach {
	for _, row := range plan.DataTable() {
		if row.Name == step {
			return row.Reach
		}
	}
	return platform.Served // a step without a row too: the early hook
}

// run takes the activity through its steps. A step that fails ends the deployment, which is
// undone by how far it came; once the new release serves, the other steps run all the same.
func (d *deployment) run(ctx context.Context) error {
	lasting := context.WithoutCancel(ctx)
	if d.job.Activity.Parameters[platform.ParameterMergeFrom] != "" {
		if err := d.job.Step(ctx, platform.StepMerge, d.mergeCode); err != nil {
			return err
		}
		if d.env.Status == platform.EnvironmentInactive {
			d.log.Line(3, "Environment %s is inactive: its code was stored and nothing is built.", d.env.Name)
			return nil
		}
	}
	if err := d.open(ctx); err != nil {
		d.undo(lasting)
		return err
	}
	i := slices.IndexFunc(d.steps, func(s work.Step) bool { return furthest(s.Name) >= platform.Held })
	if err := d.take(ctx, d.steps[:i]); err != nil {
		return err
	}
	if err := d.job.NoCancel(ctx); err != nil {
		d.undo(lasting)
		return err
	}
	// From here on nothing but the steps' own limits ends the work: half a switch is worse than
	// a late shutdown.
	return d.take(lasting, d.steps[i:])
}

func (d *deployment) take(ctx context.Context, steps []work.Step) error {
	var problems []error
	for _, step := range steps {
		serves := d.reach == platform.Live
		err := d.job.Step(ctx, step.Name, d.action(step.Name))
		switch {
		case err != nil && serves:
			problems = append(problems, err)
		case err != nil:
			d.undo(context.WithoutCancel(ctx))
			return err
		}
	}
	return errors.Join(problems...)
}

// load reads what the activity works on.
func (d *deployment) load(ctx context.Context) (err error) {
	a := d.job.Activity
	if d.project, err = d.s.Records.Project(ctx, a.Project); err != nil {
		return err
	}
	if d.env, err = d.s.Records.Environment(ctx, a.Project, a.Environment); err != nil {
		return err
	}
	if d.vars, err = d.s.Records.Variables(ctx, a.Project, a.Environment); err != nil {
		return err
	}
	if err := d.job.Hide(secretsOf(d.project, d.vars)); err != nil {
		return err
	}
	d.previous, err = d.s.liveRelease(ctx, d.env)
	return err
}

// secretsOf lists what a hook may print and a log must not keep.
func secretsOf(project platform.Project, vars []platform.Variable) []string {
	secrets := []string{project.Entropy}
	for _, v := range vars {
		if v.Sensitive {
			secrets = append(secrets, v.Value)
		}
	}
	return secrets
}

// open reads what is to be deployed: the files of a commit, or a stored release.
func (d *deployment) open(ctx context.Context) error {
	if d.job.Activity.Type == platform.ActivityRollback {
		return d.openRelease(ctx)
	}
	return d.openCommit(ctx)
}

func (d *deployment) verb() string {
	if d.previous == nil {
		return "Creating"
	}
	return "Redeploying"
}

// unharmed says what visitors meet while nothing was switched.
func (d *deployment) unharmed() string {
	if d.previous == nil {
		return "the environment serves nothing yet"
	}
	return "the old release keeps serving"
}

// liveRelease loads what an environment serves; nil when it serves nothing.
func (s *Service) liveRelease(ctx context.Context, env platform.Environment) (*live, error) {
	if env.Release == "" {
		return nil, nil //nolint:nilnil // that nothing serves is not an error
	}
	r, err := s.Records.Release(ctx, env.Project, env.Name, env.Release)
	if err != nil {
		return nil, fmt.Errorf("release %s: %w", env.Release, err)
	}
	stored, err := readRelease(r)
	if err != nil {
		return nil, err
	}
	return &live{release: r, stored: stored}, nil
}

// The phrases that tools look for in the log of a failed activity.
const (
	phraseBuild      = "Error building project"
	phraseDeploy     = "Environment redeployment failed"
	phraseDeactivate = "Environment deactivation failed"
)

// failed says that the deployment failed, and what to do about it.
func failed(hint string, err error) error { return work.Failed(phraseDeploy, hint, err) }
