package deploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sluice/internal/contract"
	"sluice/internal/manifest"
	"sluice/internal/plan"
	"sluice/internal/platform"
	"sluice/internal/rehearsal"
	"sluice/internal/work"
)

// rehearsing is one rehearsal on its way.
type rehearsing struct {
	s   *Service
	job *work.Job

	project platform.Project
	target  platform.Environment // production
	current *live                // what it serves
	from    platform.Environment // whose code is deployed

	stage  *stage      // the records of the copy
	base   *deployment // production's release on the copy
	next   *deployment // what is rehearsed
	record platform.Rehearsal
	report rehearsal.Report

	digestSecret string
}

func (s *Service) rehearsal(job *work.Job) *rehearsing {
	a := job.Activity
	r := &rehearsing{s: s, job: job, record: platform.Rehearsal{Activity: a.ID, Project: a.Project, Environment: a.Environment}}
	r.stage = newStage(s.Records, a)
	over := s.over(r.stage)
	r.base = r.deployment(over, job.Part(r.part(), true), plan.DataTable())
	r.next = r.deployment(over, job.Part(r.part(), false), plan.Table())
	return r
}

// part is the activity that a deployment within the rehearsal belongs to.
func (r *rehearsing) part() platform.Activity {
	a := r.job.Activity
	a.Environment, a.Parameters, a.Timings, a.Commands = r.stage.env.Name, map[string]string{}, nil, nil
	return a
}

func (r *rehearsing) deployment(s *Service, job *work.Job, table []plan.Row) *deployment {
	d := &deployment{s: s, job: job, log: job.Log, rehearsed: r, hooked: map[string]bool{}, wrote: map[string]string{}}
	for _, row := range table {
		if row.Name != platform.StepBuild && row.Name != platform.StepFetch { // done before the others
			d.steps = append(d.steps, work.Step{Name: row.Name, Phase: row.Phase})
		}
	}
	return d
}

func (r *rehearsing) tryAgain() string {
	return fmt.Sprintf("try again: sluice environment:rehearse -p %s -e %s", r.job.Activity.Project, r.job.Activity.Parameters[platform.ParameterRehearseFrom])
}

// run rehearses and removes the copy, whatever happened before.
func (r *rehearsing) run(ctx context.Context) error {
	defer r.base.unlease()
	defer r.next.unlease()
	began := time.Now()
	err := r.rehearse(ctx)
	stopped := r.job.NoCancel(ctx)
	lasting := context.WithoutCancel(ctx)
	if stopped == nil && err == nil {
		r.report.Took = time.Since(began).Seconds()
		err = r.conclude(lasting)
	}
	left := r.job.Step(lasting, platform.StepDiscard, r.discard)
	if dropErr := r.s.dropOldSlugs(lasting, r.project.ID); dropErr != nil && left == nil {
		r.s.Log.WarnContext(ctx, "could not remove old slugs", "project", r.project.ID, "error", dropErr)
	}
	switch {
	case stopped != nil:
		return errors.Join(stopped, left)
	case left != nil:
		return r.failed(errors.Join(err, fmt.Errorf("remove the copy of the environment: %w; the next start of sluiced does", left)))
	case err != nil:
		return r.failed(err)
	}
	return nil
}

// failed says that the rehearsal failed, in its own words: nothing of production was touched.
func (r *rehearsing) failed(err error) error {
	hint := fmt.Sprintf("fix it and rehearse again: sluice environment:rehearse -p %s -e %s", r.job.Activity.Project, r.job.Activity.Parameters[platform.ParameterRehearseFrom])
	if f, ok := errors.AsType[*work.Failure](err); ok && f.Phrase == phraseRehearse {
		return f
	}
	return &work.Failure{Phrase: phraseRehearse, Err: fmt.Errorf("%w\n%s was not touched", err, r.target.Name), Hint: hint}
}

// rehearse goes through the steps. An error means that there is nothing to report: a deployment
// that fails is in the report.
func (r *rehearsing) rehearse(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	if err := r.job.Step(ctx, platform.StepCopy, r.copy); err != nil {
		return err
	}
	if err := r.next.load(ctx); err != nil {
		return err
	}
	err := r.open(ctx, r.next)
	if err == nil {
		err = r.next.job.Step(ctx, platform.StepBuild, r.next.build)
	}
	if err != nil {
		return r.deploymentFailed(ctx, err)
	}
	if err := r.job.Step(ctx, platform.StepRecreate, r.recreate); err != nil {
		return err
	}
	before := r.look(ctx, r.base, r.pages())
	r.next.env, r.next.previous = r.stage.env, &live{r.base.release, r.base.stored}
	err = r.next.take(ctx, r.next.steps)
	return r.job.Step(ctx, platform.StepExamine, func(ctx context.Context) error {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			if err := r.deploymentFailed(ctx, err); err != nil {
				return err
			}
		}
		r.examine(ctx, before)
		return context.Cause(ctx)
	})
}

// load reads production and what is to be deployed to it.
func (r *rehearsing) load(ctx context.Context) (err error) {
	a := r.job.Activity
	if r.project, err = r.s.Records.Project(ctx, a.Project); err != nil {
		return err
	}
	if r.target, err = r.s.Records.Environment(ctx, a.Project, a.Environment); err != nil {
		return err
	}
	if r.from, err = r.s.environmentOrNew(ctx, r.project, a.Parameters[platform.ParameterRehearseFrom]); err != nil {
		return err
	}
	if r.current, err = r.s.liveRelease(ctx, r.target); err != nil {
		return err
	}
	if r.current == nil {
		return platform.Errorf(platform.CodeConflict, "environment %s serves nothing, so there is no data to rehearse on", r.target.Name)
	}
	r.report = rehearsal.Report{
		Activity: a.ID, Project: a.Project, Environment: a.Environment, From: r.from.Name, Commit: a.Commit, At: a.CreatedAt,
		Base:         rehearsal.Base{Release: r.current.release.ID, Commit: r.current.release.Commit},
		PersonalData: contract.PersonalDataSanitized,
		Schema:       []rehearsal.Table{}, Config: []rehearsal.Key{}, Pages: []rehearsal.Page{}, Checks: []rehearsal.Check{}, Logs: []rehearsal.Line{}, Notes: []string{},
	}
	if a.Parameters[platform.ParameterKeepPersonal] == "true" {
		r.report.PersonalData = contract.PersonalDataKept
	}
	options := maps.Clone(a.Parameters)
	delete(options, platform.ParameterKeepPersonal)
	r.next.job.Activity.Parameters = options
	r.base.job.Activity.Commit = r.current.release.Commit
	r.base.job.Activity.Parameters = map[string]string{
		platform.ParameterDataFrom: r.target.Name, platform.ParameterKeepPersonal: a.Parameters[platform.ParameterKeepPersonal],
	}
	return nil
}

// copy takes a snapshot of production, which is all that production is needed for, unless a push
// waits for the outcome.
func (r *rehearsing) copy(ctx context.Context) (err error) {
	a := r.job.Activity
	if r.record, err = r.s.Records.BeginRehearsal(ctx, r.record); err != nil {
		return err
	}
	r.stage.begin(r.target, r.record.Subnet, a.Commit)
	if err := r.base.load(ctx); err != nil {
		return err
	}
	r.leaseCurrent()
	if err := r.base.copyData(ctx, r.target.Name); err != nil {
		return err
	}
	if a.Parameters[platform.ParameterThenDeploy] == "true" {
		return nil
	}
	return r.job.Unlock(ctx)
}

// leaseCurrent keeps the slugs of production's release, which may be replaced meanwhile.
func (r *rehearsing) leaseCurrent() {
	r.s.slugs.RLock()
	defer r.s.slugs.RUnlock()
	for _, slug := range r.current.release.Slugs {
		r.base.lease(slug.Ref)
	}
}

// open reads the files of a deployment's commit, and what is different for a rehearsal: its
// router speaks plain HTTP, which asks nobody for a certificate.
func (r *rehearsing) open(ctx context.Context, d *deployment) error {
	if err := d.openCommit(ctx); err != nil {
		return err
	}
	for _, route := range d.manifest.Routes {
		route.TLS.ClientAuth = ""
	}
	return nil
}

// recreate deploys production's release on the copy of its data, with its own slugs.
func (r *rehearsing) recreate(ctx context.Context) error {
	d := r.base
	d.log.Line(2, "Recreating release %s of %s on the copy", r.current.release.ID, r.target.Name)
	if err := r.open(ctx, d); err != nil {
		return err
	}
	d.release.Slugs = r.current.release.Slugs
	err := d.take(ctx, d.steps)
	d.dropSnapshots(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil && d.reach < platform.Live {
		return fmt.Errorf("what %s serves could not be started on a copy of its data: %w", r.target.Name, err)
	}
	if err != nil {
		r.note("production's own release, on the copy: %v", err)
	}
	r.report.Data.Before = r.current.release.Data.String()
	return nil
}

// deploymentFailed puts into the report why the rehearsed deployment failed, and what that means
// to visitors.
func (r *rehearsing) deploymentFailed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	r.report.Failure = r.job.Masked(err.Error())
	switch r.next.reach {
	case platform.Served:
		r.report.Met = "the old release throughout"
	case platform.Held:
		r.report.Met = "a wait, and then the old release again"
	case platform.Touched:
		r.report.Met = "the maintenance page, until a deployment succeeds: data may have been changed"
	case platform.Live:
		r.report.Met = "the new release: what failed comes after the switch"
	}
	return nil
}

// conclude judges, writes the report to the log and keeps it.
func (r *rehearsing) conclude(ctx context.Context) error {
	d, a := r.next, r.next.job.Activity
	r.report.Steps = rehearsal.Times(a.Timings)
	limit, _ := d.holdLimits()
	r.report.Hold = rehearsal.Hold{Seconds: a.Hold.Duration().Seconds(), Limit: limit.Seconds()}
	r.report.Hold.Held = slices.ContainsFunc(a.Timings, func(t platform.StepTiming) bool { return t.Step == platform.StepHold })
	r.compareData()
	r.report.Mask(r.job.Masked)
	r.report.Conclude()
	r.job.Activity.Hold, r.job.Activity.Commands = platform.HoldReport{}, a.Commands
	data, err := json.Marshal(r.report)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	r.record.Report, r.record.Slugs = data, slices.Collect(maps.Values(d.release.Slugs))
	if r.record.Tree, err = r.s.treeOf(ctx, r.project.ID, r.job.Activity.Commit); err != nil {
		r.job.Log.Line(2, "W: plans will not quote this rehearsal: %v", err)
	}
	if err := r.s.Records.SaveRehearsal(ctx, r.record); err != nil {
		return err
	}
	r.job.Log.Blank()
	for line := range strings.Lines(rehearsal.Text(r.report)) {
		r.job.Log.Line(0, "%s", strings.TrimSuffix(line, "\n"))
	}
	r.job.Log.Blank()
	return r.verdict()
}

// verdict is the error of a rehearsal that did not pass.
func (r *rehearsing) verdict() error {
	if r.report.Passed {
		return nil
	}
	return fmt.Errorf("%s", r.report.Problems[0]+more(len(r.report.Problems)-1))
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more", n)
}

// compareData says whether the deployment leaves the data in another state, as a rollback will
// judge it.
func (r *rehearsing) compareData() {
	was := r.base.release.Data
	r.report.Data.Before = cmp.Or(r.report.Data.Before, r.current.release.Data.String())
	switch {
	case r.next.reach != platform.Live:
		r.report.Data.After, r.report.Data.Changed = "not known, as the deployment did not finish", r.next.reach == platform.Touched
	case r.next.release.Data.Fits(was):
		r.report.Data.After = r.report.Data.Before
	default:
		// The names of releases are those of the copy, which nobody knows.
		r.report.Data.After, r.report.Data.Changed = cmp.Or(schemaOnly(r.next.release.Data), "written to by a deploy hook"), true
	}
}

// schemaOnly describes a state that an application reported; empty for what only names a release.
func schemaOnly(state platform.DataState) string {
	for _, value := range state {
		if strings.HasPrefix(value, "release ") {
			return ""
		}
	}
	return state.String()
}

func (r *rehearsing) note(format string, args ...any) {
	r.report.Notes = append(r.report.Notes, rehearsal.Printable(fmt.Sprintf(format, args...)))
}

// discard removes the copy and everything of it. It can run twice.
func (r *rehearsing) discard(ctx context.Context) error {
	r.job.Log.Line(2, "Removing the copy")
	env := r.stage.env
	err := r.base.s.demolish(ctx, env, r.job.Log)
	list, listErr := r.s.Snapshots.List(ctx, "")
	err = errors.Join(err, listErr)
	for _, snap := range list {
		if snap.Reason == r.base.copiedFor() {
			err = errors.Join(err, r.s.Snapshots.Remove(ctx, snap.ID))
		}
	}
	if err != nil {
		return err // it keeps its network
	}
	r.record.Subnet = ""
	return r.s.Records.SaveRehearsal(ctx, r.record)
}

// recover removes what a crash left. A report that was complete counts.
func (r *rehearsing) recover(ctx context.Context) error {
	r.target.Name = r.job.Activity.Environment
	record, err := r.s.Records.Rehearsal(ctx, r.job.Activity.ID)
	switch {
	case err == nil:
		r.record = record
	case platform.ErrorCode(err) != platform.CodeNotFound:
		return err
	}
	if err := r.discard(ctx); err != nil {
		return r.failed(err)
	}
	if len(r.record.Report) == 0 {
		return r.failed(fmt.Errorf("%w during step %s; the copy was removed", work.ErrInterrupted, r.job.Activity.Step))
	}
	if err := json.Unmarshal(r.record.Report, &r.report); err != nil {
		return r.failed(fmt.Errorf("read the report: %w", err))
	}
	if err := r.verdict(); err != nil {
		return r.failed(err)
	}
	return nil
}

// treeOf returns the digest of what a commit deploys, as plans know it.
func (s *Service) treeOf(ctx context.Context, project, commit string) (string, error) {
	tree, err := s.Source.Tree(ctx, project, commit, nil)
	if err != nil {
		return "", fmt.Errorf("read commit %s: %w", commit, err)
	}
	defer func() { _ = tree.Close() }() // read only
	files := map[string][]byte{}
	m, _ := manifest.Parse(tree, manifest.Options{
		Catalog: s.Catalog, AllowUnknownVersions: true, OnRead: func(name string, content []byte) { files[name] = content },
	})
	if m == nil {
		return "", fmt.Errorf("the configuration of commit %s cannot be read", commit)
	}
	sources := map[string]string{}
	for _, app := range m.Apps {
		if sources[app.Name], err = sourceDigest(tree, app); err != nil {
			return "", err
		}
	}
	return plan.TreeDigest(files, sources), nil
}
