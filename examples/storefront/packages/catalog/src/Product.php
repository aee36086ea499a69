<?php

declare(strict_types=1);

namespace Storefront\Catalog;

final readonly class Product
{
    public function __construct(
        public string $sku,
        public string $name,
        public string $summary,
        public string $description,
        public Money $price,
        /** Hue of the product's drawing, 0 to 359. */
        public int $hue,
        /** Below pub/media; null while there is no photo and the drawing stands in. */
        public ?string $photo = null,
    ) {
    }

    /** @param array<string, mixed> $row a row of the table, or what toRow() gave */
    public static function fromRow(array $row): self
    {
        return new self(
            sku: (string) $row['sku'],
            name: (string) $row['name'],
            summary: (string) $row['summary'],
            description: (string) $row['description'],
            price: new Money((int) $row['price_cents']),
            hue: (int) $row['hue'],
            photo: isset($row['photo']) ? (string) $row['photo'] : null,
        );
    }

    /** @return array<string, mixed> plain values, fit for a cache that releases share */
    public function toRow(): array
    {
        return [
            'sku' => $this->sku,
            'name' => $this->name,
            'summary' => $this->summary,
            'description' => $this->description,
            'price_cents' => $this->price->cents,
            'hue' => $this->hue,
            'photo' => $this->photo,
        ];
    }
}
