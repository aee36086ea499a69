package deploystep

import (
	"context"

	"sluice/internal/toolkit/cron"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/zerohold"
)

// verbosity returns VERBOSE_COMMANDS of the deploy stage.
func verbosity(k *kit.Kit) (string, error) { return k.Stages.Deploy.Text("VERBOSE_COMMANDS") }

// magento runs bin/magento as verbose as the stage says; a failure gets the code.
func magento(ctx context.Context, k *kit.Kit, code int, command string) error {
	verbose, err := verbosity(k)
	if err != nil {
		return err
	}
	_, err = k.Magento(ctx, command, verbose)
	return fault.Wrap(code, err)
}

// EnableMaintenance closes the shop to visitors. It writes Magento's flag file itself, as
// maintenance:enable does without options: a start of PHP would cost seconds of the hold. The
// list of exempt addresses in var/.maintenance.ip stays. Observers of Magento's event
// maintenance_mode_changed do not run.
func EnableMaintenance(_ context.Context, k *kit.Kit) error {
	k.Log.Notice("Enabling Maintenance mode")
	return fault.Wrap(codeMaintenance, k.Tree.Touch(tree.MaintenanceFlag))
}

// DisableMaintenance opens the shop to visitors.
func DisableMaintenance(_ context.Context, k *kit.Kit) error {
	if err := k.Tree.Remove(tree.MaintenanceFlag); err != nil {
		return fault.Wrap(codeMaintenanceOff, err)
	}
	k.Log.Notice("Maintenance mode is disabled.")
	return nil
}

// enableUnlessCurrent is the step: a deployment that changes no schema and no data leaves
// the shop open.
func enableUnlessCurrent(ctx context.Context, k *kit.Kit, z *zerohold.Decision) error {
	reason, err := z.Decide(ctx, k)
	if err != nil {
		return err
	}
	switch {
	case reason != "":
		k.Log.Info("Maintenance mode is needed: " + reason)
		return EnableMaintenance(ctx, k)
	case z.Importing():
		k.Log.Notice("Schema and data are current: this deployment imports configuration and needs no maintenance mode and no setup:upgrade.")
	default:
		k.Log.Notice("Schema, data and configuration are current: this deployment needs no maintenance mode and no setup:upgrade.")
	}
	return nil
}

// disableWhenEnabled is the step: it opens what enableUnlessCurrent or an earlier
// deployment closed. It leaves a note for post-deploy when the caches need no flush.
func disableWhenEnabled(ctx context.Context, k *kit.Kit, z *zerohold.Decision) error {
	if z.Untouched() && onlyOwnPageCache(ctx, k) {
		k.Tree.SetFlag(tree.FlagCachesCurrent, k.Log)
	}
	if z.Open() && !k.Tree.Exists(tree.MaintenanceFlag) {
		k.Log.Notice("Maintenance mode was not enabled.")
		return nil
	}
	return DisableMaintenance(ctx, k)
}

func disableCron(ctx context.Context, k *kit.Kit) error {
	return fault.Wrap(codeEnvPHP, cron.Disable(ctx, k))
}

// unlockCronJobs is for Magento before 2.2.2, whose jobs stay locked when they are killed.
func unlockCronJobs(ctx context.Context, k *kit.Kit) error {
	version, err := k.MagentoVersion()
	if err != nil || version.AtLeast("2.2.2") {
		return err
	}
	n, err := cron.Unlock(ctx, k, cron.ByUpgrade)
	if err != nil {
		return err
	}
	if n > 0 {
		k.Log.Infof(`%d cron jobs were updated from status "running" to status "error"`, n)
	}
	return nil
}
