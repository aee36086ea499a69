package buildstep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// project is a Magento with one class of its own.
const project = lock + `-- app/etc/config.php --
<?php return ['modules' => ['Magento_Store' => 1, 'Acme_Shop' => 1], 'scopes' => ['stores' => ['default' => ['code' => 'default']]]];
-- app/etc/env.php --
<?php return ['MAGE_MODE' => 'production'];
-- app/code/Acme/Shop/Model/Offer.php --
<?php namespace Acme\Shop\Model; class Offer { public function title() { return 1; } }
-- composer.json --
{"name": "acme/shop"}
-- pub/static/.htaccess --
-- vendor/composer/autoload_real.php --
<?php // as installed
`

// builds are builds of one project, each in a new tree, with one cache.
type builds struct {
	cache string
	mode  string
	steps []string
}

const compiles = "php ./bin/magento setup:di:compile"

// build runs the steps in a tree with changed files. It returns the world, and the error of the
// first step that failed.
func (b *builds) build(t *testing.T, changes string, prepare ...func(*toolkittest.World)) (*toolkittest.World, error) {
	t.Helper()
	if b.cache == "" {
		b.cache = t.TempDir()
	}
	w := world(t, project+changes)
	w.Env["MAGENTO_CLOUD_CACHE_DIR"], w.Env["MAGENTO_CLOUD_TREE_ID"], w.Env["SLUICE_STEPS"] = b.cache, "0123456789", b.mode
	w.Shell.On("php", func(c shell.Command) (shell.Result, error) {
		if strings.Contains(shell.Line(c), " -- ") {
			return shell.Result{Stdout: "loaded"}, nil
		}
		return shell.Result{Stdout: "a notice\nPHP 8.2.1 Linux 8: Core=8.2.1"}, nil
	})
	w.Shell.Print("composer --version", "Composer version 2.5.5")
	writes := func(line, archive string) {
		w.Shell.On(line, func(shell.Command) (shell.Result, error) {
			w.Write(t, archive)
			return shell.Result{Stdout: "Execution time: 1"}, nil
		})
	}
	writes(compiles, "-- generated/code/Acme/Shop/Model/OfferFactory.php --\nfactory\n-- generated/metadata/global.php --\nglobal\n"+
		"-- app/etc/env.php --\n<?php return ['MAGE_MODE' => 'production', 'cache_types' => ['compiled_config' => 1]];\n")
	writes("composer dump-autoload", "-- vendor/composer/autoload_classmap.php --\nclasses\n")
	writes("php ./bin/magento setup:static-content:deploy", "-- pub/static/frontend/a.js --\njs\n-- pub/static/deployed_version.txt --\n1\n")
	writes("php ./bin/magento module:enable", "-- app/etc/config.php --\n"+configWith("Acme_New' => 1, '"))
	for _, p := range prepare {
		p(w)
	}
	for _, step := range b.steps {
		if err := run(t, w, step); err != nil {
			return w, err
		}
	}
	return w, nil
}

func configWith(module string) string {
	return "<?php return ['modules' => ['Magento_Store' => 1, '" + module + "Acme_Shop' => 1], 'scopes' => ['stores' => ['default' => ['code' => 'default']]]];\n"
}

// ran reports whether a command ran.
func ran(w *toolkittest.World, begins string) bool {
	for _, line := range w.Shell.Lines() {
		if strings.HasPrefix(line, begins) {
			return true
		}
	}
	return false
}

func TestCompilationIsReused(t *testing.T) {
	b := &builds{steps: []string{`Build\CompileDi`}}
	w, err := b.build(t, "")
	must(t, err)
	if !ran(w, compiles) || !strings.Contains(w.Log(), "INFO: The DI compilation runs: no result of an earlier build is kept.") {
		t.Fatal(w.Log())
	}
	fresh := w.File(t, "app/etc/env.php")
	for _, c := range []struct{ name, changes, log string }{
		{"nothing", "", "Reusing the DI compilation of the build of tree 0123456 of 2026-11-23 09:09 UTC: nothing that it reads has changed."},
		{"a template", "-- app/code/Acme/Shop/view/a.phtml --\nx\n", "Reusing the DI compilation"},
		{"scopes", "-- app/etc/config.php --\n" + strings.Replace(configWith(""), "default", "german", 1), "Reusing the DI compilation"},
		{
			"a body", "-- app/code/Acme/Shop/Model/Offer.php --\n<?php namespace Acme\\Shop\\Model; class Offer { public function title() { return 2; } }\n",
			"nothing that it reads has changed but bodies of methods; the 1 classes concerned were loaded.",
		},
	} {
		w, err := b.build(t, c.changes)
		must(t, err)
		if ran(w, compiles) || !strings.Contains(w.Log(), c.log) {
			t.Errorf("%s:\n%s", c.name, w.Log())
		}
		if w.File(t, "generated/metadata/global.php") != "global\n" || !exists(w, "generated/code/Acme/Shop/Model/OfferFactory.php") || w.File(t, "app/etc/env.php") != fresh {
			t.Errorf("%s: what was restored is not what the step made", c.name)
		}
	}
}

func TestCompilationRuns(t *testing.T) {
	installed := "-- app/etc/env.php --\n<?php return ['install' => ['date' => '2026']];\n"
	for _, c := range []struct {
		name, changes, log string
		prepare            func(*toolkittest.World)
	}{
		{name: "a signature", changes: "-- app/code/Acme/Shop/Model/Offer.php --\n<?php namespace Acme\\Shop\\Model; class Offer { public function title($x) { } }\n", log: "since the build of tree 0123456 of 2026-11-23 09:09 UTC these changed: app/code/Acme/Shop/Model/Offer.php."},
		{name: "di.xml", changes: "-- app/code/Acme/Shop/etc/di.xml --\n<config/>\n", log: "these changed: app/code/Acme/Shop/etc/di.xml (new)."},
		{name: "modules", changes: "-- app/etc/config.php --\n" + configWith("Acme_New' => 1, '"), log: "these changed: the modules in app/etc/config.php."},
		{name: "PHP", log: "these changed: PHP.", prepare: func(w *toolkittest.World) { w.Shell.Print("php -d 'display_errors=stderr'", "PHP 8.3.0") }},
		{name: "no PHP", log: "its result is not kept: php did not say its version.", prepare: func(w *toolkittest.World) { w.Shell.Print("php -d 'display_errors=stderr'", "") }},
		{name: "an installation", changes: installed, log: "its result is not kept: app/etc/env.php says that Magento is installed."},
		{name: "a link out of the tree", log: "its result is not kept: read what the step compile-di reads", prepare: func(w *toolkittest.World) { _ = os.Symlink("/tmp", filepath.Join(w.Dir, "app/out")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &builds{steps: []string{`Build\CompileDi`}}
			_, err := b.build(t, "")
			must(t, err)
			w, err := b.build(t, c.changes, append([]func(*toolkittest.World){}, func(w *toolkittest.World) {
				if c.prepare != nil {
					c.prepare(w)
				}
			})...)
			must(t, err)
			if !ran(w, compiles) || !strings.Contains(w.Log(), c.log) {
				t.Errorf("%s\n%s", strings.Join(w.Shell.Lines(), "\n"), w.Log())
			}
		})
	}
}

func TestABodyThatDoesNotLoad(t *testing.T) {
	b := &builds{steps: []string{`Build\CompileDi`}}
	_, err := b.build(t, "")
	must(t, err)
	broken := "-- app/code/Acme/Shop/Model/Offer.php --\n<?php namespace Acme\\Shop\\Model; class Offer { public function title() { return return; } }\n"
	w, err := b.build(t, broken, func(w *toolkittest.World) {
		w.Shell.Fail("php -d 'display_errors=stderr' -d 'memory_limit=-1' -- ", 255, "Parse error")
		w.Shell.Fail(compiles, 255, "PHP Parse error: syntax error in Offer.php on line 1")
	})
	fails(t, err, 15)
	if !strings.Contains(w.Log(), `-- 'Acme\Shop\Model\Offer'`) || !strings.Contains(w.Log(), "classes with changed bodies could not be loaded") {
		t.Error(w.Log())
	}
	w, err = b.build(t, "")
	must(t, err)
	if ran(w, compiles) {
		t.Error("a build that failed took the kept result away")
	}
}

func TestModesOfReuse(t *testing.T) {
	b := &builds{steps: []string{`Build\CompileDi`}}
	_, err := b.build(t, "")
	must(t, err)
	for mode, log := range map[string]string{
		"run": "because SLUICE_STEPS is run", "verify": "made the same files as the build of tree 0123456", "odd": `WARNING: SLUICE_STEPS is "odd"; it can be reuse, run or verify.`,
	} {
		b.mode = mode
		w, err := b.build(t, "")
		must(t, err)
		if !ran(w, compiles) || !strings.Contains(w.Log(), log) {
			t.Errorf("%s:\n%s", mode, w.Log())
		}
	}
	b.mode = "verify"
	_, err = b.build(t, "", func(w *toolkittest.World) {
		w.Shell.On(compiles, func(shell.Command) (shell.Result, error) {
			w.Write(t, "-- generated/code/Other.php --\n")
			return shell.Result{}, nil
		})
	})
	fails(t, err, 15)
	if !strings.Contains(err.Error(), "differs from a fresh one in 4 files: app/etc/env.php, generated/code/Acme/Shop/Model/OfferFactory.php, generated/code/Other.php") {
		t.Error(err)
	}
	b.mode = ""
	w, err := b.build(t, "")
	must(t, err)
	if !ran(w, compiles) {
		t.Error("a result that was found to be wrong was used again")
	}
}

func TestAllStepsAreReused(t *testing.T) {
	b := &builds{steps: []string{`Build\RefreshModules`, `Build\CompileDi`, `Build\ComposerDumpAutoload`, `Build\DeployStaticContent\Generate`}}
	const enables, dumps, deploys = "php ./bin/magento module:enable", "composer dump-autoload", "php ./bin/magento setup:static-content:deploy"
	first, err := b.build(t, "")
	must(t, err)
	for _, line := range []string{enables, compiles, dumps, deploys} {
		if !ran(first, line) {
			t.Fatalf("%s did not run\n%s", line, first.Log())
		}
	}
	for _, c := range []struct {
		name, changes string
		runs          []string
	}{
		{"a template", "-- app/code/Acme/Shop/view/frontend/templates/a.phtml --\nx\n", nil},
		{"a style", "-- app/code/Acme/Shop/view/frontend/web/a.css --\nx\n", []string{deploys}},
		{"a signature", "-- app/code/Acme/Shop/Model/Offer.php --\n<?php namespace Acme\\Shop\\Model; class Offer { public function title($x) { } }\n", []string{compiles, deploys}},
		{"a module", "-- app/code/Acme/Shop/etc/module.xml --\n<module/>\n", []string{enables, deploys}},
		{"a class map", "-- app/code/Acme/Shop/Model/More.php --\n<?php namespace Acme\\Shop\\Model; class More { }\n", []string{compiles, dumps, deploys}},
		{"scripts of Composer", "-- composer.json --\n{\"scripts\": {\"post-autoload-dump\": \"x\"}}\n", []string{enables, compiles, dumps, deploys}},
		{"static content that is there", "-- pub/static/own.js --\nx\n", []string{deploys}},
	} {
		w, err := b.build(t, c.changes)
		must(t, err)
		for _, line := range []string{enables, compiles, dumps, deploys} {
			want := strings.Contains(strings.Join(c.runs, "\n"), line)
			if got := ran(w, line); got != want {
				t.Errorf("%s: %s ran: %t, want %t\n%s", c.name, line, got, want, w.LogAt(fault.Info))
			}
		}
		for _, name := range []string{"vendor/composer/autoload_classmap.php", "pub/static/frontend/a.js", "pub/static/deployed_version.txt", "generated/metadata/global.php"} {
			if !exists(w, name) {
				t.Errorf("%s: %s is missing", c.name, name)
			}
		}
		if got := w.File(t, "app/etc/config.php"); !strings.Contains(got, "Acme_New") {
			t.Errorf("%s: config.php is %s", c.name, got)
		}
	}
}

func TestVerificationOfStaticContent(t *testing.T) {
	b := &builds{steps: []string{`Build\DeployStaticContent\Generate`}}
	_, err := b.build(t, "")
	must(t, err)
	b.mode = "verify"
	makes := func(archive string) func(*toolkittest.World) {
		return func(w *toolkittest.World) {
			w.Shell.On("php ./bin/magento setup:static-content:deploy", func(shell.Command) (shell.Result, error) {
				w.Write(t, archive)
				return shell.Result{Stdout: "Execution time: 1"}, nil
			})
		}
	}
	w, err := b.build(t, "", makes("-- pub/static/frontend/a.js --\njs\n-- pub/static/deployed_version.txt --\n2\n"))
	must(t, err)
	if !strings.Contains(w.Log(), "The static content made the same files") {
		t.Error(w.Log())
	}
	_, err = b.build(t, "", makes("-- pub/static/frontend/a.js --\nother\n-- pub/static/deployed_version.txt --\n3\n"))
	fails(t, err, 19)
	if err != nil && !strings.Contains(err.Error(), "in 1 files: pub/static/frontend/a.js") {
		t.Error(err)
	}
}

func TestVariablesOfStaticContentCount(t *testing.T) {
	b := &builds{steps: []string{`Build\CompileDi`, `Build\DeployStaticContent\Generate`}}
	_, err := b.build(t, "")
	must(t, err)
	w, err := b.build(t, "", func(w *toolkittest.World) { w.Variables["SCD_STRATEGY"] = "compact" })
	must(t, err)
	if ran(w, compiles) || !ran(w, "php ./bin/magento setup:static-content:deploy") {
		t.Error(w.Log())
	}
	w, err = b.build(t, "", func(w *toolkittest.World) {
		w.Variables["SCD_MATRIX"] = phparray.Map("Acme/theme", phparray.Map("language", phparray.List("de_DE")))
		w.Write(t, "-- app/design/frontend/Acme/theme/registration.php --\n<?php\nuse Magento\\Framework\\Component\\ComponentRegistrar;\nComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/theme', __DIR__);\n")
	})
	must(t, err)
	if !ran(w, "php ./bin/magento setup:static-content:deploy") {
		t.Error(w.Log())
	}
}

func TestStaticContentThatIsNotKept(t *testing.T) {
	for _, c := range []struct {
		changes, reason string
		minify          bool
	}{
		{changes: "-- app/etc/env.php --\n<?php return ['db' => ['connection' => []]];\n", reason: "app/etc/env.php names a database"},
		{minify: true, reason: "SKIP_HTML_MINIFICATION is off, so all templates are read, too"},
	} {
		b := &builds{steps: []string{`Build\DeployStaticContent\Generate`}}
		for range 2 {
			w, err := b.build(t, c.changes, func(w *toolkittest.World) { w.Variables["SKIP_HTML_MINIFICATION"] = !c.minify })
			must(t, err)
			if !ran(w, "php ./bin/magento setup:static-content:deploy") || !strings.Contains(w.Log(), "its result is not kept: "+c.reason) {
				t.Error(w.Log())
			}
		}
	}
}

func TestNoCacheDirectory(t *testing.T) {
	for _, dir := range []string{"", "/nowhere/at/all"} {
		b := &builds{cache: dir, steps: []string{`Build\CompileDi`}}
		w, err := b.build(t, "", func(w *toolkittest.World) { w.Env["MAGENTO_CLOUD_CACHE_DIR"] = dir })
		must(t, err)
		same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), compiles+" --ansi --no-interaction")
	}
}
