package deploy

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/internal/access"
	"sluice/internal/catalog"
	"sluice/internal/engine"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/work"
)

// Restore queues the deployment of a backup's data, with its code unless that is not wanted.
// What was there before is put back when the deployment fails. A target that does not exist is
// branched first.
func (s *Service) Restore(ctx context.Context, b platform.Backup, req platform.RestoreRequest, by platform.Actor) (platform.Activity, error) {
	name := cmp.Or(req.Target, b.Environment)
	env, err := s.restoreTarget(ctx, b, name, req.BranchFrom)
	if err != nil {
		return platform.Activity{}, err
	}
	commit := b.Commit
	if req.NoCode || commit == "" {
		commit = env.HeadCommit
		if current, err := s.liveRelease(ctx, env); err != nil {
			return platform.Activity{}, err
		} else if current != nil {
			commit = current.release.Commit
		}
	}
	parameters := map[string]string{platform.ParameterBackup: b.ID}
	if b.Environment != name {
		parameters[platform.ParameterBackupOf] = b.Environment
	}
	if req.KeepPersonalData {
		parameters[platform.ParameterKeepPersonal] = "true"
	}
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityRestore, Project: b.Project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** restored backup %s to environment **%s**", by.Name, b.ID, titleOf(env)),
		Commit:      commit,
		Parameters:  parameters,
	})
}

// restoreTarget returns the environment that a backup is restored to, and makes one that does
// not exist yet, without data.
func (s *Service) restoreTarget(ctx context.Context, b platform.Backup, name, from string) (platform.Environment, error) {
	env, err := s.mayBegin(ctx, access.BackupRestore, b.Project, name)
	if platform.ErrorCode(err) != platform.CodeNotFound {
		return env, err
	}
	parent, err := s.mayBegin(ctx, access.Branch, b.Project, cmp.Or(from, b.Environment))
	if err != nil {
		return env, err
	}
	env, err = s.newBranch(ctx, parent, platform.BranchRequest{Name: name, CloneRequest: platform.CloneRequest{NoCloneParent: true}})
	if err != nil {
		return env, err
	}
	if err := s.Repositories.SetBranch(ctx, b.Project, env.Name, "", env.HeadCommit); err != nil {
		return env, err
	}
	return s.Records.SaveEnvironment(ctx, env)
}

// dataFrom returns the other environment whose data becomes this one's; empty for its own.
func (d *deployment) dataFrom() string {
	return cmp.Or(d.job.Activity.Parameters[platform.ParameterDataFrom], d.job.Activity.Parameters[platform.ParameterBackupOf])
}

// replaces reports whether the deployment puts other data in place of the environment's.
func (d *deployment) replaces() bool {
	return slices.ContainsFunc(d.steps, func(s work.Step) bool { return s.Name == platform.StepData })
}

// fetch makes the data available while the old release serves.
func (d *deployment) fetch(ctx context.Context) error {
	if from := d.job.Activity.Parameters[platform.ParameterDataFrom]; from != "" {
		return d.copyData(ctx, from)
	}
	if id := d.job.Activity.Parameters[platform.ParameterSnapshot]; id != "" {
		snap, err := d.s.Snapshots.Snapshot(ctx, id)
		if err != nil {
			return failed("", fmt.Errorf("the data of then is gone: %w; nothing was changed", err))
		}
		d.goingBack(snap.Taken)
		d.snapshot = id
		return nil
	}
	d.log.Line(2, "Fetching the data of backup %s", d.job.Activity.Parameters[platform.ParameterBackup])
	out := d.log.At(3)
	defer func() { _ = out.Close() }() // never fails
	id, m, err := d.s.Backups.Fetch(ctx, d.job.Activity.Parameters[platform.ParameterBackup], d.env.ID(), out)
	if err != nil {
		return failed("", fmt.Errorf("%w; %s", err, d.unharmed()))
	}
	if d.job.Activity.Type == platform.ActivityRollback {
		d.goingBack(m.CreatedAt)
	}
	d.snapshot, d.versions = id, m.Services
	d.sanitizes = m.Type == platform.Production && d.env.Type != platform.Production
	return nil
}

func (d *deployment) goingBack(taken time.Time) {
	d.log.Line(2, "Going back to the data of %s: what was written in the last %.0f s is lost", taken.UTC().Format(time.RFC3339), time.Since(taken).Seconds())
}

// replaceData puts the fetched data in place, with all containers stopped, and starts the
// services on it.
func (d *deployment) replaceData(ctx context.Context) error {
	if err := d.commit(ctx); err != nil { // no container of the old release is left to serve after the deadline
		return failed(d.tryAgain(), err)
	}
	d.log.Line(3, "Closing all services")
	if err := d.s.Engine.Destroy(ctx, d.env.ID(), d.project.ID, false, d.log.At(4)); err != nil {
		return failed(d.tryAgain(), fmt.Errorf("stop the services: %w", err))
	}
	parts, err := d.parts(ctx)
	if err != nil {
		return failed("", err)
	}
	d.log.Line(3, "Replacing the data")
	_, err = d.s.Snapshots.Plant(ctx, snapshot.PlantRequest{
		Snapshot: d.snapshot, Environment: d.env.ID(), Parts: parts, Reason: d.replacedBy(),
		Consume: d.job.Activity.Parameters[platform.ParameterSnapshot] == "", // that one is kept for the next try
	}, d.log.At(4))
	if err != nil {
		return failed(d.tryAgain(), fmt.Errorf("replace the data: %w", err))
	}
	if err := d.s.Engine.Prepare(ctx, d.stored.Spec, d.log.At(4)); err != nil {
		return d.startFailed(err)
	}
	return nil
}

// replacedBy is the reason of the snapshot of what was there before; a restart finds it by that.
func (d *deployment) replacedBy() string { return "replaced by activity " + d.job.Activity.ID }

// parts chooses what is put in place: what the release has a service or an application for.
func (d *deployment) parts(ctx context.Context) ([]string, error) {
	snap, err := d.s.Snapshots.Snapshot(ctx, d.snapshot)
	if err != nil {
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	names := []string{}
	for _, p := range snap.Parts {
		service, isService := p.Service()
		app, _, isMount := p.Mount()
		switch {
		case isService && d.cleans() && holdsSessions(d.versions[service]):
			d.log.Line(4, "Service '%s' begins empty: its sessions and messages are people's", service)
		case isService && slices.ContainsFunc(d.stored.Spec.Services, func(s engine.Service) bool { return s.Name == service }),
			isMount && slices.ContainsFunc(d.stored.Spec.Apps, func(a engine.App) bool { return a.Name == app }):
			names = append(names, p.Name)
		default:
			d.log.Line(4, "W: %s is left out, because this code does not declare it", p.Name)
		}
	}
	return names, nil
}

// holdsSessions reports whether what a service stores is sessions, caches or messages on their
// way, which no sanitiser can clean: a message of production would be sent a second time.
func holdsSessions(version string) bool {
	name, _, _ := strings.Cut(version, ":")
	name, _, _ = strings.Cut(name, "-") // redis-persistent
	return slices.Contains([]string{"redis", "valkey", "rabbitmq"}, name)
}

// wantVersions refuses data that a service of the release cannot read: of another program, or
// of a later version.
func (d *deployment) wantVersions() error {
	if d.job.Activity.Type == platform.ActivitySynchronize {
		if err := wantSameServices(d.job.Activity.Parameters[platform.ParameterDataFrom], d.versions, d.env.Name, versionsOf(d.stored.Spec)); err != nil {
			return failed("", err)
		}
	}
	for _, s := range d.stored.Spec.Services {
		have, ok := d.versions[s.Name]
		if ok && !catalog.Reads(s.Version, have) {
			return failed(fmt.Sprintf("declare %s: type: %s and deploy, or restore with the code of the backup", s.Name, have),
				platform.Errorf(platform.CodeConflict, "the data of service '%s' is of %s, which %s cannot read; nothing was changed", s.Name, have, s.Version))
		}
	}
	return nil
}

// before returns the snapshot of what was replaced; ok is false while nothing was.
func (d *deployment) before(ctx context.Context) (snapshot.Snapshot, bool) {
	list, err := d.s.Snapshots.List(ctx, d.env.ID())
	d.must(ctx, "list the snapshots", err)
	i := slices.IndexFunc(list, func(s snapshot.Snapshot) bool {
		return s.Method == snapshot.MethodMoved && s.Reason == d.replacedBy()
	})
	if i < 0 {
		return snapshot.Snapshot{}, false
	}
	return list[i], true
}

// takeDataBack makes the data what it was before. It reports whether the old release fits the
// data again.
func (d *deployment) takeDataBack(ctx context.Context) bool {
	before, replaced := d.before(ctx)
	if d.reach < platform.Held || !replaced {
		return true
	}
	d.log.Line(3, "Putting the data of before back")
	err := d.s.Engine.Destroy(ctx, d.env.ID(), d.project.ID, false, d.log.At(4))
	if err == nil {
		var parts []string
		for _, p := range before.Parts {
			parts = append(parts, p.Name)
		}
		var failed snapshot.Snapshot
		failed, err = d.s.Snapshots.Plant(ctx, snapshot.PlantRequest{
			Snapshot: before.ID, Environment: d.env.ID(), Parts: parts, Reason: "failed: " + d.replacedBy(), Consume: true,
		}, d.log.At(4))
		if err == nil && failed.ID != "" {
			d.must(ctx, "remove the data that failed", d.s.Snapshots.Remove(ctx, failed.ID))
		}
	}
	if err != nil {
		d.log.Line(3, "The data of before is kept as snapshot %s", before.ID)
		d.must(ctx, "put the data back", err)
		return false
	}
	d.must(ctx, "remove a snapshot", d.s.Snapshots.Remove(ctx, before.ID))
	return true
}

// dropSnapshots removes what the deployment does not need any more: what was fetched, and,
// once the new data serves, what was there before.
func (d *deployment) dropSnapshots(ctx context.Context) {
	if !d.replaces() {
		return
	}
	ctx = context.WithoutCancel(ctx)
	list, err := d.s.Snapshots.List(ctx, "") // a copy is one of the environment that it is from
	d.must(ctx, "list the snapshots", err)
	for _, s := range list {
		fetched := s.ID == d.snapshot && d.job.Activity.Parameters[platform.ParameterSnapshot] == "" || s.Reason == d.copiedFor() || s.Reason == FetchedFor(d.job.Activity.Parameters[platform.ParameterBackup])
		if fetched || d.reach == platform.Live && s.Reason == d.replacedBy() {
			d.must(ctx, "remove a snapshot", d.s.Snapshots.Remove(ctx, s.ID))
		}
	}
}

// FetchedFor is the reason of a snapshot that was made of a backup.
func FetchedFor(backup string) string { return "fetched from backup " + backup }
