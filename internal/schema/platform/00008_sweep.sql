-- +goose Up
-- provision: the sweep compares the ledger with what the provider really has (docs/adr/0018-sweep.md).

-- sweep: the last complete pass over each place, for people: what was counted at the provider beside what the ledger says.
-- place is that of placement ('' for the shared app instance), or 'account': the list of all app instances.
CREATE TABLE sweep (
  place             TEXT PRIMARY KEY,
  asked             BIGINT NOT NULL DEFAULT 0,     -- grows when somebody wants a pass now
  heard             BIGINT NOT NULL DEFAULT 0,     -- asked when the last pass began
  began_ms          BIGINT NOT NULL DEFAULT 0,     -- the last complete pass
  finished_ms       BIGINT NOT NULL DEFAULT 0,
  calls             BIGINT NOT NULL DEFAULT 0,
  instances         BIGINT NOT NULL DEFAULT 0,     -- ours at the provider
  users             BIGINT NOT NULL DEFAULT 0,
  channels          BIGINT NOT NULL DEFAULT 0,
  members           BIGINT NOT NULL DEFAULT 0,     -- without the admins that made the channels
  moderators        BIGINT NOT NULL DEFAULT 0,
  ledger_instances  BIGINT NOT NULL DEFAULT 0,     -- the same by the ledger, when the pass had put it right
  ledger_users      BIGINT NOT NULL DEFAULT 0,
  ledger_channels   BIGINT NOT NULL DEFAULT 0,
  ledger_members    BIGINT NOT NULL DEFAULT 0,
  ledger_moderators BIGINT NOT NULL DEFAULT 0,
  moving            BIGINT NOT NULL DEFAULT 0,     -- what was made, removed or in flight meanwhile: so much may differ
  differs           BOOLEAN NOT NULL DEFAULT FALSE, -- the counts differ by more than that
  vanished          BIGINT NOT NULL DEFAULT 0,     -- was not there any more, and is made anew
  found             BIGINT NOT NULL DEFAULT 0,     -- was there and wanted, and the ledger did not know
  removed           BIGINT NOT NULL DEFAULT 0,     -- ours and unwanted
  renamed           BIGINT NOT NULL DEFAULT 0,     -- had another name
  strangers         BIGINT NOT NULL DEFAULT 0,
  error             TEXT NOT NULL DEFAULT ''       -- why a later pass did not get to its end; '' when one has
);

-- stranger: what others have in our account or in our app instances. It is reported and never touched.
CREATE TABLE stranger (
  arn      TEXT PRIMARY KEY,
  kind     TEXT NOT NULL,                          -- instance user admin channel
  name     TEXT NOT NULL,
  place    TEXT NOT NULL,                          -- where it was seen, as in sweep
  first_ms BIGINT NOT NULL,
  seen_ms  BIGINT NOT NULL
);
CREATE INDEX stranger_by_place ON stranger (place, arn);

-- What other rooms may read.
CREATE VIEW swept_place AS
SELECT place, began_ms, finished_ms, calls, instances, users, channels, members, moderators, ledger_instances, ledger_users,
       ledger_channels, ledger_members, ledger_moderators, moving, differs, vanished, found, removed, renamed, strangers, error,
       (asked > heard) AS due
FROM sweep;
CREATE VIEW seen_stranger AS SELECT arn, kind, name, place, first_ms, seen_ms FROM stranger;
