-- +goose Up
-- What was sold, each order once, in the epoch that was open then.
CREATE TABLE sales (
    id      TEXT   NOT NULL PRIMARY KEY, -- of the order
    epoch   BIGINT NOT NULL REFERENCES epochs (number),
    dataset TEXT   NOT NULL,
    version BIGINT NOT NULL,
    price   BIGINT NOT NULL, -- base units of the token
    at      BIGINT NOT NULL
);
CREATE INDEX sales_epoch ON sales (epoch, dataset, version);

-- How many records of a version came through each node.
CREATE TABLE version_records (
    dataset TEXT   NOT NULL,
    version BIGINT NOT NULL,
    node    TEXT   NOT NULL,
    records BIGINT NOT NULL,
    PRIMARY KEY (dataset, version, node)
);

-- +goose Down
DROP TABLE version_records;
DROP TABLE sales;
