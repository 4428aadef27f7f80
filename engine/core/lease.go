package core

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// leaseTime is how long the work of a node that was killed waits for another node. It is longer than anything a holder
// starts under it.
const leaseTime = 30 * time.Second

// Lease gives a piece of background work to one of the processes of a database at a time. A SQLite file belongs to one
// process: there it is always granted, and a process that was killed leaves nothing to wait for.
type Lease struct {
	c     *Core
	name  string
	until atomic.Int64 // Unix ms
}

// NewLease names a piece of work.
func (c *Core) NewLease(name string) *Lease { return &Lease{c: c, name: name} }

// Held reports whether this process may do the work now, for half of leaseTime at least, and asks for it if need be.
func (l *Lease) Held(ctx context.Context) (bool, error) {
	if l.c.DB.Dialect() == db.SQLite {
		return true, nil
	}
	now := NowMS()
	if l.until.Load() > now+leaseTime.Milliseconds()/2 {
		return true, nil
	}
	until := now + leaseTime.Milliseconds()
	n, err := l.c.DB.Exec(ctx, `INSERT INTO engine_lease (name, holder, until_ms) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET holder = $2, until_ms = $3 WHERE engine_lease.holder = $2 OR engine_lease.until_ms < $4`,
		l.name, l.c.node, until, now)
	if err != nil || n == 0 {
		return false, err
	}
	l.until.Store(until)
	return true, nil
}

// Release lets another process go on at once. When it fails, the lease ends by itself.
func (l *Lease) Release(ctx context.Context) {
	if l.until.Swap(0) > 0 {
		_, _ = l.c.DB.Exec(context.WithoutCancel(ctx), `DELETE FROM engine_lease WHERE name = $1 AND holder = $2`, l.name, l.c.node)
	}
}
