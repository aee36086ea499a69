package upgrade

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// magento plays bin/magento: connections that tell their profiler every statement before they
// send it, as Magento's do, run their initial statements when they connect, and connect again.
const magento = `<?php
namespace Magento\Framework\DB { class Profiler {} }
namespace {
    class Zend_Db_Adapter_Pdo_Abstract {
        private $profiler;
        public function __construct(private string $name, array $config) {
            $this->profiler = new $config['profiler']['class'];
            $this->connect($config);
        }
        public function connect(array $config) {
            $this->profiler->queryStart('connect', 1);
            foreach (explode('; ', $config['initStatements']) as $sql) { $this->query($sql); }
        }
        public function query(string $sql) { $this->profiler->queryStart($sql); echo $this->name, ': ', $sql, "\n"; }
        public function getConnection() {
            return new class($this->name) {
                public function __construct(private string $name) {}
                public function exec(string $sql) { echo $this->name, ': ', $sql, "\n"; }
            };
        }
    }
    $config = json_decode(getenv('MAGENTO_DC__OVERRIDE'), true);
    echo implode(' ', $_SERVER['argv']), ' in ', basename($_SERVER['MAGE_DIRS']['etc']['path']), ', cache in ', $config['cache']['frontend']['page_cache']['backend_options']['cache_dir'], "\n";
    $default = new Zend_Db_Adapter_Pdo_Abstract('default', $config['db']['connection']['default']);
    $default->query('SELECT 1');
    $default->query('  (SELECT 2)');
    $default->query('SHOW TABLES');
    $default->query(getenv('FIRST'));
    $default->query('SELECT 3');
    $default->query('INSERT INTO a VALUES (1)');
    $default->connect($config['db']['connection']['default']);
    $default->query('INSERT INTO a VALUES (2)');
    $other = new Zend_Db_Adapter_Pdo_Abstract('other', $config['db']['connection']['other']);
    $other->query('SELECT 4');
    $other->query('CREATE TABLE b (c int)');
}
`

// TestTheScriptWaitsAtTheFirstChange lets the real PHP run the script over a bin/magento of the test.
func TestTheScriptWaitsAtTheFirstChange(t *testing.T) {
	if _, err := exec.LookPath("php"); err != nil && testing.Short() {
		t.Skip("php is missing")
	}
	const before = `bin/magento setup:upgrade --ansi in etc, cache in tmp/sluice-upgrade/cache
default: SET NAMES latin1
default: SET SESSION TRANSACTION READ ONLY
default: SELECT 1
default:   (SELECT 2)
default: SHOW TABLES

::sluice-upgrade waits
`
	const after = `default: INSERT INTO a VALUES (1)
default: SET NAMES latin1
default: SET SESSION TRANSACTION READ ONLY
default: SET SESSION TRANSACTION READ WRITE
default: INSERT INTO a VALUES (2)
other: SET NAMES utf8
other: SET SESSION TRANSACTION READ ONLY
other: SELECT 4
other: SET SESSION TRANSACTION READ WRITE
other: CREATE TABLE b (c int)
`
	for _, first := range []string{
		"SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0", "begin", "UPDATE flag SET state = 1", "/* a comment */ DELETE FROM a", "CALL procedure()",
	} {
		t.Run(first, func(t *testing.T) {
			if out, code := play(t, first, ""); out != before || code != 75 {
				t.Errorf("without a word: status %d, output\n%s\nwant\n%s", code, out, before)
			}
			const writable = "default: SET SESSION TRANSACTION READ WRITE\n"
			want := before + writable + "default: " + first + "\ndefault: SELECT 3\n" + after
			if strings.HasPrefix(first, "SET") { // it needs no right to write
				want = before + "default: " + first + "\ndefault: SELECT 3\n" + writable + after
			}
			if out, code := play(t, first, "go\n"); out != want || code != 0 {
				t.Errorf("status %d, output\n%s\nwant\n%s", code, out, want)
			}
		})
	}
}

// play runs the script in a shop of its own. first is the statement to wait at.
func play(t *testing.T, first, stdin string) (output string, code int) {
	t.Helper()
	shop := t.TempDir()
	for name, text := range map[string]string{
		"bin/magento": magento, "own/upgrade.php": string(script),
		"own/etc/env.php": "<?php return ['db' => ['connection' => ['default' => ['initStatements' => 'SET NAMES latin1;'], 'other' => []]]];",
	} {
		path := filepath.Join(shop, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "php", "-n", "own/upgrade.php", shop+"/own", "setup:upgrade", "--ansi")
	cmd.Dir, cmd.Stdin = shop, strings.NewReader(stdin)
	cmd.Env = append(cmd.Environ(), "FIRST="+first)
	out, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("php (scripts/setup.sh installs it): %v", err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
