-- +goose Up
-- provision: a deletion report ends when the ledger has forgotten all of the show, so what remained was nothing in every
-- report. A finished report says that by itself; what the provider then lists against the ledger is the sweep's.
DROP VIEW deleted_chat;
ALTER TABLE deletion_report DROP COLUMN remains;
CREATE VIEW deleted_chat AS
SELECT event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships, moderators, messages, sha256
FROM deletion_report WHERE finished_ms > 0;
