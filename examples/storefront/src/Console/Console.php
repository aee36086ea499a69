<?php

declare(strict_types=1);

namespace Storefront\Console;

/** bin/shop: finds the command by its name and reports how it went. */
final class Console
{
    /** @var array<string, array{string, \Closure(): void}> */
    private array $commands = [];

    /** @param \Closure(): void $run throws when it fails */
    public function add(string $name, string $summary, \Closure $run): self
    {
        $this->commands[$name] = [$summary, $run];

        return $this;
    }

    /** @return int the exit code: 0 done, 1 failed, 2 not understood */
    public function run(?string $name): int
    {
        if ($name === null || $name === 'list') {
            return $this->list();
        }
        if (!isset($this->commands[$name])) {
            fwrite(STDERR, "There is no command \"$name\". See: php bin/shop list\n");

            return 2;
        }
        try {
            ($this->commands[$name][1])();
        } catch (\Throwable $e) {
            fwrite(STDERR, "$name failed: {$e->getMessage()}\n");

            return 1;
        }

        return 0;
    }

    private function list(): int
    {
        foreach ($this->commands as $name => [$summary]) {
            printf("  %-22s %s\n", $name, $summary);
        }

        return 0;
    }
}
