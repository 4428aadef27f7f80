-- +goose Up
-- inventory: the console over everything at the provider. It writes nothing; what it reads of other rooms is here, and so
-- are the indexes that let a page of fifty out of a million rows cost fifty rows.

-- resource, as people ask for it. standing is one word for what the ledger says in three columns:
--   failed     set aside, somebody should look      made       wanted and there
--   to_make    wanted and not there yet             to_delete  there, or perhaps there, and not wanted
--   gone       neither wanted nor there
CREATE VIEW inventory_resource AS
SELECT event_id, subject, kind,
       CASE WHEN failed THEN 'failed' WHEN want AND state = 'made' THEN 'made' WHEN want THEN 'to_make'
            WHEN state <> 'absent' THEN 'to_delete' ELSE 'gone' END AS standing,
       role, want, want_name, state, name, arn, work, busy, generation, attempts, next_try_ms, error, made_ms
FROM resource;
-- The same words: both databases take an index on an expression for that expression only, so nobody else's question is
-- tempted by it (see resource_tally).
CREATE INDEX resource_standing ON resource ((
  CASE WHEN failed THEN 'failed' WHEN want AND state = 'made' THEN 'made' WHEN want THEN 'to_make'
       WHEN state <> 'absent' THEN 'to_delete' ELSE 'gone' END), kind, event_id, subject);

-- The same words counted, in the order of resource_tally: that index has all that is needed, while SQLite would fetch the
-- row for each entry of one on an expression (0.4 s instead of 2.4 s for two million).
CREATE VIEW inventory_count AS
SELECT event_id, kind, CASE WHEN failed THEN 'failed' WHEN want AND state = 'made' THEN 'made' WHEN want THEN 'to_make'
       WHEN state <> 'absent' THEN 'to_delete' ELSE 'gone' END AS standing, count(*) AS n
FROM resource GROUP BY failed, want, state, kind, work, event_id;

-- Three texts by which a person is found, each by its beginning. Bytes are compared: in other orders of letters a
-- beginning is no range. One index for a search over all shows and one for a search within a show, where somebody types
-- a single letter; of nicknames the first does for both, it need not be left for the table.
CREATE VIEW inventory_chosen_name AS
SELECT compare_key COLLATE "C" AS found_by, event_id, ticket_id FROM nickname;
CREATE INDEX nickname_by_key ON nickname (compare_key COLLATE "C", event_id, ticket_id);
CREATE VIEW inventory_made_name AS
SELECT lower(name) COLLATE "C" AS found_by, event_id, subject AS ticket_id FROM resource WHERE kind = 'user' AND name <> '';
CREATE INDEX resource_by_name ON resource (lower(name) COLLATE "C", event_id, subject) WHERE kind = 'user' AND name <> '';
CREATE INDEX resource_by_name_within ON resource (event_id, lower(name) COLLATE "C", subject) WHERE kind = 'user' AND name <> '';
CREATE VIEW inventory_reference AS
SELECT lower(source_ref) COLLATE "C" AS found_by, event_id, id AS ticket_id FROM ticket WHERE source_ref <> '';
CREATE INDEX ticket_by_reference ON ticket (lower(source_ref) COLLATE "C", event_id, id) WHERE source_ref <> '';

CREATE INDEX ticket_by_reference_within ON ticket (event_id, lower(source_ref) COLLATE "C", id) WHERE source_ref <> '';

-- Who a ticket's resources are for; the name that was chosen stands in chosen_name. Two views: SQLite would work out a
-- joined one for every ticket there is before it looked at the first row that needs it.
CREATE VIEW inventory_ticket AS SELECT id AS ticket_id, event_id, role, valid, source_ref FROM ticket;
