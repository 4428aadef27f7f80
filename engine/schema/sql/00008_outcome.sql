-- +goose Up
-- Why a message FAILED or was DENIED, for its sender; '' for no reason given.
ALTER TABLE held_message ADD COLUMN detail TEXT NOT NULL DEFAULT '';
