package deploystep

import (
	"context"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phpfile"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/zerohold"
)

// newPreDeploy makes the step that prepares the mounts for this release. It is the first
// that writes what outlives the release: caches, pub/static, app/etc. Before that, while
// the platform may still serve visitors with the old release, it is decided whether the
// shop has to be closed.
func newPreDeploy(k *kit.Kit, args scenario.Arguments, z *zerohold.Decision) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error {
		k.Log.Notice("Starting pre-deploy.")
		if _, err := z.Decide(ctx, k); err != nil {
			return err
		}
		k.Progress.Touch("pre-deploy: caches and mounts")
		if err := runAll(ctx, steps); err != nil {
			return err
		}
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

// checkState remembers that env.php has nothing of an installation in it.
func checkState(_ context.Context, k *kit.Kit) error {
	env, err := envPHP(k).Read()
	if err != nil {
		return err
	}
	if env.Len() == 0 || env.Len() == 1 && env.Has("cache_types") {
		k.Log.Info(`Set "env_file_absence" flag`)
		k.Tree.SetFlag(tree.FlagEnvFileAbsence, k.Log)
	}
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
