<?php

declare(strict_types=1);

namespace Storefront;

use Storefront\Catalog\CachedProducts;
use Storefront\Catalog\DatabaseProducts;
use Storefront\Queue\Broker;
use Storefront\Sales\Orders;

/** The parts of the shop, each made when it is first asked for. */
final class Shop
{
    /** The queue that says which orders were placed. */
    public const ORDERS_PLACED = 'orders.placed';

    private const CACHE_DATABASE = 0;

    private ?\PDO $database = null;
    private ?\Redis $cache = null;
    private ?CachedProducts $products = null;
    private ?Broker $broker = null;

    /** @param ?Configuration $configuration that of app/etc when there is none */
    public function __construct(public readonly string $root, private ?Configuration $configuration = null)
    {
    }

    public function path(string $relative): string
    {
        return "$this->root/$relative";
    }

    public function release(): Release
    {
        return new Release($this->root);
    }

    public function maintenance(): Maintenance
    {
        return new Maintenance($this->path('var/.maintenance.flag'));
    }

    public function configuration(): Configuration
    {
        return $this->configuration ??= Configuration::read($this->path('app/etc'));
    }

    public function database(): \PDO
    {
        return $this->database ??= $this->connectDatabase();
    }

    public function cache(): \Redis
    {
        return $this->cache ??= $this->connectCache();
    }

    public function products(): CachedProducts
    {
        return $this->products ??= new CachedProducts($this->storedProducts(...), $this->cache(...));
    }

    /** The products without the cache in front, to change them. */
    public function storedProducts(): DatabaseProducts
    {
        return new DatabaseProducts($this->database());
    }

    public function orders(): Orders
    {
        return new Orders($this->database());
    }

    public function session(): Session
    {
        return new Session($this->configuration()->session);
    }

    public function broker(): Broker
    {
        $queue = $this->configuration()->queue;

        return $this->broker ??= new Broker($queue['host'], $queue['port'], $queue['user'], $queue['password']);
    }

    private function connectDatabase(): \PDO
    {
        $db = $this->configuration()->database;
        $dsn = "mysql:host={$db['host']};port={$db['port']};dbname={$db['name']};charset=utf8mb4";

        return new \PDO($dsn, $db['user'], $db['password'], [
            \PDO::ATTR_DEFAULT_FETCH_MODE => \PDO::FETCH_ASSOC,
            \PDO::ATTR_EMULATE_PREPARES => false,
            \PDO::ATTR_TIMEOUT => 5,
        ]);
    }

    private function connectCache(): \Redis
    {
        $server = $this->configuration()->cache;
        $redis = new \Redis();
        $redis->pconnect($server['host'], $server['port'], 1.0);
        if ($server['password'] !== '') {
            $redis->auth($server['password']);
        }
        $redis->select(self::CACHE_DATABASE);

        return $redis;
    }
}
