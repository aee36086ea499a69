<?php

declare(strict_types=1);

namespace Storefront\Catalog;

/** Products in the database. */
final readonly class DatabaseProducts implements Products
{
    private const COLUMNS = 'sku, name, summary, description, price_cents, hue, photo';

    public function __construct(private \PDO $db)
    {
    }

    public function all(): array
    {
        $rows = $this->db->query('SELECT ' . self::COLUMNS . ' FROM product ORDER BY position, sku');

        return array_map(Product::fromRow(...), $rows->fetchAll());
    }

    public function find(string $sku): ?Product
    {
        $query = $this->db->prepare('SELECT ' . self::COLUMNS . ' FROM product WHERE sku = ?');
        $query->execute([$sku]);
        $row = $query->fetch();

        return $row === false ? null : Product::fromRow($row);
    }

    /** Gives a product its photo, a path below pub/media. */
    public function setPhoto(string $sku, string $photo): void
    {
        $this->db->prepare('UPDATE product SET photo = ? WHERE sku = ?')->execute([$photo, $sku]);
    }
}
