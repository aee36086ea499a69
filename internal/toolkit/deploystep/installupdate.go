package deploystep

import (
	"context"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
)

// newInstallUpdate makes the step that installs or updates the application. Its steps run
// in the order of the file, whatever their priorities. At its end it is recorded what the
// database has been brought to.
func newInstallUpdate(k *kit.Kit, args scenario.Arguments, z *held) (any, error) {
	install, err := args.Steps("installSteps")
	if err != nil {
		return nil, err
	}
	update, err := args.Steps("updateSteps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error {
		installed, err := Installed(ctx, k)
		if err != nil {
			return err
		}
		name, steps := "install", install
		if installed {
			name, steps = "update", update
			if k.Tree.HasFlag(tree.FlagEnvFileAbsence) {
				k.Log.Warn(codeEnvAbsent, "Magento state indicated as installed but configuration file app/etc/env.php was empty or did not exist. Required data will be restored from environment configurations and from .magento.env.yaml file.")
			}
		}
		k.Log.Notice("Starting " + name + ".")
		if err := runAll(ctx, steps); err != nil {
			return err
		}
		z.Record(ctx, k)
		k.Log.Notice("End of " + name + ".")
		k.Tree.DeleteFlag(tree.FlagEnvFileAbsence, k.Log)
		return nil
	}), nil
}
