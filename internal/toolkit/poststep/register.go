package poststep

import (
	"context"

	"sluice/internal/toolkit/backup"
	"sluice/internal/toolkit/cron"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
)

// Codes of what can go wrong.
const (
	codeDeployFailed = 201
	codeEnvPHP       = 202
	codeWarmUp       = 207
	codeTTFB         = 208
	codeStoreURLs    = 3002
	codeStoreURL     = 3003
)

// Register adds the steps under the names that scenario files have for them.
func Register(r *scenario.Registry) {
	for name, run := range map[string]func(context.Context, *kit.Kit) error{
		`Step\PostDeploy\DeployFailed`: deployFailed,
		`Step\PostDeploy\EnableCron`: func(ctx context.Context, k *kit.Kit) error {
			return fault.Wrap(codeEnvPHP, cron.Enable(ctx, k))
		},
		`Step\PostDeploy\Backup`:          func(_ context.Context, k *kit.Kit) error { return backup.Create(k) },
		`Step\PostDeploy\WarmUp`:          warmUp,
		`Step\PostDeploy\TimeToFirstByte`: timeToFirstByte,
	} {
		r.AddStep(name, func(k *kit.Kit) kit.Step {
			return kit.StepFunc(func(ctx context.Context) error { return run(ctx, k) })
		})
	}
}

func deployFailed(_ context.Context, k *kit.Kit) error {
	if k.Tree.HasFlag(tree.FlagDeployFailed) {
		return fault.New(codeDeployFailed, "Post-deploy is skipped because deploy was failed.")
	}
	return nil
}
