-- +goose Up
ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE jobs DROP COLUMN options;
