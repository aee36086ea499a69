package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/backup"
	"sluice/internal/backup/restic"
	"sluice/internal/deploy"
	"sluice/internal/platform"
	"sluice/internal/work"
)

// backupsConfig says where backups are kept, and which ones.
type backupsConfig struct {
	Repository string
	Settings   string // file with variables for the program
	Schedule   string
	Timezone   string
	Before     string // a deploy.BackupPolicy
}

func (c backupsConfig) policy() (backup.Policy, error) {
	p, err := backup.ParsePolicy(c.Schedule, c.Timezone)
	if err != nil {
		return p, fmt.Errorf("%w: --backup-schedule and --backup-timezone: %w", errUsage, err)
	}
	if c.Before != "" && !slices.Contains(deploy.BackupPolicies(), deploy.BackupPolicy(c.Before)) { // commands that deploy nothing have no such flag
		return p, fmt.Errorf("%w: --backup-before: %q is not upgrade, deployment or never", errUsage, c.Before)
	}
	return p, nil
}

// openBackups makes the service of backups. The repository is first used when a backup is made.
func (p *plant) openBackups() error {
	env, err := programEnvironment(p.config.Backups.Settings)
	if err != nil {
		return err
	}
	repository, err := restic.New(restic.Config{
		Location: p.config.Backups.Repository, PasswordFile: p.config.path("keys", "backup.key"),
		WorkDir: p.config.path("backups"), Env: env,
	})
	if err != nil {
		return err
	}
	policy, err := p.config.Backups.policy()
	if err != nil {
		return err
	}
	if err := repository.Installed(); err != nil {
		p.log.Warn("environments are not backed up", "error", err, "hint", platform.ErrorHint(err))
		policy, p.config.Backups.Before = backup.Policy{}, string(deploy.BackupNever)
	}
	p.backups = backup.New(backup.Dependencies{
		Records: p.store, Queue: p.queue, Snapshots: p.data, Repository: repository,
		Pipeline: func() backup.Pipeline { return p.pipeline }, Sealer: p.sealer, Log: p.log,
	}, backup.Options{Version: version(), Policy: policy})
	return nil
}

// fetcher gives the pipeline the data of backups.
type fetcher struct{ *backup.Service }

func (f fetcher) Fetch(ctx context.Context, id string, env platform.EnvironmentID, log io.Writer) (string, platform.BackupManifest, error) {
	return f.Service.Fetch(ctx, id, env, deploy.FetchedFor(id), log)
}

func (f fetcher) Keep(ctx context.Context, env platform.Environment, req deploy.KeepRequest, log *work.Logbook) (platform.Backup, error) {
	return f.Service.Keep(ctx, env, backup.Request{
		Live: true, Automated: true, Reason: req.Reason, Before: req.Before, Activity: req.Activity, ExpiresAt: req.ExpiresAt,
	}, log)
}

// backups is what the API does with them.
type backups struct {
	*backup.Service

	pipeline *deploy.Service
}

func (b backups) CreateBackup(ctx context.Context, project, env string, live bool, by platform.Actor) (platform.Activity, error) {
	_, a, err := b.Create(ctx, project, env, backup.Request{Live: live}, by)
	return a, err
}

func (b backups) DeleteBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	return b.Delete(ctx, project, env, id, by)
}

func (b backups) VerifyBackup(ctx context.Context, project, env, id string, by platform.Actor) (platform.Activity, error) {
	return b.Verify(ctx, project, env, id, by)
}

func (b backups) RestoreBackup(ctx context.Context, project, env, id string, req platform.RestoreRequest, by platform.Actor) (platform.Activity, error) {
	found, err := b.Restorable(ctx, project, env, id)
	if err != nil {
		return platform.Activity{}, err
	}
	return b.pipeline.Restore(ctx, found, req, by)
}

// programEnvironment returns the variables of the program that keeps backups: those that it
// needs of our own, and NAME=VALUE lines of a file that only its owner may read.
func programEnvironment(file string) ([]string, error) {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if file == "" {
		return env, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("--backup-settings: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, platform.Errorf(platform.CodeInvalid, "--backup-settings: %s can be read by others than its owner", file).WithHint("chmod 600 %s", file)
	}
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("--backup-settings: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" {
			return nil, errors.New("--backup-settings: a line is not NAME=VALUE")
		}
		env = append(env, line)
	}
	return env, nil
}
