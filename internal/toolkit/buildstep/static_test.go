package buildstep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
)

func steps(run ...func(context.Context) error) scenario.Argument {
	var items []scenario.Item
	for _, r := range run {
		items = append(items, scenario.Item{Name: "step", Value: kit.StepFunc(r)})
	}
	return scenario.Argument{Name: "steps", Value: items}
}

func TestStaticContentInTheBuild(t *testing.T) {
	w := world(t, lock)
	ran := 0
	generate := steps(func(context.Context) error { ran++; return nil })
	must(t, run(t, w, `Build\DeployStaticContent`, scenario.Argument{Name: "scd-on-build", Value: verdict{}}, generate))
	same(t, "log", w.LogAt(fault.Info), "NOTICE: Generating fresh static content\nINFO: Set flag: .static_content_deploy\nNOTICE: End of generating fresh static content")
	if ran != 1 || !exists(w, ".static_content_deploy") {
		t.Errorf("ran %d times", ran)
	}
	must(t, run(t, w, `Build\DeployStaticContent`, scenario.Argument{Name: "scd-on-build", Value: verdict{&fault.Fault{Message: "SKIP_SCD variable is enabled"}}}, generate))
	if ran != 1 || exists(w, ".static_content_deploy") || !strings.Contains(w.Log(), "NOTICE: Skipping static content deploy: SKIP_SCD variable is enabled") {
		t.Errorf("ran %d times\n%s", ran, w.Log())
	}
	broken := steps(func(context.Context) error { return errors.New("no") })
	if err := run(t, w, `Build\DeployStaticContent`, broken); err == nil || exists(w, ".static_content_deploy") {
		t.Errorf("error %v", err)
	}
}

func TestGenerateInTheBuild(t *testing.T) {
	w := world(t, lock+`-- app/etc/config.php --
<?php return ['system' => ['stores' => ['fr' => ['general' => ['locale' => ['code' => 'fr_FR']]]]], 'admin_user' => ['locale' => ['code' => ['en_GB']]]];
-- pub/static/.htaccess --
-- vendor/magento/theme-frontend-luma/theme.xml --
-- vendor/magento/theme-frontend-luma/registration.php --
<?php ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Magento/luma', __DIR__);
`)
	w.Kit.Platform.Variables.Set("ADMIN_LOCALE", "de_DE")
	w.Variables["SCD_MATRIX"] = phparray.Map("magento/Luma", phparray.Map("language", phparray.List("en_US")), "Acme/none", nil)
	must(t, run(t, w, `Build\DeployStaticContent\Generate`))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), `php ./bin/magento setup:static-content:deploy --ansi --no-interaction -f --jobs 2 --no-html-minify --exclude-theme Magento/luma de_DE fr_FR en_GB en_US
php ./bin/magento setup:static-content:deploy --ansi --no-interaction -f --jobs 2 --no-html-minify --theme Magento/luma en_US`)
	same(t, "log", w.LogAt(fault.Info), `WARNING: Theme magento/Luma does not exist, attempting to resolve.
WARNING: Theme found as Magento/luma.  Using corrected name instead.
WARNING: Theme Acme/none does not exist, attempting to resolve.
ERROR: Unable to resolve theme.
WARNING: Unable to resolve Acme/none to an available theme.
INFO: Generating static content for locales: de_DE fr_FR en_GB en_US
Using 2 Threads`)
	w.Shell.Fail("php ./bin/magento setup:static-content:deploy", 1, "no")
	fails(t, run(t, w, `Build\DeployStaticContent\Generate`), 19)
}

func TestBaler(t *testing.T) {
	w := world(t, lock)
	baler := func(v verdict) error {
		return run(t, w, `Build\RunBaler`, scenario.Argument{Name: "baler-validator", Value: v})
	}
	must(t, baler(verdict{}))
	w.Variables["SCD_USE_BALER"] = true
	must(t, baler(verdict{}))
	w.Write(t, "-- .static_content_deploy --\n")
	must(t, baler(verdict{&fault.Fault{Code: 1007, Message: "Baler JS bundling cannot be used because of the following issues:", Suggestion: "one\ntwo"}}))
	if len(w.Shell.Lines()) > 0 {
		t.Errorf("ran %q", w.Shell.Lines())
	}
	must(t, baler(verdict{}))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "baler")
	same(t, "log", w.Log(), `DEBUG: Baler JS bundling is disabled.
NOTICE: Cannot run baler because static content has not been deployed.
WARNING: [1007] Baler JS bundling cannot be used because of the following issues:
WARNING:  - one
WARNING:  - two
INFO: Running Baler JS bundler.
DEBUG: baler
INFO: Baler JS bundling complete.`)
	w.Shell.Fail("baler", 1, "no")
	fails(t, baler(verdict{}), 17)
}

func TestCompressInTheBuild(t *testing.T) {
	w := world(t, lock+"-- pub/static/a.js --\n"+strings.Repeat("require();\n", 50))
	must(t, run(t, w, `Build\CompressStaticContent`))
	same(t, "log", w.Log(), "INFO: Skipping build-time static content compression because static content deployment has not happened.")
	w.Write(t, "-- .static_content_deploy --\n")
	w.Variables["VERBOSE_COMMANDS"] = "-v"
	must(t, run(t, w, `Build\CompressStaticContent`))
	if !exists(w, "pub/static/a.js.gz") || !strings.Contains(w.Log(), "INFO: Static content compression took 0.000 seconds.") {
		t.Error(w.Log())
	}
	w.Variables["SCD_COMPRESSION_LEVEL"] = 0
	must(t, run(t, w, `Build\CompressStaticContent`))
	if !strings.Contains(w.Log(), "INFO: Static content compression was disabled.") {
		t.Error(w.Log())
	}
	w.Variables["SCD_COMPRESSION_LEVEL"] = 6
	must(t, os.Remove(filepath.Join(w.Dir, "pub/static/a.js.gz")))
	block(t, w, "pub/static/a.js.gz")
	fails(t, run(t, w, `Build\CompressStaticContent`), 20)
}
