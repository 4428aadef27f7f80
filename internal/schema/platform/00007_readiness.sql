-- +goose Up
-- readiness: what people should know before doors. One row per show and cause: who inserts it says it.
CREATE TABLE alarm (
  event_id  TEXT NOT NULL,              -- '' concerns all
  cause     TEXT NOT NULL,              -- late failed nobody paused
  since_ms  BIGINT NOT NULL,
  healed_ms BIGINT NOT NULL,            -- since when the cause is gone; 0: it is there. Deleted when it stays gone
  text      TEXT NOT NULL,
  to_do     TEXT NOT NULL,
  PRIMARY KEY (event_id, cause)
);

-- Valid tickets are counted by event and role each time somebody looks at the provisioning.
CREATE INDEX ticket_tally ON ticket (event_id, role, valid);
