package pass

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// ahead is how much longer than needed is written down: one write a minute and show, however many people come.
const ahead = time.Minute

// life keeps until when keys to each show's chat may work. Many processes may.
type life struct {
	db    *db.DB
	mu    sync.Mutex
	known map[id.Event]time.Time // what is on disk, or less; only shows that are on
}

// reaches makes sure, before a key is made, that it is on disk that keys of the event may work until then.
func (l *life) reaches(ctx context.Context, event id.Event, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known[event].Before(until) {
		return nil
	}
	until = until.Add(ahead)
	_, err := l.db.Exec(ctx, `INSERT INTO chat_key (event_id, until_ms) VALUES ($1, $2)
		ON CONFLICT (event_id) DO UPDATE SET until_ms = excluded.until_ms WHERE chat_key.until_ms < excluded.until_ms`, event, until.UnixMilli())
	if err != nil {
		return err
	}
	for e, past := range l.known {
		if past.Before(time.Now()) {
			delete(l.known, e)
		}
	}
	l.known[event] = until
	return nil
}
