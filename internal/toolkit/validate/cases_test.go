package validate_test

import (
	"errors"
	"slices"
	"time"

	"sluice/internal/toolkit/phparray"
	"sluice/internal/toolkit/toolkittest"
)

func cases() []testCase {
	return slices.Concat(buildCases(), globalCases(), opcacheCases(), configurationCases(), searchCases(), variableCases(), serviceCases(), splitCases())
}

const scopes = "-- app/etc/config.php --\n<?php\nreturn ['modules' => ['Magento_Store' => 1], 'scopes' => ['websites' => ['admin' => ['website_id' => '0', 'code' => 'admin']]]];\n"

func buildCases() []testCase {
	const v242 = "2.4.2"
	return []testCase{
		{name: "mapped", class: `Build\ComposerFile`, tree: lock(v242) + "-- composer.json --\n{\"autoload\": {\"psr-4\": {\"Laminas\\\\Mvc\\\\Controller\\\\\": \"setup/\"}}}\n"},
		{name: "later Magento", class: `Build\ComposerFile`, tree: lock("2.4.3", "laminas/laminas-mvc", "2.7.0")},
		{name: "not mapped, laminas", class: `Build\ComposerFile`, tree: lock(v242, "laminas/laminas-mvc", "2.7.0") + "-- composer.json --\n{}\n", code: 9, want: "Required configuration is missed in autoload section of composer.json file.", also: `"Laminas\\Mvc\\Controller\\"`},
		{name: "not mapped, zend", class: `Build\ComposerFile`, tree: lock(v242, "zendframework/zend-mvc", "2.7.0") + "-- composer.json --\n{}\n", code: 9, want: "Required configuration is missed in autoload section of composer.json file.", also: `"Zend\\Mvc\\Controller\\"`},
		{name: "not needed", class: `Build\ComposerFile`, tree: lock(v242) + "-- composer.json --\n{}\n"},
		{name: "no JSON", class: `Build\ComposerFile`, tree: lock(v242) + "-- composer.json --\n{\n", code: 8, want: "Can't read composer.json file: unexpected end of JSON input"},
		{name: "no version", class: `Build\ComposerFile`, tree: "", code: 25, want: "Can't get magento version: Magento version cannot be resolved"},
		{name: "valid", class: `Build\StageConfig`, tree: "-- .magento.env.yaml --\nstage:\n  build:\n    SCD_THREADS: 3\n"},
		{name: "no file", class: `Build\StageConfig`},
		{name: "two mistakes", class: `Build\StageConfig`, tree: "-- .magento.env.yaml --\nstage:\n  build:\n    SCD_THREADS: many\n    FOO: 1\n", code: 10, want: "Environment configuration is not valid. Correct the following items in your .magento.env.yaml file:", also: ".magento.env.yaml:4:5: error: The FOO variable is not allowed in configuration."},
		{name: "removed payment module", class: `Build\MagentoAppYaml`, tree: lock("2.4.0"), app: phparray.Map("variables", phparray.Map("env", phparray.Map("CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL", "x"))), code: 26, want: "Remove Magento Braintree module configuration which is no longer supported in Adobe Commerce and Magento Open Source 2.4 and later versions."},
		{name: "older Magento", class: `Build\MagentoAppYaml`, tree: lock("2.3.5"), app: phparray.Map("variables", phparray.Map("env", phparray.Map("CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL", "x")))},
		{name: "missing", class: `Build\ConfigFileExists`, code: 1001, want: "File app/etc/config.php does not exist", also: "1. bin/magento module:enable --all"},
		{name: "there", class: `Build\ConfigFileExists`, tree: scopes},
		{name: "missing", class: `Build\ModulesExists`, tree: "-- app/etc/config.php --\n<?php return [];\n", code: 1003, want: "The modules section is missing from the shared config file."},
		{name: "there", class: `Build\ModulesExists`, tree: scopes},
		{name: "there", class: `Build\UnsupportedBuildOptionsIni`, tree: "-- build_options.ini --\n", code: 1002, want: "The build_options.ini file is no longer supported."},
		{name: "none", class: `Build\UnsupportedBuildOptionsIni`},
		{name: "2.1", class: `Build\AppropriateVersion`, tree: lock("2.1.9"), given: map[string]any{"SCD_STRATEGY": "quick"}, code: 1004, want: "The current configuration is not compatible with this version of Magento", also: "SCD_STRATEGY is available for Magento 2.2.0 and later."},
		{name: "2.4", class: `Build\AppropriateVersion`, tree: lock("2.4.7"), given: map[string]any{"SCD_STRATEGY": "quick"}},
		{name: "ignored", class: `Build\ScdOptionsIgnorance`, tree: "-- .magento.env.yaml --\nstage:\n  build:\n    SCD_THREADS: 3\n    SCD_STRATEGY: quick\n", given: map[string]any{"SKIP_SCD": true}, code: 1005, want: "When SKIP_SCD variable is enabled, static content deployment does not run during the build phase and the following variables are ignored: SCD_STRATEGY, SCD_THREADS"},
		{name: "nothing set", class: `Build\ScdOptionsIgnorance`, given: map[string]any{"SKIP_SCD": true}},
		{name: "read", class: `Build\ScdOptionsIgnorance`, tree: scopes + "-- .magento.env.yaml --\nstage:\n  build:\n    SCD_THREADS: 3\n"},
		{name: "everything wrong", class: `Build\BalerSupport`, tree: "-- app/etc/config.php --\n<?php return [];\n", prepare: func(w *toolkittest.World) { w.Shell.Fail("which baler", 1, "") }, code: 1007, want: "Baler JS bundling cannot be used because of the following issues:", also: "Path to baler executable could not be found. The Node package may not be installed or may not be linked.\nThe Magento_Baler module is not installed or is disabled."},
		{name: "supported", class: `Build\BalerSupport`, tree: "-- app/etc/config.php --\n<?php return ['modules' => ['Magento_Baler' => 1], 'system' => ['default' => ['dev' => ['js' => ['enable_baler_js_bundling' => '1', 'minify_files' => '0', 'enable_js_bundling' => '0', 'merge_files' => '0']]]]];\n"},
	}
}

func globalCases() []testCase {
	hook := phparray.Map("hooks", phparray.Map("post_deploy", "php ./vendor/bin/ece-tools run scenario/post-deploy.xml\n"))
	return []testCase{
		{name: "enabled", class: `GlobalStage\ScdOnBuild`, tree: scopes},
		{name: "no scopes", class: `GlobalStage\ScdOnBuild`, want: "No stores/website/locales found in config.php", also: "config:dump"},
		{name: "empty scopes", class: `Build\ConfigFileStructure`, tree: "-- app/etc/config.php --\n<?php return ['scopes' => ['websites' => ['base' => ['name' => '']], 'stores' => []]];\n", want: "No stores/website/locales found in config.php"},
		{name: "on demand", class: `GlobalStage\ScdOnBuild`, tree: scopes, given: map[string]any{"SCD_ON_DEMAND": true}, want: "SCD_ON_DEMAND variable is enabled"},
		{name: "after the build", class: `GlobalStage\ScdOnDeploy`, tree: scopes, want: "SCD on build is enabled"},
		{name: "enabled", class: `GlobalStage\ScdOnDeploy`},
		{name: "minified at once", class: `GlobalStage\SkipHtmlMinification`, given: map[string]any{"SKIP_HTML_MINIFICATION": false}, want: "Skip HTML minification is disabled"},
		{name: "no hook", class: `Deploy\PostDeploy`, want: `Your application does not have the "post_deploy" hook enabled.`, also: "post_deploy: |"},
		{name: "hook", class: `Deploy\PostDeploy`, app: hook},
		{name: "ideal", class: `IdealState`, tree: scopes, app: hook},
		{name: "nothing right", class: `IdealState`, given: map[string]any{"SKIP_HTML_MINIFICATION": false}, code: 1006, want: "The configured state is not ideal", also: "\n\nSkip HTML minification is disabled\n  Set SKIP_HTML_MINIFICATION"},
	}
}

func opcacheCases() []testCase {
	const list = "-- op-exclude.txt --\n/app/*/app/etc/config.php\n/app/*/app/etc/env.php\n/app/app/etc/config.php\n/app/app/etc/env.php\n/app/etc/config.php\n/app/etc/env.php\n"
	named := func(w *toolkittest.World) { w.Env["MAGENTO_CLOUD_APP_DIR"] = w.Kit.Tree.Dir() }
	ini := "-- php.ini --\n; comment\nopcache.blacklist_filename=\"${MAGENTO_CLOUD_APP_DIR}/op-exclude.txt\"\n"
	return []testCase{
		{name: "all there", class: `Build\OpcacheExcludePaths`, tree: ini + list, prepare: named},
		{name: "no files", class: `Build\OpcacheExcludePaths`, code: 1008, want: "File php.ini or op-exclude.txt does not exist"},
		{name: "not named", class: `Build\OpcacheExcludePaths`, tree: "-- php.ini --\nmemory_limit=1G\n" + list, code: 1008, want: "File php.ini does not contain opcache.blacklist_filename configuration"},
		{name: "a path lacks", class: `Build\OpcacheExcludePaths`, tree: ini + "-- op-exclude.txt --\n/app/etc/env.php\n", prepare: named, code: 1008, want: "File op-exclude.txt does not contain required paths to exclude for OPCache", also: "\n/app/etc/config.php"},
	}
}

func configurationCases() []testCase {
	merge := func(pairs ...any) *phparray.Array { return phparray.Map(append(pairs, "_merge", true)...) }
	connection := func(pairs ...any) *phparray.Array {
		return phparray.Map("connection", phparray.Map("default", phparray.Map(pairs...)))
	}
	return []testCase{
		{name: "removed payment module", class: `Deploy\EnvironmentVariables`, tree: lock("2.4.7"), env: map[string]string{"CONFIG__STORES__DEFAULT__PAYMENT__BRAINTREE__CHANNEL": "x"}, code: 133, want: "Remove Magento Braintree module configuration which is no longer supported in Adobe Commerce or Magento Open Source 2.4 and later versions."},
		{name: "other mode", class: `Deploy\MageModeVariable`, env: map[string]string{"MAGE_MODE": "developer"}, code: 2027, want: "Mode value for MAGE_MODE environment variable not supported"},
		{name: "production", class: `Deploy\MageModeVariable`, env: map[string]string{"MAGE_MODE": "production"}},
		{name: "whole", class: `Deploy\DatabaseConfiguration`, given: map[string]any{"DATABASE_CONFIGURATION": connection("host", "h", "dbname", "d", "username", "u", "password", "p")}},
		{name: "null host", class: `Deploy\DatabaseConfiguration`, given: map[string]any{"DATABASE_CONFIGURATION": connection("host", nil, "dbname", "d", "username", "u", "password", "p")}, code: 109, want: "Variable DATABASE_CONFIGURATION is not configured properly", also: "host, dbname, username and password"},
		{name: "merged", class: `Deploy\DatabaseConfiguration`, given: map[string]any{"DATABASE_CONFIGURATION": merge("some_config", "value")}},
		{name: "no engine", class: `Deploy\SearchConfiguration`, tree: lock("2.4.7"), given: map[string]any{"SEARCH_CONFIGURATION": phparray.Map("hostname", "h")}, code: 111, want: "Variable SEARCH_CONFIGURATION is not configured properly"},
		{name: "merged", class: `Deploy\SearchConfiguration`, tree: lock("2.4.7"), given: map[string]any{"SEARCH_CONFIGURATION": merge("hostname", "h")}},
		{name: "mysql", class: `Deploy\SearchConfiguration`, tree: lock("2.4.7"), given: map[string]any{"SEARCH_CONFIGURATION": phparray.Map("engine", "mysql")}, code: 135, want: "The search engine must be set to Elasticsearch for Adobe Commerce and Magento Open Source >= 2.4.0"},
		{name: "no save", class: `Deploy\SessionConfiguration`, given: map[string]any{"SESSION_CONFIGURATION": phparray.Map("redis", phparray.New())}, code: 110, want: "The SESSION_CONFIGURATION variable is not configured properly"},
		{name: "merged", class: `Deploy\SessionConfiguration`, given: map[string]any{"SESSION_CONFIGURATION": merge("max_concurrency", "10")}},
		{name: "without connection", class: `Deploy\ResourceConfiguration`, facts: fakeFacts{resources: map[string]string{"custom": "", "a": "", "default_setup": "default"}}, code: 112, want: "Variable RESOURCE_CONFIGURATION is not configured properly", also: "resources: a, custom"},
		{name: "all connected", class: `Deploy\ResourceConfiguration`, facts: fakeFacts{resources: map[string]string{"default_setup": "default"}}},
		{name: "ignored on upgrade", class: `Deploy\AdminData`, cloud: phparray.Map("ADMIN_USERNAME", "a", "ADMIN_EMAIL", "a@example.com"), facts: fakeFacts{installed: true}, code: 2005, want: "The following admin data is required to create an admin user during initial installation only and is ignored during upgrade process: admin email, admin login"},
		{name: "no email", class: `Deploy\AdminData`, cloud: phparray.Map("ADMIN_USERNAME", "a"), code: 2006, want: "The following admin data was ignored and an admin was not created because admin email is not set: admin login"},
		{name: "whole", class: `Deploy\AdminData`, cloud: phparray.Map("ADMIN_EMAIL", "a@example.com")},
		{name: "database broken", class: `Deploy\AdminData`, cloud: phparray.Map("ADMIN_EMAIL", "a@example.com"), facts: fakeFacts{broken: errors.New("no route to host")}, want: "no route to host"},
		{name: "level in the file", class: `Deploy\ReportDirNestingLevel`, tree: "-- pub/errors/local.xml --\n<?xml version=\"1.0\"?>\n<config><report><dir_nesting_level>1</dir_nesting_level></report></config>\n"},
		{name: "level in the environment", class: `Deploy\ReportDirNestingLevel`, tree: "-- pub/errors/local.xml --\n<config/>\n", env: map[string]string{"MAGE_ERROR_REPORT_DIR_NESTING_LEVEL": "7"}},
		{name: "no level", class: `Deploy\ReportDirNestingLevel`, tree: "-- pub/errors/local.xml --\n<config/>\n", code: 2003, want: "The directory nesting level value for error reporting has not been configured.", also: "You can configure the setting using the `config.report.dir_nesting_level` variable in the file /"},
		{name: "debug logs", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "Production-eu", prepare: func(w *toolkittest.World) { w.Shell.Print("php ./bin/magento config:show", "1\n") }, code: 3001, want: "Debug logging is enabled in Magento"},
		{name: "debug logs by type", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "main", kind: "production", prepare: func(w *toolkittest.World) { w.Shell.Print("php ./bin/magento config:show", "1\n") }, code: 3001, want: "Debug logging is enabled in Magento"},
		{name: "debug logs elsewhere", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "feature", prepare: func(w *toolkittest.World) { w.Shell.Print("php ./bin/magento config:show", "1\n") }},
		{name: "a notice is not a value", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "master", prepare: func(w *toolkittest.World) {
			w.Shell.Print("php ./bin/magento config:show", "\nDeprecated: Creation of dynamic property in /app/a.php on line 3\n0\n")
		}},
		{name: "a notice before the value", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "master", prepare: func(w *toolkittest.World) {
			w.Shell.Print("php ./bin/magento config:show", "\nDeprecated: Creation of dynamic property in /app/a.php on line 3\n1\n")
		}, code: 3001, want: "Debug logging is enabled in Magento"},
		{name: "unknown", class: `Deploy\DebugLogging`, tree: lock("2.4.7"), branch: "master", prepare: func(w *toolkittest.World) { w.Shell.Fail("php ./bin/magento config:show", 1, "no") }},
	}
}

func searchCases() []testCase {
	es, os := phparray.Map("elasticsearch", one("host", "es")), phparray.Map("opensearch", one("host", "os"))
	live := "-- app/etc/config.php --\n<?php return ['modules' => ['Magento_LiveSearchAdapter' => 1]];\n"
	none := "-- app/etc/config.php --\n<?php return [];\n"
	const needs = "Adobe Commerce and Magento Open Source 2.4.0 require Elasticsearch service to be installed"
	suite := lock("2.4.7", "smile/elasticsuite", "2.11.0")
	client := func(v string) string { return lock("2.4.1", "elasticsearch/elasticsearch", v) }
	return []testCase{
		{name: "none", class: `Deploy\ElasticSearchIntegrity`, tree: lock("2.4.2") + none, code: 134, want: needs},
		{name: "older Magento", class: `Deploy\ElasticSearchIntegrity`, tree: lock("2.3.7")},
		{name: "live search", class: `Deploy\ElasticSearchIntegrity`, tree: lock("2.4.2") + live},
		{name: "opensearch", class: `Deploy\ElasticSearchIntegrity`, tree: lock("2.4.3-p2"), rels: os},
		{name: "opensearch too early", class: `Deploy\ElasticSearchIntegrity`, tree: lock("2.4.2") + none, rels: os, code: 134, want: needs},
		{name: "elasticsearch does", class: `Deploy\OpenSearchIntegrity`, tree: lock("2.4.7"), rels: es},
		{name: "none", class: `Deploy\OpenSearchIntegrity`, tree: lock("2.4.7") + none, code: 138, want: "Adobe Commerce and Magento Open Source 2.4.4 requires OpenSearch or Elasticsearch service to be installed"},
		{name: "none, patched 2.4.3", class: `Deploy\OpenSearchIntegrity`, tree: lock("2.4.3-p2") + none, code: 138, want: "Adobe Commerce and Magento Open Source 2.4.4 requires OpenSearch or Elasticsearch service to be installed"},
		{name: "live search", class: `Deploy\OpenSearchIntegrity`, tree: lock("2.4.7") + live},
		{name: "Magento knows none", class: `Deploy\OpenSearchIntegrity`, tree: lock("2.4.2"), rels: os, code: 139, want: "Incorrect search engine"},
		{name: "no service", class: `Deploy\ElasticSuiteIntegrity`, tree: suite, code: 113, want: "ElasticSuite is installed without available ElasticSearch or OpenSearch service."},
		{name: "other engine", class: `Deploy\ElasticSuiteIntegrity`, tree: suite, rels: os, given: map[string]any{"SEARCH_CONFIGURATION": phparray.Map("engine", "opensearch")}, code: 114, want: "ElasticSuite is installed but opensearch set as search engine."},
		{name: "its engine", class: `Deploy\ElasticSuiteIntegrity`, tree: suite, rels: os, given: map[string]any{"SEARCH_CONFIGURATION": phparray.Map("engine", "ElasticSuite")}},
		{name: "2.1", class: `Deploy\SolrIntegrity`, tree: lock("2.1.5"), rels: phparray.Map("solr", one("host", "s")), code: 2008, want: "Configuration for Solr was found in .magento.app.yaml."},
		{name: "2.2", class: `Deploy\SolrIntegrity`, tree: lock("2.2.5"), rels: phparray.Map("solr", one("host", "s")), code: 2009, want: "Configuration for Solr was found in .magento.app.yaml."},
		{name: "both", class: `Deploy\OpenSearchElasticSearchBothInstalled`, rels: phparray.Map("elasticsearch", one("host", "es"), "opensearch", one("host", "os")), code: 2030, want: "Elasticsearch and OpenSearch services are both installed at infrastructure layer. Adobe Commerce and Magento Open Source 2.4.4 and later use OpenSearch by default"},
		{name: "unused", class: `Deploy\ElasticSearchUsage`, rels: es, facts: fakeFacts{engine: "mysql"}, code: 2010, want: "Elasticsearch service is installed at infrastructure layer but is not used as a search engine."},
		{name: "used", class: `Deploy\ElasticSearchUsage`, rels: es, facts: fakeFacts{engine: "elasticsearch7"}},
		{name: "mysql", class: `Deploy\DeprecatedSearchEngine`, facts: fakeFacts{engine: "mysql"}, code: 2019, want: "The MySQL search configuration option is deprecated. Use Elasticsearch instead."},
		{name: "client too old", class: `Deploy\ElasticSearchVersion`, tree: client("6.7.2"), rels: es, facts: fakeFacts{engine: "elasticsearch7", versions: map[string]string{"elasticsearch": "7.7"}}, code: 2011, want: "Elasticsearch service version 7.7 on infrastructure layer is not compatible with current version of elasticsearch/elasticsearch module (6.7.2), used by your Magento application.", also: "to version 6.x."},
		{name: "client fits", class: `Deploy\ElasticSearchVersion`, tree: client("7.11.0"), rels: es, facts: fakeFacts{engine: "elasticsearch7", versions: map[string]string{"elasticsearch": "7.7"}}},
		{name: "two ways", class: `Deploy\ElasticSearchVersion`, tree: lock("2.2.4", "elasticsearch/elasticsearch", "5.1.0"), rels: es, facts: fakeFacts{engine: "elasticsearch", versions: map[string]string{"elasticsearch": "2.4"}}, code: 2011, want: "Elasticsearch service version 2.4 on infrastructure layer is not compatible with current version of elasticsearch/elasticsearch module (5.1.0), used by your Magento application.", also: "in one of two ways"},
	}
}

func variableCases() []testCase {
	return []testCase{
		{name: "ignored", class: `Deploy\ScdOptionsIgnorance`, cloud: phparray.Map("SCD_THREADS", "3"), given: map[string]any{"SKIP_SCD": true}, code: 2013, want: "When SKIP_SCD variable is enabled, static content deployment does not run during the deploy phase and the following variables are ignored: SCD_THREADS"},
		{name: "2.1 only", class: `Deploy\AppropriateVersion`, tree: lock("2.4.7") + "-- .magento.env.yaml --\nstage:\n  deploy:\n    GENERATED_CODE_SYMLINK: false\n", code: 2012, want: "The current configuration is not compatible with this version of Magento", also: "GENERATED_CODE_SYMLINK is available for Magento 2.1.x."},
		{name: "after 2.1", class: `Deploy\AppropriateVersion`, tree: lock("2.1.3") + "-- .magento.env.yaml --\nstage:\n  global:\n    SCD_STRATEGY: quick\n", code: 2012, want: "The current configuration is not compatible with this version of Magento", also: "SCD_STRATEGY is available for Magento 2.2.0 and later."},
		{name: "enabled", class: `Deploy\DeprecatedVariables`, cloud: phparray.Map("VERBOSE_COMMANDS", "enabled"), code: 2014, want: "The configuration contains deprecated variables or values", also: "-v, -vv, -vvv"},
		{name: "words", class: `Deploy\MagentoCloudVariables`, cloud: phparray.Map("SCD_THREADS", "one", "CLEAN_STATIC_FILES", 1, "SCD_COMPRESSION_LEVEL", "10", "VERBOSE_COMMANDS", "yes"), code: 2015, want: "Environment configuration is not valid", also: "  The variable SCD_THREADS has wrong value \"one\" and will be ignored, use only integer value\n  The variable SCD_COMPRESSION_LEVEL has wrong value \"10\""},
		{name: "right", class: `Deploy\MagentoCloudVariables`, cloud: phparray.Map("SCD_THREADS", "3", "CLEAN_STATIC_FILES", "disabled", "SCD_COMPRESSION_LEVEL", 9, "VERBOSE_COMMANDS", "-vv")},
		{name: "no JSON", class: `Deploy\JsonFormatVariable`, cloud: phparray.Map("SEARCH_CONFIGURATION", "{engine"), code: 2016, want: "Next variables can't be decoded: SEARCH_CONFIGURATION (invalid character 'e' looking for beginning of object key string)"},
		{name: "JSON", class: `Deploy\JsonFormatVariable`, cloud: phparray.Map("SEARCH_CONFIGURATION", `{"engine": "opensearch"}`, "SCD_STRATEGY", "{no array variable")},
	}
}

func serviceCases() []testCase {
	return []testCase{
		{name: "too new", class: `Deploy\ServiceVersion`, tree: lock("2.4.7"), facts: fakeFacts{database: "mariadb", versions: map[string]string{"redis": "9.9", "mariadb": "10.6", "opensearch": "refused"}}, code: 2017, want: "The current configuration is not compatible with this version of Magento", also: `for service "redis". Service version should satisfy "~3.2.0 || ~4.0.0 || ~5.0.0 || ~6.0.0 || ~6.2.0 || ~7.0.0" constraint.` + "\nCan't validate version of some services: opensearch: connection refused"},
		{name: "one does not tell", class: `Deploy\ServiceVersion`, tree: lock("2.4.7"), facts: fakeFacts{versions: map[string]string{"redis": "7.0", "opensearch": "refused"}}, want: "Can't validate version of some services: opensearch: connection refused"},
		{name: "all fit", class: `Deploy\ServiceVersion`, tree: lock("2.4.7"), facts: fakeFacts{versions: map[string]string{"redis": "7.0"}}},
		{name: "past", class: `ServiceEol.Warnings`, facts: fakeFacts{versions: map[string]string{"redis": "7.0"}}, code: 2018, want: "Some services have passed EOL.", also: "redis 7.0 has passed EOL (2024-07-29)."},
		{name: "past is no notice", class: `ServiceEol.Notices`, facts: fakeFacts{versions: map[string]string{"redis": "7.0"}}},
		{name: "near", class: `ServiceEol.Notices`, facts: fakeFacts{database: "mariadb", versions: map[string]string{"mariadb": "10.6"}}, prepare: func(w *toolkittest.World) {
			w.Kit.Now = func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }
		}, want: "Some services are approaching EOL.", also: "mariadb 10.6 is approaching EOL (2026-07-06)."},
		{name: "far", class: `ServiceEol.Notices`, facts: fakeFacts{versions: map[string]string{"php": "8.8", "opensearch": "2.12"}}},
		{name: "unknown", class: `ServiceEol.Warnings`, facts: fakeFacts{versions: map[string]string{"php": "1.1"}}},
		{name: "not recommended", class: `Deploy\PhpVersion`, tree: lock("2.4.7"), facts: fakeFacts{versions: map[string]string{"php": "8.1.20"}}, code: 2007, want: "For Magento 2.4.7.0 recommended PHP version satisfying the constraint ~8.2.0. Currently installed PHP version 8.1.20"},
		{name: "recommended", class: `Deploy\PhpVersion`, tree: lock("2.4.7"), facts: fakeFacts{versions: map[string]string{"php": "8.2.7"}}},
		{name: "unknown", class: `Deploy\PhpVersion`, tree: lock("2.4.7"), facts: fakeFacts{versions: map[string]string{"php": "refused"}}},
	}
}

func splitCases() []testCase {
	split := map[string]any{"SPLIT_DB": phparray.List("quote")}
	own := map[string]any{"DATABASE_CONFIGURATION": phparray.Map("connection", phparray.Map("checkout", phparray.New()), "slave_connection", phparray.Map("sales", phparray.New()))}
	return []testCase{
		{name: "removed", class: `Deploy\RemovedSplitDb`, tree: lock("2.5.0"), given: split, code: 136, want: "Split Database was removed starting from Adobe Commerce and Magento Open Source 2.5.0."},
		{name: "not yet", class: `Deploy\RemovedSplitDb`, tree: lock("2.4.7"), given: split},
		{name: "deprecated", class: `Deploy\DeprecatedSplitDb`, tree: lock("2.4.7"), given: own, code: 2029, want: "Split Database was deprecated in the Adobe Commerce and Magento Open Source 2.4.2 and will be removed in 2.5."},
		{name: "none", class: `Deploy\DeprecatedSplitDb`, tree: lock("2.4.7")},
		{name: "own connections", class: `Deploy\DatabaseSplitConnection`, given: own, code: 2002, want: "Detected split database configuration in the DATABASE_CONFIGURATION property of the file .magento.env.yaml:\n- connection: checkout\n- slave_connection: sales\nMagento Cloud does not support a custom split database configuration, such configurations will be ignored"},
	}
}
