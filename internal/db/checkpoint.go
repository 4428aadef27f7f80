package db

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// A committed change is in SQLite's write-ahead log until a checkpoint copies it into the database. Left to itself SQLite
// does that inside a commit, so that whoever sends waits for two more flushes of the disk (half of the sends per second,
// measured with 64 people), and the log begins anew only if just then nobody reads from it; a start has to read the whole
// log. Here checkpoints run beside the writer, and now and then it rests for a moment in which the log begins anew.
const (
	copyAt    = 1000 // pages in the log that are worth a checkpoint: 4 MB
	restartAt = 4000 // pages in the log after which it begins anew: 16 MB
)

// checkpointer owns a connection of its own.
type checkpointer struct {
	conn  *sql.Conn
	write *writer
	next  int // pages in the log after which it is to begin anew
	wake  chan struct{}
	quit  sync.Once
	ended chan struct{}
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
	if c == nil {
		return nil
	}
	c.quit.Do(func() { close(c.wake) })
	<-c.ended
	return c.conn.Close()
}

// run does its best: after an error the log is only longer than it should be, and the next commit has it look again.
func (c *checkpointer) run() {
	defer close(c.ended)
	for range c.wake {
		if long, copied, err := c.checkpoint("NOOP"); err != nil || long-copied < copyAt && long < c.next {
			continue
		}
		long, _, err := c.checkpoint("PASSIVE")
		if err != nil || long < c.next {
			continue
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
	}
}

// checkpoint runs one and says how many pages are in the log and how many of them are copied. RESTART waits for those
// who read from the log (the busy_timeout of this connection); when they take longer, one after the next 16 MB will do
// it, so that a long read costs the writer a moment and not one in each commit.
func (c *checkpointer) checkpoint(mode string) (long, copied int, err error) {
	var busy int
	err = c.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &long, &copied)
	if busy != 0 {
		err = errors.Join(err, errBusy)
	}
	return long, copied, err
}

var errBusy = errors.New("somebody else is reading or writing")
