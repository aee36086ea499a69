package buildstep

import (
	"context"
	"fmt"
	"path"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/scd"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/tree"
	"sluice/internal/toolkit/zerohold"
)

// initStatic is where static content of the build waits for the deployment.
const initStatic = tree.Init + "/" + tree.Static

func compressStatic(ctx context.Context, k *kit.Kit) error {
	if !k.Tree.HasFlag(tree.FlagSCDInBuild) {
		k.Log.Info("Skipping build-time static content compression because static content deployment has not happened.")
		return nil
	}
	return fault.Wrap(codeCompress, scd.Compress(ctx, k, k.Stages.Build))
}

// clearInit empties init and deletes the env.php that bin/magento wrote in the build: the
// deployment has its own.
func clearInit(_ context.Context, k *kit.Kit) error {
	k.Log.Info("Clearing temporary directory.")
	if k.Tree.Exists(tree.Init) {
		if err := k.Tree.Clear(tree.Init); err != nil {
			return err
		}
	}
	return k.Tree.Remove(tree.EnvPHP)
}

// newBackupData makes the step that saves for the deployment what lies where mounts come.
func newBackupData(k *kit.Kit, args scenario.Arguments) (any, error) {
	steps, err := args.Steps("steps")
	if err != nil {
		return nil, err
	}
	return kit.StepFunc(func(ctx context.Context) error {
		k.Log.Notice("Copying data to the ./init directory")
		if err := runAll(ctx, steps); err != nil {
			return err
		}
		if err := zerohold.WriteCode(k); err != nil {
			return fmt.Errorf("note what the deployment would upgrade: %w", err)
		}
		k.Log.Notice("End of copying data to the ./init directory")
		return nil
	}), nil
}

// backupStatic moves static content to init when a mount will cover its place.
func backupStatic(_ context.Context, k *kit.Kit) error {
	k.Tree.DeleteFlag(tree.FlagRegenerate, k.Log)
	if !k.Tree.HasFlag(tree.FlagSCDInBuild) {
		k.Log.Info("SCD not performed during build")
		return nil
	}
	if !k.Platform.HasMount(tree.Static) {
		k.Log.Info("Static content was not moved to ./init directory")
		return nil
	}
	if err := emptyInitStatic(k); err != nil {
		return fault.Wrap(codeCleanStatic, err)
	}
	k.Log.Info("Moving static content to init directory")
	if err := moveStatic(k); err != nil {
		k.Log.Notice("Can't move static content. Copying static content to init directory")
		k.Log.Debug(err.Error())
		return fault.Wrap(codeBackupStatic, k.Tree.CopyContents(tree.Static, initStatic))
	}
	return nil
}

func emptyInitStatic(k *kit.Kit) error {
	if k.Tree.Exists(initStatic) {
		k.Log.Info("Clear ./" + initStatic)
		return k.Tree.Clear(initStatic)
	}
	k.Log.Info("Create ./" + initStatic)
	return k.Tree.Mkdir(initStatic)
}

// moveStatic renames the directory; init/pub/static, which is empty, makes room.
func moveStatic(k *kit.Kit) error {
	if err := k.Tree.Remove(initStatic); err != nil {
		return err
	}
	if err := k.Tree.Rename(tree.Static, initStatic); err != nil {
		return err
	}
	k.Log.Info("Recreating pub/static directory")
	return k.Tree.Mkdir(tree.Static)
}

// backupWritable copies the directories that mounts will cover to init.
func backupWritable(_ context.Context, k *kit.Kit) error {
	k.Log.Infof("Copying writable directories to %s/ directory.", k.Tree.Path(tree.Init))
	skipHTML, err := k.Stages.Global.Bool("SKIP_HTML_MINIFICATION")
	if err != nil {
		return err
	}
	for _, dir := range writable(k) {
		from, to := k.Tree.Path(dir), k.Tree.Path(path.Join(tree.Init, dir))
		switch {
		case !k.Tree.Exists(dir):
			k.Log.Noticef("Directory %s does not exist.", from)
		case dir == tree.ViewPreprocessed && skipHTML:
			k.Log.Noticef("Skip copying %s->%s", from, to)
		default:
			k.Log.Debugf("Copying %s->%s", from, to)
			if err := k.Tree.CopyContents(dir, path.Join(tree.Init, dir)); err != nil {
				return fault.Wrap(codeBackupDirs, err)
			}
		}
	}
	return nil
}

// writable returns the directories to copy; the log comes last, so that the copy has the
// lines about the others.
func writable(k *kit.Kit) []string {
	var dirs []string
	for _, dir := range tree.Writable() {
		if dir != tree.LogDir {
			dirs = append(dirs, dir)
		}
	}
	if version, err := k.MagentoVersion(); err == nil && version.Satisfies("2.1.*") {
		dirs = append(dirs, "var/di", "var/generation")
	}
	return append(dirs, tree.LogDir)
}

// clearMounts empties the directories that mounts will cover. What is not a mount stays:
// static content of a build without a mount at pub/static is served from there.
func clearMounts(_ context.Context, k *kit.Kit) error {
	for _, dir := range tree.MountPoints() {
		if !k.Tree.Exists(dir) || !k.Platform.HasMount(dir) {
			continue
		}
		k.Log.Infof("Clearing the %s path of all files and folders", dir)
		if err := k.Tree.Clear(dir); err != nil {
			return fmt.Errorf("clear %s: %w", dir, err)
		}
	}
	return nil
}
