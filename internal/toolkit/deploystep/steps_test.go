package deploystep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/shell"
	"sluice/internal/toolkit/toolkittest"
)

// database answers queries by their beginning and records statements.
type database struct {
	rows map[string][]*phparray.Array
	ran  []string
	err  error
}

func (d *database) Table(name string) string { return name }

func (d *database) Rows(_ context.Context, query string, _ ...any) ([]*phparray.Array, error) {
	for begins, rows := range d.rows {
		if strings.HasPrefix(query, begins) {
			return rows, d.err
		}
	}
	return nil, d.err
}

func (d *database) Exec(_ context.Context, statement string, args ...any) (int64, error) {
	d.ran = append(d.ran, fmt.Sprint(statement, args))
	return 2, d.err
}

func (d *database) tables(names ...string) {
	var rows []*phparray.Array
	for _, name := range names {
		rows = append(rows, phparray.Map("Tables_in_shop", name))
	}
	d.rows["SHOW TABLES"] = rows
}

func lock(version string, more ...string) string {
	packages := []string{`{"name":"magento/magento2-base","version":"` + version + `"}`}
	for _, name := range more {
		packages = append(packages, `{"name":"`+name+`","version":"1.0.0"}`)
	}
	return "-- composer.lock --\n{\"packages\":[" + strings.Join(packages, ",") + "]}\n"
}

func world(t *testing.T, archive string) (*toolkittest.World, *database) {
	t.Helper()
	w, db := toolkittest.New(t, archive), &database{rows: map[string][]*phparray.Array{}}
	w.Databases["default"] = db
	none := phparray.New()
	maps.Copy(w.Variables, map[string]any{
		"VERBOSE_COMMANDS": "", "SKIP_HTML_MINIFICATION": true, "SCD_ON_DEMAND": false, "SKIP_SCD": false, "CLEAN_STATIC_FILES": true, "GENERATED_CODE_SYMLINK": true,
		"ENABLE_GOOGLE_ANALYTICS": false, "ZERO_HOLD_DEPLOY": false, "SPLIT_DB": none, "X_FRAME_CONFIGURATION": "SAMEORIGIN",
		"SCD_STRATEGY": "", "SCD_NO_PARENT": false, "SCD_MAX_EXECUTION_TIME": nil, "SCD_THREADS": 1, "SCD_MATRIX": none, "SCD_COMPRESSION_LEVEL": 4, "SCD_COMPRESSION_TIMEOUT": 600,
		"CACHE_CONFIGURATION": none, "SESSION_CONFIGURATION": none, "QUEUE_CONFIGURATION": none, "SEARCH_CONFIGURATION": none, "ELASTICSUITE_CONFIGURATION": none,
		"DATABASE_CONFIGURATION": none, "RESOURCE_CONFIGURATION": none, "CRON_CONSUMERS_RUNNER": none, "REMOTE_STORAGE": none,
		"REDIS_BACKEND": "Cm_Cache_Backend_Redis", "VALKEY_BACKEND": "Cm_Cache_Backend_Redis", "LOCK_PROVIDER": "file",
		"REDIS_USE_SLAVE_CONNECTION": false, "VALKEY_USE_SLAVE_CONNECTION": false, "MYSQL_USE_SLAVE_CONNECTION": false,
		"USE_LUA": false, "LUA_KEY": true, "LUA_USE_ON_GC": true, "USE_LUA_ON_GC": true, "CONSUMERS_WAIT_FOR_MAX_MESSAGES": false, "UPDATE_URLS": true, "FORCE_UPDATE_URLS": false,
	})
	relate(w, "database", phparray.Map("host", "db", "port", 3306, "path", "main", "username", "user", "password", "pass"))
	return w, db
}

func relate(w *toolkittest.World, name string, endpoint *phparray.Array) {
	w.Kit.Platform.Relationships.Set(name, phparray.List(endpoint))
}

// scenarioOf makes the steps of one scenario: those of one call share their decision.
type scenarioOf struct{ registry scenario.Registry }

func newScenario() *scenarioOf {
	s := &scenarioOf{}
	Register(&s.registry)
	return s
}

func (s *scenarioOf) run(t *testing.T, w *toolkittest.World, name string, args ...scenario.Argument) error {
	t.Helper()
	factory, ok := s.registry.Lookup(name)
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

func run(t *testing.T, w *toolkittest.World, name string, args ...scenario.Argument) error {
	t.Helper()
	return newScenario().run(t, w, name, args...)
}

func steps(name string, k *kit.Kit, lines ...string) scenario.Argument {
	var items []scenario.Item
	for _, line := range lines {
		items = append(items, scenario.Item{Name: line, Value: kit.StepFunc(func(context.Context) error {
			k.Log.Info(line)
			return nil
		})})
	}
	return scenario.Argument{Name: name, Value: items}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fails(t *testing.T, err error, code int) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Errorf("error %v with code %d, want code %d", err, fault.CodeOf(err), code)
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

func logs(t *testing.T, w *toolkittest.World, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(w.Log(), line) {
			t.Errorf("no %q in\n%s", line, w.Log())
		}
	}
}

func exists(w *toolkittest.World, name string) bool {
	_, err := os.Lstat(filepath.Join(w.Dir, name))
	return err == nil
}

func mount(w *toolkittest.World, names ...string) {
	for _, name := range names {
		w.Kit.Platform.Application.SetAt(phparray.Map("source", "local"), "mounts", name)
	}
}

func TestFlagsOfTheLastDeployment(t *testing.T) {
	w, _ := world(t, "-- var/.deploy_is_failed --\n-- var/.ignore_split_db --\n-- var/.env_file_absence --\n-- var/log/cloud.error.log --\nold\n-- init/var/log/cloud.error.log --\nbuild\n")
	must(t, run(t, w, `Step\Deploy\RemoveDeployFailedFlag`))
	if exists(w, "var/.deploy_is_failed") || exists(w, "var/.ignore_split_db") || exists(w, "var/.env_file_absence") {
		t.Error("flags are left")
	}
	same(t, "cloud.error.log", w.File(t, "var/log/cloud.error.log"), "build")
	w, _ = world(t, "-- var/log/cloud.error.log --\nold\n")
	must(t, run(t, w, `Step\Deploy\RemoveDeployFailedFlag`))
	must(t, run(t, w, `Step\Deploy\PhpOpcacheReset`))
	if exists(w, "var/log/cloud.error.log") {
		t.Error("the log of errors is left")
	}
}

func TestMaintenance(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- var/.maintenance.ip --\n192.0.2.1")
	must(t, run(t, w, `Step\EnableMaintenanceMode`))
	if !exists(w, "var/.maintenance.flag") {
		t.Error("no flag file")
	}
	must(t, run(t, w, `Step\DisableMaintenanceMode`))
	if exists(w, "var/.maintenance.flag") {
		t.Error("the flag file is left")
	}
	must(t, run(t, w, `Step\DisableMaintenanceMode`))
	same(t, "exempt addresses", w.File(t, "var/.maintenance.ip"), "192.0.2.1")
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "")
	same(t, "log", w.LogAt(fault.Info), "INFO: Maintenance mode is needed: ZERO_HOLD_DEPLOY is off\nNOTICE: Enabling Maintenance mode\nNOTICE: Maintenance mode is disabled.\nNOTICE: Maintenance mode is disabled.")
	w, _ = world(t, lock("2.4.6")+"-- var --\na file\n")
	fails(t, run(t, w, `Step\EnableMaintenanceMode`), 108)
	w, _ = world(t, lock("2.4.6")+"-- var/.maintenance.flag/file --\n")
	fails(t, run(t, w, `Step\DisableMaintenanceMode`), 128)
}

// TestMaintenanceThatIsMoreThanAFile: Magento's command switches it.
func TestMaintenanceThatIsMoreThanAFile(t *testing.T) {
	const own = "-- app/code/Acme/Shop/etc/module.xml --\n"
	for _, tt := range []struct{ name, files, reason string }{
		{"remote storage", "-- app/etc/env.php --\n<?php return ['remote_storage' => ['driver' => 'aws-s3']];\n", "its flag is in the remote storage"},
		{"a plugin", own + "-- app/code/Acme/Shop/etc/di.xml --\n<type name=\"Magento\\Framework\\App\\MaintenanceMode\">", "app/code/Acme/Shop/etc/di.xml changes what it does"},
		{"an observer", own + "-- app/code/Acme/Shop/etc/events.xml --\n<event name=\"maintenance_mode_changed\">", "app/code/Acme/Shop/etc/events.xml changes what it does"},
		{"code that cannot be read", own + "-- app/etc/env.php --\n<?php return 1 +;\n", "this could not be checked: "},
		{"the record of an earlier build", own + "-- init/setup-state.json --\n{}\n-- app/code/Acme/Shop/etc/events.xml --\n<event name=\"maintenance_mode_changed\">", "app/code/Acme/Shop/etc/events.xml changes what it does"},
		{"storage in files", "-- app/etc/env.php --\n<?php return ['remote_storage' => ['driver' => 'file']];\n", ""},
		{"another area", own + "-- app/code/Acme/Shop/etc/frontend/events.xml --\n<event name=\"maintenance_mode_changed\">", ""},
		{"Magento's own", "-- vendor/magento/module-message-queue/etc/di.xml --\n<type name=\"Magento\\Framework\\App\\MaintenanceMode\">", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, db := world(t, lock("2.4.6")+tt.files)
			db.tables("queue_lock")
			must(t, EnableMaintenance(t.Context(), w.Kit))
			flag := exists(w, "var/.maintenance.flag")
			must(t, DisableMaintenance(t.Context(), w.Kit))
			commands, released := "", len(db.ran)
			if tt.reason != "" {
				commands = "php ./bin/magento maintenance:enable --ansi --no-interaction\nphp ./bin/magento maintenance:disable --ansi --no-interaction"
				logs(t, w, "INFO: Maintenance mode is switched by Magento's command: "+tt.reason)
			}
			ran := slices.DeleteFunc(w.Shell.Lines(), func(line string) bool { return strings.Contains(line, "app/etc/env.php") }) // reads it
			same(t, "commands", strings.Join(ran, "\n"), commands)
			if native := tt.reason == ""; flag != native || (released == 1) != native {
				t.Errorf("flag file %t, statements %q", flag, db.ran)
			}
		})
	}
}

// TestMessagesOfEndedConsumersAreReleased: as when Magento ends maintenance mode, also where
// it was never on.
func TestMessagesOfEndedConsumersAreReleased(t *testing.T) {
	w, db := current(t)
	db.tables("core_config_data", "setup_module", "flag", "queue_lock")
	before := len(db.ran)
	deploy(t, w)
	logs(t, w, "NOTICE: Maintenance mode was not enabled.")
	if got := db.ran[before:]; len(got) != 1 || !strings.HasPrefix(got[0], "DELETE FROM queue_lock WHERE created_at <= ?") {
		t.Errorf("ran %q", got)
	}
	w, db = world(t, lock("2.4.6"))
	db.err = errors.New("gone")
	must(t, DisableMaintenance(t.Context(), w.Kit))
	logs(t, w, "NOTICE: Messages that consumers had begun with may wait for a day, because their locks could not be released: gone\nNOTICE: Maintenance mode is disabled.")
}

func TestCron(t *testing.T) {
	w, db := world(t, lock("2.2.1"))
	must(t, run(t, w, `Step\Deploy\DisableCron`))
	if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, "'enabled' => 0") {
		t.Error(got)
	}
	must(t, run(t, w, `Step\Deploy\UnlockCronJobs`))
	logs(t, w, `INFO: 2 cron jobs were updated from status "running" to status "error"`)
	w, db2 := world(t, lock("2.2.2")+"-- app/etc/env.php/x --\n")
	fails(t, run(t, w, `Step\Deploy\DisableCron`), 102)
	must(t, run(t, w, `Step\Deploy\UnlockCronJobs`))
	if len(db.ran) != 1 || len(db2.ran) != 0 {
		t.Error(db.ran, db2.ran)
	}
}

func TestInstallOrUpdate(t *testing.T) {
	w, db := world(t, lock("2.4.6")+"-- var/.env_file_absence --\n-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'k']];\n")
	both := []scenario.Argument{steps("installSteps", w.Kit, "installing"), steps("updateSteps", w.Kit, "updating")}
	must(t, run(t, w, `Step\Deploy\InstallUpdate`, both...))
	same(t, "log", w.Log(), "INFO: Checking if db exists and has tables\nNOTICE: Starting install.\nINFO: installing\nNOTICE: End of install.\nINFO: Deleting flag: var/.env_file_absence")
	db.tables("core_config_data", "setup_module")
	w.Write(t, "-- var/.env_file_absence --\n")
	must(t, run(t, w, `Step\Deploy\InstallUpdate`, both...))
	must(t, run(t, w, `Step\Deploy\InstallUpdate`, both...))
	logs(t, w, "WARNING: [2020] Magento state indicated as installed but", "NOTICE: Starting update.\nINFO: updating\nNOTICE: End of update.", "INFO: Magento was installed on Mon, 23 Nov 2026 09:09:47 +0000")
	db.tables("one", "two")
	if err := run(t, w, `Step\Deploy\InstallUpdate`, both...); err == nil || err.Error() != "Missing either core_config_data or setup_module table" {
		t.Error(err)
	}
	w, db = world(t, lock("2.4.6"))
	db.tables("core_config_data", "setup_module")
	err := run(t, w, `Step\Deploy\InstallUpdate`)
	fails(t, err, 131)
	w.Kit.Platform.Variables.Set("CRYPT_KEY", "k")
	must(t, run(t, w, `Step\Deploy\InstallUpdate`))
	db.err = errors.New("gone")
	if err := run(t, w, `Step\Deploy\InstallUpdate`); !errors.Is(err, db.err) {
		t.Error(err)
	}
}

func TestUpdateSteps(t *testing.T) {
	w, _ := world(t, lock("2.4.6")+"-- var/.regenerate --\n-- app/etc/env.php --\n<?php return [];\n")
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Update\SetAdminUrl`))
	w.Kit.Platform.Variables.Set("ADMIN_URL", "backoffice")
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Update\SetAdminUrl`))
	w.Shell.Print("php ./bin/magento setup:upgrade", "Nothing to import.")
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`))
	must(t, run(t, w, "CleanCache.Deploy"))
	logs(t, w, "INFO: Not updating env.php backend front name. (ADMIN_URL not set)", "INFO: Updating env.php backend front name.", "INFO: Deleting flag: var/.regenerate", "INFO: Running setup upgrade.", "INFO: Flushing cache.", "INFO: Cache flushed successfully.")
	if got := w.File(t, "app/etc/env.php"); !strings.Contains(got, "'frontName' => 'backoffice'") {
		t.Error(got)
	}
	same(t, "install_upgrade.log", w.File(t, "var/log/install_upgrade.log"), "Updating time: Mon Nov 23 09:09:47 UTC 2026\nNothing to import.")
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "php ./bin/magento setup:upgrade --keep-generated --ansi --no-interaction\nphp ./bin/magento cache:flush --ansi --no-interaction")
	w.Shell.Fail("php", 1, "no")
	fails(t, run(t, w, `Step\Deploy\InstallUpdate\Update\Setup`), 126)
	fails(t, run(t, w, "CleanCache.Deploy"), 127)
	fails(t, run(t, w, "CleanCache.PostDeploy"), 227)
	w, _ = world(t, lock("2.4.6")+"-- app/etc/env.php/x --\n")
	w.Kit.Platform.Variables.Set("ADMIN_URL", "backoffice")
	fails(t, run(t, w, `Step\Deploy\InstallUpdate\Update\SetAdminUrl`), 102)
}

func TestAnalyticsAndCompletion(t *testing.T) {
	w, db := world(t, "")
	must(t, run(t, w, `Step\Deploy\DisableGoogleAnalytics`))
	must(t, run(t, w, `Step\Deploy\DeployCompletion`, steps("steps", w.Kit, "nested")))
	logs(t, w, "INFO: Disabling Google Analytics", "INFO: nested")
	same(t, "statements", strings.Join(db.ran, "\n"), "UPDATE core_config_data SET value = 0 WHERE path = 'google/analytics/active'[]")
	for _, c := range []struct {
		branch, kind string
		live         bool
	}{{"main", "production", true}, {"stage-2", "staging", true}, {"staging-fix-1", "development", false}, {"master-x", "development", false}, {"Master", "", true}, {"main", "", false}} {
		w, db := world(t, "")
		w.Kit.Platform.Branch, w.Kit.Platform.Type = c.branch, c.kind
		must(t, run(t, w, `Step\Deploy\DisableGoogleAnalytics`))
		if (len(db.ran) == 0) != c.live {
			t.Errorf("%+v: ran %q", c, db.ran)
		}
	}
	w, db = world(t, "")
	w.Kit.Platform.Branch = "production-x"
	w.Kit.Platform.Application.SetAt("php ./vendor/bin/ece-tools run scenario/post-deploy.xml\n", "hooks", "post_deploy")
	must(t, run(t, w, `Step\Deploy\DisableGoogleAnalytics`))
	must(t, run(t, w, `Step\Deploy\DeployCompletion`, steps("steps", w.Kit, "nested")))
	same(t, "log", w.Log(), "INFO: Post-deploy hook enabled. Cron enabling, cache flushing and pre-warming operations are postponed to post-deploy stage.")
	if len(db.ran) > 0 {
		t.Error(db.ran)
	}
}

func TestResetPassword(t *testing.T) {
	w, _ := world(t, "")
	w.Kit.Platform.Routes.Set("https://shop.test/", phparray.Map("type", "upstream", "original_url", "https://{default}/"))
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Install\ResetPassword`))
	w.Kit.Platform.Variables.Set("ADMIN_EMAIL", "a@example.com")
	w.Kit.Platform.Variables.Set("ADMIN_FIRSTNAME", "<Ann>")
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Install\ResetPassword`))
	mail := w.File(t, "var/credentials_email.txt")
	for _, want := range []string{"https://shop.test/admin/admin/auth/forgotpassword", "a@example.com", "&lt;Ann&gt;"} {
		if !strings.Contains(mail, want) {
			t.Errorf("no %q in %s", want, mail)
		}
	}
	same(t, "log", w.LogAt(fault.Info), "INFO: Emailing admin URL to admin user admin at a@example.com\nINFO: Saving email with admin URL: "+filepath.Join(w.Dir, "var/credentials_email.txt"))
	same(t, "commands", strings.Join(w.Shell.Lines(), "\n"), "sendmail -t -i")
	w.Shell.On("sendmail", func(shell.Command) (shell.Result, error) { return shell.Result{}, errors.New("no such program") })
	must(t, os.Remove(filepath.Join(w.Dir, "var/credentials_email.txt")))
	w.Write(t, "-- var/credentials_email.txt/x --\n")
	fails(t, run(t, w, `Step\Deploy\InstallUpdate\Install\ResetPassword`), 125)
	w.Kit.Platform.Variables.Set("ADMIN_PASSWORD", "x")
	must(t, run(t, w, `Step\Deploy\InstallUpdate\Install\ResetPassword`))
}
