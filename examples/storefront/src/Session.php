<?php

declare(strict_types=1);

namespace Storefront;

/** The visitor's session in Redis, so that every instance and every release sees the same one. */
final class Session
{
    private const DATABASE = 1;
    private const NAME = 'shop';

    /** @param array{host: string, port: int, password: string} $server */
    public function __construct(private readonly array $server)
    {
    }

    /** True when the visitor brought one; pages that only look then need not start any. */
    public function isKnown(): bool
    {
        return isset($_COOKIE[self::NAME]);
    }

    public function get(string $key, mixed $default = null): mixed
    {
        $this->open();

        return $_SESSION[$key] ?? $default;
    }

    public function set(string $key, mixed $value): void
    {
        $this->open();
        $_SESSION[$key] = $value;
    }

    private function open(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            return;
        }
        $query = ['database' => self::DATABASE];
        if ($this->server['password'] !== '') {
            $query['auth'] = $this->server['password'];
        }
        ini_set('session.save_handler', 'redis');
        ini_set('session.save_path', "tcp://{$this->server['host']}:{$this->server['port']}?" . http_build_query($query));
        // Two requests of one visitor take turns; otherwise the later one would undo the earlier.
        ini_set('redis.session.locking_enabled', '1');
        ini_set('redis.session.lock_wait_time', '10000');
        ini_set('redis.session.lock_retries', '1000');
        session_name(self::NAME);
        if (!session_start()) {
            throw new \RuntimeException('The session could not be opened.');
        }
    }
}
