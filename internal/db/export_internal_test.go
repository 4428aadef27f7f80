package db

import "testing"

// MigrationLock is the advisory lock that a migration of d would take.
func MigrationLock(t *testing.T, d *DB) int64 {
	t.Helper()
	n, err := d.lockNumber(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}
