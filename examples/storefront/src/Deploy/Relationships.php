<?php

declare(strict_types=1);

namespace Storefront\Deploy;

/** What the platform says about the services: MAGENTO_CLOUD_RELATIONSHIPS. */
final readonly class Relationships
{
    /** @param array<string, list<array<string, mixed>>> $relationships */
    private function __construct(private array $relationships)
    {
    }

    public static function fromEnvironment(): self
    {
        return self::decode((string) getenv('MAGENTO_CLOUD_RELATIONSHIPS'));
    }

    public static function decode(#[\SensitiveParameter] string $encoded): self
    {
        $relationships = json_decode((string) base64_decode($encoded, true), true);
        if (!is_array($relationships)) {
            throw new \RuntimeException('MAGENTO_CLOUD_RELATIONSHIPS is not set, or is not JSON in Base64.');
        }

        return new self($relationships);
    }

    /** @return array{host: string, port: int, user: string, password: string, path: string} */
    public function endpoint(string $name): array
    {
        $endpoint = $this->relationships[$name][0] ?? throw new \RuntimeException(
            "There is no relationship \"$name\". Add it to .magento.app.yaml.",
        );

        return [
            'host' => (string) $endpoint['host'],
            'port' => (int) $endpoint['port'],
            'user' => (string) ($endpoint['username'] ?? ''),
            'password' => (string) ($endpoint['password'] ?? ''),
            'path' => (string) ($endpoint['path'] ?? ''),
        ];
    }
}
