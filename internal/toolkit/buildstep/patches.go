package buildstep

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/patch"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/tree"
)

// The tools for patches that a project may have: the first knows required patches,
// QUALITY_PATCHES and m2-hotfixes, the second only quality patches.
const (
	cloudPatches   = "vendor/bin/ece-patches"
	qualityPatches = "vendor/bin/magento-patches"
)

// applyPatches is the step: an installation from Git has its patches in its history.
func applyPatches(ctx context.Context, k *kit.Kit) error {
	fromGit, err := k.Stages.Global.Text("DEPLOYED_MAGENTO_VERSION_FROM_GIT")
	if err != nil {
		return err
	}
	git, err := k.Tree.GitInstallation(fromGit)
	if err != nil {
		return err
	}
	if git {
		k.Log.Info("Git-based installation. Skipping patches applying")
		return nil
	}
	if err := Patch(ctx, k); err != nil {
		return fault.Wrap(codePatches, err)
	}
	return nil
}

// Patch applies the project's patches: by its own tool when it has one, else those of
// m2-hotfixes with git. It is the command patch too; errors have no code.
func Patch(ctx context.Context, k *kit.Kit) error {
	k.Log.Notice("Applying patches")
	if err := patchAll(ctx, k); err != nil {
		k.Log.Error(err.Error())
		return err
	}
	k.Log.Notice("End of applying patches")
	return nil
}

func patchAll(ctx context.Context, k *kit.Kit) error {
	if k.Tree.Exists(cloudPatches) {
		_, err := k.Shell.Run(ctx, command("php", "./"+cloudPatches, "apply", "--no-interaction"))
		return err
	}
	if err := qualityPatch(ctx, k); err != nil {
		return err
	}
	return hotfixes(ctx, k)
}

// qualityPatch applies QUALITY_PATCHES with the tool that a project may have for them.
func qualityPatch(ctx context.Context, k *kit.Kit) error {
	wanted, err := k.Stages.Build.Map("QUALITY_PATCHES")
	if err != nil || wanted.Len() == 0 {
		return err
	}
	ids := make([]string, 0, wanted.Len())
	for _, id := range wanted.All() {
		ids = append(ids, phparray.String(id))
	}
	if !k.Tree.Exists(qualityPatches) {
		return fmt.Errorf("QUALITY_PATCHES asks for %s, but neither %s nor %s is installed; require magento/magento-cloud-patches or magento/quality-patches in composer.json, or remove the variable", strings.Join(ids, ", "), cloudPatches, qualityPatches)
	}
	args := append([]string{"php", "./" + qualityPatches, "apply"}, ids...)
	_, err = k.Shell.Run(ctx, command(append(args, "--no-interaction")...))
	return err
}

// hotfixes applies m2-hotfixes in the order of the names and stops at the first that does
// not apply; those before it stay, and are recognised the next time.
func hotfixes(ctx context.Context, k *kit.Kit) error {
	files, err := patch.Files(k.Tree.Root())
	if err != nil {
		return err
	}
	git := patch.Tool{Root: k.Tree.Root(), Shell: k.Shell}
	for _, name := range files {
		outcome, err := git.ApplyFile(ctx, name)
		if err != nil {
			return fmt.Errorf("%w; fix or remove the patch", err)
		}
		line := "Patch " + name + " has been applied"
		if outcome == patch.Already {
			line = "Patch " + name + " was already applied"
		}
		k.Log.Info(line)
		if err := k.Tree.Append(tree.PatchLog, []byte(k.Now().UTC().Format("[2006-01-02 15:04:05] ")+line+"\n")); err != nil {
			return err
		}
	}
	return nil
}
