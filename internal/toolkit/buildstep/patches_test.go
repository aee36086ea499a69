package buildstep

import (
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

const hotfix = "-- m2-hotfixes/a.patch --\n--- a/vendor/x.php\n+++ b/vendor/x.php\n@@ -1 +1 @@\n-one\n+two\n"

func TestTheProjectsOwnToolApplies(t *testing.T) {
	w := world(t, lock+hotfix+"-- vendor/x.php --\none\n-- vendor/bin/ece-patches --\n")
	must(t, run(t, w, `Build\ApplyPatches`))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./vendor/bin/ece-patches apply --no-interaction")
	same(t, "vendor/x.php", w.File(t, "vendor/x.php"), "one")
	same(t, "log", w.LogAt(fault.Info), "NOTICE: Applying patches\nNOTICE: End of applying patches")
	w.Shell.Fail("php ./vendor/bin/ece-patches", 1, "conflict")
	err := run(t, w, `Build\ApplyPatches`)
	fails(t, err, 12)
	if !strings.Contains(w.LogAt(fault.Error), "conflict") {
		t.Error(w.Log())
	}
}

// useGit gives a world the machine's git.
func useGit(w *toolkittest.World) {
	w.Kit.Shell = &shell.Local{Dir: w.Dir, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin"}, Log: w.Kit.Log}
}

func TestHotfixesApplyOnce(t *testing.T) {
	w := world(t, lock+hotfix+"-- vendor/x.php --\none\n")
	useGit(w)
	must(t, run(t, w, `Build\ApplyPatches`))
	must(t, run(t, w, `Build\ApplyPatches`))
	same(t, "vendor/x.php", w.File(t, "vendor/x.php"), "two")
	same(t, "log", w.LogAt(fault.Info), `NOTICE: Applying patches
INFO: Patch m2-hotfixes/a.patch has been applied
NOTICE: End of applying patches
NOTICE: Applying patches
INFO: Patch m2-hotfixes/a.patch was already applied
NOTICE: End of applying patches`)
	same(t, "patch.log", w.File(t, "var/log/patch.log"), "[2026-11-23 09:09:47] Patch m2-hotfixes/a.patch has been applied\n[2026-11-23 09:09:47] Patch m2-hotfixes/a.patch was already applied")
}

func TestAHotfixThatDoesNotApplyStopsTheBuild(t *testing.T) {
	w := world(t, lock+hotfix+"-- vendor/x.php --\nthree\n")
	useGit(w)
	err := run(t, w, `Build\ApplyPatches`)
	fails(t, err, 12)
	for _, want := range []string{"m2-hotfixes/a.patch", "vendor/x.php", "nothing was changed", "fix or remove the patch"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

func TestQualityPatches(t *testing.T) {
	w := world(t, lock)
	w.Variables["QUALITY_PATCHES"] = phparray.List("ACSD-1", "MDVA-2")
	err := run(t, w, `Build\ApplyPatches`)
	fails(t, err, 12)
	if !strings.Contains(err.Error(), "ACSD-1, MDVA-2") {
		t.Error(err)
	}
	w.Write(t, "-- vendor/bin/magento-patches --\n")
	must(t, run(t, w, `Build\ApplyPatches`))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./vendor/bin/magento-patches apply ACSD-1 MDVA-2 --no-interaction")
}

func TestInstallationsFromGitAreNotPatched(t *testing.T) {
	w := world(t, "-- composer.json --\n{\"version\":\"2.4.6\"}\n"+hotfix+"-- vendor/x.php --\none\n")
	must(t, run(t, w, `Build\ApplyPatches`))
	same(t, "log", w.Log(), "INFO: Git-based installation. Skipping patches applying")
	w = world(t, "")
	if err := run(t, w, `Build\ApplyPatches`); err == nil || err.Error() != "Version cannot be determined" {
		t.Error(err)
	}
}
