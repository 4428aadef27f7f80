-- +goose Up
-- pace: what calls that may have come late have cost lately, instead of how long a call is held on average.
ALTER TABLE pace RENAME COLUMN held_us TO cost_us; -- microseconds in about the last minute of full use (internal/pace/row.go)
