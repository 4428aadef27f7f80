-- +goose Up
-- How many users and channels an app instance has: their quotas are too large to count at every creation.
ALTER TABLE app_instance ADD COLUMN users BIGINT NOT NULL DEFAULT 0;
ALTER TABLE app_instance ADD COLUMN channels BIGINT NOT NULL DEFAULT 0;
UPDATE app_instance SET
  users = (SELECT count(*) FROM app_instance_user u WHERE u.app = app_instance.id AND u.kind = 'user'),
  channels = (SELECT count(*) FROM channel c WHERE c.app = app_instance.id);
