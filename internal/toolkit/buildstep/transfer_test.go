package buildstep

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

func mount(w *toolkittest.World, names ...string) {
	for _, name := range names {
		w.Kit.Platform.Application.SetAt(phparray.Map("source", "local"), "mounts", name)
	}
}

func TestClearInit(t *testing.T) {
	w := world(t, "-- init/app/etc/old.php --\n-- app/etc/env.php --\n<?php return [];\n")
	must(t, run(t, w, `Build\ClearInitDirectory`))
	if exists(w, "init/app") || !exists(w, "init") || exists(w, "app/etc/env.php") {
		t.Error("init or env.php is as it was")
	}
	same(t, "log", w.Log(), "INFO: Clearing temporary directory.")
}

func TestBackupData(t *testing.T) {
	w := world(t, "")
	must(t, run(t, w, `Build\BackupData`, steps(func(context.Context) error { w.Kit.Log.Info("nested"); return nil })))
	same(t, "log", w.Log(), "NOTICE: Copying data to the ./init directory\nINFO: nested\nNOTICE: End of copying data to the ./init directory")
}

func TestStaticContentMovesUnderAMount(t *testing.T) {
	w := world(t, "-- pub/static/a.js --\na\n-- var/.regenerate --\n")
	must(t, run(t, w, `Build\BackupData\StaticContent`))
	w.Write(t, "-- .static_content_deploy --\n")
	must(t, run(t, w, `Build\BackupData\StaticContent`))
	mount(w, "/pub/static")
	must(t, run(t, w, `Build\BackupData\StaticContent`))
	same(t, "log", w.LogAt(fault.Info), `INFO: Deleting flag: var/.regenerate
INFO: SCD not performed during build
INFO: Static content was not moved to ./init directory
INFO: Create ./init/pub/static
INFO: Moving static content to init directory
INFO: Recreating pub/static directory`)
	if w.File(t, "init/pub/static/a.js") != "a\n" || exists(w, "pub/static/a.js") || !exists(w, "pub/static") {
		t.Error("static content is not where it should be")
	}
	w.Write(t, "-- pub/static/b.js --\nb\n")
	must(t, run(t, w, `Build\BackupData\StaticContent`))
	if exists(w, "init/pub/static/a.js") || !exists(w, "init/pub/static/b.js") || !strings.Contains(w.Log(), "INFO: Clear ./init/pub/static") {
		t.Error("static content of the build before is still there")
	}
}

func TestStaticContentThatCannotMoveIsCopied(t *testing.T) {
	w := world(t, "-- elsewhere/a.js --\na\n-- .static_content_deploy --\n")
	mount(w, "pub/static")
	must(t, os.MkdirAll(filepath.Join(w.Dir, "pub"), 0o750))
	fails(t, run(t, w, `Build\BackupData\StaticContent`), 21) // there is none
	if !strings.Contains(w.Log(), "NOTICE: Can't move static content. Copying static content to init directory") {
		t.Error(w.Log())
	}
	w = world(t, "-- .static_content_deploy --\n-- init/pub --\na file\n-- pub/static/a.js --\na\n")
	mount(w, "pub/static")
	fails(t, run(t, w, `Build\BackupData\StaticContent`), 24)
}

func TestWritableDirectories(t *testing.T) {
	w := world(t, lock+"-- app/etc/config.php --\n-- var/log/cloud.log --\n-- pub/media/ --\n-- var/view_preprocessed/a --\n")
	must(t, run(t, w, `Build\BackupData\WritableDirectories`))
	for name, want := range map[string]bool{"init/app/etc/config.php": true, "init/var/log/cloud.log": true, "init/pub/media": true, "init/var/view_preprocessed": false} {
		if exists(w, name) != want {
			t.Errorf("%s exists: %t", name, !want)
		}
	}
	if !strings.Contains(w.Log(), "NOTICE: Skip copying "+filepath.Join(w.Dir, "var/view_preprocessed")+"->"+filepath.Join(w.Dir, "init/var/view_preprocessed")) {
		t.Error(w.Log())
	}
	w.Variables["SKIP_HTML_MINIFICATION"] = false
	must(t, run(t, w, `Build\BackupData\WritableDirectories`))
	if !exists(w, "init/var/view_preprocessed/a") {
		t.Error("var/view_preprocessed is missing")
	}
	w = world(t, lock+"-- app/etc/config.php --\n-- init/app --\na file\n")
	fails(t, run(t, w, `Build\BackupData\WritableDirectories`), 22)
	w = world(t, lock)
	must(t, run(t, w, `Build\BackupData\WritableDirectories`))
	if !strings.Contains(w.Log(), "NOTICE: Directory "+filepath.Join(w.Dir, "app/etc")+" does not exist.") {
		t.Error(w.Log())
	}
}

func TestOnlyRealMountsAreCleared(t *testing.T) {
	w := world(t, "-- app/etc/a --\n-- var/b --\n-- pub/static/c --\n")
	mount(w, "app/etc", "/var", "pub/media")
	must(t, run(t, w, `Build\ClearMountedDirectories`))
	same(t, "log", w.Log(), "INFO: Clearing the app/etc path of all files and folders\nINFO: Clearing the var path of all files and folders")
	if exists(w, "app/etc/a") || exists(w, "var/b") || !exists(w, "pub/static/c") {
		t.Error("not what should be there")
	}
}
