package provision

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/ledger"
	"github.com/stagedoor/stagedoor/internal/provision/plan"
)

// baseOf reads how far the app instance of a place is. ready says that channels can be made in it.
func (t *term) baseOf(ctx context.Context, in plan.Placement) (b ledger.Base, ready bool, err error) {
	t.mu.Lock()
	b, ready = t.bases[in.Place]
	t.mu.Unlock()
	if ready && b.Round == in.Round {
		return b, true, nil
	}
	if b, ready, err = ledger.ReadBase(ctx, t.db, t.installation, in.Place, in.Round); ready {
		t.mu.Lock()
		t.bases[in.Place] = b
		t.mu.Unlock()
	}
	return b, ready, err
}

// forget lets baseOf look again: something about the app instance of a place has changed.
func (t *term) forget(place id.Event) {
	t.mu.Lock()
	delete(t.bases, place)
	t.mu.Unlock()
}

// displace lets a show of which nothing could be made be placed once more: the account has no app instance left.
func (t *term) displace(tx *db.Tx, event id.Event) error {
	t.mu.Lock()
	t.full = time.Now().Add(ledger.AsideRetry)
	t.mu.Unlock()
	if _, err := tx.Exec("DELETE FROM resource WHERE event_id = $1 AND kind IN ('instance', 'admin_user', 'admin')", event); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE placement SET placed_ms = 0 WHERE event_id = $1", event)
	return err
}
