package deploystep

import (
	"context"
	"slices"

	"sluice/internal/toolkit/envphp"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// setAdminURL follows ADMIN_URL.
func setAdminURL(_ context.Context, k *kit.Kit) error {
	name := k.Platform.Variable("ADMIN_URL")
	if name == "" {
		k.Log.Info("Not updating env.php backend front name. (ADMIN_URL not set)")
		return nil
	}
	k.Log.Info("Updating env.php backend front name.")
	return fault.Wrap(codeEnvPHP, envPHP(k).Update(phparray.Map("backend", phparray.Map("frontName", name))))
}

// flushCache makes a step that flushes Magento's caches with the variables and the code of
// a phase.
func flushCache(k *kit.Kit, stage kit.Stage, code int) kit.Step {
	return kit.StepFunc(func(ctx context.Context) error {
		k.Log.Info("Flushing cache.")
		verbose, err := stage.Text("VERBOSE_COMMANDS")
		if err != nil {
			return err
		}
		if _, err := k.Magento(ctx, "cache:flush", verbose); err != nil {
			return fault.Wrap(code, err)
		}
		k.Log.Info("Cache flushed successfully.")
		return nil
	})
}

// flushUnlessCurrent makes the step that flushes in the post-deploy phase. After a deployment
// that upgraded and imported nothing, the caches were emptied or flushed under the hold, and
// what is in them since is of this release: flushing would make visitors wait again.
func flushUnlessCurrent(k *kit.Kit) kit.Step {
	return kit.StepFunc(func(ctx context.Context) error {
		if k.Tree.HasFlag(tree.FlagCachesCurrent) && k.Tree.DeleteFlag(tree.FlagCachesCurrent, k.Log) {
			k.Log.Info("Skipping cache:flush: the deploy phase emptied the caches, and only this release has filled them since.")
			return nil
		}
		return flushCache(k, k.Stages.PostDeploy, codeFlushAfter).Run(ctx)
	})
}

// onlyOwnPageCache reports whether pages are cached by Magento alone: nothing in front of it,
// such as Varnish, Fastly or the router, needs the purge that comes with cache:flush. What
// cannot be read counts as a cache.
func onlyOwnPageCache(ctx context.Context, k *kit.Kit) bool {
	const builtIn = "1"
	for _, name := range []string{tree.EnvPHP, tree.ConfigPHP} {
		config, err := k.PHPFile(name).Read()
		application := config.Text("system", "default", "system", "full_page_cache", "caching_application")
		if err != nil || config.Sub("http_cache_hosts").Len() > 0 || application != "" && application != builtIn {
			return false
		}
	}
	db, err := k.Databases.Open(ctx, mainConnection)
	if err != nil {
		return false
	}
	rows, err := db.Rows(ctx, "SELECT value FROM "+db.Table("core_config_data")+" WHERE path = 'system/full_page_cache/caching_application'")
	return err == nil && !slices.ContainsFunc(rows, func(row *phparray.Array) bool { return row.Text("value") != builtIn })
}

// flushUnlessEmpty makes the step that flushes in the deploy phase. When nothing has filled
// the caches in Redis since pre-deploy emptied them, they are empty.
func flushUnlessEmpty(k *kit.Kit, z *held) kit.Step {
	return kit.StepFunc(func(ctx context.Context) error {
		if z.emptied && !z.fills() {
			in, err := envphp.Gather(k)
			if err != nil {
				return err
			}
			if onlyInRedis(in) {
				k.Log.Info("Skipping cache:flush: pre-deploy emptied the caches and nothing has filled them since.")
				return nil
			}
		}
		return flushCache(k, k.Stages.Deploy, codeFlush).Run(ctx)
	})
}

// onlyInRedis reports whether every cache is in Redis or Valkey.
func onlyInRedis(in envphp.Input) bool {
	cache, _ := envphp.Cache(in) // the step cache logs the notes
	frontends := envphp.CacheFrontends(cache)
	return len(frontends) > 0 && !slices.ContainsFunc(frontends, func(f envphp.CacheFrontend) bool { return !f.Redis })
}

// updateSetup upgrades schema and data, unless this deployment needs none.
func updateSetup(ctx context.Context, k *kit.Kit, z *held) error {
	k.Tree.DeleteFlag(tree.FlagRegenerate, k.Log)
	if z.Open() {
		reason, err := z.Recheck(k)
		if err != nil {
			return err
		}
		if reason == "" {
			return importConfig(ctx, k, z)
		}
		k.Log.Info("Maintenance mode is needed after all: " + reason)
		if err := enableMaintenance(ctx, k, &z.maintenance); err != nil {
			return err
		}
	}
	if err := z.Upgrading(ctx, k); err != nil {
		return fault.Wrap(codeUpgrade, err)
	}
	if err := finishUpgrade(ctx, k, z); err != nil {
		return err
	}
	k.Tree.DeleteFlag(tree.FlagRegenerate, k.Log)
	return nil
}

// importConfig brings configuration of files into the database when that is all there is to do.
func importConfig(ctx context.Context, k *kit.Kit, z *held) error {
	if !z.Importing() {
		k.Log.Notice("Skipping setup:upgrade: schema, data and configuration are current.")
		return nil
	}
	k.Log.Notice("Skipping setup:upgrade: schema and data are current. Importing configuration from app/etc/config.php and app/etc/env.php.")
	z.Imported()
	return magento(ctx, k, codeConfigImport, "app:config:import")
}
