-- +goose Up
ALTER TABLE jobs ADD COLUMN redact BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE jobs DROP COLUMN redact;
