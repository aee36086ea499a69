package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sluice/internal/access"
	"sluice/internal/platform"
)

// interval is how often the schedule looks for what is due.
const interval = time.Minute

// Run makes scheduled backups of production environments and removes those that are not kept
// any more, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "could not look through the backup repository", "error", err, "hint", platform.ErrorHint(err))
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := s.tick(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "could not keep the schedule of backups", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Service) tick(ctx context.Context) error {
	envs, err := s.Records.Environments(ctx, "")
	if err != nil {
		return fmt.Errorf("list the environments: %w", err)
	}
	all, err := s.Records.Backups(ctx, "", "")
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	var problems []error
	if lost, err := s.lost(ctx, all); err != nil || len(lost) > 0 {
		problems = append(problems, err, s.Sweep(ctx))
		if all, err = s.Records.Backups(ctx, "", ""); err != nil {
			return errors.Join(append(problems, err)...)
		}
	}
	type place struct{ project, environment string }
	of := map[place][]platform.Backup{}
	for _, b := range all {
		at := place{b.Project, b.Environment}
		of[at] = append(of[at], b)
	}
	for _, env := range envs {
		backups := of[place{env.Project, env.Name}]
		problems = append(problems, s.makeDue(ctx, env, backups), s.removeExpired(ctx, env, backups))
	}
	return errors.Join(problems...)
}

// actor is who scheduled backups are made by.
func actor() platform.Actor { return platform.Actor{ID: "schedule", Name: "The schedule"} }

// makeDue queues a backup of a production environment when it is time. A backup whose activity
// failed is not in the list and so is due again; retryAfter keeps new tries from filling the
// list of activities.
func (s *Service) makeDue(ctx context.Context, env platform.Environment, backups []platform.Backup) error {
	refused := may(access.BackupCreate, env) // there is nothing to back up
	if env.Type != platform.Production || refused != nil || !s.opts.Policy.Due(now(), backups) || !s.mayRetry(env.ID()) {
		return nil //nolint:nilerr // see above
	}
	if _, _, err := s.Create(ctx, env.Project, env.Name, Request{Live: true, Automated: true}, actor()); err != nil {
		return fmt.Errorf("schedule a backup of %s: %w", env.ID(), err)
	}
	return nil
}

// retryAfter is how long a scheduled backup is not tried again after it was queued.
const retryAfter = 30 * time.Minute

func (s *Service) mayRetry(env platform.EnvironmentID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.tried[env]; ok && time.Since(last) < retryAfter {
		return false
	}
	s.tried[env] = time.Now()
	return true
}

// removeExpired queues the removal of each backup that is not kept; those that wait already
// are left alone.
func (s *Service) removeExpired(ctx context.Context, env platform.Environment, backups []platform.Backup) error {
	var problems []error
	for _, b := range s.opts.Policy.Expired(now(), backups) {
		b.Status = platform.BackupDeleting
		if err := s.Records.SaveBackup(ctx, b); err != nil {
			problems = append(problems, err)
			continue
		}
		if _, err := s.enqueue(ctx, b, platform.ActivityBackupDelete, "removed", actor()); err != nil {
			b.Status = platform.BackupCreated
			problems = append(problems, fmt.Errorf("remove an expired backup of %s: %w", env.ID(), err), s.Records.SaveBackup(ctx, b))
		}
	}
	return errors.Join(problems...)
}
