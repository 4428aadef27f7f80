-- +goose Up
-- provision: what the chat provider shall hold (the views wanted_*, which read other rooms' tables), what it holds
-- (resource, the ledger), who may act (lease) and how fast (pace).

-- The planner follows tickets and nicknames by "what changed since"; without these it would read everything each second.
CREATE INDEX ticket_by_change ON ticket (updated_ms, id);
CREATE INDEX nickname_by_change ON nickname (updated_ms, ticket_id);

-- wanted_event: every event the provisioner has something to do for.
--   make    missing things are made and renamed
--   retire  everything is to go: the archive is sealed
-- Neither (chat switched off, or the show has ended): what is there stays, only refunded tickets and bans are followed.
CREATE VIEW wanted_event AS
SELECT id AS event_id, name, doors_ms,
       (chat AND state IN ('scheduled', 'open', 'live')) AS make,
       (state = 'archived') AS retire
FROM event WHERE state <> 'purged';

-- wanted_ticket: what each ticket wants at the provider. Before a nickname is picked the account has a neutral name.
CREATE VIEW wanted_ticket AS
SELECT t.event_id, t.id AS ticket_id, t.role,
       COALESCE(n.name, 'Guest ' || substr(t.id, length(t.id) - 3)) AS name,
       (t.valid AND e.state IN ('scheduled', 'open', 'live', 'ended')) AS account,
       (t.valid AND e.state IN ('scheduled', 'open', 'live', 'ended') AND b.ticket_id IS NULL) AS member,
       (t.valid AND e.state IN ('scheduled', 'open', 'live', 'ended') AND b.ticket_id IS NULL AND t.role = 'moderator') AS moderator,
       (e.chat AND e.state IN ('scheduled', 'open', 'live')) AS make
FROM ticket t
JOIN event e ON e.id = t.event_id
LEFT JOIN nickname n ON n.ticket_id = t.id
LEFT JOIN banned_ticket b ON b.event_id = t.event_id AND b.ticket_id = t.id;

-- wanted_by_ticket, wanted_by_name: the same tickets in the order in which they changed, and in an order that stays.
CREATE VIEW wanted_by_ticket AS SELECT event_id, id AS ticket_id, updated_ms AS changed_ms, code_hash AS place FROM ticket;
CREATE VIEW wanted_by_name AS SELECT event_id, ticket_id, updated_ms AS changed_ms FROM nickname;

-- installation: one row. Its id names the app instance at the provider.
CREATE TABLE installation (
  one    BIGINT PRIMARY KEY CHECK (one = 1),
  id     TEXT NOT NULL,
  paused BOOLEAN NOT NULL               -- people stopped the provisioner
);

-- lease: who acts. beat grows with every renewal and every write of the holder, so that a standby can tell a dead holder
-- from a living one by its own clock alone. holder '' means released.
CREATE TABLE lease (
  name       TEXT PRIMARY KEY,
  holder     TEXT NOT NULL,
  epoch      BIGINT NOT NULL,
  beat       BIGINT NOT NULL,
  renewed_ms BIGINT NOT NULL            -- for people; nothing is decided by it
);

-- pace: one row per bucket of the provider's limits. Microseconds, the one exception to milliseconds: an adapted rate
-- needs finer steps.
CREATE TABLE pace (
  bucket   TEXT PRIMARY KEY,
  gap_us   BIGINT NOT NULL,             -- between two starts, as adapted to throttling
  next_us  BIGINT NOT NULL,             -- earliest next start, Unix microseconds
  eased_us BIGINT NOT NULL              -- when the rate was last lowered
);
-- pace_second: calls started per second of the last minute, for people.
CREATE TABLE pace_second (
  second BIGINT PRIMARY KEY,
  calls  BIGINT NOT NULL
);

-- resource: the ledger and the queue. One row per thing at the provider. event_id '' is the installation's own: the app
-- instance, its admin. subject is a ticket, or '' for what belongs to the whole event.
CREATE TABLE resource (
  event_id    TEXT NOT NULL,
  subject     TEXT NOT NULL,
  kind        TEXT NOT NULL,            -- instance admin_user admin | channel user membership moderator
  role        TEXT NOT NULL,            -- of the ticket; '' otherwise
  rank        BIGINT NOT NULL,          -- order of making within the event
  want        BOOLEAN NOT NULL,
  want_name   TEXT NOT NULL,
  state       TEXT NOT NULL,            -- absent unknown made; unknown: a create was sent and its answer is not recorded
  name        TEXT NOT NULL,            -- the name sent with the create, later the one the provider confirmed
  arn         TEXT NOT NULL,
  work        TEXT NOT NULL,            -- '' blocked create join rename delete: follows from the columns above
  busy        BOOLEAN NOT NULL,         -- a call is in flight, by the leader of epoch
  failed      BOOLEAN NOT NULL,         -- set aside: people should look; tried again from time to time
  generation  BIGINT NOT NULL,          -- how often it was made from nothing; part of the request token
  attempts    BIGINT NOT NULL,          -- since the last success
  next_try_ms BIGINT NOT NULL,
  error       TEXT NOT NULL,            -- public text of the last failure
  epoch       BIGINT NOT NULL,          -- of the leader that wrote last
  made_ms     BIGINT NOT NULL,
  PRIMARY KEY (event_id, subject, kind)
) /* WITHOUT ROWID */;
CREATE INDEX resource_todo ON resource (event_id, work, rank, next_try_ms, subject)
  WHERE work IN ('create', 'join', 'rename', 'delete') AND NOT busy;
-- SQLite plans by rule: it reads a whole event by the primary key unless a question has a range beside the equality that
-- an index answers. Hence the last columns of these three, and the ranges in the questions (plan_sqlite_test.go).
CREATE INDEX resource_busy ON resource (event_id, epoch) WHERE busy;
CREATE INDEX resource_failing ON resource (event_id, next_try_ms) WHERE attempts > 0 AND error <> '';
CREATE INDEX resource_unwanted ON resource (event_id, kind, want, subject) WHERE NOT want;
-- For counting. Its first columns are chosen so that nothing else is tempted to use it: without fresh statistics
-- PostgreSQL would rather read an index by event and kind than the primary key.
CREATE INDEX resource_tally ON resource (failed, want, state, kind, work, event_id);

-- What other rooms may read. Ask with event_id AND ticket_id.
-- chat_ready: tickets whose account can be used now, and the name the provider shows.
CREATE VIEW chat_ready AS
SELECT u.event_id, u.subject AS ticket_id, u.arn AS user_arn, c.arn AS channel_arn, u.name AS made_name
FROM resource u
JOIN resource m ON m.event_id = u.event_id AND m.subject = u.subject AND m.kind = 'membership' AND m.state = 'made' AND m.want
JOIN resource c ON c.event_id = u.event_id AND c.subject = '' AND c.kind = 'channel' AND c.state = 'made' AND c.want
LEFT JOIN resource o ON o.event_id = u.event_id AND o.subject = u.subject AND o.kind = 'moderator' AND o.state = 'made'
WHERE u.kind = 'user' AND u.state = 'made' AND u.want AND (u.role <> 'moderator' OR o.subject IS NOT NULL);
-- chat_channel: an event's channel, the admin account that may do everything in it, and making ready deleting gone.
CREATE VIEW chat_channel AS
SELECT c.event_id, c.arn AS channel_arn, COALESCE(a.arn, '') AS admin_arn,
       CASE WHEN c.want AND c.state = 'made' THEN 'ready' WHEN c.want THEN 'making'
            WHEN c.state = 'absent' THEN 'gone' ELSE 'deleting' END AS state
FROM resource c
LEFT JOIN resource a ON a.event_id = '' AND a.subject = '' AND a.kind = 'admin_user'
WHERE c.kind = 'channel' AND c.subject = '';
