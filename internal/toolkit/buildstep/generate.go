package buildstep

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/static"
	"sluice/internal/toolkit/tree"
)

func compileDI(ctx context.Context, k *kit.Kit) error {
	k.Log.Notice("Running DI compilation")
	if err := magento(ctx, k, codeCompile, "setup:di:compile"); err != nil {
		return err
	}
	k.Log.Notice("End of running DI compilation")
	return nil
}

func (r *reuse) dumpAutoload(ctx context.Context, k *kit.Kit) error {
	skip, err := k.Stages.Build.Bool("SKIP_COMPOSER_DUMP_AUTOLOAD")
	if err != nil {
		return err
	}
	if skip {
		k.Log.Info("The composer dump-autoload command was skipped as SKIP_COMPOSER_DUMP_AUTOLOAD variable is set to true")
		return nil
	}
	return r.do(ctx, k, r.autoloadStep(k))
}

// newDeployStatic makes the step that makes static content when the build can.
func newDeployStatic(k *kit.Kit, args scenario.Arguments) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	possible := validatorIn(args)
	return kit.StepFunc(func(ctx context.Context) error {
		k.Tree.DeleteFlag(tree.FlagSCDInBuild, k.Log)
		obstacle, err := finding(ctx, possible)
		if err != nil {
			return err
		}
		if obstacle != nil {
			k.Log.Notice("Skipping static content deploy: " + obstacle.Error())
			return nil
		}
		k.Log.Notice("Generating fresh static content")
		if err := runAll(ctx, steps); err != nil {
			return err
		}
		if !k.Tree.SetFlag(tree.FlagSCDInBuild, k.Log) {
			return fmt.Errorf("%s could not be written; without it the deployment would not know that there is static content", tree.FlagSCDInBuild)
		}
		k.Log.Notice("End of generating fresh static content")
		return nil
	}), nil
}

func (r *reuse) generateStatic(ctx context.Context, k *kit.Kit) error {
	config, err := k.PHPFile(tree.ConfigPHP).Read()
	if err != nil {
		return err
	}
	admin := cmp.Or(k.Platform.Variable("ADMIN_LOCALE"), "en_US")
	locales := static.BuildLocales(admin, config)
	plan, err := scd.Plan(k, k.Stages.Build, locales)
	if err != nil {
		return err
	}
	k.Log.Info("Generating static content for locales: " + strings.Join(locales, " ") + scd.Threads(plan))
	return r.do(ctx, k, r.staticStep(k, plan))
}

// newRunBaler makes the step that bundles the JavaScript.
func newRunBaler(k *kit.Kit, args scenario.Arguments) (any, error) {
	usable := validatorIn(args)
	return kit.StepFunc(func(ctx context.Context) error { return runBaler(ctx, k, usable) }), nil
}

func runBaler(ctx context.Context, k *kit.Kit, usable kit.Validator) error {
	wanted, err := k.Stages.Build.Bool("SCD_USE_BALER")
	if err != nil {
		return err
	}
	if !wanted {
		k.Log.Debug("Baler JS bundling is disabled.")
		return nil
	}
	if !k.Tree.HasFlag(tree.FlagSCDInBuild) {
		k.Log.Notice("Cannot run baler because static content has not been deployed.")
		return nil
	}
	obstacle, err := finding(ctx, usable)
	if err != nil {
		return err
	}
	if obstacle != nil {
		k.Log.Warn(cmp.Or(obstacle.Code, codeBalerUnusable), obstacle.Error())
		for detail := range strings.Lines(obstacle.Suggestion) {
			k.Log.Warning(" - " + strings.TrimSpace(detail))
		}
		return nil
	}
	k.Log.Info("Running Baler JS bundler.")
	if _, err := k.Shell.Run(ctx, command("baler")); err != nil {
		return fault.Wrap(codeBaler, err)
	}
	k.Log.Info("Baler JS bundling complete.")
	return nil
}
