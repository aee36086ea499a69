package deploystep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
)

func TestStaticContentInTheDeployment(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- pub/static/.htaccess --\n-- pub/static/old.js --\n")
	must(t, run(t, w, `Step\Deploy\DeployStaticContent`, steps("steps", w.Kit, "nested")))
	same(t, "log", w.LogAt(fault.Info), "INFO: Clearing pub/static\nINFO: Clearing var/view_preprocessed\nNOTICE: Generating fresh static content\nINFO: nested\nNOTICE: End of generating fresh static content")
	if exists(w, "pub/static/old.js") || !exists(w, "pub/static/.htaccess") {
		t.Error("not what should be there")
	}
	for _, prepare := range []func(){
		func() { w.Variables["SKIP_SCD"] = true },
		func() { w.Variables["SKIP_SCD"] = false; w.Write(t, "-- .static_content_deploy --\n") },
	} {
		prepare()
		before := w.Log()
		must(t, run(t, w, `Step\Deploy\DeployStaticContent`, steps("steps", w.Kit, "nested")))
		must(t, run(t, w, `Step\Deploy\CompressStaticContent`))
		same(t, "log", strings.TrimPrefix(w.Log(), before), "INFO: Static content deployment was performed during the build phase or disabled. Skipping deploy phase static content compression.")
	}
	w.Variables["SCD_ON_DEMAND"] = true
	must(t, run(t, w, `Step\Deploy\DeployStaticContent`))
	must(t, run(t, w, `Step\Deploy\CompressStaticContent`))
	logs(t, w, "NOTICE: Skipping static content deploy. SCD on demand is enabled.\nINFO: Clearing pub/static", "NOTICE: Skipping static content compression. SCD on demand is enabled.")
	w, _ = world(t, "-- pub/static --\na file\n")
	fails(t, run(t, w, `Step\Deploy\DeployStaticContent`), 122)
}

func TestGenerateInTheDeployment(t *testing.T) {
	w, db := world(t, lock("2.4.6"))
	w.Variables["SCD_STRATEGY"] = "compact"
	db.rows["SELECT value FROM core_config_data"] = []*phparray.Array{phparray.Map("value", "fr_FR"), phparray.Map("value", "en_US"), phparray.Map("value", nil)}
	must(t, run(t, w, `Step\Deploy\DeployStaticContent\Generate`))
	same(t, "log", w.LogAt(fault.Info), "INFO: Extracting locales\nINFO: Generating static content for locales: fr_FR en_US")
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./bin/magento setup:static-content:deploy --ansi --no-interaction -f -s compact --jobs 1 --no-html-minify fr_FR en_US")
	if !exists(w, "pub/static/deployed_version.txt") {
		t.Error("no version file")
	}
	w.Shell.Fail("php", 1, "no")
	fails(t, run(t, w, `Step\Deploy\DeployStaticContent\Generate`), 119)
	must(t, os.RemoveAll(filepath.Join(w.Dir, "pub/static")))
	w.Write(t, "-- pub/static --\na file\n")
	err := run(t, w, `Step\Deploy\DeployStaticContent\Generate`)
	fails(t, err, 121)
	same(t, "error", err.Error(), "Cannot update deployed version.")
}

func TestADatabaseOnAnotherPortGetsOneProcess(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db:3307']]]];\n")
	w.Variables["SCD_THREADS"] = 4
	must(t, run(t, w, `Step\Deploy\DeployStaticContent\Generate`))
	if got := w.Shell.Lines()[0]; !strings.Contains(got, "--jobs 1 ") {
		t.Error(got)
	}
	logs(t, w, "NOTICE: Threads count was forced to 1: the child processes of setup:static-content:deploy cannot connect to the database at db:3307 again")
	w.Write(t, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db']]]];\n")
	must(t, run(t, w, `Step\Deploy\DeployStaticContent\Generate`))
	if got := w.Shell.Lines()[1]; !strings.Contains(got, "--jobs 4 ") {
		t.Error(got)
	}
}

func TestCompressInTheDeployment(t *testing.T) {
	w, _ := world(t, "-- pub/static/a.js --\n"+strings.Repeat("require();\n", 50))
	must(t, run(t, w, `Step\Deploy\CompressStaticContent`))
	if !exists(w, "pub/static/a.js.gz") {
		t.Error("nothing was compressed")
	}
	must(t, os.Remove(filepath.Join(w.Dir, "pub/static/a.js.gz")))
	w.Write(t, "-- pub/static/a.js.gz/x --\n")
	fails(t, run(t, w, `Step\Deploy\CompressStaticContent`), 120)
}
