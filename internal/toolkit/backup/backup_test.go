package backup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/toolkittest"
)

const lock = "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.6\"}]}\n"

func TestCreate(t *testing.T) {
	w := toolkittest.New(t, lock+"-- app/etc/env.php --\none\n")
	if err := Create(w.Kit); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "app/etc/env.php.bak"); got != "one\n" {
		t.Error(got)
	}
	if err := os.Remove(filepath.Join(w.Dir, "app/etc/env.php.bak")); err != nil {
		t.Fatal(err)
	}
	w.Write(t, "-- app/etc/env.php.bak/x --\n")
	if err := Create(w.Kit); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"INFO: Create backup of important files.", "INFO: Successfully created backup app/etc/env.php.bak for app/etc/env.php.",
		"NOTICE: File app/etc/config.php does not exist. Skipped.", "WARNING: [3004] Failed to create backup app/etc/env.php.bak for app/etc/env.php.",
	} {
		if !strings.Contains(w.Log(), want) {
			t.Errorf("no %q in\n%s", want, w.Log())
		}
	}
}

func TestListAndRestore(t *testing.T) {
	w := toolkittest.New(t, lock)
	say := func(do func(*kit.Kit, *strings.Builder) error) string {
		var b strings.Builder
		if err := do(w.Kit, &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	list := func(k *kit.Kit, b *strings.Builder) error { return List(k, b) }
	restore := func(file string, force bool) string {
		return say(func(k *kit.Kit, b *strings.Builder) error { return Restore(k, b, file, force) })
	}
	if got := say(list); got != "There are no files in the backup\n" {
		t.Error(got)
	}
	w.Write(t, "-- app/etc/env.php --\nnew\n-- app/etc/env.php.bak --\nold\n")
	if got := say(list); got != "The list of backup files:\napp/etc/env.php\n" {
		t.Error(got)
	}
	if got := restore("", false); got != "app/etc/env.php file exists! If you want to rewrite existed files use --force\nBackup for app/etc/config.php does not exist. Skipped.\n" {
		t.Error(got)
	}
	if got := restore("composer.json", true); got != "There is no composer.json file in the backup list. Run backup:list to show files from backup list.\n" {
		t.Error(got)
	}
	if got := restore("app/etc/env.php", true); got != "Backup file app/etc/env.php was restored.\n" || w.File(t, "app/etc/env.php") != "old\n" {
		t.Error(got)
	}
}

func TestBefore22ThereIsAThirdFile(t *testing.T) {
	w := toolkittest.New(t, strings.Replace(lock, "2.4.6", "2.1.9", 1))
	files, err := Files(w.Kit)
	if len(files) != 3 || err != nil {
		t.Errorf("%v, %v", files, err)
	}
}
