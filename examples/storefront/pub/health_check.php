<?php

declare(strict_types=1);

/** For monitors: can this instance reach what it needs? Says nothing about maintenance. */

use Storefront\Shop;

require __DIR__ . '/../vendor/autoload.php';

header('Content-Type: text/plain; charset=utf-8');
header('Cache-Control: no-store');
try {
    $shop = new Shop(dirname(__DIR__));
    $shop->database()->query('SELECT 1');
    $shop->cache()->ping();
    echo "healthy\n";
} catch (Throwable $e) {
    error_log("health check: {$e->getMessage()}");
    http_response_code(503);
    echo "unhealthy\n";
}
