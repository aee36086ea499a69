package httpapitest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/platform"
)

// Backups lists what was created, newest first. The newest of main is "b2" at first; "b1" is
// being deleted, and its archive breaks off.
func (p *Platform) Backups(ctx context.Context, project, env string) ([]platform.Backup, error) {
	if _, err := p.Environment(ctx, project, env); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.backups == nil {
		p.backups = []platform.Backup{
			{
				ID: "b2", Project: "shop", Environment: "main", Status: platform.BackupCreated, Automated: true, Commit: strings.Repeat("a", 40),
				Release: "r12", Bytes: 3_000_000, Files: 120, Added: 40_000, CreatedAt: p.now,
			},
			{ID: "b1", Project: "shop", Environment: "main", Status: platform.BackupDeleting, Safe: true, CreatedAt: p.now.Add(-24 * time.Hour)},
		}
	}
	return slices.DeleteFunc(slices.Clone(p.backups), func(b platform.Backup) bool { return b.Project != project || b.Environment != env }), nil
}

// Backup implements httpapi.Backups.
func (p *Platform) Backup(ctx context.Context, project, env, id string) (platform.Backup, error) {
	list, err := p.Backups(ctx, project, env)
	if err != nil {
		return platform.Backup{}, err
	}
	if i := slices.IndexFunc(list, func(b platform.Backup) bool { return b.ID == id }); i >= 0 {
		return list[i], nil
	}
	return platform.Backup{}, platform.Errorf(platform.CodeNotFound, "environment %s has no backup %q", env, id).WithHint("sluice backup:list -p %s -e %s", project, env)
}

// CreateBackup adds one at once.
func (p *Platform) CreateBackup(ctx context.Context, project, env string, live bool, by platform.Actor) (platform.Activity, error) {
	if _, err := p.Backups(ctx, project, env); err != nil {
		return platform.Activity{}, err
	}
	a := p.operate(project, env, by, platform.ActivityBackup, map[string]string{platform.ParameterBackup: "b3"})
	p.mu.Lock()
	defer p.mu.Unlock()
	b := platform.Backup{ID: "b3", Project: project, Environment: env, Status: platform.BackupCreated, Safe: !live, CreatedAt: p.now.Add(time.Hour)}
	p.backups = slices.Insert(p.backups, 0, b)
	return a, nil
}

// DeleteBackup removes one at once.
func (p *Platform) DeleteBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	a, err := p.aboutBackup(ctx, project, env, id, env, platform.ActivityBackupDelete, by)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backups = slices.DeleteFunc(p.backups, func(b platform.Backup) bool { return b.ID == id })
	return a, err
}

// VerifyBackup implements httpapi.Backups.
func (p *Platform) VerifyBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	return p.aboutBackup(ctx, project, env, id, env, platform.ActivityBackupVerify, by)
}

// RestoreBackup implements httpapi.Backups.
func (p *Platform) RestoreBackup(ctx context.Context, project, env, id string, req platform.RestoreRequest, by platform.Actor) (platform.Activity, error) {
	target := cmp.Or(req.Target, env)
	if _, err := p.Environment(ctx, project, target); err != nil {
		return platform.Activity{}, err
	}
	return p.aboutBackup(ctx, project, env, id, target, platform.ActivityRestore, by)
}

func (p *Platform) aboutBackup(
	ctx context.Context, project, env, id, target string, kind platform.ActivityType, by platform.Actor,
) (platform.Activity, error) {
	if _, err := p.Backup(ctx, project, env, id); err != nil {
		return platform.Activity{}, err
	}
	return p.operate(project, target, by, kind, map[string]string{platform.ParameterBackup: id}), nil
}

// Archive implements httpapi.Backups.
func (p *Platform) Archive(_ context.Context, _, _, id string, w io.Writer) error {
	if _, err := io.WriteString(w, "the files of "+id+"\n"); err != nil {
		return err
	}
	if id == "b1" {
		return errors.New("a pack of the repository is damaged")
	}
	return nil
}
