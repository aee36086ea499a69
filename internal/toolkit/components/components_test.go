package components

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// tree makes a file system of a txtar archive; PHP files get their opening tag.
func tree(archive string) fstest.MapFS {
	files := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		data := f.Data
		if strings.HasSuffix(f.Name, ".php") {
			data = append([]byte("<?php\n"), data...)
		}
		files[f.Name] = &fstest.MapFile{Data: data}
	}
	return files
}

func TestThemes(t *testing.T) {
	for name, c := range map[string]struct{ files, want string }{
		"as Magento's own": {`
-- vendor/magento/theme-frontend-luma/registration.php --
use \Magento\Framework\Component\ComponentRegistrar;
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Magento/luma', __DIR__);
-- vendor/magento/module-theme/registration.php --
ComponentRegistrar::register(ComponentRegistrar::MODULE, 'Magento_Theme', __DIR__);
-- app/design/frontend/Acme/shop/registration.php --
\Magento\Framework\Component\ComponentRegistrar::register(\Magento\Framework\Component\ComponentRegistrar::THEME, "frontend/Acme/shop", __DIR__);
-- app/design/frontend/Acme/unregistered/theme.xml --
`, "Acme/shop Magento/luma"},
		"Composer's list says what is loaded": {`
-- vendor/composer/autoload_files.php --
$vendorDir = dirname(__DIR__);
$baseDir = dirname($vendorDir);
return array(
    'a1' => $vendorDir . '/acme/theme/src/theme-registration.php',
    'b2' => $baseDir . '/themes/own/registration.php',
    'c3' => $vendorDir . '/acme/missing/registration.php',
);
-- vendor/acme/theme/src/theme-registration.php --
Registrar::register(Registrar::THEME, 'frontend/Acme/winter', __DIR__);
-- themes/own/registration.php --
Registrar::register(Registrar::THEME, 'adminhtml/Acme/office', __DIR__ . '/src');
-- vendor/acme/theme/Test/registration.php --
Registrar::register(Registrar::THEME, 'frontend/Acme/fixture', __DIR__);
`, "Acme/office Acme/winter"},
		"without the list every package is searched": {`
-- vendor/acme/theme/src/registration.php --
use Magento\Framework\Component\{ComponentRegistrar as R};
R::register(R::THEME, 'frontend/Acme/winter', __DIR__);
`, "Acme/winter"},
		"several in one file": {`
-- app/design/frontend/Acme/all/registration.php --
const AREA = 'frontend/';
$vendor = "Acme";
$names = ['one', 'two' => 'three'];
foreach ($names as $key => $name) {
    if (file_exists(__DIR__ . "/$name/theme.xml")) {
        ComponentRegistrar::register('theme', AREA . $vendor . '/' . $name, __DIR__ . '/' . $name);
    }
}
foreach (array('four') as $name) ComponentRegistrar::register(ComponentRegistrar::THEME, "frontend/{$vendor}/$name", __DIR__);
(new ComponentRegistrar())->register(ComponentRegistrar::THEME, 'frontend/' . $vendor . '/five', __DIR__);
$registrar::register(type: 1, 'x');
`, "Acme/five Acme/four Acme/one Acme/three"},
		"files that are loaded by a file": {`
-- vendor/acme/pack/registration.php --
foreach (glob(__DIR__ . '/themes/*/reg.php') as $file) { require_once $file; }
require __DIR__ . DIRECTORY_SEPARATOR . 'more.php';
include(dirname(__FILE__, 2) . '/other/two.php');
require __DIR__ . '/../../../../outside.php';
require $unknown;
-- vendor/acme/pack/themes/a/reg.php --
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/' . basename(__DIR__), __DIR__);
require dirname(__DIR__, 1) . '/../registration.php';
-- vendor/acme/pack/more.php --
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/more', __DIR__);
-- vendor/acme/other/two.php --
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/two', __DIR__);
`, "Acme/a Acme/more Acme/two"},
		"what is not code": {`
-- app/design/frontend/Acme/a/registration.php --
// ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/one', __DIR__);
# ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/two', __DIR__);
/* ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/three', __DIR__); */
$text = "ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/four', __DIR__);";
?>
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/five', __DIR__);
<?php
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/six', __DIR__);
`, "Acme/six"},
		"other directories of the project": {`
-- app/etc/registration_globlist.php --
return ['src/*/*/registration.php'];
-- src/Acme/Theme/registration.php --
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/src', __DIR__);
-- app/design/frontend/Acme/a/registration.php --
ComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/a', __DIR__);
`, "Acme/src"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Themes(tree(c.files))
			if strings.Join(got, " ") != c.want || err != nil {
				t.Errorf("found %v, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestLinkedPackage follows the link that Composer makes of a path repository.
func TestLinkedPackage(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, tree("-- packages/x/registration.php --\nComponentRegistrar::register(ComponentRegistrar::THEME, 'frontend/Acme/linked', __DIR__);\n-- vendor/composer/autoload_files.php --\nreturn array('a' => $vendorDir . '/acme/out/registration.php', 'b' => $vendorDir . '/acme/x/registration.php');\n-- vendor/acme/file --\n")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../packages/x", dir+"/vendor/acme/x"); err != nil {
		t.Fatal(err)
	}
	// Another package is out of reach, which is not a reason to find no theme.
	if err := os.Symlink("/", dir+"/vendor/acme/out"); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if got, err := Themes(root.FS()); strings.Join(got, " ") != "Acme/linked" || err != nil {
		t.Errorf("found %v, %v", got, err)
	}
}

func FuzzThemes(f *testing.F) {
	f.Add("foreach (['a'] as $k => $v) { R::register(R::THEME, \"a/b/$v\", __DIR__); }")
	f.Add("require __DIR__ . '/registration.php'; foreach (array(1 => [") //nolint:dupword // PHP
	f.Fuzz(func(t *testing.T, php string) {
		if _, err := Themes(tree("-- app/design/a/b/c/registration.php --\n" + php)); err != nil {
			t.Error(err)
		}
	})
}
