package db

import (
	"path/filepath"
	"testing"
	"time"
)

// A failed checkpoint used to end all checkpoints in silence: the log grew until the disk was full.
func TestAFailedCheckpointIsToldAndNothingIsLost(t *testing.T) {
	d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	d.OnTrouble(func(err error) { told <- err })
	if err := d.check.conn.Close(); err != nil { // stands for a disk that fails
		t.Fatal(err)
	}
	if _, err := d.Exec(t.Context(), `CREATE TABLE x (y TEXT)`); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		if err == nil {
			t.Error("told of nothing")
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody was told")
	}
	if _, err := d.Exec(t.Context(), `INSERT INTO x VALUES ('still here')`); err != nil {
		t.Error(err)
	}
	if n, err := Value[int](t.Context(), d, `SELECT count(*) FROM x`); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
