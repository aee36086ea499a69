package deploystep

import (
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/toolkittest"
	"sluice/internal/toolkit/zerohold"
)

// current is a shop that was upgraded by the deployment before.
func current(t *testing.T) (*toolkittest.World, *database) {
	t.Helper()
	w, db := world(t, lock("2.4.6")+"-- .static_content_deploy --\n-- app/etc/config.php --\n<?php return ['modules' => ['A' => 1]];\n"+
		"-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'k'], 'install' => ['date' => 'x'], 'queue' => ['amqp' => ['host' => 'mq']]];\n")
	w.Variables["ZERO_HOLD_DEPLOY"] = true
	db.tables("core_config_data", "setup_module", "flag")
	before := newScenario()
	must(t, before.run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`))
	must(t, before.run(t, w, `Step\Deploy\InstallUpdate`))
	if len(db.ran) != 2 {
		t.Fatalf("nothing was recorded: %q\n%s", db.ran, w.Log())
	}
	db.rows["SELECT table_name"] = []*phparray.Array{phparray.Map("table_name", "flag")}
	_, record, _ := strings.Cut(db.ran[1], "{")
	db.rows["SELECT flag_data"] = []*phparray.Array{phparray.Map("flag_data", "{"+strings.TrimSuffix(record, "]"))}
	return w, db
}

// deploy runs the steps that have to do with maintenance and returns their commands.
func deploy(t *testing.T, w *toolkittest.World) string {
	t.Helper()
	before := len(w.Shell.Lines())
	s := newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`, steps("steps", w.Kit)))
	for _, name := range []string{`Step\EnableMaintenanceMode`, "CleanCache.Deploy", `Step\Deploy\InstallUpdate\Update\Setup`, `Step\DisableMaintenanceMode`} {
		must(t, s.run(t, w, name, scenario.Argument{}))
	}
	return strings.ReplaceAll(strings.ReplaceAll(strings.Join(w.Shell.Lines()[before:], "\n"), "php ./bin/magento ", ""), " --ansi --no-interaction", "")
}

func TestADeploymentWithoutChangesLeavesTheShopOpen(t *testing.T) {
	w, _ := current(t)
	relate(w, "redis", phparray.Map("host", "redis", "port", 6379))
	same(t, "commands", deploy(t, w), "setup:db:status\napp:config:status")
	logs(t, w,
		"NOTICE: Schema, data and configuration are current: this deployment needs no maintenance mode and no setup:upgrade.",
		"INFO: Skipping cache:flush: pre-deploy emptied the caches and nothing has filled them since.",
		"NOTICE: Skipping setup:upgrade: schema, data and configuration are current.",
		"NOTICE: Maintenance mode was not enabled.")
	if got := w.Progress.Lines; got[len(got)-1] != "touch pre-deploy: caches and mounts" {
		t.Error(got)
	}
}

func TestCachesInFilesAreFlushed(t *testing.T) {
	w, _ := current(t)
	same(t, "commands", deploy(t, w), "setup:db:status\napp:config:status\ncache:flush")
}

func TestAChangedModuleClosesTheShop(t *testing.T) {
	w, _ := current(t)
	w.Write(t, "-- app/code/Acme/Shop/etc/module.xml --\n")
	same(t, "commands", deploy(t, w), "cache:flush\nsetup:upgrade --keep-generated")
	logs(t, w, "INFO: Maintenance mode is needed: the schema of modules changed\nNOTICE: Enabling Maintenance mode")
}

// TestConfigurationIsImported: config.php of the build differs in more than modules, then
// env.php changes in what Magento hashes; both are imported in a shop that stays open.
func TestConfigurationIsImported(t *testing.T) {
	w, _ := current(t)
	w.Write(t, "-- init/app/etc/config.php --\n<?php return ['modules' => ['A' => 1], 'system' => ['default' => ['general' => ['store_information' => ['name' => 'New']]]]];\n")
	same(t, "commands", deploy(t, w), "setup:db:status\napp:config:status\ncache:flush\napp:config:import")
	logs(t, w, "NOTICE: Schema and data are current: this deployment imports configuration and needs no maintenance mode and no setup:upgrade.",
		"NOTICE: Maintenance mode was not enabled.")
	must(t, run(t, w, "CleanCache.PostDeploy"))
	logs(t, w, "INFO: Cache flushed successfully.")

	w, _ = current(t)
	relate(w, "redis", phparray.Map("host", "redis", "port", 6379))
	w.Write(t, "-- init/app/etc/config.php --\n<?php return ['modules' => ['A' => 1], 'scopes' => []];\n")
	s := newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`))
	before := len(w.Shell.Lines())
	for _, name := range []string{"CleanCache.Deploy", `Step\Deploy\InstallUpdate\Update\Setup`, "CleanCache.Deploy"} {
		must(t, s.run(t, w, name)) // the second flush is that of a project without a post_deploy hook
	}
	same(t, "commands", strings.Join(w.Shell.Lines()[before:], "\n"), "php ./bin/magento app:config:import --ansi --no-interaction\nphp ./bin/magento cache:flush --ansi --no-interaction")

	w, _ = current(t)
	s = newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`))
	must(t, envPHP(w.Kit).Update(phparray.Map("system", phparray.Map("default", phparray.Map("smile_elasticsuite_core_base_settings", "new")))))
	must(t, s.run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`))
	logs(t, w, "NOTICE: Skipping setup:upgrade: schema and data are current. Importing configuration from app/etc/config.php and app/etc/env.php.")
	w.Shell.Fail("php ./bin/magento app:config:import", 1, "no")
	fails(t, s.run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`), 117)
}

// TestCachesAreFlushedOnce: post-deploy flushes unless the deployment changed nothing that
// caches are made of, and it believes that once only.
func TestCachesAreFlushedOnce(t *testing.T) {
	w, _ := current(t)
	deploy(t, w)
	before := len(w.Shell.Lines())
	must(t, run(t, w, "CleanCache.PostDeploy"))
	logs(t, w, "INFO: Skipping cache:flush: the deploy phase emptied the caches, and only this release has filled them since.")
	must(t, run(t, w, "CleanCache.PostDeploy"))
	if got := w.Shell.Lines()[before:]; len(got) != 1 || !strings.Contains(got[0], "cache:flush") {
		t.Errorf("ran %q", got)
	}
	deploy(t, w)
	must(t, run(t, w, `Step\Deploy\RemoveDeployFailedFlag`))
	if exists(w, "var/.caches_are_current") {
		t.Error("the next deployment keeps what the last one noted")
	}
	w.Write(t, "-- app/code/Acme/Shop/etc/module.xml --\n")
	deploy(t, w)
	if exists(w, "var/.caches_are_current") {
		t.Error("post-deploy would not flush after an upgrade")
	}
}

// TestCachesInFrontOfMagentoAreFlushed: only cache:flush purges them.
func TestCachesInFrontOfMagentoAreFlushed(t *testing.T) {
	for name, prepare := range map[string]func(*toolkittest.World, *database){
		"hosts to purge": func(w *toolkittest.World, _ *database) {
			must(t, envPHP(w.Kit).Update(phparray.Map("http_cache_hosts", phparray.List(phparray.Map("host", "router.internal")))))
		},
		"Varnish in the database": func(_ *toolkittest.World, db *database) {
			db.rows["SELECT value FROM core_config_data"] = []*phparray.Array{phparray.Map("value", "2")}
		},
		"Fastly in config.php": func(w *toolkittest.World, _ *database) {
			w.Write(t, "-- app/etc/config.php --\n<?php return ['modules' => ['A' => 1], 'system' => ['default' => ['system' => ['full_page_cache' => ['caching_application' => 'fastly']]]]];\n")
		},
	} {
		w, db := current(t)
		prepare(w, db)
		deploy(t, w)
		if exists(w, "var/.caches_are_current") {
			t.Errorf("%s: post-deploy would not flush", name)
		}
	}
}

func TestAServiceThatChangesMeanwhileClosesTheShop(t *testing.T) {
	w, _ := current(t)
	s := newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`))
	must(t, envPHP(w.Kit).Update(phparray.Map("queue", phparray.Map("amqp", phparray.Map("host", "other")))))
	must(t, s.run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`))
	must(t, s.run(t, w, `Step\DisableMaintenanceMode`))
	logs(t, w, "INFO: Maintenance mode is needed after all: the database, queue or search service changed\nNOTICE: Enabling Maintenance mode", "NOTICE: Maintenance mode is disabled.")
}

func TestWithoutPreDeployItIsDecidedLater(t *testing.T) {
	w, _ := current(t)
	s := newScenario()
	must(t, s.run(t, w, `Step\EnableMaintenanceMode`))
	if got := w.LogAt(fault.Notice); strings.Contains(got, "Enabling") {
		t.Error(got)
	}
	w.Write(t, "-- var/.maintenance.flag --\n")
	must(t, s.run(t, w, `Step\DisableMaintenanceMode`))
	logs(t, w, "NOTICE: Maintenance mode is disabled.")
	if zerohold.Variable != "ZERO_HOLD_DEPLOY" {
		t.Error(zerohold.Variable)
	}
}
