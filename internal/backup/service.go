package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/work"
)

// Dependencies are what the service works with. None may be nil.
type Dependencies struct {
	Records    Records
	Queue      *work.Queue
	Snapshots  Snapshots
	Repository Repository
	Pipeline   func() Pipeline // which is made later
	Sealer     Sealer
	Log        *slog.Logger
}

// Options are the settings of the service.
type Options struct {
	Version string // of the program, for manifests
	Policy  Policy // of scheduled backups
	// OnStep, when set, is called between steps that no record tells apart. Tests stop there.
	OnStep func(string)
}

// Service makes and keeps backups. Its methods are safe for concurrent use.
type Service struct {
	Dependencies
	opts Options

	mu    sync.Mutex
	open  map[platform.EnvironmentID]chan struct{} // closed when the snapshot is read
	tried map[platform.EnvironmentID]time.Time     // when a scheduled backup was last queued
}

// New returns a service, with its kinds of activities registered at the queue.
func New(deps Dependencies, opts Options) *Service {
	s := &Service{Dependencies: deps, opts: opts, open: map[platform.EnvironmentID]chan struct{}{}, tried: map[platform.EnvironmentID]time.Time{}}
	deps.Queue.Register(s.createKind(), s.deleteKind(), s.verifyKind())
	return s
}

// Backups lists the backups of an environment, newest first. It leaves out those of a deleted
// project that had the same identifier.
func (s *Service) Backups(ctx context.Context, project, env string) ([]platform.Backup, error) {
	p, err := s.Records.Project(ctx, project)
	if err != nil {
		return nil, err
	}
	if _, err := s.Records.Environment(ctx, project, env); err != nil {
		return nil, err
	}
	list, err := s.Records.Backups(ctx, project, env)
	return slices.DeleteFunc(list, func(b platform.Backup) bool { return b.CreatedAt.Before(p.CreatedAt) }), err
}

// Backup returns a backup of an environment. An identifier may be cut short.
func (s *Service) Backup(ctx context.Context, project, env, id string) (platform.Backup, error) {
	list, err := s.Backups(ctx, project, env)
	if err != nil {
		return platform.Backup{}, err
	}
	var found []platform.Backup
	for _, b := range list {
		if b.ID == id {
			return b, nil
		}
		if id != "" && strings.HasPrefix(b.ID, id) {
			found = append(found, b)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return platform.Backup{}, platform.Errorf(platform.CodeNotFound, "environment %s has no backup %q", env, id).
		WithHint("sluice backup:list -p %s -e %s", project, env)
}

// Restorable returns a backup that can be read: an environment can be restored from it.
func (s *Service) Restorable(ctx context.Context, project, env, id string) (platform.Backup, error) {
	b, err := s.Backup(ctx, project, env, id)
	if err == nil && !b.Restorable() {
		err = platform.Errorf(platform.CodeConflict, "backup %s is %s; nothing was changed", b.ID, strings.ToLower(string(b.Status)))
	}
	return b, err
}

// Archive writes a backup as a tar stream: its files and manifest.
func (s *Service) Archive(ctx context.Context, project, env, id string, w io.Writer) error {
	b, err := s.Restorable(ctx, project, env, id)
	if err != nil {
		return err
	}
	return s.Repository.Archive(ctx, b.Stored, w)
}

// Delete queues the removal of a backup.
func (s *Service) Delete(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	b, err := s.Backup(ctx, project, env, id)
	if err != nil {
		return platform.Activity{}, err
	}
	if b.Status == platform.BackupCreating {
		return platform.Activity{}, platform.Errorf(platform.CodeConflict, "backup %s is being made; nothing was changed", b.ID).
			WithHint("cancel it: sluice activity:cancel %s", b.Activity)
	}
	return s.enqueue(ctx, b, platform.ActivityBackupDelete, "deleted", by)
}

// Verify queues the check of a backup.
func (s *Service) Verify(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	b, err := s.Restorable(ctx, project, env, id)
	if err != nil {
		return platform.Activity{}, err
	}
	return s.enqueue(ctx, b, platform.ActivityBackupVerify, "verified", by)
}

func (s *Service) enqueue(ctx context.Context, b platform.Backup, kind platform.ActivityType, verb string, by platform.Actor) (platform.Activity, error) {
	return s.Queue.Enqueue(ctx, platform.Activity{
		Type: kind, Project: b.Project, Environment: b.Environment, Actor: by,
		Description: fmt.Sprintf("**%s** %s backup %s of environment **%s**", by.Name, verb, b.ID, b.Environment),
		Parameters:  map[string]string{platform.ParameterBackup: b.ID},
	})
}

// of returns the backup that an activity is about.
func (s *Service) of(ctx context.Context, job *work.Job) (platform.Backup, error) {
	return s.Records.Backup(ctx, job.Activity.Parameters[platform.ParameterBackup])
}

// deleteKind removes a backup from the repository, then its record. It can run twice.
func (s *Service) deleteKind() work.Kind {
	run := func(ctx context.Context, job *work.Job) error {
		b, err := s.of(ctx, job)
		if platform.ErrorCode(err) == platform.CodeNotFound {
			return nil // a restart finds it done
		}
		if err != nil {
			return err
		}
		if err := job.NoCancel(ctx); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		return job.Step(ctx, platform.StepForget, func(ctx context.Context) error {
			return errors.Join(job.Unlock(ctx), s.forget(ctx, job.Log.At(1), b))
		})
	}
	return work.Kind{
		Types: []platform.ActivityType{platform.ActivityBackupDelete}, Phrase: "Backup deletion failed",
		Steps: []work.Step{{Name: platform.StepForget, Phase: platform.PhaseDeploy}},
		Run:   run, Recover: run,
	}
}

// forget removes backups. Their records go last, so the repository never holds a backup
// without a record.
func (s *Service) forget(ctx context.Context, log io.Writer, backups ...platform.Backup) error {
	var names []string
	for _, b := range backups {
		b.Status = platform.BackupDeleting
		if err := s.Records.SaveBackup(ctx, b); err != nil {
			return err
		}
		if b.Stored != "" {
			names = append(names, b.Stored)
		}
	}
	if len(names) > 0 {
		if err := s.Repository.Forget(ctx, names, log); err != nil {
			return err
		}
	}
	for _, b := range backups {
		if err := s.Records.DeleteBackup(ctx, b.ID); err != nil {
			return err
		}
	}
	return nil
}

// Fetch makes a snapshot of what a backup holds, for internal/deploy.
func (s *Service) Fetch(ctx context.Context, id string, env platform.EnvironmentID, reason string, log io.Writer) (string, platform.BackupManifest, error) {
	b, err := s.Records.Backup(ctx, id)
	if err != nil {
		return "", platform.BackupManifest{}, err
	}
	m, err := s.manifest(ctx, b)
	if err != nil {
		return "", m, err
	}
	received, err := s.receive(ctx, b, m, snapshot.Request{Environment: env, Reason: reason, Release: b.Release}, log)
	if err != nil {
		return "", m, err
	}
	_, _ = fmt.Fprintf(log, "%d files, %s\n", received.Size().Files, platform.Megabytes(received.Size().Bytes))
	return received.ID, m, nil
}

// receive makes a snapshot of what a backup with a manifest holds.
func (s *Service) receive(
	ctx context.Context, b platform.Backup, m platform.BackupManifest, req snapshot.Request, log io.Writer,
) (snapshot.Snapshot, error) {
	for _, p := range m.Parts {
		req.Bytes += p.Bytes
	}
	received, err := s.Snapshots.Receive(ctx, req,
		func(ctx context.Context, dir string) error { return s.Repository.Restore(ctx, b.Stored, dir, log) }, log)
	if err != nil {
		return snapshot.Snapshot{}, err
	}
	if err := compare(m, received); err != nil {
		return snapshot.Snapshot{}, errors.Join(err, s.Snapshots.Remove(context.WithoutCancel(ctx), received.ID))
	}
	return received, nil
}

// compare checks that a snapshot has the parts, the files and the bytes that were backed up.
func compare(m platform.BackupManifest, got snapshot.Snapshot) error {
	for _, want := range m.Parts {
		p, ok := got.Part(want.Name)
		if !ok && want.Files == 0 {
			continue
		}
		if p.Files != want.Files || p.Bytes != want.Bytes {
			return platform.Errorf(platform.CodeUnavailable, "backup %s is not complete: %s has %d files with %d bytes instead of %d with %d",
				m.ID, want.Name, p.Files, p.Bytes, want.Files, want.Bytes).WithHint("restore another one, and check the repository: restic check --read-data")
		}
	}
	return nil
}

// Sweep removes what activities left that ended without an end of their own, such as those that
// were cancelled before they began: records of backups that no activity makes any more, and
// what the repository has of them. Run does it at its start.
func (s *Service) Sweep(ctx context.Context) error {
	all, err := s.Records.Backups(ctx, "", "")
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	lost, err := s.lost(ctx, all)
	if err != nil {
		return err
	}
	problems := []error{s.dropSnapshots(ctx, all), s.Repository.Recover(ctx)}
	stored, err := s.Repository.List(ctx)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	for _, b := range lost {
		problems = append(problems, s.dropPartial(ctx, stored, b.ID, io.Discard))
	}
	return errors.Join(problems...)
}

// dropPartial removes a backup that was not completed: what the repository has of it, and its
// record.
func (s *Service) dropPartial(ctx context.Context, stored []Stored, id string, log io.Writer) error {
	var problems []error
	for _, b := range stored {
		if b.ID == id {
			problems = append(problems, s.Repository.Forget(ctx, []string{b.Name}, log))
		}
	}
	return errors.Join(append(problems, s.Records.DeleteBackup(ctx, id))...)
}

// settled is the age from which on a record that no activity is about is taken for lost: it is
// made right before the activity.
const settled = time.Minute

// lost returns the backups that are not complete and that no activity makes.
func (s *Service) lost(ctx context.Context, all []platform.Backup) ([]platform.Backup, error) {
	all = slices.DeleteFunc(slices.Clone(all), func(b platform.Backup) bool {
		return b.Status != platform.BackupCreating || time.Since(b.CreatedAt) < settled
	})
	if len(all) == 0 {
		return nil, nil
	}
	making, err := s.making(ctx, all)
	return slices.DeleteFunc(all, func(b platform.Backup) bool { return making[b.ID] }), err
}

// making returns the identifiers of those backups that activities make, or will: of their own,
// or as a part of something else.
func (s *Service) making(ctx context.Context, backups []platform.Backup) (map[string]bool, error) {
	activities, err := s.Records.Activities(ctx, platform.ActivityFilter{
		Limit: 10_000, States: []platform.ActivityState{platform.ActivityPending, platform.ActivityInProgress},
	})
	if err != nil {
		return nil, fmt.Errorf("list the activities: %w", err)
	}
	out, open := map[string]bool{}, map[string]bool{}
	for _, a := range activities {
		open[a.ID] = true
		if a.Type == platform.ActivityBackup {
			out[a.Parameters[platform.ParameterBackup]] = true
		}
	}
	for _, b := range backups {
		if b.Status == platform.BackupCreating && open[b.Activity] {
			out[b.ID] = true
		}
	}
	return out, nil
}

// dropSnapshots removes snapshots of backups that no activity makes any more.
func (s *Service) dropSnapshots(ctx context.Context, all []platform.Backup) error {
	making, err := s.making(ctx, all)
	if err != nil {
		return err
	}
	return s.removeSnapshots(ctx, "", func(one snapshot.Snapshot) bool {
		id, ok := strings.CutPrefix(one.Reason, reasonPrefix)
		return ok && !making[id]
	})
}

// removeSnapshots removes those snapshots of an environment, or of all when env is "", that are
// not wanted.
func (s *Service) removeSnapshots(ctx context.Context, env platform.EnvironmentID, unwanted func(snapshot.Snapshot) bool) error {
	list, err := s.Snapshots.List(ctx, env)
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	var problems []error
	for _, one := range list {
		if unwanted(one) {
			problems = append(problems, s.Snapshots.Remove(ctx, one.ID))
		}
	}
	return errors.Join(problems...)
}

func (s *Service) step(name string) {
	if s.opts.OnStep != nil {
		s.opts.OnStep(name)
	}
}

// may refuses what the state of an environment does not allow.
func may(p access.Permission, env platform.Environment) error {
	return access.State(p, platform.Project{}, env)
}

// now is the time of records.
func now() time.Time { return time.Now().UTC() }
