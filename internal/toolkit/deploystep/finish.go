package deploystep

import (
	"context"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

// disableAnalytics keeps visitors of environments that are not for the public out of the
// figures.
func disableAnalytics(ctx context.Context, k *kit.Kit) error {
	wanted, err := k.Stages.Deploy.Bool("ENABLE_GOOGLE_ANALYTICS")
	if err != nil || wanted || k.Platform.Live() {
		return err
	}
	k.Log.Info("Disabling Google Analytics")
	db, err := k.Databases.Open(ctx, mainConnection)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, "UPDATE "+db.Table("core_config_data")+" SET value = 0 WHERE path = 'google/analytics/active'")
	return err
}

// newComplete makes the step that does here what a post_deploy hook would do later.
func newComplete(k *kit.Kit, args scenario.Arguments) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error {
		if k.Platform.HasPostDeployHook() {
			k.Log.Info("Post-deploy hook enabled. Cron enabling, cache flushing and pre-warming operations are postponed to post-deploy stage.")
			return nil
		}
		return runAll(ctx, steps)
	}), nil
}
