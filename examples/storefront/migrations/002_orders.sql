CREATE TABLE IF NOT EXISTS sales_order (
    id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    reference    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    status       ENUM ('placed', 'processed') NOT NULL,
    total_cents  INT UNSIGNED NOT NULL,
    placed_at    DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    announced_at DATETIME NULL,
    processed_at DATETIME NULL,
    -- What makes an order count once.
    UNIQUE KEY reference (reference),
    KEY announced (announced_at, placed_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS sales_order_line (
    id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id    BIGINT UNSIGNED NOT NULL,
    sku         VARCHAR(64) NOT NULL,
    quantity    SMALLINT UNSIGNED NOT NULL,
    price_cents INT UNSIGNED NOT NULL,
    CONSTRAINT line_of_order FOREIGN KEY (order_id) REFERENCES sales_order (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
