package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A committed change is in SQLite's write-ahead log until a checkpoint copies it into the database. Left to itself SQLite
// does that inside a commit, so that whoever sends waits for two more flushes of the disk, and the log begins anew only if
// just then nobody reads from it; a start has to read the whole log. Here checkpoints run beside the writer, and now and
// then it rests for a moment in which the log begins anew.
const (
	copyAt    = 1000 // pages in the log that are worth a checkpoint: 4 MB
	restartAt = 4000 // pages in the log after which it begins anew: 16 MB
)

// checkpointer owns a connection of its own.
type checkpointer struct {
	conn   *sql.Conn
	write  *writer
	next   int   // pages in the log after which it is to begin anew
	sick   error // why there will be no more checkpoints; read by others once ended
	teller atomic.Pointer[func(error)]
	wake   chan struct{}
	quit   sync.Once
	ended  chan struct{}
}

func startCheckpointer(conn *sql.Conn, w *writer) *checkpointer {
	c := &checkpointer{conn: conn, write: w, next: restartAt, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	w.committed = c.look
	c.look() // there may be a long log from before
	go c.run()
	return c
}

// look has the log looked at soon. The writer calls it after each commit.
func (c *checkpointer) look() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// stop ends the checkpointer. The writer must have ended before.
func (c *checkpointer) stop() error {
	c.quit.Do(func() { close(c.wake) })
	<-c.ended
	if c.sick != nil {
		return nil // the last connection that closes makes a checkpoint: this one stays
	}
	return c.conn.Close()
}

// run makes checkpoints until the disk fails one. SQLite notes what a checkpoint has copied before that is on disk, and the
// system forgets what a failed sync could not write: one more checkpoint would let the log begin anew although it is the
// only place that has everything. So it stays and grows, nothing is lost, and the next process copies all of it.
func (c *checkpointer) run() {
	defer close(c.ended)
	for range c.wake {
		if err := c.tend(); err != nil && !errors.Is(err, errBusy) {
			c.sick = err
			if tell := c.teller.Load(); tell != nil {
				(*tell)(err)
			}
			for range c.wake { // until stop
			}
		}
	}
}

// tend looks at the log and copies what is worth it.
func (c *checkpointer) tend() error {
	if long, copied, err := c.checkpoint("NOOP"); err != nil || long-copied < copyAt && long < c.next {
		return err
	}
	long, _, err := c.checkpoint("PASSIVE")
	if err != nil || long < c.next {
		return err
	}
	// Most is copied by now: what is left is short, and nobody adds to it while the writer rests.
	c.next = long + restartAt
	err = c.write.between(context.Background(), func() error {
		_, _, err := c.checkpoint("RESTART")
		return err
	})
	if err == nil {
		c.next = restartAt
	}
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// checkpoint runs one and says how many pages are in the log and how many of them are copied. RESTART waits for those
// who read from the log (the busy_timeout of this connection); when they take longer, one after the next 16 MB will do
// it, so that a long read costs the writer a moment and not one in each commit.
func (c *checkpointer) checkpoint(mode string) (long, copied int, err error) {
	var busy int
	err = c.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &long, &copied)
	var se *sqlite.Error
	if err == nil && busy != 0 || errors.As(err, &se) && (se.Code()&0xff == sqlite3.SQLITE_BUSY || se.Code()&0xff == sqlite3.SQLITE_LOCKED) {
		err = errBusy
	}
	return long, copied, err
}

var errBusy = errors.New("somebody else is reading or writing")
