package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/toolkit/fault"
)

// raised is how a code comes about: a command, a step or a validator, and the files that
// make it so. Some names have a meaning: magento.fails (see php), magento.installed (the
// database has tables), env (NAME=VALUE of the process); a name that ends with a slash is a
// directory; absent names a path that base has and this project has not.
type raised struct {
	code  int
	by    string // "step TYPE", "check TYPE", else a command
	files string
}

// Pieces of the rows.
const (
	fails         = "-- magento.fails --\n"
	inBuild       = "-- .static_content_deploy --\n"
	brokenYAML    = "-- .magento.env.yaml --\nstage: [\n"
	deployYAML    = "-- .magento.env.yaml --\nstage:\n  deploy:\n    "
	blockedEnv    = "-- app/etc/env.php/ --\n"
	installedEnv  = "-- app/etc/env.php --\n<?php return ['crypt' => ['key' => 'k'], 'install' => ['date' => 'x']];\n-- magento.installed --\nhttp://shop.test/\n"
	noServices    = "-- relationships.json --\n{\"database\": [{\"host\": \"db\", \"port\": 3306, \"path\": \"main\", \"username\": \"u\", \"password\": \"p\"}]}\n"
	configModules = "-- app/etc/config.php --\n<?php return ['modules' => ['A' => 1]];\n"
)

func locked(version string, more ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "-- composer.lock --\n{\"packages\": [{\"name\": \"magento/magento2-base\", \"version\": %q}", version)
	for i := 0; i < len(more); i += 2 {
		fmt.Fprintf(&text, `, {"name": %q, "version": %q}`, more[i], more[i+1])
	}
	return text.String() + "]}\n"
}

func related(pairs ...string) string {
	var text strings.Builder
	text.WriteString("-- relationships.json --\n" + `{"database": [{"host": "db", "port": 3306, "path": "main", "username": "u", "password": "p", "type": "mysql:10.6"}]`)
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&text, `, %q: [%s]`, pairs[i], pairs[i+1])
	}
	return text.String() + "}\n"
}

func variables(json string) string { return "-- variables.json --\n" + json + "\n" }

// table is in the order of the codes.
func table() []raised { return append(append(buildRows(), deployRows()...), warningRows()...) }

func buildRows() []raised {
	return []raised{
		{2, `step Step\SetProductionMode`, blockedEnv},
		{4, "build:generate", brokenYAML},
		{7, `step Step\Build\RefreshModules`, "-- app/etc/config.php/ --\n"},
		{8, `check Validator\Build\ComposerFile`, "-- composer.json/ --\n" + locked("2.4.2")},
		{9, `check Validator\Build\ComposerFile`, "-- composer.json --\n{}\n" + locked("2.4.2", "laminas/laminas-mvc", "2.7.0")},
		{10, `check Validator\Build\StageConfig`, "-- .magento.env.yaml --\nstage: {build: {NO_SUCH: 1}}\n"},
		{11, `step Step\Build\RefreshModules`, fails + "module:enable 1 no\n"},
		{12, `step Step\Build\ApplyPatches`, "-- m2-hotfixes/x.patch --\n--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n"},
		{13, `step Step\Build\SetReportDirNestingLevel`, "-- pub/errors --\na file\n"},
		{14, `step Step\Build\CopySampleData`, "-- vendor/magento/sample-data-media/a.jpg --\nx\n-- pub/media/a.jpg/x --\n"},
		{15, `step Step\Build\CompileDi`, fails + "setup:di:compile 1 no\n"},
		{16, `step Step\Build\ComposerDumpAutoload`, fails + "composer 1 no\n"},
		{17, "baler", inBuild + fails + "baler 1 no\n-- app/etc/config.php --\n<?php return ['modules' => ['Magento_Baler' => 1], 'system' => ['default' => ['dev' => ['js' => ['enable_baler_js_bundling' => '1', 'minify_files' => '0', 'enable_js_bundling' => '0', 'merge_files' => '0']]]]];\n-- .magento.env.yaml --\nstage: {build: {SCD_USE_BALER: true}}\n"},
		{19, `step Step\Build\DeployStaticContent\Generate`, fails + "setup:static-content:deploy 1 no\n"},
		{20, `step Step\Build\CompressStaticContent`, inBuild + compressible},
		{21, `step Step\Build\BackupData\StaticContent`, inBuild + "-- absent --\npub/static\n"},
		{22, `step Step\Build\BackupData\WritableDirectories`, "-- init/app --\na file\n"},
		{23, "build:generate", "-- .magento.env.yaml --\nlog: {file: {min_level: loud}}\n"},
		{24, `step Step\Build\BackupData\StaticContent`, inBuild + "-- init/pub --\na file\n"},
		{25, `check Validator\Build\ComposerFile`, "-- composer.lock --\n{\"packages\": []}\n-- composer.json --\n{}\n"},
		{26, `check Validator\Build\MagentoAppYaml`, "-- .magento.app.yaml --\nvariables: {env: {CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL: x}}\n"},
	}
}

// compressible has a directory where a compressed file should come.
var compressible = "-- pub/static/a.js --\n" + strings.Repeat("require();\n", 50) + "-- pub/static/a.js.gz/x --\n"

func deployRows() []raised {
	es, os := `{"host": "es", "port": 9200, "type": "elasticsearch:7.9"}`, `{"host": "os", "port": 9200, "type": "opensearch:2"}`
	gone := `{"host": "127.0.0.1", "port": 1}`
	cache := `step Step\Deploy\PreDeploy\ConfigUpdate\Cache`
	return []raised{
		{101, cache, deployYAML + "CACHE_CONFIGURATION: {frontend: {default: {backend: Cm_Cache_Backend_Redis, backend_options: {server: 127.0.0.1}}}}\n"},
		{102, `step Step\Deploy\DisableCron`, blockedEnv},
		{104, "deploy", brokenYAML},
		{107, `step Step\Deploy\PreDeploy\CleanRedisCache`, related("redis", gone)},
		{108, `step Step\EnableMaintenanceMode`, "-- var/.maintenance.flag/x --\n"},
		{109, `check Validator\Deploy\DatabaseConfiguration`, deployYAML + "DATABASE_CONFIGURATION: {connection: {default: {host: null}}}\n"},
		{110, `check Validator\Deploy\SessionConfiguration`, deployYAML + "SESSION_CONFIGURATION: {redis: {host: h}}\n"},
		{111, `check Validator\Deploy\SearchConfiguration`, deployYAML + "SEARCH_CONFIGURATION: {hostname: h}\n"},
		{112, `check Validator\Deploy\ResourceConfiguration`, deployYAML + "RESOURCE_CONFIGURATION: {custom: {other: x}}\n"},
		{113, `check Validator\Deploy\ElasticSuiteIntegrity`, locked("2.4.7", "smile/elasticsuite", "2.11.0") + noServices},
		{114, `check Validator\Deploy\ElasticSuiteIntegrity`, locked("2.4.7", "smile/elasticsuite", "2.11.0") + deployYAML + "SEARCH_CONFIGURATION: {engine: opensearch}\n"},
		{116, `step Step\Deploy\InstallUpdate\Install\Setup`, fails + "setup:install 1 no\n"},
		{117, `step Step\Deploy\InstallUpdate\Install\ConfigImport`, fails + "app:config:import 1 no\n"},
		{119, `step Step\Deploy\DeployStaticContent\Generate`, installedEnv + fails + "setup:static-content:deploy 1 no\n"},
		{120, `step Step\Deploy\CompressStaticContent`, compressible},
		{121, `step Step\Deploy\DeployStaticContent\Generate`, installedEnv + "-- pub/static --\na file\n"},
		{122, `step Step\Deploy\PreDeploy\CleanStaticContent`, inBuild + "-- pub/static --\na file\n"},
		{123, `step Step\Deploy\SplitDbConnection`, installedEnv + fails + "setup:db-schema:split-quote 1 no\n" + related("database-quote", `{"host": "q", "port": 3306, "path": "q", "username": "u", "password": "p"}`) + deployYAML + "SPLIT_DB: [quote]\n"},
		{124, `step Step\Deploy\PreDeploy\CleanViewPreprocessed`, "-- var/view_preprocessed --\na file\n"},
		{125, `step Step\Deploy\InstallUpdate\Install\ResetPassword`, "-- var/credentials_email.txt/ --\n"},
		{126, `step Step\Deploy\InstallUpdate\Update\Setup`, installedEnv + fails + "setup:upgrade 1 no\n"},
		{127, "step CleanCache.Deploy", fails + "cache:flush 1 no\n"},
		{128, `step Step\DisableMaintenanceMode`, "-- var/.maintenance.flag/x --\n"},
		{130, `step Step\Deploy\InstallUpdate\ConfigUpdate\CacheType`, fails + "cache:enable 1 no\n-- var/.env_file_absence --\n"},
		{131, "deploy", "-- magento.installed --\nhttp://shop.test/\n"},
		{132, `step Step\Deploy\InstallUpdate\Install\Setup`, locked("2.4.0") + related("elasticsearch", gone)},
		{133, `check Validator\Deploy\EnvironmentVariables`, "-- env --\nCONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL=x\n"},
		{134, `check Validator\Deploy\ElasticSearchIntegrity`, locked("2.4.2") + configModules + noServices},
		{135, `check Validator\Deploy\SearchConfiguration`, deployYAML + "SEARCH_CONFIGURATION: {engine: mysql}\n"},
		{136, `check Validator\Deploy\RemovedSplitDb`, locked("2.5.0") + deployYAML + "SPLIT_DB: [quote]\n"},
		{138, `check Validator\Deploy\OpenSearchIntegrity`, configModules + noServices},
		{139, `check Validator\Deploy\OpenSearchIntegrity`, locked("2.4.2") + related("opensearch", os)},
		{140, `step Step\Deploy\PreDeploy\CleanValkeyCache`, related("valkey", gone)},
		{201, "post-deploy", "-- var/.deploy_is_failed --\n"},
		{202, `step Step\PostDeploy\EnableCron`, blockedEnv},
		{204, "post-deploy", brokenYAML},
		{207, `step Step\PostDeploy\WarmUp`, "-- routes.json --\n{\"http://a b/\": {\"type\": 1}}\n"},
		{208, `step Step\PostDeploy\TimeToFirstByte`, "-- routes.json --\n{\"http://a b/\": {\"type\": 1}}\n-- .magento.env.yaml --\nstage: {post-deploy: {TTFB_TESTED_PAGES: ['/a']}}\n"},
		{227, "step CleanCache.PostDeploy", fails + "cache:flush 1 no\n"},
		{244, "db-dump", brokenYAML},
		{247, `step Step\Build\EnableEventing`, fails + "events:generate:module 1 no\n-- .magento.env.yaml --\nstage: {global: {ENABLE_EVENTING: true}}\n"},
		{248, `step Step\Build\EnableEventing`, fails + "module:enable 1 no\n-- .magento.env.yaml --\nstage: {global: {ENABLE_EVENTING: true}}\n"},
		{249, `step Step\Build\EnableWebhooks`, fails + "webhooks:generate:module 1 no\n-- .magento.env.yaml --\nstage: {global: {ENABLE_WEBHOOKS: true}}\n"},
		{250, `step Step\Build\EnableWebhooks`, fails + "module:enable 1 no\n-- .magento.env.yaml --\nstage: {global: {ENABLE_WEBHOOKS: true}}\n"},
		{2010, `check Validator\Deploy\ElasticSearchUsage`, locked("2.3.4") + related("elasticsearch", es) + deployYAML + "SEARCH_CONFIGURATION: {engine: mysql}\n"},
		{2030, `check Validator\Deploy\OpenSearchElasticSearchBothInstalled`, related("elasticsearch", es, "opensearch", os)},
	}
}

func warningRows() []raised {
	solr := `{"host": "s", "port": 1}`
	split := related("database-quote", `{"host": "q", "port": 3306, "path": "q", "username": "u", "password": "p"}`)
	return []raised{
		{1001, `check Validator\Build\ConfigFileExists`, ""},
		{1002, `check Validator\Build\UnsupportedBuildOptionsIni`, "-- build_options.ini --\n"},
		{1003, `check Validator\Build\ModulesExists`, "-- app/etc/config.php --\n<?php return [];\n"},
		{1004, `check Validator\Build\AppropriateVersion`, locked("2.1.9") + "-- .magento.env.yaml --\nstage: {build: {SCD_STRATEGY: quick}}\n"},
		{1005, `check Validator\Build\ScdOptionsIgnorance`, "-- .magento.env.yaml --\nstage: {build: {SKIP_SCD: true, SCD_THREADS: 3}}\n"},
		{1006, "build:generate", ""},
		{1007, "baler", inBuild + "-- .magento.env.yaml --\nstage: {build: {SCD_USE_BALER: true}}\n"},
		{1008, `check Validator\Build\OpcacheExcludePaths`, ""},
		{2001, `step Step\Deploy\PreDeploy\ConfigUpdate\Cache`, deployYAML + "CACHE_CONFIGURATION: {frontend: {default: {backend: Cm_Cache_Backend_Redis, backend_options: {server: 127.0.0.1, port: 1}}}}\n"},
		{2002, `check Validator\Deploy\DatabaseSplitConnection`, deployYAML + "DATABASE_CONFIGURATION: {connection: {checkout: {host: h}}, _merge: true}\n"},
		{2003, `check Validator\Deploy\ReportDirNestingLevel`, "-- pub/errors/local.xml --\n<config/>\n"},
		{2004, `check Validator\Deploy\ReportDirNestingLevel`, "-- pub/errors/local.xml --\n<config\n"},
		{2005, `check Validator\Deploy\AdminData`, installedEnv},
		{2006, `check Validator\Deploy\AdminData`, variables(`{"ADMIN_USERNAME": "a"}`)},
		{2007, `check Validator\Deploy\PhpVersion`, "-- php.version --\n8.1.20\n-- composer.lock --\n{\"packages\": [{\"name\": \"magento/magento2-base\", \"version\": \"2.4.7\", \"require\": {\"php\": \"~8.2.0||~8.3.0\"}}]}\n"},
		{2008, `check Validator\Deploy\SolrIntegrity`, locked("2.1.5") + related("solr", solr)},
		{2009, `check Validator\Deploy\SolrIntegrity`, locked("2.2.5") + related("solr", solr)},
		{2011, `check Validator\Deploy\ElasticSearchVersion`, locked("2.4.1", "elasticsearch/elasticsearch", "6.7.2") + related("elasticsearch", `{"host": "es", "port": 9200, "type": "elasticsearch:7.7"}`)},
		{2012, `check Validator\Deploy\AppropriateVersion`, deployYAML + "GENERATED_CODE_SYMLINK: false\n"},
		{2013, `check Validator\Deploy\ScdOptionsIgnorance`, variables(`{"SCD_THREADS": "3"}`) + deployYAML + "SKIP_SCD: true\n"},
		{2014, `check Validator\Deploy\DeprecatedVariables`, variables(`{"VERBOSE_COMMANDS": "enabled"}`)},
		{2015, `check Validator\Deploy\MagentoCloudVariables`, variables(`{"SCD_THREADS": "one"}`)},
		{2016, `check Validator\Deploy\JsonFormatVariable`, variables(`{"SEARCH_CONFIGURATION": "{engine"}`)},
		{2017, `check Validator\Deploy\ServiceVersion`, related("redis", `{"host": "r", "port": 6379, "type": "redis:9.9"}`)},
		{2018, "check ServiceEol.Warnings", related("redis", `{"host": "r", "port": 6379, "type": "redis:7.0"}`)},
		{2019, `check Validator\Deploy\DeprecatedSearchEngine`, locked("2.3.4") + noServices},
		{2020, "deploy", "-- magento.installed --\nhttp://shop.test/\n" + variables(`{"CRYPT_KEY": "k"}`)},
		{2021, `step Step\Deploy\InstallUpdate\ConfigUpdate\DbConnection`, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['default' => ['host' => 'db'], 'checkout' => ['host' => 'elsewhere']]]];\n" + split},
		{2022, `step Step\Deploy\InstallUpdate\ConfigUpdate\DbConnection`, deployYAML + "MYSQL_USE_SLAVE_CONNECTION: true\n    DATABASE_CONFIGURATION: {connection: {default: {host: other}}, _merge: true}\n" + related("database-slave", `{"host": "s", "port": 3306, "path": "main", "username": "u", "password": "p"}`)},
		{2023, `step Step\Deploy\SplitDbConnection`, deployYAML + "SPLIT_DB: [quote]\n"},
		{2024, `step Step\Deploy\SplitDbConnection`, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['checkout' => ['host' => 'q']]]];\n"},
		{2025, `step Step\Deploy\SplitDbConnection`, "-- app/etc/env.php --\n<?php return ['db' => ['connection' => ['checkout' => ['host' => 'q']]]];\n" + split + deployYAML + "SPLIT_DB: [quote]\n    MYSQL_USE_SLAVE_CONNECTION: true\n"},
		{2026, `step Step\Deploy\PreDeploy\RestoreWritableDirectories`, ""},
		{2027, `check Validator\Deploy\MageModeVariable`, "-- env --\nMAGE_MODE=developer\n"},
		{2028, `step Step\Deploy\RemoteStorage`, blockedEnv + deployYAML + "REMOTE_STORAGE: {driver: aws-s3, prefix: p, config: {bucket: b, region: r}}\n"},
		{2029, `check Validator\Deploy\DeprecatedSplitDb`, deployYAML + "SPLIT_DB: [quote]\n"},
		{2031, `step Step\Deploy\RemoteStorage`, blockedEnv},
		{3001, `check Validator\Deploy\DebugLogging`, "-- env --\nMAGENTO_CLOUD_ENVIRONMENT=master\n"},
		{3002, `step Step\PostDeploy\WarmUp`, locked("2.4.7-p3", "magento/magento-cloud-components", "1.1.1") + "-- .magento.env.yaml --\nstage: {post-deploy: {WARM_UP_PAGES: ['store-page:/a:*']}}\n" + fails + "config:show:store-url 1 no\nconfig:show:urls 1 no\n"},
		{3003, `step Step\PostDeploy\WarmUp`, "-- .magento.env.yaml --\nstage: {post-deploy: {WARM_UP_PAGES: ['store-page:/a:1']}}\n" + fails + "config:show:store-url 1 no\n"},
		{3004, `step Step\PostDeploy\Backup`, "-- app/etc/env.php --\n<?php return [];\n-- app/etc/env.php.bak/x --\n"},
	}
}

// never are the codes that nothing raises, with the reason.
func never() map[int]string {
	schema, parsed, utility := "the schema is part of the program", "a file that cannot be read has the code of one that cannot be parsed", "nothing is run by timeout or bash: compression is native"
	names := "steps ask for variables of the schema only; toolkit/stage tests the answer to others"
	return map[int]string{
		3: names, 103: names, 203: names, 243: names,
		5: parsed, 105: parsed, 205: parsed, 245: parsed,
		6: schema, 106: schema, 206: schema, 246: schema,
		18: utility, 118: utility,
		115:  "the original never raises it either: what a query failed with is reported by its step",
		4001: "the number of processors is asked of the runtime, which has always an answer",
		137:  "OpenSearch is asked for its version only to warn of an unfit one, where a missing response is not a finding; toolkit/services tests the code",
		129:  "the template is part of the program",
	}
}

// TestEveryCode raises every code of the table of errors by the command
// line and looks for it in cloud.error.log, and for the exit status of codes that end a phase.
func TestEveryCode(t *testing.T) {
	seen := never()
	for _, r := range table() {
		if _, twice := seen[r.code]; twice {
			t.Errorf("code %d is in two places", r.code)
		}
		seen[r.code] = r.by
		t.Run(text(r.code), func(t *testing.T) { raise(t, r) })
	}
	for _, e := range fault.Entries() {
		if _, ok := seen[e.Code]; !ok {
			t.Errorf("no test raises %d: %s", e.Code, e.Title)
		}
	}
}

func raise(t *testing.T, r raised) {
	t.Helper()
	entry, ok := fault.Lookup(r.code)
	if !ok {
		t.Fatal("the table of errors does not have it")
	}
	p := projectWith(t, r.files)
	level := "warning"
	if entry.Type == fault.Fails {
		level = "critical"
	}
	var out bytes.Buffer
	status := p.run(&out, &out, arguments(t, p, r.by, level))
	log, _ := os.ReadFile(filepath.Join(p.dir, "var/log/cloud.error.log")) // a missing file is reported below
	if r.by != "db-dump" && !strings.Contains(string(log), fmt.Sprintf(`"errorCode":%d,`, r.code)) {
		t.Errorf("cloud.error.log lacks it: %s\n%s", log, out.String())
	}
	if entry.Type == fault.Fails && status != r.code {
		t.Errorf("status %d\n%s", status, out.String())
	}
	if r.code == 2028 || r.code == 2031 { // the original's words for them are warnings, and they end the phase
		if status != 255 {
			t.Errorf("status %d", status)
		}
	}
}

// projectWith has the files of an archive.
func projectWith(t *testing.T, files string) *process {
	t.Helper()
	dir := t.TempDir()
	env := ""
	for _, f := range txtar.Parse([]byte(files)).Files {
		if f.Name == "env" {
			env = string(f.Data)
		}
		name := filepath.Join(dir, f.Name)
		if strings.HasSuffix(f.Name, "/") {
			write(name+"/in-the-way", "")
			continue
		}
		write(name, string(f.Data))
	}
	p, err := newProject(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse([]byte(files)).Files {
		if f.Name == "absent" {
			if err := os.RemoveAll(filepath.Join(dir, strings.TrimSpace(string(f.Data)))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for line := range strings.Lines(env) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		p.env[name] = v
	}
	return p
}

// arguments are those of the command; a step or a validator gets a scenario of its own.
func arguments(t *testing.T, p *process, by, level string) []string {
	t.Helper()
	kind, class, _ := strings.Cut(by, " ")
	var step string
	switch kind {
	case "step":
		step = fmt.Sprintf(`<step name="one" type="%s" priority="1"/>`, full(class))
	case "check":
		step = fmt.Sprintf(`<step name="one" type="Magento\MagentoCloud\Step\ValidateConfiguration" priority="1"><arguments>
  <argument name="logger" xsi:type="object">Psr\Log\LoggerInterface</argument>
  <argument name="validators" xsi:type="array"><item name="%s" xsi:type="array"><item name="it" xsi:type="object" priority="1">%s</item></item></argument>
</arguments></step>`, level, full(class))
	case "baler":
		step = `<step name="one" type="Magento\MagentoCloud\Step\Build\RunBaler" priority="1"><arguments>
  <argument name="validator" xsi:type="object">Magento\MagentoCloud\Config\Validator\Build\BalerSupport</argument>
</arguments></step>`
	default:
		return []string{by}
	}
	write(filepath.Join(p.dir, "one.xml"), `<scenario xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`+step+`</scenario>`)
	return []string{"run", "one.xml"}
}

// full is a name as the default scenarios have it.
func full(class string) string {
	switch {
	case strings.HasPrefix(class, `Step\`):
		return `Magento\MagentoCloud\` + class
	case strings.HasPrefix(class, `Validator\`):
		return `Magento\MagentoCloud\Config\` + class
	}
	return class
}
