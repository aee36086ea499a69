package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/work"
)

// Request says what kind of backup is to be made.
type Request struct {
	Live      bool // see platform.Backup.Safe
	Automated bool
	Reason    string    // for people; empty for a scheduled one
	Before    string    // the release whose deployment it is made before
	Activity  string    // that makes it beside other work; empty for an activity of its own
	ExpiresAt time.Time // zero: never
}

// record is that of a backup before it is made.
func (r Request) record(project, env string) platform.Backup {
	return platform.Backup{
		ID: platform.NewID(), Project: project, Environment: env, Status: platform.BackupCreating, Safe: !r.Live,
		Automated: r.Automated, Reason: r.Reason, Before: r.Before, Activity: r.Activity, CreatedAt: now(), ExpiresAt: r.ExpiresAt,
	}
}

// Create queues a backup of an environment.
func (s *Service) Create(ctx context.Context, project, name string, req Request, by platform.Actor) (platform.Backup, platform.Activity, error) {
	var none platform.Activity
	env, err := s.Records.Environment(ctx, project, name)
	if err != nil {
		return platform.Backup{}, none, err
	}
	if err := may(access.BackupCreate, env); err != nil {
		return platform.Backup{}, none, err
	}
	b := req.record(project, name)
	if err := s.Records.SaveBackup(ctx, b); err != nil {
		return b, none, fmt.Errorf("record the backup: %w", err)
	}
	a, err := s.Queue.Enqueue(ctx, platform.Activity{
		Type: platform.ActivityBackup, Project: project, Environment: name, Actor: by,
		Description: fmt.Sprintf("**%s** created a backup of environment **%s**", by.Name, name),
		Parameters:  map[string]string{platform.ParameterBackup: b.ID},
	})
	if err != nil {
		return b, none, errors.Join(err, s.Records.DeleteBackup(context.WithoutCancel(ctx), b.ID))
	}
	return b, a, nil
}

// Keep makes a backup as a part of an activity, req.Activity, that has locked the environment,
// and returns when it is stored. With an error nothing is left of it; what a crash leaves,
// Sweep removes.
func (s *Service) Keep(ctx context.Context, env platform.Environment, req Request, log *work.Logbook) (platform.Backup, error) {
	b := req.record(env.Project, env.Name)
	if err := s.Records.SaveBackup(ctx, b); err != nil {
		return b, fmt.Errorf("record the backup: %w", err)
	}
	c := creation{Service: s, log: log, id: b.ID, env: env, backup: b}
	err := c.take(ctx)
	if err == nil {
		err = c.save(ctx)
	}
	if err != nil {
		return b, errors.Join(err, c.undo(context.WithoutCancel(ctx)))
	}
	return c.backup, nil
}

// createKind takes a snapshot, which is all that the environment is needed for, and saves it.
func (s *Service) createKind() work.Kind {
	of := func(job *work.Job) *creation {
		return &creation{Service: s, log: job.Log, id: job.Activity.Parameters[platform.ParameterBackup]}
	}
	return work.Kind{
		Types: []platform.ActivityType{platform.ActivityBackup}, Phrase: "Backup failed",
		Steps: []work.Step{
			{Name: platform.StepSnapshot, Phase: platform.PhaseDeploy}, {Name: platform.StepSave, Phase: platform.PhaseDeploy},
		},
		Run: func(ctx context.Context, job *work.Job) error {
			c := of(job)
			err := c.run(ctx, job)
			if err != nil {
				err = errors.Join(err, c.undo(context.WithoutCancel(ctx)))
			}
			return err
		},
		Recover: func(ctx context.Context, job *work.Job) error {
			c := of(job)
			if b, err := s.of(ctx, job); err == nil && b.Status == platform.BackupCreated {
				return c.dropOwn(ctx)
			}
			err := fmt.Errorf("%w during step %s; no backup was made", work.ErrInterrupted, job.Activity.Step)
			return work.Failed("Backup failed", "sluice backup:create -p "+job.Activity.Project+" -e "+job.Activity.Environment, errors.Join(err, c.undo(ctx)))
		},
	}
}

// creation is one backup in the making.
type creation struct {
	*Service
	log *work.Logbook
	id  string // of the backup

	env      platform.Environment
	backup   platform.Backup
	snapshot snapshot.Snapshot
}

func (c *creation) run(ctx context.Context, job *work.Job) (err error) {
	if c.env, err = c.Records.Environment(ctx, job.Activity.Project, job.Activity.Environment); err != nil {
		return err
	}
	if err := may(access.BackupCreate, c.env); err != nil {
		return err
	}
	if c.backup, err = c.of(ctx, job); err != nil {
		return err
	}
	c.backup.Activity = job.Activity.ID
	if err := c.Records.SaveBackup(ctx, c.backup); err != nil {
		return fmt.Errorf("record the backup: %w", err)
	}
	err = job.Step(ctx, platform.StepSnapshot, func(ctx context.Context) error {
		if err := c.take(ctx); err != nil {
			return err
		}
		return job.Unlock(ctx) // deployments go on while it is saved
	})
	if err != nil {
		return err
	}
	return job.Step(ctx, platform.StepSave, c.save)
}

const reasonPrefix = "for backup "

// reason is that of the snapshot; a restart finds it by that.
func (c *creation) reason() string { return reasonPrefix + c.id }

func (c *creation) take(ctx context.Context) (err error) {
	out := c.log.At(2)
	defer func() { _ = out.Close() }() // never fails
	c.log.Line(1, "Taking a snapshot of environment %s", c.env.Name)
	c.snapshot, err = c.Snapshots.Take(ctx, snapshot.Request{Environment: c.env.ID(), Reason: c.reason(), Release: c.env.Release}, out)
	if err != nil {
		return err
	}
	c.step("taken")
	return nil
}

func (c *creation) save(ctx context.Context) error {
	out := c.log.At(2)
	defer func() { _ = out.Close() }() // never fails
	release, err := c.release(ctx)
	if err != nil {
		return err
	}
	manifest, err := c.manifestOf(ctx, release)
	if err != nil {
		return err
	}
	done, err := c.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := c.fits(ctx); err != nil {
		return err
	}
	dir, closed, err := c.Snapshots.Open(ctx, c.snapshot.ID)
	if err != nil {
		return err
	}
	c.log.Line(1, "Saving backup %s", c.backup.ID)
	saved, err := c.Repository.Save(ctx, SaveRequest{ID: c.backup.ID, Environment: c.env.ID(), Dir: dir, Manifest: manifest}, out)
	if err = errors.Join(err, closed()); err != nil {
		return err
	}
	c.step("saved")
	b := &c.backup
	b.Status, b.Stored, b.Files, b.Bytes, b.Added = platform.BackupCreated, saved.Name, saved.Files, saved.Bytes, saved.Added
	b.CreatedAt, b.Commit, b.Release = c.snapshot.Taken.UTC(), release.Commit, release.ID
	if err := c.Records.SaveBackup(context.WithoutCancel(ctx), *b); err != nil {
		return fmt.Errorf("record the backup: %w", err)
	}
	c.step("recorded")
	c.log.Line(1, "Backup %s: %d files, %s, of which %s are new", b.ID, b.Files, platform.Megabytes(b.Bytes), platform.Megabytes(b.Added))
	return c.dropOwn(context.WithoutCancel(ctx))
}

// turn waits until no other snapshot of the environment is being read: the repository finds
// what is new by a path that is always the same.
func (c *creation) turn(ctx context.Context) (done func(), err error) {
	id := c.env.ID()
	for {
		c.mu.Lock()
		other := c.open[id]
		if other == nil {
			mine := make(chan struct{})
			c.open[id] = mine
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				delete(c.open, id)
				close(mine)
			}, nil
		}
		c.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// undo removes what a backup left that was not completed.
func (c *creation) undo(ctx context.Context) error {
	if b, err := c.Records.Backup(ctx, c.id); err == nil && b.Status == platform.BackupCreated {
		return c.dropOwn(ctx)
	}
	dropped := c.dropOwn(ctx)
	stored, err := c.Repository.List(ctx)
	if err != nil {
		// The record stays, as BackupCreating: Sweep finds what is left when the repository is back.
		c.Log.WarnContext(ctx, "could not look for a partial backup", "backup", c.id, "error", err)
		return dropped
	}
	return errors.Join(dropped, c.dropPartial(ctx, stored, c.id, c.log.At(2)))
}

func (c *creation) dropOwn(ctx context.Context) error {
	return c.removeSnapshots(ctx, "", func(s snapshot.Snapshot) bool { return s.Reason == c.reason() })
}

// release returns the one that served when the snapshot was taken.
func (c *creation) release(ctx context.Context) (platform.Release, error) {
	r, err := c.Records.Release(ctx, c.env.Project, c.env.Name, c.snapshot.Release)
	if err != nil {
		return r, fmt.Errorf("release %s: %w", c.snapshot.Release, err)
	}
	return r, nil
}

// manifestOf describes the backup and the environment.
func (c *creation) manifestOf(ctx context.Context, release platform.Release) ([]byte, error) {
	b, e := c.backup, c.env
	m := platform.BackupManifest{
		Format: platform.BackupFormat, Sluice: c.opts.Version, ID: b.ID, CreatedAt: c.snapshot.Taken.UTC(),
		Safe: b.Safe, Automated: b.Automated, Reason: b.Reason,
		Project: e.Project, Environment: e.Name, MachineName: e.MachineName, Type: e.Type, Parent: e.Parent,
		Commit: release.Commit, Release: release.ID, Routes: release.Routes,
	}
	for _, p := range c.snapshot.Parts {
		m.Parts = append(m.Parts, platform.BackupPart{Name: p.Name, Dir: p.Dir, Bytes: p.Bytes, Files: p.Files})
	}
	domains, err := c.Records.Domains(ctx, e.Project)
	if err != nil {
		return nil, fmt.Errorf("list the domains: %w", err)
	}
	for _, d := range domains {
		m.Domains = append(m.Domains, d.Name)
	}
	releases, err := c.Records.Releases(ctx, e.Project, e.Name)
	if err != nil {
		return nil, fmt.Errorf("list the releases: %w", err)
	}
	for _, r := range releases {
		if !r.LiveAt.IsZero() {
			m.Releases = append(m.Releases, platform.BackupRelease{ID: r.ID, Commit: r.Commit, LiveAt: r.LiveAt})
		}
	}
	if m.Services, err = c.Pipeline().ServiceVersions(release); err != nil {
		return nil, err
	}
	if m.Sealed, err = c.sealed(ctx, release); err != nil {
		return nil, err
	}
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return out, nil
}

// sealed encrypts what is secret: variables, and what runs the release.
func (c *creation) sealed(ctx context.Context, release platform.Release) (json.RawMessage, error) {
	variables, err := c.Records.Variables(ctx, c.env.Project, c.env.Name)
	if err != nil {
		return nil, fmt.Errorf("list the variables: %w", err)
	}
	plain, err := json.Marshal(struct {
		Variables []platform.Variable `json:"variables"`
		Release   json.RawMessage     `json:"release"`
	}{variables, release.Spec})
	if err != nil {
		return nil, fmt.Errorf("encode the variables: %w", err)
	}
	sealed, err := c.Sealer.Seal(plain)
	if err != nil {
		return nil, fmt.Errorf("seal the variables: %w", err)
	}
	return json.Marshal(sealed)
}

// manifest reads a backup's. A later format is refused.
func (s *Service) manifest(ctx context.Context, b platform.Backup) (platform.BackupManifest, error) {
	var m platform.BackupManifest
	data, err := s.Repository.Manifest(ctx, b.Stored)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, platform.Errorf(platform.CodeUnavailable, "the manifest of backup %s cannot be read: %v", b.ID, err).
			WithHint("restore another one, and check the repository: restic check --read-data")
	}
	if m.Format > platform.BackupFormat {
		return m, platform.Errorf(platform.CodeConflict, "backup %s was made by a later version of sluiced (format %d, this one reads up to %d); nothing was changed",
			b.ID, m.Format, platform.BackupFormat).WithHint("start the later version again")
	}
	return m, nil
}
