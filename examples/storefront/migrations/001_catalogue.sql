CREATE TABLE IF NOT EXISTS product (
    sku         VARCHAR(64)  NOT NULL PRIMARY KEY,
    name        VARCHAR(120) NOT NULL,
    summary     VARCHAR(200) NOT NULL,
    description TEXT         NOT NULL,
    price_cents INT UNSIGNED NOT NULL,
    hue         SMALLINT UNSIGNED NOT NULL,
    photo       VARCHAR(200) NULL,
    position    INT UNSIGNED NOT NULL DEFAULT 0
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
