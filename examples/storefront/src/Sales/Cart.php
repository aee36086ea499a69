<?php

declare(strict_types=1);

namespace Storefront\Sales;

use Storefront\Catalog\Products;
use Storefront\Session;

/** What a visitor means to buy: SKUs and quantities in the session. Prices come from the catalogue. */
final readonly class Cart
{
    private const KEY = 'cart';

    public function __construct(private Session $session)
    {
    }

    /** For the head of a page, without giving a session to someone who has none. */
    public static function countIfKnown(Session $session): int
    {
        return $session->isKnown() ? (new self($session))->count() : 0;
    }

    public function count(): int
    {
        return array_sum($this->quantities());
    }

    /** Sets how many of a product there are; none takes it out. */
    public function put(string $sku, int $quantity): void
    {
        $quantities = $this->quantities();
        $quantities[$sku] = max(0, min($quantity, Line::MOST));
        $this->session->set(self::KEY, array_filter($quantities));
    }

    public function add(string $sku, int $quantity): void
    {
        $this->put($sku, ($this->quantities()[$sku] ?? 0) + $quantity);
    }

    public function clear(): void
    {
        $this->session->set(self::KEY, []);
    }

    /** @return list<Line> products that are no longer sold are left out */
    public function lines(Products $products): array
    {
        $lines = [];
        foreach ($this->quantities() as $sku => $quantity) {
            $product = $products->find((string) $sku);
            if ($product !== null) {
                $lines[] = new Line($product, $quantity);
            }
        }

        return $lines;
    }

    /** @return array<string, int> */
    private function quantities(): array
    {
        return $this->session->get(self::KEY, []);
    }
}
