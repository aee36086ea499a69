package deploystep

import (
	"context"
	"errors"

	"sluice/internal/toolkit/cron"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
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

// EnableMaintenance closes the shop to visitors. When bin/magento cannot, its flag file is
// written instead.
func EnableMaintenance(ctx context.Context, k *kit.Kit) error {
	k.Log.Notice("Enabling Maintenance mode")
	err := magento(ctx, k, codeMaintenance, "maintenance:enable")
	if failed, ok := errors.AsType[*shell.Failure](err); ok {
		k.Log.Warning("Command maintenance:enable finished with an error. Creating a maintenance flag file manually.")
		k.Log.Debug(failed.Error())
		return fault.Wrap(codeMaintenance, k.Tree.Touch(tree.MaintenanceFlag))
	}
	return err
}

// DisableMaintenance opens the shop to visitors.
func DisableMaintenance(ctx context.Context, k *kit.Kit) error {
	if err := magento(ctx, k, codeMaintenanceOff, "maintenance:disable"); err != nil {
		return err
	}
	k.Log.Notice("Maintenance mode is disabled.")
	return nil
}

// enableUnlessCurrent is the step: a deployment that changes no schema, data or
// configuration leaves the shop open (spec: platform's own, zero-hold deployment).
func enableUnlessCurrent(ctx context.Context, k *kit.Kit, z *zerohold.Decision) error {
	reason, err := z.Decide(ctx, k)
	if err != nil {
		return err
	}
	if reason == "" {
		k.Log.Notice("Schema, data and configuration are current: this deployment needs no maintenance mode and no setup:upgrade.")
		return nil
	}
	k.Log.Info("Maintenance mode is needed: " + reason)
	return EnableMaintenance(ctx, k)
}

// disableWhenEnabled is the step: it opens what enableUnlessCurrent or an earlier
// deployment closed.
func disableWhenEnabled(ctx context.Context, k *kit.Kit, z *zerohold.Decision) error {
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
