package buildstep

import (
	"context"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
)

// Register adds the steps under the names that scenario files have for them.
func Register(r *scenario.Registry) {
	reused := &reuse{}
	for name, run := range map[string]func(context.Context, *kit.Kit) error{
		`Step\Build\PreBuild`:                       preBuild,
		`Step\Build\ApplyPatches`:                   applyPatches,
		`Step\SetProductionMode`:                    setProductionMode,
		`Step\Build\RefreshModules`:                 reused.refreshModules,
		`Step\Build\CopyPubStatic`:                  copyPubStatic,
		`Step\Build\SetReportDirNestingLevel`:       setReportDirNestingLevel,
		`Step\Build\MarshallFiles`:                  marshallFiles,
		`Step\Build\CopySampleData`:                 copySampleData,
		`Step\Build\EnableEventing`:                 enableEventing,
		`Step\Build\EnableWebhooks`:                 enableWebhooks,
		`Step\Build\CompileDi`:                      func(ctx context.Context, k *kit.Kit) error { return reused.do(ctx, k, reused.compileStep(k)) },
		`Step\Build\ComposerDumpAutoload`:           reused.dumpAutoload,
		`Step\Build\DeployStaticContent\Generate`:   reused.generateStatic,
		`Step\Build\CompressStaticContent`:          compressStatic,
		`Step\Build\ClearInitDirectory`:             clearInit,
		`Step\Build\BackupData\StaticContent`:       backupStatic,
		`Step\Build\BackupData\WritableDirectories`: backupWritable,
		`Step\Build\ClearMountedDirectories`:        clearMounts,
	} {
		r.AddStep(name, func(k *kit.Kit) kit.Step {
			return kit.StepFunc(func(ctx context.Context) error { return run(ctx, k) })
		})
	}
	r.Add(`Step\Build\DeployStaticContent`, newDeployStatic)
	r.Add(`Step\Build\RunBaler`, newRunBaler)
	r.Add(`Step\Build\BackupData`, newBackupData)
}

// verbosity returns VERBOSE_COMMANDS of the build stage.
func verbosity(k *kit.Kit) (string, error) { return k.Stages.Build.Text("VERBOSE_COMMANDS") }

// magento runs bin/magento as verbose as the stage says; a failure gets the code.
func magento(ctx context.Context, k *kit.Kit, code int, command string, args ...string) error {
	verbose, err := verbosity(k)
	if err != nil {
		return err
	}
	_, err = k.Magento(ctx, command, append(args, verbose)...)
	return fault.Wrap(code, err)
}

// validatorIn returns the validator among the arguments; nil when there is none.
func validatorIn(args scenario.Arguments) kit.Validator {
	for _, arg := range args {
		if v, ok := arg.Value.(kit.Validator); ok {
			return v
		}
	}
	return nil
}

// finding asks a validator that may be nil.
func finding(ctx context.Context, v kit.Validator) (*fault.Fault, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // no finding
	}
	return v.Validate(ctx)
}

func runAll(ctx context.Context, steps []kit.Step) error {
	for _, step := range steps {
		if err := step.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// setProductionMode is used in build and in pre-deploy; it has the build's code in both.
func setProductionMode(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Set Magento application mode to 'production'")
	err := k.PHPFile(tree.EnvPHP).Update(phparray.Map("MAGE_MODE", "production"))
	return fault.Wrap(codeEnvPHP, err)
}
