-- +goose Up
-- Where an app instance's events go.
CREATE TABLE stream_config (
  app       TEXT NOT NULL,
  data_type TEXT NOT NULL,                -- Channel ChannelMessage
  stream    TEXT NOT NULL,                -- ARN
  PRIMARY KEY (app, data_type)
) /* WITHOUT ROWID */;

-- Events that are committed and not yet delivered, in the order of (no, tie) within each stream.
CREATE TABLE stream_outbox (
  stream TEXT NOT NULL,
  no     BIGINT NOT NULL,                 -- Unix microseconds, or one more than every row that could be seen
  tie    BIGINT NOT NULL,                 -- random: two nodes may pick the same number for different channels
  record TEXT NOT NULL,                   -- JSON
  PRIMARY KEY (stream, no, tie)
) /* WITHOUT ROWID */;
