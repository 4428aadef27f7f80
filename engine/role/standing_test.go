package role_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/engine/role"
)

func TestOnlyClocksMarkersAndOtherTablesDoNotTouchRoles(t *testing.T) {
	for query, want := range map[string]bool{
		`SELECT 1 FROM channel_membership`: false,
		`SAVEPOINT w`:                      false,
		`INSERT INTO channel_message (channel) SELECT no FROM json_each($1)`:                   false,
		`UPDATE channel SET clock_ms = clock_ms WHERE no = $1 RETURNING no`:                    false,
		`UPDATE channel SET clock_ms = clock_ms + 1 WHERE no = $1`:                             false,
		`UPDATE channel SET clock_ms = $2, last_message_ms = $3 WHERE no = $1`:                 false,
		`UPDATE channel_membership SET read_ms = $3 WHERE channel = $1 AND member = $2`:        false,
		`UPDATE channel SET clock_ms = clock_ms, mode = $2 WHERE no = $1`:                      true,
		`UPDATE channel_membership SET read_ms = $3, type = 'HIDDEN' WHERE channel = $1`:       true,
		`UPDATE channel_membership SET type = $3 WHERE channel = $1 AND member = $2`:           true,
		"DELETE FROM channel_ban\nWHERE channel = $1":                                          true,
		`WITH x AS (SELECT 1) DELETE FROM app_instance_user`:                                   true,
		`insert or ignore into channel_moderator (channel) VALUES ($1)`:                        true,
		`UPDATE OR IGNORE app_instance SET deleted_ms = 1`:                                     true,
		`ALTER TABLE app_instance_admin RENAME TO gone`:                                        true,
		`INSERT INTO other SELECT * FROM channel_message`:                                      false,
		`DELETE FROM channel_message WHERE channel IN (SELECT no FROM channel WHERE app = $1)`: true, // too often is never too late
	} {
		if got := role.Touches(query); got != want {
			t.Errorf("%s: touches %v", query, got)
		}
	}
}
