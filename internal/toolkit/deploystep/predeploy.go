package deploystep

import (
	"context"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
)

// newPreDeploy makes the step that prepares the mounts for this release. It is the first
// that writes what outlives the release: caches, pub/static, app/etc. Before that, while
// the platform may still serve visitors with the old release, it is decided whether the
// shop has to be closed.
func newPreDeploy(k *kit.Kit, args scenario.Arguments, z *held) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error {
		k.Log.Notice("Starting pre-deploy.")
		if _, err := z.Decide(ctx, k); err != nil {
			return err
		}
		if err := z.maintenance.Look(k); err != nil { // now, as requests are not held yet
			k.Log.Debugf("How maintenance mode is switched could not be looked up: %v", err)
		}
		beginUpgrade(ctx, k, z)
		k.Progress.Touch("pre-deploy: caches and mounts")
		if err := runAll(ctx, steps); err != nil {
			return err
		}
		z.emptied = true
		k.Log.Notice("End of pre-deploy.")
		return nil
	}), nil
}

func runAll(ctx context.Context, steps []kit.Step) error {
	for _, step := range steps {
		if err := step.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

func restorePatchLog(_ context.Context, k *kit.Kit) error {
	if !k.Tree.Exists(tree.BuildPatchLog) {
		return nil
	}
	k.Log.Info("Restoring patch log file")
	text, err := k.Tree.Read(tree.BuildPatchLog)
	if err != nil {
		return err
	}
	return k.Tree.Append(tree.PatchLog, text)
}

// checkState remembers that env.php has nothing of an installation in it, and brings the copy
// of the last deployment back.
func checkState(_ context.Context, k *kit.Kit) error {
	env, err := envPHP(k).Read()
	if err != nil || !lost(env) {
		return err
	}
	k.Log.Info(`Set "env_file_absence" flag`)
	k.Tree.SetFlag(tree.FlagEnvFileAbsence, k.Log)
	return restoreEnv(k, env)
}

// lost reports whether nothing of an installation is in env.php: Magento's own commands write
// one with cache types alone when there is none.
func lost(env *phparray.Array) bool {
	return env.Len() == 0 || env.Len() == 1 && env.Has("cache_types")
}

// restoreEnv starts again from env.php.bak: it has the address of the administration, locked
// settings and others that cannot be recreated. The steps that follow bring what depends
// on the environment up to date. The variable CRYPT_KEY goes before the key of the copy.
func restoreEnv(k *kit.Kit, env *phparray.Array) error {
	saved, err := k.PHPFile(tree.EnvPHPBackup).Read()
	if err != nil {
		k.Log.Warningf("app/etc/env.php was lost, and its copy cannot be used: %v", err)
		return nil
	}
	if lost(saved) {
		return nil
	}
	if k.Platform.Variable("CRYPT_KEY") != "" {
		saved.Unset("crypt", "key")
	}
	if err := envPHP(k).Write(phparray.Replace(env, saved)); err != nil {
		return fault.Wrap(codeEnvPHP, err)
	}
	k.Log.Warning("app/etc/env.php was lost. It was brought back from app/etc/env.php.bak, which the last post-deploy wrote; what was changed since then is missing.")
	return nil
}

func envPHP(k *kit.Kit) phpfile.File { return k.PHPFile(tree.EnvPHP) }

// cleanStatic empties pub/static when content of the build is about to come.
func cleanStatic(_ context.Context, k *kit.Kit) error {
	clean, err := k.Stages.Deploy.Bool("CLEAN_STATIC_FILES")
	if err != nil {
		return err
	}
	if !clean || !k.Tree.HasFlag(tree.FlagSCDInBuild) || !k.Platform.HasMount(tree.Static) {
		return nil
	}
	k.Log.Info("Static content deployment was performed during build hook, cleaning old content.")
	k.Log.Info("Clearing pub/static")
	return fault.Wrap(codeCleanStatic, scd.Clear(k, tree.Static))
}

// cleanViews empties var/view_preprocessed, which is not brought along from the build.
func cleanViews(_ context.Context, k *kit.Kit) error {
	skip, err := k.Stages.Global.Bool("SKIP_HTML_MINIFICATION")
	if err != nil || !skip {
		return err
	}
	k.Log.Info("Skip copying directory ./var/view_preprocessed.")
	k.Log.Info("Clearing ./var/view_preprocessed")
	if !k.Tree.Exists(tree.ViewPreprocessed) {
		return nil
	}
	return fault.Wrap(codeCleanViews, scd.Clear(k, tree.ViewPreprocessed))
}

func cleanFileCache(_ context.Context, k *kit.Kit) error {
	const dir = "var/cache"
	if !k.Tree.Exists(dir) {
		return nil
	}
	k.Log.Info("Clearing var/cache directory")
	return k.Tree.RemoveAll(dir)
}
