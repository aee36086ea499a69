package acceptance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// caseOf says where a case is tested, or why it is not here.
type caseOf struct {
	section, what string
	script        string // of testdata, without its extension
	elsewhere     string // where the case is tested or why it cannot be
}

// cases are those of the original's own functional tests, and what shops met.
func cases() []caseOf {
	return []caseOf{
		{"12.1.1", "default deployment, config:dump, masked passwords", "12.01-default", ""},
		{"12.1.2-6", "CRON_CONSUMERS_RUNNER as map and JSON, locks, variables that are no more", "12.01-consumers-and-lock", ""},
		{"12.1.7", "build in one command", "12.01-one-build-hook", ""},
		{"12.1.8", "static content made in the build after config:dump", "12.01-default", ""},
		{"12.1.9", "build in two commands", "12.01-default", ""},
		{"12.2", "admin's variables", "12.02-admin", ""},
		{"12.3", "db-dump", "12.03-dump", ""},
		{"12.4", "times between cron jobs", "", "Magento's scheduler is tested there, of which the toolkit has no part but the switch and the unlocking: 12.5, 12.11"},
		{"12.5", "cron:unlock", "12.05-unlock", ""},
		{"12.6", "types of variables", "12.06-types", ""},
		{"12.7.1, 2, 4", "DATABASE_CONFIGURATION and RESOURCE_CONFIGURATION", "12.07-database", ""},
		{"12.7.3", "prefix of tables", "12.07-prefix", ""},
		{"12.8", "search engine follows the service; locked values stay", "12.08-search", ""},
		{"12.9", "codes in cloud.error.log and error:show", "12.09-codes", ""},
		{"12.10", "no bin/magento", "12.10-no-magento", ""},
		{"12.11", "steps of post-deploy, and none after a failure", "12.11-post-deploy", ""},
		{"12.12", "Redis", "12.12-redis", ""},
		{"12.13", "ERROR_REPORT_DIR_NESTING_LEVEL", "12.13-report-dir", ""},
		{"12.14", "SCD_MATRIX and SCD_STRATEGY", "12.14-static", ""},
		{"12.15", "scenarios of the project's own", "12.15-extensions", ""},
		{"12.16", "SESSION_CONFIGURATION", "12.16-session", ""},
		{"12.17", "SPLIT_DB", "12.17-split", ""},
		{"12.18", "wizard:split-db-state without relationships", "12.18-wizard", ""},
		{"12.18", "wizard:split-db-state with them", "12.17-split", ""},
		{"12.19", "upgrades of Magento", "", "needs releases of Magento; the toolkit's part, setup:upgrade after a change of modules, is in zero-hold"},
		{"12.20", "wizards of static content", "12.20-wizard", ""},
		{"12.21", "cloud:config:create and update", "12.21-config", ""},
		{"12.21", "schema of .magento.env.yaml", "", "a table of single values: internal/manifest tests it beside the schema"},
		{"", "zero hold", "zero-hold", ""},
		{"", "hotfixes of shops", "shop-patches", ""},
		{"", "output of a command that fails", "shop-command-fails", ""},
		{"", "env.php and config.php with PHP code", "shop-php-code", ""},
		{"", "zero hold: every input of setup:upgrade, and configuration that is imported", "zero-hold-inputs", ""},
		{"", "mounts are restored without loss", "copy-conflicts", ""},
		{"", "themes of Composer packages", "theme-in-src", ""},
		{"", "production and staging by the environment's type", "environment-type", ""},
		{"", "base URLs at which routes answer", "base-urls", ""},
		{"", "ElasticSuite with OpenSearch, TLS and a password", "shop-search", ""},
		{"", "split databases that are left over", "shop-split-left-over", ""},
		{"", "env.php that is lost and its copy", "shop-lost-env", ""},
		{"", "encodings of scenario files", "shop-scenario-bytes", ""},
		{"", "packages that replace Magento's", "shop-mage-os", ""},
	}
}

// Every script is in the table, and every case of the table is a script or says why not.
func TestTableOfCases(t *testing.T) {
	found, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		name = strings.TrimSuffix(filepath.Base(name), ".txtar")
		if !slices.ContainsFunc(cases(), func(c caseOf) bool { return c.script == name }) {
			t.Errorf("testdata/%s.txtar is in no row of the table", name)
		}
	}
	for _, c := range cases() {
		if (c.script == "") == (c.elsewhere == "") {
			t.Errorf("%s %s: a case has a script or a reason", c.section, c.what)
		}
		if c.script == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join("testdata", c.script+".txtar")); err != nil {
			t.Errorf("%s %s: %v", c.section, c.what, err)
		}
	}
}
