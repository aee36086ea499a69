package phpfile_test

import (
	"errors"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

func TestUpdateKeepsWhatItDoesNotName(t *testing.T) {
	w := toolkittest.New(t, "-- app/etc/env.php --\n<?php\nreturn ['crypt' => ['key' => 'k'], 'cron' => ['enabled' => 1]];\n")
	file := w.Kit.PHPFile("app/etc/env.php")
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
	if err := w.Kit.PHPFile("a.php").Update(phparray.Map("a", 1)); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "a.php"); got != content {
		t.Errorf("wrote %s", got)
	}
}

func TestAMissingFileIsEmptyAndMade(t *testing.T) {
	w := toolkittest.New(t, "")
	file := w.Kit.PHPFile("app/etc/config.php")
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

// computed is a file as written by people who keep secrets in variables of the environment.
const computed = `<?php
declare(strict_types=1);

use Acme\Cache as C;

$host = getenv('SHOP_DB_HOST') ?: 'localhost';

return [
    'db' => ['connection' => ['default' => ['host' => $host, 'password' => $_SERVER['SHOP_DB_PASSWORD'] ?? null]]],
    'backend' => ['frontName' => <<<TEXT
        backoffice
        TEXT],
    'dir' => BP . '/var',
    'cache' => ['type' => C::class, 'id' => C::ID, 'ratio' => 0.1, 'bytes' => "\xff", 3 => true],
    ...(PHP_VERSION_ID >= 70000 ? ['new' => 1] : []),
];
`

func withPHP(t *testing.T, archive string, env ...string) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, archive)
	w.Kit.Shell = &shell.Local{Dir: w.Dir, Env: append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, env...), Log: w.Kit.Log}
	return w
}

const autoload = "-- vendor/autoload.php --\n<?php\nspl_autoload_register(function ($c) { if ($c === 'Acme\\\\Cache') { eval('namespace Acme; class Cache { const ID = 7; }'); } });\nreturn new class { function loadClass($c) { spl_autoload_call($c); } };\n"

func TestCodeIsReadByPHP(t *testing.T) {
	w := withPHP(t, "-- app/etc/env.php --\n"+computed+autoload, "SHOP_DB_HOST=db.internal", "SHOP_DB_PASSWORD=s3cret")
	a, err := w.Kit.PHPFile("app/etc/env.php").Read()
	if err != nil {
		t.Fatal(err)
	}
	want := phparray.Map(
		"db", phparray.Map("connection", phparray.Map("default", phparray.Map("host", "db.internal", "password", "s3cret"))),
		"backend", phparray.Map("frontName", "backoffice"),
		"dir", w.Dir+"/var",
		"cache", phparray.Map("type", `Acme\Cache`, "id", 7, "ratio", 0.1, "bytes", "\xff", "3", true),
		"new", 1,
	)
	if !a.Equal(want) {
		t.Errorf("read\n%s\nwant\n%s", phparray.Export(a), phparray.Export(want))
	}
	if strings.Contains(w.Log(), "s3cret") {
		t.Errorf("the log has a password:\n%s", w.Log())
	}
}

func TestCodeIsKeptUntilSomethingChanges(t *testing.T) {
	w := withPHP(t, "-- app/etc/env.php --\n"+computed+autoload)
	file := w.Kit.PHPFile("app/etc/env.php")
	if err := file.Update(phparray.Map("new", 1)); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "app/etc/env.php"); got != computed {
		t.Errorf("wrote %s", got)
	}
	if err := file.Update(phparray.Map("cron", phparray.Map("enabled", 0))); err != nil {
		t.Fatal(err)
	}
	if got := w.File(t, "app/etc/env.php.code"); got != computed {
		t.Errorf("saved %s", got)
	}
	for _, want := range []string{"'host' => 'localhost'", "'enabled' => 0"} {
		if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	if log := w.LogAt(fault.Warning); !strings.Contains(log, "WARNING: app/etc/env.php contains PHP code (app/etc/env.php:4:1: ") || !strings.Contains(log, "saved as app/etc/env.php.code") {
		t.Error(log)
	}
}

func TestWhatPHPCannotReadEither(t *testing.T) {
	for content, want := range map[string]string{
		"<?php return getenv('X');\n":                 "a.php:1:14: the call of getenv() cannot be read; write the value that it returns; php cannot read it either: it returns boolean, not an array; the file was not changed",
		"<?php return [\n'a' => \n":                   "php cannot read it either: Parse error: ",
		"<?php exit(0);\n":                            "the file ends the program",
		"<?php return ['a' => new stdClass()];\n":     "it returns more than plain values: the values of a.php:",
		"<?php return ['a' => missing_function()];\n": "Call to undefined function missing_function()",
	} {
		w := withPHP(t, "-- a.php --\n"+content)
		err := w.Kit.PHPFile("a.php").Update(phparray.Map("a", 1))
		f, ok := errors.AsType[*fault.Fault](fault.Wrap(102, err))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), "the file was not changed") {
			t.Errorf("%s: error %v", content, err)
		}
		if !ok || f.Code != 102 || !strings.HasPrefix(f.Suggestion, "Correct a.php:") {
			t.Errorf("%s: suggestion %+v", content, f)
		}
		if got := w.File(t, "a.php"); got != content {
			t.Errorf("wrote %s", got)
		}
	}
}

func TestCodeWithoutPHP(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	w := withPHP(t, "-- a.php --\n<?php return getenv('X');\n")
	_, err := w.Kit.PHPFile("a.php").Read()
	if want := "a.php:1:14: the call of getenv() cannot be read; write the value that it returns; the file was not changed"; err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}
