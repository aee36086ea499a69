<?php

declare(strict_types=1);

namespace Storefront\Catalog;

/** Products read through Redis. A cache that is away makes the shop slower, never wrong. */
final class CachedProducts implements Products
{
    private const KEY = 'catalog:products';
    private const SECONDS = 300;

    /** @var list<Product>|null */
    private ?array $products = null;

    /**
     * Both sides connect on their first use, which may never come.
     *
     * @param \Closure(): Products $source
     * @param \Closure(): \Redis $redis
     */
    public function __construct(private readonly \Closure $source, private readonly \Closure $redis)
    {
    }

    public function all(): array
    {
        return $this->products ??= $this->fromCache() ?? $this->refresh();
    }

    public function find(string $sku): ?Product
    {
        foreach ($this->all() as $product) {
            if ($product->sku === $sku) {
                return $product;
            }
        }

        return null;
    }

    /** The next reader gets the products from their source. */
    public function forget(): void
    {
        $this->products = null;
        try {
            ($this->redis)()->del(self::KEY);
        } catch (\RedisException) {
            // Forgotten all the same, SECONDS later.
        }
    }

    /** @return list<Product>|null null when the cache has nothing to say */
    private function fromCache(): ?array
    {
        try {
            $json = ($this->redis)()->get(self::KEY);
        } catch (\RedisException) {
            return null;
        }
        $rows = is_string($json) ? json_decode($json, true) : null;

        return is_array($rows) ? array_map(Product::fromRow(...), $rows) : null;
    }

    /** @return list<Product> */
    private function refresh(): array
    {
        $products = ($this->source)()->all();
        $rows = array_map(static fn (Product $product): array => $product->toRow(), $products);
        try {
            ($this->redis)()->setex(self::KEY, self::SECONDS, json_encode($rows, JSON_THROW_ON_ERROR));
        } catch (\RedisException) {
            // The next visitor tries again.
        }

        return $products;
    }
}
