// Package lease lets one process of many act: who holds a lease may write, and every write proves that it still does.
//
// A lease is one row of table lease, taken with one statement. Its epoch grows with every holder and stands in the
// condition of every write, so that a holder that was stopped and wakes up late commits nothing.
package lease

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Clocks. The lease does not compare clocks of two machines: a standby takes over after it has watched the lease's beat
// stand still for TTL on its own monotonic clock, and the holder stops acting when it could not renew for less than
// that on its own. Both assume only that clocks run at about the same speed. What a stopped and continued holder may
// still try, the epoch in every write refuses.
const (
	TTL    = 6 * time.Second        // beat unchanged this long: the holder is gone
	Poll   = 500 * time.Millisecond // how often to Claim: takeover within TTL and two looks
	renew  = 2 * time.Second        // two renewals may fail before anybody notices
	safety = time.Second            // the holder stops this much earlier than others may start
)

// ErrStale says that another process holds the lease now; nothing was written.
var ErrStale = errors.New("another process holds the lease now")

// Lease is one process's view of one row in table lease. Make it with New. Claim is for one goroutine, the rest for any.
type Lease struct {
	db           *db.DB
	name, holder string

	seenEpoch, seenBeat int64     // at the last look, by claim only
	seenAt              time.Time // since when they stand still

	mu      sync.Mutex
	renewed time.Time // begin of the last write that proved the lease
}

// New makes a process's view of the lease of a name. holder names the process and is unique.
func New(d *db.DB, name, holder string) *Lease { return &Lease{db: d, name: name, holder: holder} }

// Holder is the name of this process.
func (l *Lease) Holder() string { return l.holder }

type leaseRow struct {
	holder      string
	epoch, beat int64
}

// Claim takes the lease if it is free, released, our own, or its holder has been silent for TTL. It does not block;
// call it every Poll.
func (l *Lease) Claim(ctx context.Context) (epoch int64, ok bool, err error) {
	now := time.Now()
	row, err := db.One(ctx, l.db, func(r *leaseRow) []any { return []any{&r.holder, &r.epoch, &r.beat} },
		"SELECT holder, epoch, beat FROM lease WHERE name = $1", l.name)
	if errors.Is(err, sql.ErrNoRows) {
		n, err := l.db.Exec(ctx, `INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ($1, $2, 1, 0, $3)
			ON CONFLICT DO NOTHING`, l.name, l.holder, now.UnixMilli())
		return l.took(1, n, err, now)
	}
	if err != nil {
		return 0, false, err
	}
	free := row.holder == "" || row.holder == l.holder
	if row.epoch != l.seenEpoch || row.beat != l.seenBeat || l.seenAt.IsZero() {
		l.seenEpoch, l.seenBeat, l.seenAt = row.epoch, row.beat, now
	} else if now.Sub(l.seenAt) >= TTL {
		free = true
	}
	if !free {
		return 0, false, nil
	}
	n, err := l.db.Exec(ctx, `UPDATE lease SET holder = $1, epoch = epoch + 1, beat = 0, renewed_ms = $2
		WHERE name = $3 AND epoch = $4 AND beat = $5`, l.holder, now.UnixMilli(), l.name, row.epoch, row.beat)
	return l.took(row.epoch+1, n, err, now)
}

func (l *Lease) took(epoch, rows int64, err error, began time.Time) (int64, bool, error) {
	if err != nil || rows != 1 {
		return 0, false, err
	}
	l.proved(began)
	return epoch, true, nil
}

// guard fails with ErrStale unless epoch still leads. It writes: so the row stays locked until the commit, and nobody
// takes over between the look and the change it protects.
func (l *Lease) guard(tx *db.Tx, epoch int64) error {
	n, err := tx.Exec("UPDATE lease SET beat = beat + 1, renewed_ms = $1 WHERE name = $2 AND epoch = $3 AND holder = $4",
		time.Now().UnixMilli(), l.name, epoch, l.holder)
	if err != nil {
		return err
	}
	if n != 1 {
		return ErrStale
	}
	return nil
}

// Write runs fn in a transaction that commits only while epoch leads.
func (l *Lease) Write(ctx context.Context, epoch int64, fn func(*db.Tx) error) error {
	began := time.Now()
	err := l.db.Write(ctx, func(tx *db.Tx) error {
		if err := l.guard(tx, epoch); err != nil {
			return err
		}
		return fn(tx)
	})
	if err == nil {
		l.proved(began)
	}
	return err
}

func (l *Lease) proved(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if began.After(l.renewed) {
		l.renewed = began
	}
}

// Valid reports whether nobody else can have taken over yet.
func (l *Lease) Valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.renewed) < TTL-safety
}

// Keep renews the lease until ctx ends, and fails when it cannot in time.
func (l *Lease) Keep(ctx context.Context, epoch int64) error {
	tick := time.NewTicker(renew)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		err := l.Write(ctx, epoch, func(*db.Tx) error { return nil })
		if errors.Is(err, ErrStale) || errors.Is(err, db.ErrClosed) || (err != nil && !l.Valid()) {
			return err
		}
	}
}

// Release frees the lease at once for a standby. It does nothing if epoch no longer leads.
func (l *Lease) Release(ctx context.Context, epoch int64) error {
	_, err := l.db.Exec(ctx, "UPDATE lease SET holder = '', beat = beat + 1 WHERE name = $1 AND epoch = $2 AND holder = $3",
		l.name, epoch, l.holder)
	return err
}
