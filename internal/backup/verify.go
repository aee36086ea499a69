package backup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sluice/internal/platform"
	"sluice/internal/snapshot"
	"sluice/internal/work"
)

// verifyKind restores a backup to a scratch environment, compares files, starts its services
// and counts rows. It can run twice.
func (s *Service) verifyKind() work.Kind {
	run := func(ctx context.Context, job *work.Job) error {
		return job.Step(ctx, platform.StepVerify, func(ctx context.Context) error {
			if err := job.Unlock(ctx); err != nil {
				return err
			}
			b, err := s.of(ctx, job)
			if err != nil {
				return err
			}
			found, err := s.verify(ctx, b, job.Log)
			if err != nil {
				return err
			}
			b.VerifiedAt, b.Verified = now(), found
			return s.Records.SaveBackup(context.WithoutCancel(ctx), b)
		})
	}
	return work.Kind{
		Types: []platform.ActivityType{platform.ActivityBackupVerify}, Phrase: "Verification failed",
		Steps: []work.Step{{Name: platform.StepVerify, Phase: platform.PhaseDeploy}},
		Run:   run,
		Recover: func(ctx context.Context, job *work.Job) error {
			err := fmt.Errorf("%w during the verification; the backup was not changed", work.ErrInterrupted)
			id := job.Activity.Parameters[platform.ParameterBackup]
			return errors.Join(err, s.Pipeline().DropTry(ctx, ScratchOf(id), job.Activity.Project), s.dropScratch(ctx, id))
		},
	}
}

func (s *Service) verify(ctx context.Context, b platform.Backup, log *work.Logbook) (found string, err error) {
	m, err := s.manifest(ctx, b)
	if err != nil {
		return "", err
	}
	out := log.At(2)
	defer func() { _ = out.Close() }() // never fails
	defer func() { err = errors.Join(err, s.dropScratch(context.WithoutCancel(ctx), b.ID)) }()
	log.Line(1, "Restoring backup %s to a scratch environment", b.ID)
	scratch := ScratchOf(b.ID)
	received, err := s.receive(ctx, b, m, snapshot.Request{Environment: scratch, Reason: reasonOfScratch(b.ID)}, out)
	if err != nil {
		return "", err
	}
	size := received.Size()
	found = fmt.Sprintf("%d files with %s are what was saved", size.Files, platform.Megabytes(size.Bytes))
	log.Line(1, "%s", found)
	release, err := s.Records.Release(ctx, b.Project, b.Environment, b.Release)
	if err != nil {
		log.Line(1, "W: release %s is not kept any more, so no service was started", b.Release)
		return found, nil
	}
	rows, err := s.Pipeline().TryData(ctx, release, scratch, received.ID, out)
	if err != nil {
		return "", err
	}
	var sum int64
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		log.Line(2, "%s: %d rows", table, rows[table])
		sum += rows[table]
	}
	return fmt.Sprintf("%s; the services start on them; %d tables have %d rows", found, len(rows), sum), nil
}

// ScratchOf names the environment in which a backup is verified. No real one has this name: a
// project's identifier has no second hyphen in a row.
func ScratchOf(id string) platform.EnvironmentID {
	return platform.EnvironmentID("verify--" + id)
}

func reasonOfScratch(id string) string { return "to verify backup " + id }

func (s *Service) dropScratch(ctx context.Context, id string) error {
	return s.removeSnapshots(ctx, ScratchOf(id), func(snapshot.Snapshot) bool { return true })
}
