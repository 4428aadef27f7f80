-- +goose Up
-- Times are Unix milliseconds made in Go; 0 means "never". Users and channels have a random number besides their
-- name: what belongs to them refers to the number, so that somebody created again under an old name inherits nothing.

-- The engine's own secrets: the root access key and the key that seals temporary credentials.
CREATE TABLE engine_secret (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE app_instance (
  id         TEXT PRIMARY KEY,            -- UUID
  name       TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  deleted_ms BIGINT NOT NULL DEFAULT 0    -- set at once by the delete; the rows inside follow in the background
);

CREATE TABLE app_instance_user (
  app        TEXT NOT NULL,
  id         TEXT NOT NULL,               -- AppInstanceUserId, chosen by the caller
  no         BIGINT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  metadata   TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  PRIMARY KEY (app, id)
) /* WITHOUT ROWID */;

CREATE TABLE app_instance_admin (
  app        TEXT NOT NULL,
  member     BIGINT NOT NULL,             -- app_instance_user.no
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (app, member)
) /* WITHOUT ROWID */;

CREATE TABLE channel (
  no              BIGINT PRIMARY KEY,
  app             TEXT NOT NULL,
  id              TEXT NOT NULL,
  name            TEXT NOT NULL,
  mode            TEXT NOT NULL,          -- UNRESTRICTED RESTRICTED
  privacy         TEXT NOT NULL,          -- PUBLIC PRIVATE, never changes
  metadata        TEXT NOT NULL,
  by_id           TEXT NOT NULL,          -- who created it, as they were called then
  by_name         TEXT NOT NULL,
  created_ms      BIGINT NOT NULL,
  updated_ms      BIGINT NOT NULL,
  last_message_ms BIGINT NOT NULL DEFAULT 0,
  clock_ms        BIGINT NOT NULL DEFAULT 0, -- the newest timestamp given out: each message gets a later one
  UNIQUE (app, id)
);
CREATE INDEX channel_by_privacy ON channel (app, privacy, id);

CREATE TABLE channel_membership (
  channel    BIGINT NOT NULL,
  member     BIGINT NOT NULL,
  type       TEXT NOT NULL,               -- DEFAULT HIDDEN
  by_id      TEXT NOT NULL,
  by_name    TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  PRIMARY KEY (channel, member)
) /* WITHOUT ROWID */;
CREATE INDEX channel_membership_by_type ON channel_membership (channel, type, member);
CREATE INDEX channel_membership_by_member ON channel_membership (member, channel);

CREATE TABLE channel_moderator (
  channel    BIGINT NOT NULL,
  member     BIGINT NOT NULL,
  by_id      TEXT NOT NULL,
  by_name    TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (channel, member)
) /* WITHOUT ROWID */;
CREATE INDEX channel_moderator_by_member ON channel_moderator (member, channel);

CREATE TABLE channel_ban (
  channel    BIGINT NOT NULL,
  member     BIGINT NOT NULL,
  by_id      TEXT NOT NULL,
  by_name    TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (channel, member)
) /* WITHOUT ROWID */;
CREATE INDEX channel_ban_by_member ON channel_ban (member, channel);

-- Clustered by channel and time, so that a page of history is one short range. The id repeats the time in its first
-- digits: finding a message by id needs no index of its own.
CREATE TABLE channel_message (
  channel      BIGINT NOT NULL,
  created_ms   BIGINT NOT NULL,
  message_id   TEXT NOT NULL,
  sender       BIGINT NOT NULL,           -- app_instance_user.no
  sender_id    TEXT NOT NULL,
  sender_name  TEXT NOT NULL,             -- as shown when it was sent; survives the user
  target       BIGINT NOT NULL,           -- app_instance_user.no; 0 for everybody
  target_id    TEXT NOT NULL,
  type         TEXT NOT NULL,             -- STANDARD CONTROL
  content      TEXT NOT NULL,
  content_type TEXT NOT NULL,
  metadata     TEXT NOT NULL,
  attributes   TEXT NOT NULL,             -- MessageAttributes as JSON, '' for none
  redacted     BOOLEAN NOT NULL,
  edited_ms    BIGINT NOT NULL,
  updated_ms   BIGINT NOT NULL,
  PRIMARY KEY (channel, created_ms, message_id)
) /* WITHOUT ROWID */;

-- Answers to ClientRequestTokens: the same token with the same body gets the same answer.
CREATE TABLE client_request (
  scope      TEXT NOT NULL,               -- operation and who asked
  token      TEXT NOT NULL,
  body       TEXT NOT NULL,               -- hash of what was asked
  answer     TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (scope, token)
) /* WITHOUT ROWID */;
CREATE INDEX client_request_by_age ON client_request (created_ms);

-- Channels that are gone, but whose rows are still being removed in the background.
CREATE TABLE removed_channel (
  no         BIGINT PRIMARY KEY,
  removed_ms BIGINT NOT NULL
);
