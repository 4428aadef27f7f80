-- +goose Up
-- provision: whoever waits for a sweep wants to know what is being compared, and what stands in the way.
ALTER TABLE sweep ADD COLUMN since_ms BIGINT NOT NULL DEFAULT 0; -- when the pass that is under way began; 0: none is
-- heard: a pass has begun since somebody asked last.
DROP VIEW swept_place;
CREATE VIEW swept_place AS
SELECT place, began_ms, finished_ms, calls, instances, users, channels, members, moderators, ledger_instances, ledger_users,
       ledger_channels, ledger_members, ledger_moderators, moving, differs, vanished, found, removed, renamed, strangers, error,
       (asked > done AND (place = 'account' OR EXISTS
         (SELECT 1 FROM resource r WHERE r.event_id = place AND r.subject = '' AND r.kind = 'instance' AND r.state = 'made'
          AND (place = '' OR EXISTS (SELECT 1 FROM placement p WHERE p.place = sweep.place AND p.placed_ms > 0 AND NOT p.leaving))))) AS due,
       (heard >= asked) AS heard, since_ms
FROM sweep;
