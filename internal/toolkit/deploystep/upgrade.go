package deploystep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/upgrade"
	"sluice/internal/toolkit/zerohold"
)

// held is what the steps of one deployment share.
type held struct {
	zerohold.Decision
	early   *upgrade.Early // begun before the hold; nil for none
	emptied bool           // pre-deploy has emptied the caches
	private bool           // setup:upgrade ran with caches of its own

	maintenance zerohold.Maintenance
}

// fills reports whether something of this deployment may have filled the shop's caches since
// pre-deploy emptied them.
func (z *held) fills() bool { return z.Fills() && !z.private }

// beginUpgrade begins setup:upgrade while the platform may still serve visitors with the
// old release, when this deployment will need it. Where that cannot be done it runs later.
func beginUpgrade(ctx context.Context, k *kit.Kit, z *held) {
	wanted, err := k.Stages.Deploy.Bool(zerohold.Variable)
	if err != nil || !wanted || z.Open() || !upgradable(k) {
		return
	}
	verbose, err := verbosity(k)
	if err == nil {
		z.early, err = upgrade.Begin(ctx, k, verbose)
	}
	if err != nil {
		k.Log.Infof("setup:upgrade is not begun before the hold: %v", err)
		return
	}
	k.Log.Info("setup:upgrade was begun: it has compared the schema, and waits before its first change.")
}

// upgradable reports whether env.php is that of an installation.
func upgradable(k *kit.Kit) bool {
	env, err := envPHP(k).Read()
	return err == nil && env.Text("install", "date") != "" && env.Sub("db", "connection").Len() > 0
}

// finishUpgrade runs setup:upgrade, or the rest of it.
func finishUpgrade(ctx context.Context, k *kit.Kit, z *held) error {
	if z.early == nil {
		return runUpgrade(ctx, k, codeUpgrade)
	}
	printed, unused, err := z.early.Finish(ctx, k)
	if unused != nil {
		k.Log.Infof("setup:upgrade begins again: %v", unused)
		return errors.Join(fault.Wrap(codeUpgrade, err), runUpgrade(ctx, k, codeUpgrade))
	}
	z.private = err == nil
	return fault.Wrap(codeUpgrade, errors.Join(err, logUpgrade(k, printed)))
}

func logUpgrade(k *kit.Kit, printed string) (err error) {
	file, err := k.Tree.OpenAppend(tree.InstallUpgradeLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.WriteString(file, fmt.Sprintf("Updating time: %s\n%s", k.Now().UTC().Format(time.UnixDate), printed))
	return err
}

// runUpgrade runs setup:upgrade as it is.
func runUpgrade(ctx context.Context, k *kit.Kit, code int) error {
	k.Log.Info("Running setup upgrade.")
	verbose, err := verbosity(k)
	if err != nil {
		return err
	}
	command := []string{"php", "./bin/magento", "setup:upgrade", "--keep-generated", "--ansi", "--no-interaction"}
	if verbose != "" {
		command = append(command, verbose)
	}
	return fault.Wrap(code, logged(ctx, k, "Updating time: ", shell.Command{Args: command}))
}
