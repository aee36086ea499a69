package deploystep

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

const early = "php var/tmp/sluice-upgrade/upgrade.php"

// upgrading is a shop with a new module, whose setup:upgrade can begin early. It plays the command:
// what it did is among the lines of the progress.
func upgrading(t *testing.T) *toolkittest.World {
	t.Helper()
	w, _ := current(t)
	relate(w, "redis", phparray.Map("host", "redis", "port", 6379))
	w.Write(t, "-- app/code/Acme/Shop/etc/module.xml --\n-- app/etc/env.php --\n"+
		"<?php return ['crypt' => ['key' => 'k'], 'install' => ['date' => 'x'], 'db' => ['connection' => ['default' => ['host' => 'db']]]];\n"+
		"-- vendor/magento/framework/Setup/Declaration/Schema/OperationsExecutor.php --\nUNIQUE_CHECKS=0\n")
	w.Shell.On(early, func(c shell.Command) (shell.Result, error) {
		w.Progress.Step("setup:upgrade waits")
		if _, err := io.WriteString(c.Output, "\n::sluice-upgrade waits\n"); err != nil {
			return shell.Result{}, err
		}
		if line, err := bufio.NewReader(c.Stdin).ReadString('\n'); err != nil || line != "go\n" {
			return shell.Result{Code: 75}, errors.New("ended")
		}
		w.Progress.Step("setup:upgrade writes")
		return shell.Result{Stdout: "Schema creation/updates:\n"}, nil
	})
	return w
}

// TestAnUpgradeBeginsBeforeTheHold: it waits until data may be written, and fills no cache
// that would have to be emptied again.
func TestAnUpgradeBeginsBeforeTheHold(t *testing.T) {
	w := upgrading(t)
	commands := strings.Split(deploy(t, w), "\n")
	if len(commands) != 1 || !strings.HasPrefix(commands[0], early) {
		t.Errorf("ran %q", commands)
	}
	waits, touch, writes := slices.Index(w.Progress.Lines, "step setup:upgrade waits"),
		slices.Index(w.Progress.Lines, "touch pre-deploy: caches and mounts"), slices.Index(w.Progress.Lines, "step setup:upgrade writes")
	if waits < 0 || waits > touch || touch > writes {
		t.Errorf("what happened: %q", w.Progress.Lines)
	}
	logs(t, w, "INFO: setup:upgrade was begun: it has compared the schema, and waits before its first change.",
		"INFO: Skipping cache:flush: pre-deploy emptied the caches and nothing has filled them since.")
	if got := w.File(t, "var/log/install_upgrade.log"); !strings.Contains(got, "Updating time: ") || !strings.HasSuffix(got, "\nSchema creation/updates:\n") {
		t.Errorf("the log of upgrades is %q", got)
	}
	must(t, run(t, w, "CleanCache.PostDeploy"))
	logs(t, w, "INFO: Skipping cache:flush: the deploy phase emptied the caches, and only this release has filled them since.")
}

// TestAnUpgradeBeginsAgain when what it read has changed.
func TestAnUpgradeBeginsAgain(t *testing.T) {
	w := upgrading(t)
	s := newScenario()
	must(t, s.run(t, w, `Step\Deploy\PreDeploy`))
	must(t, envPHP(w.Kit).Update(phparray.Map("queue", phparray.Map("amqp", phparray.Map("host", "other")))))
	must(t, s.run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`))
	logs(t, w, "INFO: setup:upgrade begins again: env.php has changed", "INFO: Running setup upgrade.")
	if slices.Contains(w.Progress.Lines, "step setup:upgrade writes") {
		t.Errorf("what happened: %q", w.Progress.Lines)
	}
	must(t, s.run(t, w, "CleanCache.Deploy"))
	logs(t, w, "INFO: Cache flushed successfully.")
}

// TestAnUpgradeThatIsNotBegunEarly runs as it is.
func TestAnUpgradeThatIsNotBegunEarly(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		change       func(w *toolkittest.World)
	}{
		{"turned off", "", func(w *toolkittest.World) { w.Variables["ZERO_HOLD_DEPLOY"] = false }},
		{"another Magento", "INFO: setup:upgrade is not begun before the hold: this release of Magento is not known", func(w *toolkittest.World) {
			w.Write(t, "-- vendor/magento/framework/Setup/Declaration/Schema/OperationsExecutor.php --\n")
		}},
		{"a failure", "INFO: setup:upgrade is not begun before the hold: it ended before it changed anything", func(w *toolkittest.World) {
			w.Shell.Fail(early, 1, "no database")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := upgrading(t)
			tt.change(w)
			if got := deploy(t, w); !strings.HasSuffix(got, "setup:upgrade --keep-generated") {
				t.Errorf("ran %q", got)
			}
			if tt.reason != "" {
				logs(t, w, tt.reason)
			}
		})
	}
}
