<?php

declare(strict_types=1);

namespace Storefront\Deploy;

use Storefront\Files;

/** Writes app/etc/env.php (where the services are) and config.php (what is switched on). */
final readonly class WriteConfiguration
{
    public function __construct(private string $directory, private Relationships $relationships)
    {
    }

    public function __invoke(): void
    {
        $this->write('env.php', $this->environment());
        $this->write('config.php', ['modules' => ['Storefront_Catalog' => 1, 'Storefront_Queue' => 1]]);
    }

    /** @return array<string, mixed> what env.php will hold */
    public function environment(): array
    {
        $database = $this->relationships->endpoint('database');
        $redis = $this->relationships->endpoint('redis');
        $queue = $this->relationships->endpoint('rabbitmq');

        return [
            'install' => $this->kept('install') ?? ['date' => gmdate(DATE_RFC2822)],
            'db' => [
                'host' => $database['host'],
                'port' => $database['port'],
                'name' => $database['path'],
                'user' => $database['user'],
                'password' => $database['password'],
            ],
            'cache' => self::server($redis),
            'session' => self::server($redis),
            'queue' => [...self::server($queue), 'user' => $queue['user']],
        ];
    }

    /** What was decided once, at installation, outlives every deployment. */
    private function kept(string $key): mixed
    {
        $file = "$this->directory/env.php";

        return is_file($file) ? ((require $file)[$key] ?? null) : null;
    }

    /** @return array{host: string, port: int, password: string} */
    private static function server(array $endpoint): array
    {
        return ['host' => $endpoint['host'], 'port' => $endpoint['port'], 'password' => $endpoint['password']];
    }

    private function write(string $file, array $values): void
    {
        Files::write("$this->directory/$file", "<?php\n\nreturn " . var_export($values, true) . ";\n");
    }
}
