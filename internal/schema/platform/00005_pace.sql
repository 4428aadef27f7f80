-- +goose Up
-- pace: one row per bucket of the provider's limits and thing of its scope. Microseconds, the one exception to
-- milliseconds: a window that is exact to a hundredth needs finer steps. Rows of what is not used any more are deleted.
DROP TABLE pace;
CREATE TABLE pace (
  bucket    TEXT NOT NULL,
  scope_key TEXT NOT NULL,              -- ARN of the app instance, bearer, channel or user; '' for the account
  version   BIGINT NOT NULL,            -- grows with every write: who wrote after a stale read finds out
  used_us   BIGINT NOT NULL,            -- when it was last written, by the fastest of all processes' clocks
  calls     TEXT NOT NULL,              -- the last calls, packed (internal/pace/window.go)
  held_us   BIGINT NOT NULL,            -- how long after its slot a call counts as arrived, on average
  slowed    TEXT NOT NULL,              -- '' at the documented rate, else JSON (internal/pace/adapt.go)
  PRIMARY KEY (bucket, scope_key)
) /* WITHOUT ROWID */;

-- pace_second: calls per second of the last minute, for people. A row for each process, so that none waits for another.
DROP TABLE pace_second;
CREATE TABLE pace_second (
  second BIGINT NOT NULL,
  booker TEXT NOT NULL,
  calls  BIGINT NOT NULL,
  PRIMARY KEY (second, booker)
) /* WITHOUT ROWID */;
