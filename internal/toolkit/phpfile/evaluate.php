<?php
/**
 * Prints the array that a PHP file returns, as PHP code without calls.
 *
 * It is given to php on stdin, and the file's name as argument. Classes are found by the
 * project's autoloader, which is loaded only when the file names one; BP is Magento's
 * constant for its directory. Nothing is written.
 */

defined('BP') || define('BP', getcwd());

spl_autoload_register($lazy = static function (string $class) use (&$lazy) {
    spl_autoload_unregister($lazy);
    if (is_file(BP . '/vendor/autoload.php')) {
        $loader = require BP . '/vendor/autoload.php';
        if (is_object($loader) && method_exists($loader, 'loadClass')) {
            $loader->loadClass($class);
        }
    }
});

(static function (string $file) {
    ob_start();
    $value = require BP . '/' . $file;
    while (ob_get_level() > 0) {
        ob_end_clean();
    }
    if ($value === 1) { // the file has no "return"
        $value = [];
    }
    if (!is_array($value)) {
        file_put_contents('php://stderr', 'it returns ' . gettype($value) . ", not an array\n");
        exit(1);
    }
    file_put_contents('php://stdout', "\x1e<?php return " . var_export($value, true) . ";\x1e");
})($argv[1]);
