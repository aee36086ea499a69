package configstep

import (
	"context"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scenario"
)

// Register adds the steps under the names that scenario files have for them.
func Register(r *scenario.Registry) {
	const update, install = `Step\Deploy\InstallUpdate\ConfigUpdate\`, `Step\Deploy\InstallUpdate\Install\`
	for name, run := range map[string]func(context.Context, *kit.Kit) error{
		`Step\Deploy\PreDeploy\ConfigUpdate\Cache`: cache,
		`Step\Deploy\SetCryptKey`:                  setCryptKey,
		`Step\Deploy\RemoteStorage`:                remoteStorage,
		install + `CleanupDbConfig`:                cleanupDatabase,
		install + `ConfigImport`:                   configImport,
		update + `PrepareConfig`:                   prepareConfig,
		update + `CronConsumersRunner`:             consumersRunner,
		update + `DbConnection`:                    databaseConnection,
		update + `Amqp`:                            queue,
		update + `Session`:                         session,
		update + `SearchEngine`:                    searchEngine,
		update + `Urls`:                            urls,
		update + `DocumentRoot`:                    documentRoot,
		update + `Lock`:                            lock,
		update + `CacheType`:                       cacheType,
	} {
		r.AddStep(name, func(k *kit.Kit) kit.Step {
			return kit.StepFunc(func(ctx context.Context) error { return run(ctx, k) })
		})
	}
}
