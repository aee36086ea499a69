<?php

declare(strict_types=1);

namespace Storefront;

/** What app/etc/env.php holds: where the services are. Written at deploy by Deploy\WriteConfiguration. */
final readonly class Configuration
{
    /**
     * @param array{host: string, port: int, name: string, user: string, password: string} $database
     * @param array{host: string, port: int, password: string} $cache
     * @param array{host: string, port: int, password: string} $session
     * @param array{host: string, port: int, user: string, password: string} $queue
     */
    private function __construct(
        public array $database,
        public array $cache,
        public array $session,
        public array $queue,
    ) {
    }

    public static function read(string $directory): self
    {
        $file = "$directory/env.php";
        if (!is_file($file)) {
            throw new \RuntimeException("$file is missing. Run: php bin/shop install");
        }

        return self::of(require $file);
    }

    /** @param array<string, mixed> $env what env.php holds or will hold */
    public static function of(array $env): self
    {
        return new self($env['db'], $env['cache'], $env['session'], $env['queue']);
    }
}
