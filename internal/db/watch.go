package db

import (
	"context"
	"sync/atomic"
)

// Watch tells whether something that was read from the database still stands. It goes by the statements of this process's
// writes, so that none of them can forget it. Where other processes write, too, there is none: of nil, nothing ever stands.
type Watch struct {
	touches func(query string) bool
	known   map[string]bool // what touches says; of the goroutine that commits
	state   atomic.Uint64   // odd while a transaction is open that touches what is watched
}

// Watch begins to watch what touches says of a statement's text. It is asked of each text once, on the goroutine that commits.
func (d *DB) Watch(touches func(query string) bool) *Watch {
	w := &Watch{touches: touches, known: map[string]bool{}}
	add := func() error { d.writer.watches = append(d.writer.watches, w); return nil }
	if d.dialect != SQLite || d.writer.between(context.Background(), add) != nil {
		return nil
	}
	return w
}

// Now is for Stands and Holds, of what is read from the database afterwards.
func (w *Watch) Now() uint64 {
	if w == nil {
		return 0
	}
	return w.state.Load()
}

// Stands reports whether no write that touches what is watched has been committed since then = Now, and none is under way.
func (w *Watch) Stands(then uint64) bool { return w != nil && then&1 == 0 && w.state.Load() == then }

// Holds is Stands but for a write that is under way: nobody can know of it yet. One that has returned, or told of itself, counts.
func (w *Watch) Holds(then uint64) bool { return w != nil && w.state.Load()>>1 == then>>1 }

func (w *Watch) touch(query string) {
	touches, known := w.known[query]
	if !known {
		if touches = w.touches(query); len(w.known) < maxStatements {
			w.known[query] = touches
		}
	}
	if touches && w.state.Load()&1 == 0 {
		w.state.Add(1)
	}
}

// settle is for the end of each transaction, whatever it was.
func (w *Watch) settle() {
	if w.state.Load()&1 == 1 {
		w.state.Add(1)
	}
}
