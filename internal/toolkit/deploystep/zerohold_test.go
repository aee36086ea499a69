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
func deploy(t *testing.T, w *toolkittest.World, update ...string) string {
	t.Helper()
	before := len(w.Shell.Lines())
	s := newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`, steps("steps", w.Kit, update...)))
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
	same(t, "commands", deploy(t, w), "maintenance:enable\ncache:flush\nsetup:upgrade --keep-generated\nmaintenance:disable")
	logs(t, w, "INFO: Maintenance mode is needed: the schema of modules changed\nNOTICE: Enabling Maintenance mode")
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
