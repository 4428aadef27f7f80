-- +goose Up
-- Channel flows: what a message passes on its way into a channel.
CREATE TABLE channel_flow (
  no         BIGINT PRIMARY KEY,
  app        TEXT NOT NULL,
  id         TEXT NOT NULL,               -- UUID
  name       TEXT NOT NULL,
  processors TEXT NOT NULL,               -- JSON, in the order in which they were given
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  UNIQUE (app, id)
);

ALTER TABLE channel ADD COLUMN flow BIGINT NOT NULL DEFAULT 0; -- channel_flow.no; 0 for none
CREATE INDEX channel_by_flow ON channel (flow, no) WHERE flow <> 0;

-- Messages that a flow has, or had, in hand. The id of such a message holds the time at which it was sent, not that of
-- its release, so this is also where to look for it in the history.
CREATE TABLE held_message (
  channel    BIGINT NOT NULL,
  message_id TEXT NOT NULL,
  sender     BIGINT NOT NULL,             -- app_instance_user.no
  run        TEXT NOT NULL,               -- the newest flow_run; '' for none that counts any more
  status     TEXT NOT NULL,               -- PENDING SENT FAILED DENIED: how that run fares
  created_ms BIGINT NOT NULL,             -- the message's place in the history, 0 while it has none
  PRIMARY KEY (channel, message_id)
) /* WITHOUT ROWID */;

-- One message, or one edit of a message, on its way through the processors.
CREATE TABLE flow_run (
  id          TEXT PRIMARY KEY,
  no          BIGINT NOT NULL,            -- order of invocation, Unix microseconds
  flow        BIGINT NOT NULL,
  channel     BIGINT NOT NULL,
  processors  TEXT NOT NULL,              -- as they were when it began
  step        BIGINT NOT NULL,            -- which of them has it
  state       TEXT NOT NULL,              -- READY to be invoked, CALLED and not answered yet, DONE
  tries       BIGINT NOT NULL,            -- failed invocations of this step
  due_ms      BIGINT NOT NULL,            -- when READY: not before
  deadline_ms BIGINT NOT NULL,            -- after it no answer is taken
  message     TEXT NOT NULL               -- as it is now; '' once DONE
);
CREATE INDEX flow_run_ready ON flow_run (flow, channel, no) WHERE state = 'READY';
CREATE INDEX flow_run_by_deadline ON flow_run (deadline_ms);
CREATE INDEX flow_run_by_channel ON flow_run (channel);

-- Which process of those on one database does a piece of background work.
CREATE TABLE engine_lease (
  name     TEXT PRIMARY KEY,
  holder   TEXT NOT NULL,
  until_ms BIGINT NOT NULL
);
