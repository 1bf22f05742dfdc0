-- +goose Up
ALTER TABLE jobs ADD COLUMN keep_raw BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE jobs DROP COLUMN keep_raw;
