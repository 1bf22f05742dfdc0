-- +goose Up
-- Orders to leave pages out of a dataset; number counts a dataset's from 1.
CREATE TABLE takedowns (
    dataset TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    scope   TEXT   NOT NULL,
    target  TEXT   NOT NULL,
    reason  TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (dataset, number),
    UNIQUE (dataset, scope, target)
);

-- +goose Down
DROP TABLE takedowns;
