-- +goose Up
-- placement: in which app instance an event's resources are. '' is the installation's own, which shows may share; the
-- event's id stands for one of its own, whose ledger rows (instance, admin_user, admin) belong to the event.
CREATE TABLE placement (
  event_id  TEXT PRIMARY KEY,
  place     TEXT NOT NULL,
  placed_ms BIGINT NOT NULL,             -- 0: nothing of the event is left; it is placed anew when something is wanted
  round     BIGINT NOT NULL,             -- how often all of it was removed; part of the request tokens
  leaving   BOOLEAN NOT NULL             -- the one delete that takes everything along was announced: there is no way back
);
INSERT INTO placement (event_id, place, placed_ms, round, leaving)
SELECT event_id, '', 1, 0, FALSE FROM resource WHERE event_id <> '' GROUP BY event_id;

-- resource_history: what happened to a resource apart from being made, newest twenty each. When it was made stands in
-- its ledger row.
CREATE TABLE resource_history (
  event_id TEXT NOT NULL,
  subject  TEXT NOT NULL,
  kind     TEXT NOT NULL,
  at_ms    BIGINT NOT NULL,
  what     TEXT NOT NULL,                -- failed aside retried vanished found deleted
  detail   TEXT NOT NULL                 -- for people
);
CREATE INDEX resource_history_of ON resource_history (event_id, subject, kind, at_ms);

-- chat_channel: an event's channel, the admin account that may do everything in it, and making ready deleting gone.
DROP VIEW chat_channel;
CREATE VIEW chat_channel AS
SELECT c.event_id, c.arn AS channel_arn, COALESCE(a.arn, '') AS admin_arn,
       CASE WHEN c.want AND c.state = 'made' THEN 'ready' WHEN c.want THEN 'making'
            WHEN c.state = 'absent' THEN 'gone' ELSE 'deleting' END AS state
FROM resource c
LEFT JOIN placement p ON p.event_id = c.event_id
LEFT JOIN resource a ON a.event_id = COALESCE(p.place, '') AND a.subject = '' AND a.kind = 'admin_user'
WHERE c.kind = 'channel' AND c.subject = '';

-- The shared app instance is made before channels, as those of events are.
UPDATE resource SET rank = rank - 4 WHERE event_id = '';
