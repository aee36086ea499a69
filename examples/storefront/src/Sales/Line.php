<?php

declare(strict_types=1);

namespace Storefront\Sales;

use Storefront\Catalog\Money;
use Storefront\Catalog\Product;

/** Some of one product, in a cart or in an order. */
final readonly class Line
{
    public const MOST = 99;

    public function __construct(public Product $product, public int $quantity)
    {
        if ($quantity < 1 || $quantity > self::MOST) {
            throw new \InvalidArgumentException('The quantity must be from 1 to ' . self::MOST . '.');
        }
    }

    public function total(): Money
    {
        return $this->product->price->times($this->quantity);
    }

    /** @param list<self> $lines */
    public static function sum(array $lines): Money
    {
        return array_reduce($lines, static fn (Money $sum, self $line) => $sum->plus($line->total()), Money::zero());
    }
}
