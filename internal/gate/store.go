package gate

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// batchSize is how many tickets share one statement and transaction: large enough to be fast, small enough that fans
// who enter meanwhile wait a fraction of a second. A crash between two batches leaves a part, and importing again
// completes it.
const batchSize = 5000

// store writes the entries and sets their outcomes. Every transaction takes its rows in the order of their hashes, so
// that two imports at once, also from two processes, wait for each other instead of deadlocking.
func (g *Gate) store(ctx context.Context, event id.Event, in *intake, now time.Time) error {
	byHash := make([]*entry, len(in.entries))
	for i := range in.entries {
		e := &in.entries[i]
		e.hash = g.hash(event, e.code)
		byHash[i] = e
	}
	slices.SortFunc(byHash, func(a, b *entry) int { return strings.Compare(a.hash, b.hash) })
	var valid, cancelled []*entry
	for _, e := range byHash {
		if e.cancelled {
			cancelled = append(cancelled, e)
		} else {
			valid = append(valid, e)
		}
	}
	for batch := range slices.Chunk(valid, g.batch) {
		if err := g.addValid(ctx, event, batch, now); err != nil {
			return err
		}
	}
	for batch := range slices.Chunk(cancelled, g.batch) {
		if err := g.addCancelled(ctx, event, batch, now); err != nil {
			return err
		}
	}
	return nil
}

// batchJSON is the bulk parameter: {"0": [ticket id, code hash, reference], …}.
func batchJSON(batch []*entry) (string, error) {
	var b strings.Builder
	b.Grow(len(batch) * 140)
	for i, e := range batch {
		b.WriteString(`,"` + strconv.Itoa(i) + `":["` + string(id.NewTicket()) + `","` + e.hash + `",`)
		ref, err := json.Marshal(strings.ReplaceAll(e.ref, "\x00", "")) // PostgreSQL has no NUL in text
		if err != nil {
			return "", err
		}
		b.Write(ref)
		b.WriteByte(']')
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}", nil
}

func (g *Gate) addValid(ctx context.Context, event id.Event, batch []*entry, now time.Time) error {
	bulk, err := batchJSON(batch)
	if err != nil {
		return err
	}
	var added, revoked map[string]bool
	err = g.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		added, err = hashes(tx, `INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			SELECT value ->> 0, $2, value ->> 1, 'fan', value ->> 2, TRUE, CAST($3 AS BIGINT), CAST($3 AS BIGINT) FROM json_each($1) WHERE TRUE
			ON CONFLICT (event_id, code_hash) DO NOTHING RETURNING code_hash`, bulk, string(event), now.UnixMilli())
		if err != nil || len(added) == len(batch) {
			return err
		}
		revoked, err = hashes(tx, "SELECT code_hash FROM ticket WHERE event_id = $1 AND NOT valid", string(event))
		return err
	})
	for _, e := range batch {
		switch {
		case added[e.hash]:
			e.outcome = isNew
		case revoked[e.hash]:
			e.outcome = staysRevoked
		}
	}
	return err
}

// addCancelled revokes tickets. One that is not known yet is written down as revoked: an older file that still calls it
// good changes nothing then, and its holder is told the truth.
func (g *Gate) addCancelled(ctx context.Context, event id.Event, batch []*entry, now time.Time) error {
	bulk, err := batchJSON(batch)
	if err != nil {
		return err
	}
	type gone struct {
		id   id.Ticket
		hash string
	}
	var revoked []gone
	err = g.db.Write(ctx, func(tx *db.Tx) error {
		var err error
		revoked, err = db.All(tx.Context(), tx, func(r *gone) []any { return []any{&r.id, &r.hash} },
			`INSERT INTO ticket (id, event_id, code_hash, role, source_ref, valid, created_ms, updated_ms)
			SELECT value ->> 0, $2, value ->> 1, 'fan', value ->> 2, FALSE, CAST($3 AS BIGINT), CAST($3 AS BIGINT) FROM json_each($1) WHERE TRUE
			ON CONFLICT (event_id, code_hash) DO UPDATE SET valid = FALSE, updated_ms = excluded.updated_ms
			WHERE ticket.valid AND ticket.role = 'fan' RETURNING id, code_hash`, bulk, string(event), now.UnixMilli())
		return err
	})
	ids := make(map[string]id.Ticket, len(revoked))
	for _, r := range revoked {
		ids[r.hash] = r.id
	}
	for _, e := range batch {
		if ticket, ok := ids[e.hash]; ok {
			e.outcome, e.ticket = isRevoked, ticket
		}
	}
	return err
}

// hashes runs a statement that returns code hashes.
func hashes(tx *db.Tx, query string, args ...any) (map[string]bool, error) {
	all, err := db.All(tx.Context(), tx, func(h *string) []any { return []any{h} }, query, args...)
	out := make(map[string]bool, len(all))
	for _, h := range all {
		out[h] = true
	}
	return out, err
}
