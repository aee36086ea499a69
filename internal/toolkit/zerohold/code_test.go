package zerohold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// shop is code of every kind that a fingerprint tells apart.
const shop = `
-- app/code/Acme/Shop/etc/module.xml --
-- app/code/Acme/Shop/etc/acl.xml --
-- app/code/Acme/Shop/Model/Feed.php --
-- app/code/Acme/Feed/etc/module.xml --
-- app/code/Acme/Feed/etc/acl.xml --
-- app/code/Acme/Feed/Setup/Recurring.php --
-- app/code/Acme/Feed/etc/feeds.xml --
-- packages/linked/etc/module.xml --
-- vendor/composer/autoload_files.php --
'a' => $baseDir . '/extensions/Acme/Own/registration.php',
-- extensions/Acme/Own/registration.php --
-- extensions/Acme/Own/etc/module.xml --
-- vendor/acme/file --
`

func plant(t *testing.T, dir, archive string) {
	t.Helper()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, dir, target, name string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func codeIn(t *testing.T, dir string) (Fingerprint, error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	return Code(root.FS(), dir)
}

// TestInputsOfSetupUpgrade changes one file at a time: those that setup:upgrade or a
// recurring script reads change one part of the fingerprint, all others none.
func TestInputsOfSetupUpgrade(t *testing.T) {
	for file, want := range map[string]string{
		"app/code/Acme/Shop/etc/module.xml":                  partSchema,
		"app/code/Acme/Shop/etc/db_schema.xml":               partSchema,
		"app/code/Acme/Shop/etc/db_schema_whitelist.json":    partSchema,
		"app/code/Acme/Shop/Setup/Patch/Data/One.php":        partPatches,
		"app/code/Acme/Shop/Setup/fixtures/one.csv":          partPatches,
		"app/code/Acme/Shop/etc/queue_topology.xml":          partQueues,
		"app/code/Acme/Shop/etc/communication.xml":           partQueues,
		"app/code/Acme/Shop/etc/mview.xml":                   partIndexers,
		"app/code/Acme/Shop/etc/indexer.xml":                 partIndexers,
		"app/code/Acme/Shop/etc/integration/config.xml":      partIntegrations,
		"app/code/Acme/Shop/etc/integration/api.xml":         partIntegrations,
		"app/code/Acme/Shop/etc/integration.xml":             partIntegrations,
		"app/code/Acme/Shop/registration.php":                partComponents,
		"app/design/frontend/Acme/summer/theme.xml":          partComponents,
		"app/design/frontend/Acme/summer/registration.php":   partComponents,
		"vendor/acme/theme/src/theme.xml":                    partComponents,
		"app/code/Acme/Feed/etc/feeds.xml":                   partRecurring,
		"app/code/Acme/Feed/Model/Importer.php":              partRecurring,
		"app/code/Acme/Feed/etc/acl.xml":                     partRecurring,
		"vendor/acme/linked/etc/mview.xml":                   partIndexers, // by the link of Composer
		"packages/linked/etc/queue_topology.xml":             partQueues,   // where the link leads
		"vendor/acme/absolute/etc/mview.xml":                 partIndexers,
		"vendor/acme/two/inner/etc/mview.xml":                partIndexers, // a link in what a link leads to
		"extensions/Acme/Own/etc/mview.xml":                  partIndexers, // neither in app/code nor in vendor
		"app/code/Test/Shop/etc/mview.xml":                   partIndexers, // a vendor named Test
		"vendor/acme/docs/etc/module.xml":                    partSchema,   // a package named docs
		"vendor/acme/pack/view/etc/mview.xml":                partIndexers, // a module named view
		"app/code/Acme/Shop/Setup/Patch/Data/Test/Patch.php": partPatches,
		"app/code/Acme/Shop/etc/feeds.xml":                   partRecurring, // which the script of Acme_Feed may read
		"app/code/Acme/Shop/etc/events.xml":                  "",
		"app/code/Acme/Shop/etc/frontend/feeds.xml":          "",
		"app/code/Acme/Shop/Model/Feed.php":                  "",
		"app/code/Acme/Shop/etc/di.xml":                      "",
		"app/code/Acme/Shop/etc/acl.xml":                     "", // no integration refers to it
		"app/code/Acme/Shop/etc/adminhtml/system.xml":        "",
		"app/code/Acme/Shop/view/frontend/layout/x.xml":      "",
		"app/code/Acme/Shop/Test/Unit/etc/mview.xml":         "",
		"app/code/Acme/Shop/docs/etc/mview.xml":              "",
		"app/code/Acme/Feed/view/frontend/layout/x.xml":      "",
		"app/design/frontend/Acme/summer/web/css/x.less":     "",
		"app/code/node_modules/x/etc/mview.xml":              "",
	} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, shop)
			link(t, dir, "../../packages/linked", "vendor/acme/linked")
			link(t, dir, dir+"/packages/absolute", "vendor/acme/absolute")
			link(t, dir, "../../packages/two", "vendor/acme/two")
			plant(t, dir, "-- packages/absolute/x --\n-- packages/two/x --\n-- inner/x --\n")
			link(t, dir, "../../inner", "packages/two/inner")
			link(t, dir, "..", "packages/two/around")
			link(t, dir, "missing", "vendor/acme/broken")
			before, err := codeIn(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			plant(t, dir, "-- "+file+" --\nchanged\n")
			after, err := codeIn(t, dir)
			if err != nil {
				t.Fatal(err)
			}
			var changed []string
			for _, part := range codeParts() {
				if before[part] != after[part] {
					changed = append(changed, part)
				}
			}
			if got := strings.Join(changed, " "); got != want {
				t.Errorf("changed %q, want %q", got, want)
			}
		})
	}
}

// TestDiThatConfiguresSetup: arguments of types that setup:upgrade works with are inputs.
func TestDiThatConfiguresSetup(t *testing.T) {
	for di, want := range map[string]bool{
		`<type name="Magento\Catalog\Model\Product"><plugin name="x" type="Acme\Shop\Plugin"/></type>`: false,
		`<type name="Magento\SalesSequence\Model\EntityPool"/>`:                                        true,
		`<type name="Magento\Framework\Mview\View\Subscription"/>`:                                     true,
		`<type name="Magento\Framework\Module\Setup\Migration"/>`:                                      true,
		`<type name="Magento\Framework\MessageQueue\DefaultValueProvider"/>`:                           true,
	} {
		dir := t.TempDir()
		plant(t, dir, shop)
		before, err := codeIn(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		plant(t, dir, "-- app/code/Acme/Shop/etc/di.xml --\n"+di+"\n")
		after, err := codeIn(t, dir)
		if err != nil || (before[partRecurring] != after[partRecurring]) != want {
			t.Errorf("%s: %v", di, err)
		}
	}
}

// TestPermissionsOfIntegrations: with an integration, acl.xml is an input.
func TestPermissionsOfIntegrations(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, shop+"-- app/code/Acme/Shop/etc/integration.xml --\n")
	before, err := codeIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	plant(t, dir, "-- app/code/Acme/Shop/etc/acl.xml --\nchanged\n")
	if after, err := codeIn(t, dir); err != nil || before.Difference(after) == "" || before[partIntegrations] == after[partIntegrations] {
		t.Error("acl.xml is not an input", err)
	}
}

// TestWhatCannotBeReadIsUpgraded: a link that Magento can follow and we cannot is an error.
func TestWhatCannotBeReadIsUpgraded(t *testing.T) {
	for target, want := range map[string]string{
		t.TempDir():   "the link vendor/acme/out leads out of the application, to /",
		"../../../..": "the link vendor/acme/out leads out of the application, to ../../../..",
	} {
		dir := t.TempDir()
		plant(t, dir, shop)
		link(t, dir, target, "vendor/acme/out")
		if _, err := codeIn(t, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", target, err)
		}
	}
}
