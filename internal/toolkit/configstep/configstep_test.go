package configstep_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/manifest"
	"sluice/internal/toolkit/configstep"
	"sluice/internal/toolkit/database/databasetest"
	"sluice/internal/toolkit/fault"
	"sluice/internal/toolkit/kit"
	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/scenario"
	"sluice/internal/toolkit/stage"
	"sluice/internal/toolkit/toolkittest"
)

const (
	update  = `Step\Deploy\InstallUpdate\ConfigUpdate\`
	install = `Step\Deploy\InstallUpdate\Install\`
)

// world is a Kit whose variables are those of a .magento.env.yaml and of the platform.
func world(t *testing.T, magento, yaml, archive string) *toolkittest.World {
	t.Helper()
	w := toolkittest.New(t, archive+fmt.Sprintf("-- composer.lock --\n{\"packages\": [{\"name\": \"magento/magento2-base\", \"version\": %q}]}\n", magento))
	file, found := manifest.ReadEnv(fstest.MapFS{".magento.env.yaml": {Data: []byte(yaml)}})
	if yaml == "" {
		file = nil
	} else if file == nil {
		t.Fatal(found)
	}
	v, err := stage.New(file, w.Kit.Platform.Variables)
	if err != nil {
		t.Fatal(err)
	}
	w.Kit.Stages = kit.Stages{
		Global: kit.Stage{Source: v.In(manifest.StageGlobal)}, Build: kit.Stage{Source: v.In(manifest.StageBuild)},
		Deploy: kit.Stage{Source: v.In(manifest.StageDeploy)}, PostDeploy: kit.Stage{Source: v.In(manifest.StagePostDeploy)},
	}
	return w
}

func relate(t *testing.T, w *toolkittest.World, text string) {
	t.Helper()
	w.Kit.Platform.Relationships = decode(t, text)
}

func decode(t *testing.T, text string) *phparray.Array {
	t.Helper()
	v, err := phparray.DecodeJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := v.(*phparray.Array)
	return a
}

// run runs a step by its name in scenario files.
func run(t *testing.T, w *toolkittest.World, name string) error {
	t.Helper()
	var r scenario.Registry
	configstep.Register(&r)
	factory, ok := r.Lookup(`\Magento\MagentoCloud\` + name)
	if !ok {
		t.Fatalf("no step %s", name)
	}
	made, err := factory(w.Kit, nil)
	if err != nil {
		t.Fatal(err)
	}
	step, ok := made.(kit.Step)
	if !ok {
		t.Fatalf("%s is not a step", name)
	}
	return step.Run(t.Context())
}

func must(t *testing.T, w *toolkittest.World, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := run(t, w, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func same(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestInstall runs the steps in the order of an installation and looks at the order of
// sections and of log lines.
func TestInstall(t *testing.T) {
	w := world(t, "2.4.7-p3", "", "-- app/etc/env.php --\n<?php\nreturn ['MAGE_MODE' => 'production', 'cron' => ['enabled' => 0], 'mine' => ['x' => true]];\n")
	relate(t, w, `{"database": [{"host": "db", "port": 3306, "path": "main", "username": "u", "password": "p"}], "opensearch": [{"host": "os", "port": 9200}], "rabbitmq": [{"host": "mq", "port": 5672, "username": "u", "password": "p"}]}`)
	w.Kit.Platform.Branch = "master"
	steps := []string{
		install + "CleanupDbConfig", update + "PrepareConfig", update + "CronConsumersRunner", update + "DbConnection", update + "Amqp", update + "Session",
		update + "SearchEngine", update + "Urls", update + "DocumentRoot", update + "Lock", `Step\Deploy\RemoteStorage`, install + "ConfigImport", update + "CacheType",
	}
	must(t, w, steps...)
	env, err := phparray.Parse("env.php", []byte(w.File(t, "app/etc/env.php")))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "MAGE_MODE cron mine static_content_on_demand_in_production force_html_minification x-frame-options cron_consumers_runner db resource queue session system directories lock remote_storage", strings.Join(env.Keys(), " "))
	const log = `INFO: Updating env.php.
INFO: Updating env.php cron consumers runner configuration.
INFO: Updating env.php DB connection configuration.
INFO: Updating env.php AMQP configuration.
INFO: Removing session configuration from env.php.
INFO: Updating search engine configuration.
INFO: Set search engine to: opensearch
INFO: Skipping URL updates because we are deploying to a Production or Staging environment. You can override this behavior by setting the FORCE_URL_UPDATES variable to true.
INFO: The value of the property 'directories/document_root_is_pub' set as 'true'
INFO: The lock provider "db" was set.
DEBUG: Remote storage driver was reset
INFO: Run app:config:import command
DEBUG: php ./bin/magento app:config:import --ansi --no-interaction
`
	same(t, log, w.Log())

	// The second time nothing changes, so that the platform hears of no data.
	before := w.File(t, "app/etc/env.php")
	w.Progress.Lines = nil
	must(t, w, steps[:11]...)
	same(t, before, w.File(t, "app/etc/env.php"))
	if len(w.Progress.Lines) > 0 {
		t.Errorf("progress: %v", w.Progress.Lines)
	}
}

func TestProgressIsToldBeforeTheFileChanges(t *testing.T) {
	w := world(t, "2.4.7", "", "")
	must(t, w, update+"DocumentRoot")
	same(t, "touch app/etc/env.php", strings.Join(w.Progress.Lines, "\n"))
}

// unwritable makes app/etc a file, so that env.php can be neither read nor written.
func unwritable(t *testing.T, w *toolkittest.World) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(w.Dir, "app"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere/etc", filepath.Join(w.Dir, "app/etc")); err != nil {
		t.Fatal(err)
	}
}

func TestCodesOfFailures(t *testing.T) {
	for name, code := range map[string]int{
		`Step\Deploy\PreDeploy\ConfigUpdate\Cache`: 102,
		update + "PrepareConfig":                   102,
		update + "CronConsumersRunner":             102,
		update + "Amqp":                            102,
		update + "Session":                         102,
		update + "SearchEngine":                    102,
		update + "DocumentRoot":                    102,
		update + "Lock":                            102,
		update + "DbConnection":                    102,
		`Step\Deploy\SetCryptKey`:                  102,
		`Step\Deploy\RemoteStorage`:                2031,
	} {
		w := world(t, "2.4.7", "", "")
		relate(t, w, `{"database": [{"host": "db", "path": "main"}], "redis": [{"host": "127.0.0.1", "port": 1}], "opensearch": [{"host": "os", "port": 9200}]}`)
		w.Kit.Platform.Variables = phparray.Map("CRYPT_KEY", "k")
		unwritable(t, w)
		// An empty cache section needs no writing; one with graphql does.
		if err := run(t, w, name); fault.CodeOf(err) != code && !strings.HasSuffix(name, "Cache") {
			t.Errorf("%s: code %d, %v", name, fault.CodeOf(err), err)
		}
	}
	w := world(t, "2.4.7", "stage: {deploy: {REMOTE_STORAGE: {driver: s3, config: {bucket: b, region: r}}}}\n", "")
	unwritable(t, w)
	if err := run(t, w, `Step\Deploy\RemoteStorage`); fault.CodeOf(err) != 2028 || fault.ExitStatus(err) != 255 {
		t.Errorf("%v", err)
	}
}

// TestBrokenEnvIsNotReplaced makes sure that a file that cannot be read is left alone.
func TestBrokenEnvIsNotReplaced(t *testing.T) {
	const broken = "<?php\nreturn ['crypt' => ['key' => getenv('KEY')]];\n"
	w := world(t, "2.4.7", "", "-- app/etc/env.php --\n"+broken)
	err := run(t, w, update+"Session")
	if err == nil || fault.CodeOf(err) != 102 || !strings.Contains(err.Error(), "app/etc/env.php:2:30: the call of getenv() cannot be read") {
		t.Errorf("%v", err)
	}
	same(t, broken, w.File(t, "app/etc/env.php"))
}

func TestMagentoCommandsFail(t *testing.T) {
	w := world(t, "2.4.7", "stage: {deploy: {VERBOSE_COMMANDS: '-vvv'}}\n", "-- var/.env_file_absence --\n")
	w.Shell.Fail("php ./bin/magento app:config:import", 1, "no")
	w.Shell.Fail("php ./bin/magento cache:enable", 1, "no")
	if err := run(t, w, install+"ConfigImport"); fault.CodeOf(err) != 117 {
		t.Errorf("%v", err)
	}
	if err := run(t, w, update+"CacheType"); fault.CodeOf(err) != 130 {
		t.Errorf("%v", err)
	}
	same(t, "php ./bin/magento app:config:import --ansi --no-interaction -vvv\nphp ./bin/magento cache:enable --ansi --no-interaction -vvv", strings.Join(w.Shell.Lines(), "\n"))
}

func TestCacheAsksTheServer(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := world(t, "2.4.7", "", "-- app/etc/env.php --\n<?php return ['cache' => ['graphql' => ['id_salt' => 'x']]];\n")
	relate(t, w, `{"redis": [{"host": "127.0.0.1", "port": `+port+`}]}`)
	must(t, w, `Step\Deploy\PreDeploy\ConfigUpdate\Cache`)
	env := decodePHP(t, w)
	if env.Text("cache", "frontend", "page_cache", "backend_options", "port") != port || env.Text("cache", "graphql", "id_salt") != "x" {
		t.Errorf("%s", w.File(t, "app/etc/env.php"))
	}
	relate(t, w, `{"redis": [{"host": "127.0.0.1", "port": 1}]}`)
	must(t, w, `Step\Deploy\PreDeploy\ConfigUpdate\Cache`)
	same(t, "graphql", strings.Join(decodePHP(t, w).Sub("cache").Keys(), " "))
	if !strings.Contains(w.Log(), "WARNING: [2001] Cache is configured for a Redis service that is not available. Configuration will be ignored.") {
		t.Error(w.Log())
	}
}

func decodePHP(t *testing.T, w *toolkittest.World) *phparray.Array {
	t.Helper()
	a, err := phparray.Parse("env.php", []byte(w.File(t, "app/etc/env.php")))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCryptKeyComesFromTheBackup(t *testing.T) {
	w := world(t, "2.4.7", "", "-- app/etc/env.php.bak --\n<?php return ['crypt' => ['key' => 'saved']];\n-- app/etc/env.php --\n<?php return ['cache_types' => []];\n")
	must(t, w, `Step\Deploy\SetCryptKey`)
	same(t, "saved", decodePHP(t, w).Text("crypt", "key"))
	must(t, w, `Step\Deploy\SetCryptKey`)
	same(t, "INFO: Checking existence of encryption key\nNOTICE: Setting encryption key from app/etc/env.php.bak, because app/etc/env.php has none and CRYPT_KEY is not set.\nINFO: Checking existence of encryption key\n", w.Log())
}

func TestSplitByHandSetsTheFlag(t *testing.T) {
	const env = "<?php return ['db' => ['connection' => ['default' => ['host' => 'db'], 'checkout' => ['host' => 'mine']]]];\n"
	w := world(t, "2.4.3", "", "-- app/etc/env.php --\n"+env)
	relate(t, w, `{"database": [{"host": "db", "path": "main"}], "database-quote": [{"host": "quote", "path": "quote"}]}`)
	must(t, w, update+"DbConnection")
	same(t, env, w.File(t, "app/etc/env.php"))
	same(t, "INFO: Updating env.php DB connection configuration.\nWARNING: [2021] For split databases used custom connections: checkout\nINFO: Set flag: var/.ignore_split_db\n", w.Log())
}

func TestURLs(t *testing.T) {
	w := world(t, "2.4.7", "", "-- app/etc/env.php --\n<?php return ['n' => 1, 'system' => ['default' => ['web' => ['secure' => ['base_url' => 'https://old.example/']]]]];\n")
	w.Kit.Platform.Routes = decode(t, `{"https://new.example/": {"type": "upstream", "original_url": "https://{default}/"}}`)
	db := databasetest.New(t)
	db.Prefix = "x_"
	db.Must(t, `CREATE TABLE x_core_config_data (config_id INTEGER PRIMARY KEY, scope_id INTEGER, path TEXT, value TEXT);
		INSERT INTO x_core_config_data (scope_id, path, value) VALUES (0, 'web/secure/base_url', 'https://old.example/'), (0, 'web/unsecure/base_url', '{{base_url}}'),
		(1, 'web/secure/base_url', 'https://fr.old.example/'), (1, 'mail', 'shop@other.example')`)
	w.Databases["default"] = db
	must(t, w, update+"Urls")
	rows, err := db.Rows(t.Context(), "SELECT value FROM x_core_config_data")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, row := range rows {
		values = append(values, row.Text("value"))
	}
	same(t, "https://new.example/ {{base_url}} https://fr.new.example/ shop@other.example", strings.Join(values, " "))
	same(t, "https://new.example/", decodePHP(t, w).Text("system", "default", "web", "secure", "base_url"))
	const log = `INFO: Updating secure and unsecure URLs
DEBUG: Initializing routes.
INFO: Updating secure and unsecure URLs in core_config_data table.
INFO: Host was replaced: [old.example] => [new.example]
INFO: Updating secure and unsecure URLs in app/etc/env.php file
INFO: Host was replaced: [old.example] => [new.example]
INFO: Write the updating base URLs configuration in the app/etc/env.php file
`
	same(t, log, w.Log())
	same(t, "touch core_config_data\ntouch app/etc/env.php", strings.Join(w.Progress.Lines, "\n"))
}

// TestURLsThatStayAreLookedAt: in production nothing is replaced, but a secure URL at the port
// of plain HTTP is reported.
func TestURLsThatStayAreLookedAt(t *testing.T) {
	for base, warned := range map[string]bool{"https://shop.test:8080/": true, "https://shop.test/": false, "http://shop.test:8080/": false} {
		w := world(t, "2.4.7", "", "")
		w.Kit.Platform.Type = "production"
		w.Kit.Platform.Routes = decode(t, `{"http://shop.test:8080/": {"type": "upstream", "original_url": "http://{default}/"}}`)
		db := databasetest.New(t)
		db.Must(t, `CREATE TABLE core_config_data (config_id INTEGER PRIMARY KEY, scope_id INTEGER, path TEXT, value TEXT);
			INSERT INTO core_config_data (scope_id, path, value) VALUES (0, 'web/secure/base_url', '`+base+`')`)
		w.Databases["default"] = db
		must(t, w, update+"Urls")
		if got := strings.Contains(w.Log(), "WARNING: The secure base URL "+base+" is TLS on a port that serves plain HTTP"); got != warned {
			t.Errorf("%s: warned %t\n%s", base, got, w.Log())
		}
	}
}

func TestSearchEngineOfMagento21IsInConfigPHP(t *testing.T) {
	w := world(t, "2.1.18", "", "")
	must(t, w, update+"SearchEngine")
	if text := w.File(t, "app/etc/config.php"); !strings.Contains(text, "'engine' => 'mysql'") {
		t.Error(text)
	}
}

func TestSearchEngineNeedsTheVersion(t *testing.T) {
	w := world(t, "2.4.3", "", "")
	relate(t, w, `{"elasticsearch": [{"host": "127.0.0.1", "port": 1}]}`)
	if err := run(t, w, update+"SearchEngine"); fault.CodeOf(err) != 132 || !strings.HasPrefix(err.Error(), "Can't get version of elasticsearch: ") {
		t.Errorf("%v", err)
	}
}
