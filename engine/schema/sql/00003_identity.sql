-- +goose Up
-- Bots act, speak and are members like users, so they are rows of the same table; their id here is "bot/" and their own:
-- no AppInstanceUserId has a slash. kind: user bot.
ALTER TABLE app_instance_user ADD COLUMN kind TEXT NOT NULL DEFAULT 'user';
ALTER TABLE app_instance_user ADD COLUMN configuration TEXT NOT NULL DEFAULT ''; -- of a bot, as JSON
ALTER TABLE app_instance_user ADD COLUMN expire_days BIGINT NOT NULL DEFAULT 0;  -- after its creation; 0 for never
ALTER TABLE app_instance_user ADD COLUMN expires_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX app_instance_user_by_expiry ON app_instance_user (expires_ms) WHERE expires_ms > 0;

-- How many days channels of the app instance keep messages, 0 for ever; older ones are hidden at once and deleted from
-- delete_ms on.
ALTER TABLE app_instance ADD COLUMN retention_days BIGINT NOT NULL DEFAULT 0;
ALTER TABLE app_instance ADD COLUMN retention_delete_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX app_instance_by_retention ON app_instance (retention_delete_ms) WHERE retention_days > 0;

-- Where a user's push notifications would go. Nothing is ever sent to them.
CREATE TABLE app_instance_user_endpoint (
  member            BIGINT NOT NULL,      -- app_instance_user.no
  id                TEXT NOT NULL,        -- UUID
  name              TEXT NOT NULL,
  type              TEXT NOT NULL,        -- APNS APNS_SANDBOX GCM
  resource_arn      TEXT NOT NULL,
  device_token      TEXT NOT NULL,
  voip_device_token TEXT NOT NULL,
  allow_messages    TEXT NOT NULL,        -- ALL NONE
  created_ms        BIGINT NOT NULL,
  updated_ms        BIGINT NOT NULL,
  PRIMARY KEY (member, id)
) /* WITHOUT ROWID */;

CREATE TABLE resource_tag (
  app   TEXT NOT NULL,
  kind  TEXT NOT NULL,                    -- app-instance user bot channel channel-flow
  id    TEXT NOT NULL,                    -- '' for the app instance itself
  key   TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (app, kind, id, key)
) /* WITHOUT ROWID */;
