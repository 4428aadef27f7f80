-- +goose Up
-- event: one more state, cancelled, off the way from scheduled to live and back to it (docs/adr/0017-cancelled-shows.md).
-- ended_ms is also when a show was cancelled last; no two ends of one show have the same.

-- archive: sealed when the file was read back, the history once more, and both were the same, after every key to the chat that
-- people had was out of date. What older programs have exported they have sealed.
ALTER TABLE archive ADD COLUMN sealed BOOLEAN NOT NULL DEFAULT TRUE;
-- What others may know of archives. Nothing is deleted at the provider without its row here. Who decides by it and writes
-- elsewhere locks id.Event.Seal before (db.Tx.Lock).
CREATE VIEW sealed_history AS SELECT event_id, ended_ms, messages, sha256 FROM archive WHERE sealed;

-- pass: until when keys to a show's chat may work that somebody was given.
CREATE TABLE chat_key (
  event_id TEXT PRIMARY KEY REFERENCES event (id),
  until_ms BIGINT NOT NULL
);
CREATE VIEW chat_key_life AS SELECT event_id, until_ms FROM chat_key;

-- provision: what was deleted after a show.
CREATE TABLE deletion_report (
  event_id    TEXT NOT NULL REFERENCES event (id),
  ended_ms    BIGINT NOT NULL,          -- the end it followed: a cancelled show may come back, and end again
  began_ms    BIGINT NOT NULL,          -- the first delete was announced
  finished_ms BIGINT NOT NULL,          -- nothing was left; 0: not yet
  calls       BIGINT NOT NULL,          -- at the provider, repeated ones included
  instances   BIGINT NOT NULL,          -- app instances
  channels    BIGINT NOT NULL,
  accounts    BIGINT NOT NULL,
  memberships BIGINT NOT NULL,
  moderators  BIGINT NOT NULL,          -- moderator roles in the channel
  remains     BIGINT NOT NULL,          -- ledger rows that are not absent: 0
  messages    BIGINT NOT NULL,          -- in the archive that was sealed before
  sha256      TEXT NOT NULL,            -- of that archive
  PRIMARY KEY (event_id, ended_ms)
);
CREATE VIEW deleted_chat AS
SELECT event_id, ended_ms, began_ms, finished_ms, calls, instances, channels, accounts, memberships, moderators, remains, messages, sha256
FROM deletion_report WHERE finished_ms > 0;

-- event: does a show have a chat, and how far is it? sealed: what the chat holds may be deleted, and nothing is done in it
-- any more.
DROP VIEW chat_event;
CREATE VIEW chat_event AS
SELECT e.id AS event_id, e.chat, e.state, e.ended_ms,
       (e.state IN ('archived', 'purged') OR (e.state = 'cancelled' AND EXISTS
         (SELECT 1 FROM sealed_history h WHERE h.event_id = e.id AND h.ended_ms = e.ended_ms))) AS sealed
FROM event e;

-- wanted_event: every event the provisioner has something to do for.
--   make    missing things are made and renamed
--   retire  everything is to go: the archive is sealed
-- Neither (chat switched off, the show has ended or was cancelled): what is there stays, only refunded tickets and bans are
-- followed. A cancelled show never becomes purged: un-cancelled, it is made anew.
DROP VIEW wanted_event;
CREATE VIEW wanted_event AS
SELECT e.id AS event_id, e.name, e.doors_ms,
       (e.chat AND e.state IN ('scheduled', 'open', 'live')) AS make,
       (e.state = 'archived' OR (e.state = 'cancelled' AND EXISTS
         (SELECT 1 FROM sealed_history h WHERE h.event_id = e.id AND h.ended_ms = e.ended_ms))) AS retire
FROM event e WHERE e.state <> 'purged';

-- wanted_ticket: what each ticket wants at the provider. Before a nickname is picked the account has a neutral name. lasts: the
-- show's chat is not to be deleted.
DROP VIEW wanted_ticket;
CREATE VIEW wanted_ticket AS
SELECT t.event_id, t.id AS ticket_id, t.role,
       COALESCE(n.name, 'Guest ' || substr(t.id, length(t.id) - 3)) AS name,
       (t.valid AND e.lasts) AS account,
       (t.valid AND e.lasts AND b.ticket_id IS NULL) AS member,
       (t.valid AND e.lasts AND b.ticket_id IS NULL AND t.role = 'moderator') AS moderator,
       e.make
FROM ticket t
JOIN (SELECT s.id, (s.chat AND s.state IN ('scheduled', 'open', 'live')) AS make,
        (s.state IN ('scheduled', 'open', 'live', 'ended') OR (s.state = 'cancelled' AND NOT EXISTS
          (SELECT 1 FROM sealed_history h WHERE h.event_id = s.id AND h.ended_ms = s.ended_ms))) AS lasts
      FROM event s) e ON e.id = t.event_id
LEFT JOIN nickname n ON n.ticket_id = t.id
LEFT JOIN banned_ticket b ON b.event_id = t.event_id AND b.ticket_id = t.id;
