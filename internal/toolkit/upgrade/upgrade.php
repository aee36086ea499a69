<?php
// Runs `bin/magento setup:upgrade` as far as it only reads, says so on standard output, and goes
// on when a line comes on standard input. Until then no statement that writes is sent, and
// the sessions of the database refuse to write.
//
// Arguments: the directory with its copy of app/etc, then the command and its options.

$private = $argv[1];
$_SERVER['argv'] = $argv = array_merge(['bin/magento'], array_slice($argv, 2));
$_SERVER['argc'] = $argc = count($argv);
$_SERVER['MAGE_DIRS'] = ['base' => ['path' => getcwd()], 'etc' => ['path' => $private . '/etc']];

// Magento makes this object for each connection and tells it every statement beforehand.
spl_autoload_register(static function (string $class): void {
    if ($class !== 'SluiceUpgradeGate') {
        return;
    }
    class SluiceUpgradeGate extends \Magento\Framework\DB\Profiler
    {
        private static bool $opened = false;
        private bool $unlocked = false;

        public function queryStart($queryText, $queryType = null)
        {
            $text = ltrim((string)$queryText, " \t\r\n(");
            $reads = preg_match('/^(connect|select|show|describe|desc|explain|set|use)\b/i', $text);
            // The first statement of every change of the schema is a SET.
            if (!self::$opened && (!$reads || stripos($text, 'UNIQUE_CHECKS') !== false)) {
                fwrite(STDOUT, "\n::sluice-upgrade waits\n");
                fflush(STDOUT);
                if (fgets(STDIN) !== "go\n") {
                    exit(75);
                }
                self::$opened = true;
            }
            if ($text === 'connect') { // also once more, when the connection was lost
                $this->unlocked = false;
            }
            if (!$reads && !$this->unlocked) {
                $this->unlocked = true;
                foreach (debug_backtrace(DEBUG_BACKTRACE_PROVIDE_OBJECT) as $frame) {
                    if (($frame['object'] ?? null) instanceof \Zend_Db_Adapter_Pdo_Abstract) {
                        $frame['object']->getConnection()->exec('SET SESSION TRANSACTION READ WRITE');
                        break;
                    }
                }
            }
            return null;
        }
    }
});

$env = require $private . '/etc/env.php';
foreach ($env['db']['connection'] as $name => $connection) {
    $env['db']['connection'][$name]['profiler'] = ['class' => 'SluiceUpgradeGate', 'enabled' => false];
    $env['db']['connection'][$name]['initStatements'] =
        rtrim($connection['initStatements'] ?? 'SET NAMES utf8', "; \n") . '; SET SESSION TRANSACTION READ ONLY';
}
$files = ['backend' => 'Cm_Cache_Backend_File', 'backend_options' => ['cache_dir' => 'tmp/sluice-upgrade/cache']];
putenv('MAGENTO_DC__OVERRIDE=' . json_encode([
    'db' => $env['db'],
    'cache' => ['frontend' => ['default' => $files, 'page_cache' => $files]],
]));

require getcwd() . '/bin/magento';
