<?php

declare(strict_types=1);

namespace Storefront\Sales;

use Storefront\Catalog\Money;

/**
 * Orders in the database.
 *
 * The client chooses an order's reference, and a unique key makes it count once: a double click,
 * or a retry by someone who never saw the first answer, finds the order that is already there.
 */
final readonly class Orders
{
    public const REFERENCE = '/^[A-Za-z0-9_-]{8,64}$/D';

    private const DUPLICATE_KEY = 1062;

    public function __construct(private \PDO $db)
    {
    }

    /**
     * @param list<Line> $lines
     * @return bool false when the reference was used before; nothing is changed then
     */
    public function place(string $reference, array $lines): bool
    {
        $this->db->beginTransaction();
        try {
            $this->insert($reference, $lines);
            $this->db->commit();
        } catch (\PDOException $e) {
            $this->db->rollBack();
            if (($e->errorInfo[1] ?? null) === self::DUPLICATE_KEY) {
                return false;
            }
            throw $e;
        }

        return true;
    }

    public function find(string $reference): ?Order
    {
        $query = $this->db->prepare('SELECT reference, status, total_cents FROM sales_order WHERE reference = ?');
        $query->execute([$reference]);
        $row = $query->fetch();
        if ($row === false) {
            return null;
        }

        return new Order($row['reference'], OrderStatus::from($row['status']), new Money((int) $row['total_cents']));
    }

    /** Notes that the queue has been told. */
    public function markAnnounced(string $reference): void
    {
        $this->db->prepare('UPDATE sales_order SET announced_at = NOW() WHERE reference = ?')->execute([$reference]);
    }

    /** Does what has to be done for an order, once, however often the queue brings it. */
    public function process(string $reference): void
    {
        $update = $this->db->prepare(
            'UPDATE sales_order SET status = ?, processed_at = NOW() WHERE reference = ? AND status = ?',
        );
        $update->execute([OrderStatus::Processed->value, $reference, OrderStatus::Placed->value]);
    }

    /** @return list<string> references of orders that the queue should know of and does not */
    public function unannounced(int $limit = 500): array
    {
        // The age keeps away from orders that their own request is about to announce.
        $query = $this->db->prepare(
            'SELECT reference FROM sales_order
             WHERE announced_at IS NULL AND placed_at < NOW() - INTERVAL 30 SECOND ORDER BY id LIMIT ?',
        );
        $query->bindValue(1, $limit, \PDO::PARAM_INT);
        $query->execute();

        return $query->fetchAll(\PDO::FETCH_COLUMN);
    }

    /** @return array{count: int, processed: int} */
    public function count(): array
    {
        $row = $this->db->query(
            "SELECT COUNT(*) AS count, COALESCE(SUM(status = 'processed'), 0) AS processed FROM sales_order",
        )->fetch();

        return ['count' => (int) $row['count'], 'processed' => (int) $row['processed']];
    }

    /** @param list<Line> $lines */
    private function insert(string $reference, array $lines): void
    {
        $this->db
            ->prepare('INSERT INTO sales_order (reference, status, total_cents) VALUES (?, ?, ?)')
            ->execute([$reference, OrderStatus::Placed->value, Line::sum($lines)->cents]);
        $order = $this->db->lastInsertId();
        $insert = $this->db->prepare(
            'INSERT INTO sales_order_line (order_id, sku, quantity, price_cents) VALUES (?, ?, ?, ?)',
        );
        foreach ($lines as $line) {
            $insert->execute([$order, $line->product->sku, $line->quantity, $line->product->price->cents]);
        }
    }
}
