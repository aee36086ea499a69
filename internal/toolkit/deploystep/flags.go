package deploystep

import (
	"context"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/tree"
)

// removeFailedFlag forgets what an earlier deployment left, and starts the log of errors
// again from that of the build.
func removeFailedFlag(_ context.Context, k *kit.Kit) error {
	for _, f := range []tree.Flag{tree.FlagDeployFailed, tree.FlagIgnoreSplitDB, tree.FlagEnvFileAbsence, tree.FlagCachesCurrent} {
		k.Tree.DeleteFlag(f, k.Log)
	}
	if err := k.Tree.Remove(tree.ErrorLog); err != nil {
		return err
	}
	if !k.Tree.Exists(tree.BuildErrorLog) {
		return nil
	}
	return k.Tree.CopyFile(tree.BuildErrorLog, tree.ErrorLog)
}

// resetOpcache has nothing to do: PHP's command line forgets its opcache with every
// command, and this program has none.
func resetOpcache(_ context.Context, k *kit.Kit) error {
	k.Log.Debug("The opcache of PHP's command line ends with every command: there is nothing to reset.")
	return nil
}
