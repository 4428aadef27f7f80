-- +goose Up
-- Elastic channels. A sub-channel is a channel row of its own that only its elastic channel leads to: its id is
-- "channel id/sub-channel id", which no ChannelId can be. Memberships and messages refer to the sub-channel,
-- moderators and bans to the elastic channel.
ALTER TABLE channel ADD COLUMN parent BIGINT NOT NULL DEFAULT 0;      -- of a sub-channel: no of its elastic channel
ALTER TABLE channel ADD COLUMN max_subs BIGINT NOT NULL DEFAULT 0;    -- MaximumSubChannels; 0: the channel is not elastic
ALTER TABLE channel ADD COLUMN sub_target BIGINT NOT NULL DEFAULT 0;  -- TargetMembershipsPerSubChannel
ALTER TABLE channel ADD COLUMN sub_percent BIGINT NOT NULL DEFAULT 0; -- MinimumMembershipPercentage
ALTER TABLE channel ADD COLUMN regulars BIGINT NOT NULL DEFAULT 0;    -- of a sub-channel: its members who are no moderators
-- Of an elastic channel: 1 when somebody has to look whether its sub-channels must scale. Of a sub-channel: 1 from the
-- scale-out that made it until it has its share of members.
ALTER TABLE channel ADD COLUMN unbalanced BIGINT NOT NULL DEFAULT 0;
CREATE INDEX channel_by_parent ON channel (parent, no) WHERE parent > 0;
CREATE INDEX channel_unbalanced ON channel (no) WHERE unbalanced > 0;

-- Expiration. expires_ms is the earliest moment at which the channel may be due: messages move the moment but not the
-- column, the sweep looks again. So a message costs nothing here.
ALTER TABLE channel ADD COLUMN expire_days BIGINT NOT NULL DEFAULT 0; -- ExpirationDays; 0: never
ALTER TABLE channel ADD COLUMN expire_by TEXT NOT NULL DEFAULT '';    -- CREATED_TIMESTAMP LAST_MESSAGE_TIMESTAMP
ALTER TABLE channel ADD COLUMN expires_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX channel_by_expiry ON channel (expires_ms) WHERE expires_ms > 0;

-- Preferences of a membership; '' until they are set.
ALTER TABLE channel_membership ADD COLUMN allow_push TEXT NOT NULL DEFAULT '';  -- ALL NONE FILTERED
ALTER TABLE channel_membership ADD COLUMN filter_rule TEXT NOT NULL DEFAULT '';

-- The ClientRequestTokens of channels: the same token with the same body gets the same channel, as long as it lives.
CREATE TABLE channel_token (
  maker   BIGINT NOT NULL,                -- app_instance_user.no
  token   TEXT NOT NULL,
  body    TEXT NOT NULL,                  -- hash of what was asked
  channel BIGINT NOT NULL,
  PRIMARY KEY (maker, token)
) /* WITHOUT ROWID */;
CREATE INDEX channel_token_by_channel ON channel_token (channel);
