-- +goose Up
-- provision: a deletion report ends when the ledger has forgotten all of the show, so what remained was nothing in every
-- report. A finished report says that by itself; what the provider then lists against the ledger is the sweep's.
DROP VIEW deleted_chat;
ALTER TABLE deletion_report DROP COLUMN remains;
CREATE VIEW deleted_chat AS
SELECT event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships, moderators, messages, sha256
FROM deletion_report WHERE finished_ms > 0;

-- provision: whoever has asked for a sweep wants to know when it is done, not when it has begun.
ALTER TABLE sweep ADD COLUMN done BIGINT NOT NULL DEFAULT 0; -- heard, when the last complete pass ended
UPDATE sweep SET done = heard;
-- due: a pass that was asked for is not at its end. Nobody asks for a place that has gone meanwhile, or is going.
DROP VIEW swept_place;
CREATE VIEW swept_place AS
SELECT place, began_ms, finished_ms, calls, instances, users, channels, members, moderators, ledger_instances, ledger_users,
       ledger_channels, ledger_members, ledger_moderators, moving, differs, vanished, found, removed, renamed, strangers, error,
       (asked > done AND (place = 'account' OR EXISTS
         (SELECT 1 FROM resource r WHERE r.event_id = place AND r.subject = '' AND r.kind = 'instance' AND r.state = 'made'
          AND (place = '' OR EXISTS (SELECT 1 FROM placement p WHERE p.place = sweep.place AND p.placed_ms > 0 AND NOT p.leaving))))) AS due
FROM sweep;
