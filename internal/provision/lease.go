package provision

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Clocks. The lease does not compare clocks of two machines: a standby takes over after it has watched the lease's beat
// stand still for leaseTTL on its own monotonic clock, and the holder stops acting when it could not renew for less than
// that on its own. Both assume only that clocks run at about the same speed. What a stopped and continued holder may
// still try, the epoch in every write refuses.
const (
	leaseTTL    = 6 * time.Second        // beat unchanged this long: the holder is gone
	leaseRenew  = 2 * time.Second        // two renewals may fail before anybody notices
	leaseSafety = time.Second            // the holder stops this much earlier than others may start
	standbyPoll = 500 * time.Millisecond // takeover within leaseTTL and two looks
	leaseName   = "provision"
)

// errStale says that another process leads now; nothing was written.
var errStale = errors.New("another provisioner leads now")

// lease is one process's view of the row in table lease.
type lease struct {
	db     *db.DB
	holder string

	seenEpoch, seenBeat int64     // at the last look, by claim only
	seenAt              time.Time // since when they stand still

	mu      sync.Mutex
	renewed time.Time // begin of the last write that proved the lease
}

type leaseRow struct {
	holder      string
	epoch, beat int64
}

// claim takes the lease if it is free, released, our own, or its holder has been silent for leaseTTL. It does not block;
// call it every standbyPoll.
func (l *lease) claim(ctx context.Context) (epoch int64, ok bool, err error) {
	now := time.Now()
	row, err := db.One(ctx, l.db, func(r *leaseRow) []any { return []any{&r.holder, &r.epoch, &r.beat} },
		"SELECT holder, epoch, beat FROM lease WHERE name = $1", leaseName)
	if errors.Is(err, sql.ErrNoRows) {
		n, err := l.db.Exec(ctx, `INSERT INTO lease (name, holder, epoch, beat, renewed_ms) VALUES ($1, $2, 1, 0, $3)
			ON CONFLICT DO NOTHING`, leaseName, l.holder, now.UnixMilli())
		return l.took(1, n, err, now)
	}
	if err != nil {
		return 0, false, err
	}
	free := row.holder == "" || row.holder == l.holder
	if row.epoch != l.seenEpoch || row.beat != l.seenBeat || l.seenAt.IsZero() {
		l.seenEpoch, l.seenBeat, l.seenAt = row.epoch, row.beat, now
	} else if now.Sub(l.seenAt) >= leaseTTL {
		free = true
	}
	if !free {
		return 0, false, nil
	}
	n, err := l.db.Exec(ctx, `UPDATE lease SET holder = $1, epoch = epoch + 1, beat = 0, renewed_ms = $2
		WHERE name = $3 AND epoch = $4 AND beat = $5`, l.holder, now.UnixMilli(), leaseName, row.epoch, row.beat)
	return l.took(row.epoch+1, n, err, now)
}

func (l *lease) took(epoch, rows int64, err error, began time.Time) (int64, bool, error) {
	if err != nil || rows != 1 {
		return 0, false, err
	}
	l.proved(began)
	return epoch, true, nil
}

// guard fails with errStale unless epoch still leads. It writes: so the row stays locked until the commit, and nobody
// takes over between the look and the change it protects.
func (l *lease) guard(tx *db.Tx, epoch int64) error {
	n, err := tx.Exec("UPDATE lease SET beat = beat + 1, renewed_ms = $1 WHERE name = $2 AND epoch = $3 AND holder = $4",
		time.Now().UnixMilli(), leaseName, epoch, l.holder)
	if err != nil {
		return err
	}
	if n != 1 {
		return errStale
	}
	return nil
}

// write runs fn in a transaction that commits only while epoch leads.
func (l *lease) write(ctx context.Context, epoch int64, fn func(*db.Tx) error) error {
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

func (l *lease) proved(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if began.After(l.renewed) {
		l.renewed = began
	}
}

// valid reports whether nobody else can have taken over yet.
func (l *lease) valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.renewed) < leaseTTL-leaseSafety
}

// keep renews the lease until ctx ends, and fails when it cannot in time.
func (l *lease) keep(ctx context.Context, epoch int64) error {
	for {
		wait(ctx, leaseRenew, nil)
		if ctx.Err() != nil {
			return nil
		}
		err := l.write(ctx, epoch, func(*db.Tx) error { return nil })
		if errors.Is(err, errStale) || errors.Is(err, db.ErrClosed) || (err != nil && !l.valid()) {
			return err
		}
	}
}

// release frees the lease at once for a standby. It does nothing if epoch no longer leads.
func (l *lease) release(ctx context.Context, epoch int64) error {
	_, err := l.db.Exec(ctx, "UPDATE lease SET holder = '', beat = beat + 1 WHERE name = $1 AND epoch = $2 AND holder = $3",
		leaseName, epoch, l.holder)
	return err
}
