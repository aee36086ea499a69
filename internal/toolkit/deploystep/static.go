package deploystep

import (
	"cmp"
	"context"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/static"
	"sluice/internal/toolkit/tree"
)

// versionFile says which version of the content is deployed; Magento writes into it.
const versionFile = tree.Static + "/deployed_version.txt"

// newDeployStatic makes the step that makes static content when the build did not.
func newDeployStatic(k *kit.Kit, args scenario.Arguments) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error { return deployStatic(ctx, k, steps) }), nil
}

func deployStatic(ctx context.Context, k *kit.Kit, steps []kit.Step) error {
	onDemand, err := k.Stages.Global.Bool("SCD_ON_DEMAND")
	if err != nil {
		return err
	}
	if onDemand {
		k.Log.Notice("Skipping static content deploy. SCD on demand is enabled.")
		return fault.Wrap(codeCleanStatic, scd.ClearAll(k))
	}
	needed, err := staticInDeploy(k)
	if err != nil || !needed {
		return err
	}
	clean, err := k.Stages.Deploy.Bool("CLEAN_STATIC_FILES")
	if err != nil {
		return err
	}
	if clean {
		if err := scd.ClearAll(k); err != nil {
			return fault.Wrap(codeCleanStatic, err)
		}
	}
	k.Log.Notice("Generating fresh static content")
	if err := runAll(ctx, steps); err != nil {
		return err
	}
	k.Log.Notice("End of generating fresh static content")
	return nil
}

// staticInDeploy reports whether this phase makes static content, unless it is made on
// demand.
func staticInDeploy(k *kit.Kit) (bool, error) {
	skip, err := k.Stages.Deploy.Bool("SKIP_SCD")
	return !skip && !k.Tree.HasFlag(tree.FlagSCDInBuild), err
}

func generateStatic(ctx context.Context, k *kit.Kit) error {
	if err := k.Tree.Touch(versionFile); err != nil {
		return &fault.Fault{Code: codeVersionFile, Message: "Cannot update deployed version.", Err: err}
	}
	k.Log.Info("Extracting locales")
	locales, err := locales(ctx, k)
	if err != nil {
		return err
	}
	plan, err := scd.Plan(k, k.Stages.Deploy, locales)
	if err != nil {
		return err
	}
	line := "Generating static content"
	if len(locales) > 0 {
		line += " for locales: " + strings.Join(locales, " ")
	}
	k.Log.Info(line)
	return fault.Wrap(codeStatic, scd.Generator(k).Generate(ctx, plan))
}

// locales returns those of the stores and of the admin users, and that of the first one.
func locales(ctx context.Context, k *kit.Kit) ([]string, error) {
	db, err := k.Databases.Open(ctx, mainConnection)
	if err != nil {
		return nil, err
	}
	rows, err := db.Rows(ctx, "SELECT value FROM "+db.Table("core_config_data")+" WHERE path = 'general/locale/code' UNION SELECT interface_locale FROM "+db.Table("admin_user"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, row := range rows {
		for _, v := range row.All() {
			names = append(names, phparray.String(v))
		}
	}
	return static.Unique(append(names, cmp.Or(k.Platform.Variable("ADMIN_LOCALE"), "en_US"))...), nil
}

func compressStatic(ctx context.Context, k *kit.Kit) error {
	onDemand, err := k.Stages.Global.Bool("SCD_ON_DEMAND")
	if err != nil {
		return err
	}
	if onDemand {
		k.Log.Notice("Skipping static content compression. SCD on demand is enabled.")
		return nil
	}
	needed, err := staticInDeploy(k)
	if err != nil {
		return err
	}
	if !needed {
		k.Log.Info("Static content deployment was performed during the build phase or disabled. Skipping deploy phase static content compression.")
		return nil
	}
	return fault.Wrap(codeCompress, scd.Compress(ctx, k, k.Stages.Deploy))
}
