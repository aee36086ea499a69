<?php

declare(strict_types=1);

namespace Storefront\Catalog;

/** An amount in euro cents. Never a float: money is counted, not measured. */
final readonly class Money
{
    public function __construct(public int $cents)
    {
        if ($cents < 0) {
            throw new \InvalidArgumentException('An amount of money cannot be negative.');
        }
    }

    public static function zero(): self
    {
        return new self(0);
    }

    public function plus(self $other): self
    {
        return new self($this->cents + $other->cents);
    }

    public function times(int $quantity): self
    {
        return new self($this->cents * $quantity);
    }

    /** For people: "€ 1,234.50". */
    public function __toString(): string
    {
        return '€ ' . number_format($this->cents / 100, 2);
    }
}
