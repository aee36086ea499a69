package deploystep

import (
	"context"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

// Register adds the steps under the names that scenario files have for them.
func Register(r *scenario.Registry) {
	for name, run := range map[string]func(context.Context, *kit.Kit) error{
		`Step\Deploy\PhpOpcacheReset`:                      resetOpcache,
		`Step\Deploy\RemoveDeployFailedFlag`:               removeFailedFlag,
		`Step\Deploy\PreDeploy\RestorePatchLog`:            restorePatchLog,
		`Step\Deploy\PreDeploy\CheckState`:                 checkState,
		`Step\Deploy\PreDeploy\CleanStaticContent`:         cleanStatic,
		`Step\Deploy\PreDeploy\CleanViewPreprocessed`:      cleanViews,
		`Step\Deploy\PreDeploy\CleanRedisCache`:            cleanRedis,
		`Step\Deploy\PreDeploy\CleanValkeyCache`:           cleanValkey,
		`Step\Deploy\PreDeploy\CleanFileCache`:             cleanFileCache,
		`Step\Deploy\PreDeploy\RestoreWritableDirectories`: restoreDirs,
		`Step\Deploy\DisableCron`:                          disableCron,
		`Step\Deploy\UnlockCronJobs`:                       unlockCronJobs,
		`Step\Deploy\InstallUpdate\Install\ResetPassword`:  resetPassword,
		`Step\Deploy\InstallUpdate\Update\SetAdminUrl`:     setAdminURL,
		`Step\Deploy\SplitDbConnection`:                    splitDB,
		`Step\Deploy\DeployStaticContent\Generate`:         generateStatic,
		`Step\Deploy\CompressStaticContent`:                compressStatic,
		`Step\Deploy\DisableGoogleAnalytics`:               disableAnalytics,
	} {
		r.AddStep(name, func(k *kit.Kit) kit.Step {
			return kit.StepFunc(func(ctx context.Context) error { return run(ctx, k) })
		})
	}
	registerHeld(r)
	r.Add(`Step\Deploy\DeployStaticContent`, newDeployStatic)
	r.Add(`Step\Deploy\DeployCompletion`, newComplete)
	r.AddStep("CleanCache.PostDeploy", flushUnlessCurrent)
}

// registerHeld adds the steps that share the decision whether this deployment closes the
// shop: one decision for one scenario.
func registerHeld(r *scenario.Registry) {
	decision := &held{}
	r.Add(`Step\Deploy\PreDeploy`, func(k *kit.Kit, args scenario.Arguments) (any, error) { return newPreDeploy(k, args, decision) })
	r.AddStep("CleanCache.Deploy", func(k *kit.Kit) kit.Step { return flushUnlessEmpty(k, decision) })
	r.Add(`Step\Deploy\InstallUpdate`, func(k *kit.Kit, args scenario.Arguments) (any, error) { return newInstallUpdate(k, args, decision) })
	for name, run := range map[string]func(context.Context, *kit.Kit, *held) error{
		`Step\EnableMaintenanceMode`:              enableUnlessCurrent,
		`Step\DisableMaintenanceMode`:             disableWhenEnabled,
		`Step\Deploy\InstallUpdate\Install\Setup`: installSetup,
		`Step\Deploy\InstallUpdate\Update\Setup`:  updateSetup,
	} {
		r.AddStep(name, func(k *kit.Kit) kit.Step {
			return kit.StepFunc(func(ctx context.Context) error { return run(ctx, k, decision) })
		})
	}
}
