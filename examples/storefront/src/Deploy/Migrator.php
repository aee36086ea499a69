<?php

declare(strict_types=1);

namespace Storefront\Deploy;

/**
 * Brings the database's schema up to date: numbered SQL files, each applied once and in order.
 *
 * MariaDB cannot roll back a change of schema, so every statement must bear being run again:
 * a file that failed half-way starts over at the next deployment.
 */
final readonly class Migrator
{
    private const LOCK = 'storefront.migrate';
    private const LOCK_SECONDS = 60;

    public function __construct(private \PDO $db, private string $directory)
    {
    }

    /** @return list<string> the names of those applied now */
    public function migrate(): array
    {
        $this->lock();
        try {
            $this->db->exec(
                'CREATE TABLE IF NOT EXISTS schema_migration (
                    name       VARCHAR(120) NOT NULL PRIMARY KEY,
                    checksum   CHAR(64)     NOT NULL,
                    applied_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP
                ) ENGINE = InnoDB',
            );

            return $this->applyMissing();
        } finally {
            $this->db->prepare('DO RELEASE_LOCK(?)')->execute([self::LOCK]);
        }
    }

    /** @return list<string> the names of those that migrate() would apply; nothing is written */
    public function pending(): array
    {
        return array_keys($this->missing($this->db->query("SHOW TABLES LIKE 'schema_migration'")->fetchColumn() === false));
    }

    /** Two deployments, or a person at a shell, must not migrate at the same time. */
    private function lock(): void
    {
        $query = $this->db->prepare('SELECT GET_LOCK(?, ?)');
        $query->execute([self::LOCK, self::LOCK_SECONDS]);
        if ((int) $query->fetchColumn() !== 1) {
            throw new \RuntimeException('Another migration has been running for ' . self::LOCK_SECONDS . ' seconds.');
        }
    }

    /** @return list<string> */
    private function applyMissing(): array
    {
        $missing = $this->missing(empty: false);
        foreach ($missing as $name => $sql) {
            $this->apply($name, $sql, hash('sha256', $sql));
        }

        return array_keys($missing);
    }

    /**
     * @param bool $empty whether nothing was ever applied
     *
     * @return array<string, string> SQL by name, of those not applied yet
     */
    private function missing(bool $empty): array
    {
        $applied = $empty ? [] : $this->db
            ->query('SELECT name, checksum FROM schema_migration')
            ->fetchAll(\PDO::FETCH_KEY_PAIR);
        $missing = [];
        foreach (glob("$this->directory/[0-9]*.sql") ?: [] as $file) {
            $name = basename($file, '.sql');
            $sql = (string) file_get_contents($file);
            if (!isset($applied[$name])) {
                $missing[$name] = $sql;
            } elseif ($applied[$name] !== hash('sha256', $sql)) {
                throw new \RuntimeException("migrations/$name.sql was changed after it was applied. Add a new file instead.");
            }
        }

        return $missing;
    }

    private function apply(string $name, string $sql, string $checksum): void
    {
        foreach (self::statements($sql) as $statement) {
            try {
                $this->db->exec($statement);
            } catch (\PDOException $e) {
                throw new \RuntimeException("migrations/$name.sql: {$e->getMessage()}", previous: $e);
            }
        }
        $this->db->prepare('INSERT INTO schema_migration (name, checksum) VALUES (?, ?)')->execute([$name, $checksum]);
    }

    /** @return list<string> statements end with a semicolon at the end of a line */
    public static function statements(string $sql): array
    {
        $parts = preg_split('/;\h*(?:\R|\z)/', $sql) ?: [];

        return array_values(array_filter(array_map(trim(...), $parts), static fn (string $part): bool => $part !== ''));
    }
}
