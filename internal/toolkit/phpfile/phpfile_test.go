package phpfile

import (
	"strings"
	"testing"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

func TestUpdateKeepsWhatItDoesNotName(t *testing.T) {
	w := toolkittest.New(t, "-- app/etc/env.php --\n<?php\nreturn ['crypt' => ['key' => 'k'], 'cron' => ['enabled' => 1]];\n")
	file := File{w.Kit.Tree, "app/etc/env.php"}
	if err := file.Update(phparray.Map("cron", phparray.Map("enabled", 0))); err != nil {
		t.Fatal(err)
	}
	want := "<?php\nreturn array (\n  'crypt' => \n  array (\n    'key' => 'k',\n  ),\n  'cron' => \n  array (\n    'enabled' => 0,\n  ),\n);"
	if got := w.File(t, "app/etc/env.php"); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
}

func TestNothingToChangeLeavesTheFile(t *testing.T) {
	const content = "<?php return ['a' => 1]; // mine\n"
	w := toolkittest.New(t, "-- a.php --\n"+content)
	if err := (File{w.Kit.Tree, "a.php"}).Update(phparray.Map("a", 1)); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "a.php"); got != content {
		t.Errorf("wrote %s", got)
	}
}

func TestAMissingFileIsEmptyAndMade(t *testing.T) {
	w := toolkittest.New(t, "")
	file := File{w.Kit.Tree, "app/etc/config.php"}
	if a, err := file.Read(); err != nil || a.Len() != 0 {
		t.Fatalf("read %v, %v", a, err)
	}
	if err := file.Update(phparray.Map("modules", phparray.New())); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "app/etc/config.php"); !strings.Contains(got, "modules") {
		t.Errorf("wrote %s", got)
	}
}

func TestWhatIsNoArrayIsNotTouched(t *testing.T) {
	const content = "<?php return getenv('X');\n"
	w := toolkittest.New(t, "-- a.php --\n"+content)
	err := (File{w.Kit.Tree, "a.php"}).Update(phparray.Map("a", 1))
	if err == nil || !strings.Contains(err.Error(), "a.php:1:") || !strings.Contains(err.Error(), "was not changed") {
		t.Errorf("error %v", err)
	}
	if got := w.File(t, "a.php"); got != content {
		t.Errorf("wrote %s", got)
	}
}
