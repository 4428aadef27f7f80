-- +goose Up
-- Times are Unix milliseconds made in Go; 0 means "not yet". A room writes only its own tables.

-- event: shows and their life cycle.
CREATE TABLE event (
  id          TEXT PRIMARY KEY,
  slug        TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  artist      TEXT NOT NULL,
  description TEXT NOT NULL,
  time_zone   TEXT NOT NULL,            -- IANA name the organizer chose; the times below are absolute
  doors_ms    BIGINT NOT NULL,
  starts_ms   BIGINT NOT NULL,
  stream_url  TEXT NOT NULL,
  chat        BOOLEAN NOT NULL,
  state       TEXT NOT NULL,            -- scheduled open live ended archived purged
  created_ms  BIGINT NOT NULL,
  updated_ms  BIGINT NOT NULL,
  started_ms  BIGINT NOT NULL DEFAULT 0, -- first time it was live
  ended_ms    BIGINT NOT NULL DEFAULT 0  -- last time it was ended
);
CREATE INDEX event_by_doors ON event (doors_ms);

-- organizer: who may use the console.
CREATE TABLE organizer (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  created_ms BIGINT NOT NULL
);
CREATE TABLE sign_in_link (
  token_hash   TEXT PRIMARY KEY,
  organizer_id TEXT NOT NULL REFERENCES organizer (id),
  expires_ms   BIGINT NOT NULL,
  used_ms      BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE organizer_session (
  token_hash   TEXT PRIMARY KEY,
  organizer_id TEXT NOT NULL REFERENCES organizer (id),
  expires_ms   BIGINT NOT NULL
);

-- gate: tickets. The code itself is never stored, only its keyed hash.
CREATE TABLE ticket (
  id         TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL REFERENCES event (id),
  code_hash  TEXT NOT NULL,
  role       TEXT NOT NULL,             -- fan artist moderator
  source_ref TEXT NOT NULL,             -- order and position at the box office; '' for codes we made
  valid      BOOLEAN NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  entered_ms BIGINT NOT NULL DEFAULT 0, -- first time its code was shown
  UNIQUE (event_id, code_hash)
);

-- guard: every device that showed the code, and the one that holds the ticket now.
CREATE TABLE device (
  token_hash TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL,
  ticket_id  TEXT NOT NULL REFERENCES ticket (id),
  created_ms BIGINT NOT NULL
);
CREATE INDEX device_by_ticket ON device (ticket_id, created_ms);
CREATE TABLE seat (
  ticket_id   TEXT PRIMARY KEY REFERENCES ticket (id),
  event_id    TEXT NOT NULL,
  epoch       BIGINT NOT NULL,
  token_hash  TEXT NOT NULL,            -- the device that holds it, '' while nobody does
  claimed_ms  BIGINT NOT NULL,
  swaps       BIGINT NOT NULL,          -- take-overs since window_ms
  window_ms   BIGINT NOT NULL
);

-- nick: one name per ticket, two unique keys per event.
CREATE TABLE nickname (
  ticket_id   TEXT PRIMARY KEY REFERENCES ticket (id),
  event_id    TEXT NOT NULL,
  name        TEXT NOT NULL,
  compare_key TEXT NOT NULL,            -- PRECIS nickname compare key
  skeleton    TEXT NOT NULL,            -- lower-cased UTS #39 skeleton
  updated_ms  BIGINT NOT NULL,
  UNIQUE (event_id, compare_key),
  UNIQUE (event_id, skeleton)
);

-- moderate: bans by ticket, and the audit trail with what was removed. Acts are also the queue of what the provider
-- still has to be told: done_ms = 0 and due_ms passed.
CREATE TABLE ban (
  ticket_id  TEXT PRIMARY KEY REFERENCES ticket (id),
  event_id   TEXT NOT NULL,
  by_ticket  TEXT NOT NULL,
  nickname   TEXT NOT NULL,             -- the name the person had then
  reason     TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);
CREATE INDEX ban_by_event ON ban (event_id);
CREATE TABLE moderator_act (
  id         TEXT PRIMARY KEY,
  event_id   TEXT NOT NULL REFERENCES event (id),
  by_ticket  TEXT NOT NULL,
  kind       TEXT NOT NULL,             -- redact ban unban
  user_id    TEXT NOT NULL,             -- whose line or who was banned; '' until a redaction has seen the line
  message_id TEXT NOT NULL,             -- '' for ban and unban
  part_of    TEXT NOT NULL,             -- the ban that a redaction belongs to, '' for one of its own
  original   TEXT NOT NULL,             -- the message's content before it was removed
  sender     TEXT NOT NULL,             -- the nickname shown beside it then
  sent_ms    BIGINT NOT NULL,           -- when the line was sent, by the provider's clock
  reason     TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  done_ms    BIGINT NOT NULL DEFAULT 0, -- when the provider confirmed
  due_ms     BIGINT NOT NULL DEFAULT 0, -- not to be worked on before: a running worker's claim, or a pause after a failure
  tries      BIGINT NOT NULL DEFAULT 0  -- failures in a row
);
CREATE INDEX moderator_act_by_event ON moderator_act (event_id, created_ms);
CREATE INDEX moderator_act_to_do ON moderator_act (due_ms) WHERE done_ms = 0;
CREATE UNIQUE INDEX moderator_act_by_message ON moderator_act (event_id, message_id) WHERE message_id <> '';
CREATE VIEW banned_ticket AS SELECT event_id, ticket_id, reason FROM ban;
-- What the archive needs of the trail: what removed lines said, and who was banned.
CREATE VIEW removed_message AS
SELECT id, event_id, message_id, part_of, original, by_ticket, reason, created_ms FROM moderator_act WHERE kind = 'redact';
CREATE VIEW ban_act AS
SELECT id, event_id, kind, user_id, sender, by_ticket, reason, created_ms FROM moderator_act WHERE kind <> 'redact';

-- archive: one exported history per event. The row is written after the file is complete and on disk.
CREATE TABLE archive (
  event_id    TEXT PRIMARY KEY REFERENCES event (id),
  path        TEXT NOT NULL,            -- file name inside the archive folder
  ended_ms    BIGINT NOT NULL,          -- the end of the show it was made after: a reopened show is exported again
  messages    BIGINT NOT NULL,
  bytes       BIGINT NOT NULL,
  sha256      TEXT NOT NULL,
  exported_ms BIGINT NOT NULL
);
