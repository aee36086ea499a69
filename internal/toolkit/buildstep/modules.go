package buildstep

import (
	"context"
	"slices"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/tree"
)

func command(args ...string) shell.Command { return shell.Command{Args: args} }

func (r *reuse) refreshModules(ctx context.Context, k *kit.Kit) error {
	k.Log.Notice("Reconciling installed modules with shared config.")
	enabled, err := r.refresh(ctx, k)
	if err != nil {
		return err
	}
	k.Log.Info(EnabledModules(enabled))
	k.Log.Notice("End of reconciling modules.")
	return nil
}

// EnabledModules is the message about modules that RefreshModules enabled.
func EnabledModules(names []string) string {
	if len(names) == 0 {
		return "No modules were changed."
	}
	return "The following modules have been enabled:\n" + strings.Join(names, "\n")
}

// RefreshModules enables the modules that config.php does not know yet and returns their
// names. Those that it disables stay so. It is the command module:refresh too.
func RefreshModules(ctx context.Context, k *kit.Kit) ([]string, error) {
	return (&reuse{}).refresh(ctx, k)
}

func (r *reuse) refresh(ctx context.Context, k *kit.Kit) ([]string, error) {
	file := k.PHPFile(tree.ConfigPHP)
	if err := file.Update(phparray.Map("modules", phparray.New())); err != nil {
		return nil, fault.Wrap(codeConfigPHP, err)
	}
	before, err := file.Read()
	if err != nil {
		return nil, fault.Wrap(codeConfigPHP, err)
	}
	if err := r.do(ctx, k, r.enableModules(k)); err != nil {
		return nil, err
	}
	after, err := file.Read()
	if err != nil {
		return nil, fault.Wrap(codeConfigPHP, err)
	}
	known := before.Sub("modules")
	added := slices.DeleteFunc(after.Sub("modules").Keys(), func(name string) bool { return known.Has(name) })
	if known.Len() > 0 {
		if err := file.Update(phparray.Map("modules", known)); err != nil {
			return nil, fault.Wrap(codeConfigPHP, err)
		}
	}
	return added, nil
}
