package deploystep

import (
	"context"
	"time"

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
// list of exempt addresses in var/.maintenance.ip stays. Where more belongs to it than the
// file, and where that cannot be known, Magento's command does it.
func EnableMaintenance(ctx context.Context, k *kit.Kit) error {
	return enableMaintenance(ctx, k, &zerohold.Maintenance{})
}

func enableMaintenance(ctx context.Context, k *kit.Kit, m *zerohold.Maintenance) error {
	k.Log.Notice("Enabling Maintenance mode")
	if ownMaintenance(k, m) {
		return magento(ctx, k, codeMaintenance, "maintenance:enable")
	}
	return fault.Wrap(codeMaintenance, k.Tree.Touch(tree.MaintenanceFlag))
}

// DisableMaintenance opens the shop to visitors.
func DisableMaintenance(ctx context.Context, k *kit.Kit) error {
	return disableMaintenance(ctx, k, &zerohold.Maintenance{})
}

func disableMaintenance(ctx context.Context, k *kit.Kit, m *zerohold.Maintenance) error {
	if ownMaintenance(k, m) {
		if err := magento(ctx, k, codeMaintenanceOff, "maintenance:disable"); err != nil {
			return err
		}
	} else {
		releaseMessages(ctx, k)
	}
	// Also beside Magento's command: the storage may be remote only since this deployment.
	if err := k.Tree.Remove(tree.MaintenanceFlag); err != nil {
		return fault.Wrap(codeMaintenanceOff, err)
	}
	k.Log.Notice("Maintenance mode is disabled.")
	return nil
}

// ownMaintenance reports whether Magento's commands have to switch maintenance mode.
func ownMaintenance(k *kit.Kit, m *zerohold.Maintenance) bool {
	reason, err := m.Own(k)
	if err != nil {
		reason = "this could not be checked: " + err.Error()
	}
	if reason != "" {
		k.Log.Info("Maintenance mode is switched by Magento's command: " + reason)
	}
	return reason != ""
}

// releaseMessages deletes the locks of messages of queues, as a plugin of Magento's does when
// maintenance mode ends: consumers that were ended leave them, and the messages would not be
// handled for a day. Failing to do so is logged.
func releaseMessages(ctx context.Context, k *kit.Kit) {
	if err := deleteLocks(ctx, k); err != nil {
		k.Log.Noticef("Messages that consumers had begun with may wait for a day, because their locks could not be released: %v", err)
	}
}

func deleteLocks(ctx context.Context, k *kit.Kit) error {
	db, err := k.Databases.Open(ctx, mainConnection)
	if err != nil {
		return err
	}
	tables, err := tablesOf(ctx, db)
	if err != nil || !tables[db.Table("queue_lock")] {
		return err
	}
	_, err = db.Exec(ctx, "DELETE FROM "+db.Table("queue_lock")+" WHERE created_at <= ?", k.Now().UTC().Format(time.DateTime))
	return err
}

// enableUnlessCurrent is the step: a deployment that changes no schema and no data leaves
// the shop open.
func enableUnlessCurrent(ctx context.Context, k *kit.Kit, z *held) error {
	reason, err := z.Decide(ctx, k)
	if err != nil {
		return err
	}
	switch {
	case reason != "":
		k.Log.Info("Maintenance mode is needed: " + reason)
		return enableMaintenance(ctx, k, &z.maintenance)
	case z.Importing():
		k.Log.Notice("Schema and data are current: this deployment imports configuration and needs no maintenance mode and no setup:upgrade.")
	default:
		k.Log.Notice("Schema, data and configuration are current: this deployment needs no maintenance mode and no setup:upgrade.")
	}
	return nil
}

// disableWhenEnabled is the step: it opens what enableUnlessCurrent or an earlier
// deployment closed. It leaves a note for post-deploy when the caches need no flush.
func disableWhenEnabled(ctx context.Context, k *kit.Kit, z *held) error {
	if z.emptied && !z.fills() && onlyOwnPageCache(ctx, k) {
		k.Tree.SetFlag(tree.FlagCachesCurrent, k.Log)
	}
	if z.Open() && !k.Tree.Exists(tree.MaintenanceFlag) {
		k.Log.Notice("Maintenance mode was not enabled.")
		releaseMessages(ctx, k) // the platform has ended the consumers here, too
		return nil
	}
	return disableMaintenance(ctx, k, &z.maintenance)
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
