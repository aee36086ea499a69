package cron

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/tree"
)

// The reasons that unlocked jobs get.
const (
	ByUpgrade = "The job is terminated due to system upgrade"
	ByCommand = "The job is terminated by cron:unlock command"
	ByDump    = "The job is terminated due to database dump"
)

// Disable tells Magento to start no jobs, and ends those that run.
func Disable(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Disable cron")
	if err := envPHP(k).Update(phparray.Map("cron", phparray.Map("enabled", 0))); err != nil {
		return err
	}
	Kill(k)
	return nil
}

// Enable takes the ban on jobs away.
func Enable(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Enable cron")
	return envPHP(k).Edit(func(env *phparray.Array) *phparray.Array {
		env.Unset("cron", "enabled")
		return env
	})
}

func envPHP(k *kit.Kit) phpfile.File { return k.PHPFile(tree.EnvPHP) }

// Unlock marks the jobs that are running as failed, so that they can be scheduled again,
// and returns how many. Without codes it is all of them.
func Unlock(ctx context.Context, k *kit.Kit, message string, codes ...string) (int64, error) {
	db, err := k.Databases.Open(ctx, "default")
	if err != nil {
		return 0, err
	}
	statement := fmt.Sprintf("UPDATE %s SET status = 'error', messages = ? WHERE status = 'running'", db.Table("cron_schedule"))
	args := []any{message}
	if len(codes) > 0 {
		statement += " AND job_code IN (?" + strings.Repeat(", ?", len(codes)-1) + ")"
		for _, code := range codes {
			args = append(args, code)
		}
	}
	return db.Exec(ctx, statement, args...)
}

// UnlockCommand is the command cron:unlock.
func UnlockCommand(ctx context.Context, k *kit.Kit, codes ...string) error {
	k.Log.Info("Starting unlocking.")
	if len(codes) == 0 {
		k.Log.Info("Unlocking all cron jobs.")
	}
	for _, code := range codes {
		k.Log.Infof("Unlocking cron jobs with code #%s.", code)
	}
	if _, err := Unlock(ctx, k, ByCommand, codes...); err != nil {
		return err
	}
	k.Log.Info("Unlocking completed.")
	return nil
}
