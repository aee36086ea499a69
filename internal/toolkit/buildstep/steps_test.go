package buildstep

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// lock is a composer.lock of Magento 2.4.6.
const lock = "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.4.6\"}]}\n"

func world(t *testing.T, archive string) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, archive)
	maps.Copy(w.Variables, map[string]any{
		"VERBOSE_COMMANDS": "", "ERROR_REPORT_DIR_NESTING_LEVEL": 1, "QUALITY_PATCHES": phparray.New(), "ENABLE_EVENTING": false, "ENABLE_WEBHOOKS": false,
		"SKIP_COMPOSER_DUMP_AUTOLOAD": false, "SCD_USE_BALER": false, "SKIP_HTML_MINIFICATION": true, "SCD_STRATEGY": "", "SCD_NO_PARENT": false,
		"SCD_MAX_EXECUTION_TIME": nil, "SCD_THREADS": 2, "SCD_MATRIX": phparray.New(), "SCD_COMPRESSION_LEVEL": 6, "SCD_COMPRESSION_TIMEOUT": 600,
	})
	return w
}

// run runs the step of a name and returns its error.
func run(t *testing.T, w *toolkittest.World, name string, args ...scenario.Argument) error {
	t.Helper()
	var r scenario.Registry
	Register(&r)
	factory, ok := r.Lookup(`Magento\MagentoCloud\Step\` + name)
	if !ok {
		t.Fatalf("no step %s", name)
	}
	made, err := factory(w.Kit, args)
	if err != nil {
		t.Fatal(err)
	}
	step, ok := made.(kit.Step)
	if !ok {
		t.Fatalf("%s is a %T", name, made)
	}
	return step.Run(t.Context())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fails wants an error with a code.
func fails(t *testing.T, err error, code int) {
	t.Helper()
	if fault.CodeOf(err) != code || err == nil {
		t.Errorf("error %v with code %d, want code %d", err, fault.CodeOf(err), code)
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

// exists reports whether a path of the tree exists.
func exists(w *toolkittest.World, name string) bool {
	_, err := os.Lstat(filepath.Join(w.Dir, name))
	return err == nil
}

// block puts a directory with content where a file is to be written.
func block(t *testing.T, w *toolkittest.World, name string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Join(w.Dir, name, "x"), 0o750))
}

type verdict struct{ found *fault.Fault }

func (v verdict) Validate(context.Context) (*fault.Fault, error) { return v.found, nil }

func TestPreBuildForgetsTheLastBuild(t *testing.T) {
	w := world(t, lock+"-- .static_content_deploy --\n-- generated/code/A.php --\n-- generated/metadata/b.php --\n")
	must(t, run(t, w, `Build\PreBuild`))
	same(t, "log", w.LogAt(fault.Info), `INFO: Verbosity level is not set
INFO: Deleting flag: .static_content_deploy
INFO: Generated code exists from an old deployment - clearing it now.
INFO: Generated metadata exists from an old deployment - clearing it now.`)
	if exists(w, "generated/code/A.php") || exists(w, "generated/metadata/b.php") || !exists(w, "generated/code") {
		t.Error("generated code is as it was, or its directory is gone")
	}
	w.Variables["VERBOSE_COMMANDS"] = "-vv"
	must(t, run(t, w, `Build\PreBuild`))
	if !strings.Contains(w.Log(), "INFO: Verbosity level is -vv") {
		t.Error(w.Log())
	}
}

func TestProductionMode(t *testing.T) {
	w := world(t, lock)
	must(t, run(t, w, "SetProductionMode"))
	if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, "'MAGE_MODE' => 'production'") {
		t.Error(got)
	}
	same(t, "log", w.Log(), "INFO: Set Magento application mode to 'production'")
	w = world(t, lock)
	block(t, w, "app/etc/env.php")
	fails(t, run(t, w, "SetProductionMode"), 2)
}

func TestModulesThatAreOffStayOff(t *testing.T) {
	w := world(t, lock+"-- app/etc/config.php --\n<?php return ['modules' => ['Magento_Store' => 1, 'Magento_TwoFactorAuth' => 0]];\n")
	w.Shell.On("php ./bin/magento module:enable", func(shell.Command) (shell.Result, error) {
		w.Write(t, "-- app/etc/config.php --\n<?php return ['modules' => ['Magento_Store' => 1, 'Magento_TwoFactorAuth' => 1, 'Acme_New' => 1]];\n")
		return shell.Result{}, nil
	})
	must(t, run(t, w, `Build\RefreshModules`))
	same(t, "config.php", w.File(t, "app/etc/config.php"), "<?php\nreturn array (\n  'modules' => \n  array (\n    'Magento_Store' => 1,\n    'Magento_TwoFactorAuth' => 0,\n    'Acme_New' => 1,\n  ),\n);")
	same(t, "log", w.LogAt(fault.Info), `NOTICE: Reconciling installed modules with shared config.
INFO: The following modules have been enabled:
Acme_New
NOTICE: End of reconciling modules.`)
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./bin/magento module:enable --ansi --no-interaction --all")
}

func TestModulesOfANewProject(t *testing.T) {
	w := world(t, lock)
	w.Variables["VERBOSE_COMMANDS"] = "-v"
	must(t, run(t, w, `Build\RefreshModules`))
	if !strings.Contains(w.Log(), "INFO: No modules were changed.") || w.Shell.Lines()[0] != "php ./bin/magento module:enable --ansi --no-interaction --all -v" {
		t.Error(w.Log(), w.Shell.Lines())
	}
	w.Shell.Fail("php", 1, "no")
	fails(t, run(t, w, `Build\RefreshModules`), 11)
	w = world(t, lock)
	block(t, w, "app/etc/config.php")
	fails(t, run(t, w, `Build\RefreshModules`), 7)
}

func TestCopies(t *testing.T) {
	w := world(t, lock+"-- vendor/magento/sample-data-media/catalog/a.jpg --\njpg\n-- var/cache/x --\n")
	must(t, run(t, w, `Build\CopyPubStatic`))
	must(t, run(t, w, `Build\CopySampleData`))
	must(t, run(t, w, `Build\MarshallFiles`))
	if !strings.Contains(w.File(t, "pub/front-static.php"), "StaticResource") || !exists(w, "pub/media/catalog/a.jpg") || exists(w, "var/cache") || exists(w, "app/di.xml") {
		t.Error("files are not as they should be")
	}
	same(t, "log", w.Log(), "INFO: File \"front-static.php\" was copied\nINFO: Sample data media found. Marshalling to pub/media.")
	w = world(t, lock)
	must(t, run(t, w, `Build\CopySampleData`))
	same(t, "log", w.Log(), "INFO: Sample data media was not found. Skipping.")
	w.Write(t, "-- vendor/magento/sample-data-media/a.jpg --\n")
	block(t, w, "pub/media/a.jpg")
	fails(t, run(t, w, `Build\CopySampleData`), 14)
}

func TestMarshallFilesBefore22(t *testing.T) {
	w := world(t, "-- composer.lock --\n{\"packages\":[{\"name\":\"magento/magento2-base\",\"version\":\"2.1.9\"}]}\n-- app/etc/di.xml --\na\n-- app/etc/enterprise/di.xml --\nb\n")
	must(t, run(t, w, `Build\MarshallFiles`))
	same(t, "files", w.File(t, "app/di.xml")+w.File(t, "app/enterprise/di.xml"), "a\nb")
}

func TestReportDirNestingLevel(t *testing.T) {
	w := world(t, lock)
	w.Variables["ERROR_REPORT_DIR_NESTING_LEVEL"] = 3
	must(t, run(t, w, `Build\SetReportDirNestingLevel`))
	if got, want := w.File(t, "pub/errors/local.xml"), "<?xml version=\"1.0\"?>\n<config>\n    <report>\n        <dir_nesting_level>3</dir_nesting_level>\n    </report>\n</config> "; got != want {
		t.Errorf("wrote %q", got)
	}
	must(t, run(t, w, `Build\SetReportDirNestingLevel`))
	at := filepath.Join(w.Dir, "pub/errors/local.xml")
	same(t, "log", w.Log(), "INFO: Configuring directory nesting level for saving error reports\nNOTICE: The file "+at+" with the `config.report.dir_nesting_level` property: `3` was created.\n"+
		"INFO: Configuring directory nesting level for saving error reports\nNOTICE: The error reports configuration file `"+at+"` exists. Value of the property `ERROR_REPORT_DIR_NESTING_LEVEL` of .magento.env.yaml will be ignored")
	w = world(t, lock+"-- pub/errors --\n")
	fails(t, run(t, w, `Build\SetReportDirNestingLevel`), 13)
}

func TestEventingAndWebhooks(t *testing.T) {
	for _, c := range []struct {
		step, variable, making, enabling string
		makeCode, enableCode             int
	}{
		{`Build\EnableEventing`, "ENABLE_EVENTING", "php ./bin/magento events:generate:module", "php ./bin/magento module:enable --ansi --no-interaction Magento_AdobeCommerceEvents", 247, 248},
		{`Build\EnableWebhooks`, "ENABLE_WEBHOOKS", "php ./bin/magento webhooks:generate:module", "php ./bin/magento module:enable --ansi --no-interaction Magento_AdobeCommerceWebhookPlugins", 249, 250},
	} {
		w := world(t, lock)
		must(t, run(t, w, c.step))
		if len(w.Shell.Lines()) > 0 {
			t.Errorf("ran %q", w.Shell.Lines())
		}
		w.Variables[c.variable] = true
		must(t, run(t, w, c.step))
		same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), c.making+" --ansi --no-interaction\n"+c.enabling)
		w.Shell.Fail(c.enabling, 1, "no")
		fails(t, run(t, w, c.step), c.enableCode)
		w.Shell.Fail(c.making, 1, "no")
		fails(t, run(t, w, c.step), c.makeCode)
	}
}

func TestCompileAndAutoload(t *testing.T) {
	w := world(t, lock)
	must(t, run(t, w, `Build\CompileDi`))
	must(t, run(t, w, `Build\ComposerDumpAutoload`))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./bin/magento setup:di:compile --ansi --no-interaction\ncomposer dump-autoload -o --ansi --no-interaction")
	w.Shell.Fail("", 1, "no")
	fails(t, run(t, w, `Build\CompileDi`), 15)
	fails(t, run(t, w, `Build\ComposerDumpAutoload`), 16)
	w.Variables["SKIP_COMPOSER_DUMP_AUTOLOAD"] = true
	must(t, run(t, w, `Build\ComposerDumpAutoload`))
	if !strings.Contains(w.Log(), "INFO: The composer dump-autoload command was skipped as SKIP_COMPOSER_DUMP_AUTOLOAD variable is set to true") {
		t.Error(w.Log())
	}
}
