-- +goose Up
CREATE TABLE orders (
    id        TEXT   NOT NULL PRIMARY KEY,
    buyer     TEXT   NOT NULL,
    dataset   TEXT   NOT NULL,
    version   BIGINT NOT NULL,
    price     BIGINT NOT NULL,
    reference TEXT   NOT NULL UNIQUE,
    created   BIGINT NOT NULL,
    expires   BIGINT NOT NULL,
    sold      BIGINT NOT NULL,
    refunded  BIGINT NOT NULL
);
CREATE INDEX orders_expires ON orders (expires);

-- One row a transaction: it counts once, even if it names two orders.
CREATE TABLE order_payments (
    signature TEXT   NOT NULL PRIMARY KEY,
    order_id  TEXT   NOT NULL REFERENCES orders (id),
    units     BIGINT NOT NULL,
    payer     TEXT   NOT NULL,
    at        BIGINT NOT NULL
);
CREATE INDEX order_payments_order ON order_payments (order_id, at);

-- +goose Down
DROP TABLE order_payments;
DROP TABLE orders;
