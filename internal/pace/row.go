package pace

import (
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/stagedoor/stagedoor/internal/db"
)

// row is what the table knows of one bucket and key.
type row struct {
	hold
	version int64 // 0: not in the table
	used    int64 // when it was last written
	calls   window
	cost    int64 // of calls that may have come late, see charge
	slow    *slow // nil at the documented rate
	same    bool  // need not be written
}

// columns of a row in the table.
type columns struct {
	bucket, key         string
	version, used, cost int64
	calls, slowed       string
}

func (c *columns) fields() []any {
	return []any{&c.bucket, &c.key, &c.version, &c.used, &c.calls, &c.cost, &c.slowed}
}

const rowColumns = "bucket, scope_key, version, used_us, calls, cost_us, slowed"

// row reads a column set.
func (c columns) row(h hold) row {
	if c.version == 0 {
		return row{hold: h, cost: unusedCost}
	}
	r := row{hold: h, version: c.version, used: c.used, calls: unpack(c.calls), cost: c.cost}
	if c.slowed != "" {
		r.slow = &slow{}
		if json.Unmarshal([]byte(c.slowed), r.slow) != nil {
			r.slow = nil // written by another version
		}
	}
	return r
}

func (p *Pace) read(tx *db.Tx, h hold) (row, error) {
	c, err := db.One(tx.Context(), tx, (*columns).fields, "SELECT "+rowColumns+" FROM pace WHERE bucket = $1 AND scope_key = $2", h.bucket.Name, h.key)
	if errors.Is(err, sql.ErrNoRows) {
		return columns{}.row(h), nil
	}
	if err != nil {
		return row{}, err
	}
	p.follow(c.used)
	return c.row(h), nil
}

// write stores a row, unless somebody else has written it since it was read.
func (r row) write(tx *db.Tx) (ok bool, err error) {
	slowed := ""
	if r.slow != nil {
		text, err := json.Marshal(r.slow)
		if err != nil {
			return false, err
		}
		slowed = string(text)
	}
	n, err := tx.Exec(`INSERT INTO pace (`+rowColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (bucket, scope_key) DO UPDATE SET version = excluded.version, used_us = excluded.used_us, calls = excluded.calls,
			cost_us = excluded.cost_us, slowed = excluded.slowed WHERE pace.version = excluded.version - 1`,
		r.bucket.Name, r.key, r.version, r.used, r.calls.pack(), r.cost, slowed)
	return n > 0, err
}

// change reads the rows of some holds, has them changed, and writes them. When another process wrote one in between, it
// is read again and all are changed again; those written first are ours until the commit. change may run several times;
// it returns false for nothing to write.
func (p *Pace) change(tx *db.Tx, holds []hold, change func([]row) bool) error {
	rows := make([]row, len(holds))
	for i, h := range holds {
		var err error
		if rows[i], err = p.read(tx, h); err != nil {
			return err
		}
	}
	for {
		changed := slices.Clone(rows)
		if !change(changed) {
			return nil
		}
		stale := -1
		for i, r := range changed {
			if r.same {
				continue
			}
			r.version = rows[i].version + 1
			ok, err := r.write(tx)
			if err != nil {
				return err
			}
			if !ok {
				stale = i
				break
			}
			rows[i].version++
		}
		if stale < 0 {
			return nil
		}
		fresh, err := p.read(tx, holds[stale])
		if err != nil {
			return err
		}
		rows[stale] = fresh
	}
}
