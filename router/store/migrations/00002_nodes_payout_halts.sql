-- +goose Up
-- Where a node's payouts go; '' is its own key.
ALTER TABLE nodes ADD COLUMN payout TEXT NOT NULL DEFAULT '';

-- Every halt the router has signed; the one with the highest sequence is in force.
CREATE TABLE halts (
    sequence  BIGINT NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    statement BYTEA  NOT NULL,
    signature BYTEA  NOT NULL
);

-- +goose Down
DROP TABLE halts;
ALTER TABLE nodes DROP COLUMN payout;
