-- +goose Up
-- From which similarity a page is a near duplicate, 0 to 1.
ALTER TABLE jobs ADD COLUMN near DOUBLE PRECISION NOT NULL DEFAULT 0.8;

-- Sites whose owners proved that they are and want no fetches. A withdrawn
-- opt-out stays, as evidence.
CREATE TABLE opt_outs (
    host      TEXT   NOT NULL PRIMARY KEY,
    proof     TEXT   NOT NULL,
    since     BIGINT NOT NULL,
    withdrawn BIGINT NOT NULL
);

-- +goose Down
DROP TABLE opt_outs;
ALTER TABLE jobs DROP COLUMN near;
