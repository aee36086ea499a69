<?php

declare(strict_types=1);

namespace Storefront;

/** A flag in a mount: on while a deployment changes data, and left on when that fails. */
final readonly class Maintenance
{
    public function __construct(private string $flag)
    {
    }

    public function isOn(): bool
    {
        return is_file($this->flag);
    }

    public function start(): void
    {
        Files::write($this->flag, gmdate('c') . "\n");
    }

    public function end(): void
    {
        if ($this->isOn()) {
            unlink($this->flag);
        }
    }
}
