<?php

declare(strict_types=1);

namespace Storefront\Catalog;

/** Where products come from. */
interface Products
{
    /** @return list<Product> in the order of the shop window */
    public function all(): array;

    /** Null when there is no such product. */
    public function find(string $sku): ?Product;
}
