package deploystep

import (
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

const splitStep = `Step\Deploy\SplitDbConnection`

// splittable is a world with databases for both parts; bin/magento splits as Magento does.
func splittable(t *testing.T, wanted ...any) *toolkittest.World {
	t.Helper()
	w, _ := world(t, lock("2.4.1")+"-- app/etc/env.php --\n<?php return [];\n")
	w.Variables["SPLIT_DB"] = phparray.List(wanted...)
	for name, host := range map[string]string{"database-quote": "db-quote", "database-sales": "db-sales"} {
		relate(w, name, phparray.Map("host", host, "port", 3306, "path", "magento2", "username", "u", "password", "p"))
	}
	for part, connection := range map[string]string{"quote": "checkout", "sales": "sales"} {
		w.Shell.On("php ./bin/magento setup:db-schema:split-"+part, func(shell.Command) (shell.Result, error) {
			err := envPHP(w.Kit).Update(phparray.Map("db", phparray.Map("connection", phparray.Map(connection, phparray.Map("host", "db-"+part)))))
			return shell.Result{}, err
		})
	}
	return w
}

func TestSplitInTheOrderOfTheVariable(t *testing.T) {
	w := splittable(t, "sales", "quote")
	must(t, run(t, w, splitStep))
	must(t, run(t, w, splitStep))
	same(t, "log", w.LogAt(fault.Info), "INFO: Sales tables were split to DB magento2 in db-sales\nINFO: Running setup upgrade.\nINFO: Quote tables were split to DB magento2 in db-quote\nINFO: Running setup upgrade.")
	if got := strings.Join(w.Shell.Commands()[0].Args, " "); got != "php ./bin/magento setup:db-schema:split-sales --ansi --no-interaction --host=db-sales --dbname=magento2 --username=u --password=p" {
		t.Error(got)
	}
	if got := len(w.Shell.Lines()); got != 4 {
		t.Errorf("ran %d commands", got)
	}
	w.Variables["SPLIT_DB"] = phparray.List("quote")
	must(t, run(t, w, splitStep))
	logs(t, w, "WARNING: [2024] The SPLIT_DB variable is missing the configuration for split connection types: sales")
}

func TestSplitWithoutConnectionsOrByHand(t *testing.T) {
	w := splittable(t, "quote", "sales")
	w.Kit.Platform.Relationships.Unset("database-quote")
	w.Kit.Platform.Relationships.Unset("database-sales")
	must(t, run(t, w, splitStep))
	w.Write(t, "-- var/.ignore_split_db --\n")
	must(t, run(t, w, splitStep))
	same(t, "log", w.LogAt(fault.Info), "WARNING: [2023] Enabling a split database will be skipped. Relationship do not have configuration for next types: sales, quote\nINFO: Enabling a split database will be skipped. The flag ignore_split_db was detected.\nINFO: Deleting flag: var/.ignore_split_db")
	if len(w.Shell.Lines()) > 0 {
		t.Error(w.Shell.Lines())
	}
}

func TestSplitFails(t *testing.T) {
	w := splittable(t, "quote")
	w.Shell.Fail("php ./bin/magento setup:upgrade", 1, "no")
	fails(t, run(t, w, splitStep), 123)
	w = splittable(t, "quote")
	w.Shell.Fail("php ./bin/magento setup:db-schema", 1, "no")
	fails(t, run(t, w, splitStep), 123)
	w = splittable(t, "stock")
	if err := run(t, w, splitStep); err == nil || !strings.Contains(err.Error(), `no part "stock"`) {
		t.Error(err)
	}
}

func TestSlavesOfSplitDatabases(t *testing.T) {
	w := splittable(t, "quote", "sales")
	w.Variables["MYSQL_USE_SLAVE_CONNECTION"] = true
	relate(w, "database-quote-slave", phparray.Map("host", "slave-quote", "port", 3306, "path", "magento2", "username", "u", "password", "p"))
	must(t, run(t, w, splitStep))
	logs(t, w, "INFO: Slave connection for 'checkout' connection was set", "WARNING: [2025] Slave connection for 'sales' connection not set. The `relationships` configuration in the .magento.app.yaml file is missing")
	if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, "slave-quote") {
		t.Error(got)
	}
}
