-- +goose Up
-- The ClientRequestTokens of messages: the same token with the same body gets the same message, as long as the channel
-- lives. Unlike client_request, which forgets after a day, this table goes with its channel.
CREATE TABLE message_token (
  channel    BIGINT NOT NULL,
  sender     BIGINT NOT NULL,             -- app_instance_user.no
  token      TEXT NOT NULL,
  body       TEXT NOT NULL,               -- hash of what was asked
  message_id TEXT NOT NULL,
  PRIMARY KEY (channel, sender, token)
) /* WITHOUT ROWID */;

ALTER TABLE channel_membership ADD COLUMN read_ms BIGINT NOT NULL DEFAULT 0; -- read marker; 0 until it is set first
