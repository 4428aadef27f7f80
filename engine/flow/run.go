package flow

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Run is one message, or one edit of a message, on its way through the processors of a flow.
type Run struct {
	ID         string
	Channel    int64 // channel.no
	Processors []Processor
	Step       int    // which of them has it
	Message    string // as it is now, in the form of whoever began the run

	flow, deadlineMS int64
	tries            int
	state, inJSON    string
}

// CallbackID names the invocation of the processor that has the run now. Each processor gets one of its own, so that a
// late answer of the one before is not taken for one of the next.
func (r Run) CallbackID() string { return r.ID + "-" + strconv.Itoa(r.Step) }

// Processor is the one that has the run now.
func (r Run) Processor() Processor { return r.Processors[r.Step] }

const runColumns = `id, flow, channel, processors, step, state, tries, deadline_ms, message`

func (r *Run) fields() []any {
	return []any{&r.ID, &r.flow, &r.Channel, &r.inJSON, &r.Step, &r.state, &r.tries, &r.deadlineMS, &r.Message}
}

func oneRun(tx *db.Tx, where string, args ...any) (Run, error) {
	r, err := db.One(tx.Context(), tx, (*Run).fields, `SELECT `+runColumns+` FROM flow_run WHERE `+where, args...)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(r.inJSON), &r.Processors)
}

// NewRunID makes the id of a run.
func NewRunID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// Begin puts a message on its way in the running write. flow is channel.flow.
func (c *Flows) Begin(tx *db.Tx, flow, channel int64, id, message string) error {
	f, err := db.One(tx.Context(), tx, (*Flow).fields, `SELECT `+flowColumns+` FROM channel_flow WHERE no = $1`, flow)
	if err != nil {
		return err
	}
	if f, err = c.named(f); err != nil {
		return err
	}
	now := time.Now()
	if _, err := tx.Exec(`INSERT INTO flow_run (id, no, flow, channel, processors, step, state, tries, due_ms, deadline_ms, message)
VALUES ($1, $2, $3, $4, $5, 0, 'READY', 0, $6, $7, $8)`, id, now.UnixMicro(), flow, channel, toJSON(inOrder(f.Processors)),
		now.UnixMilli(), now.Add(c.cfg.Deadline).UnixMilli(), message); err != nil {
		return err
	}
	tx.AfterCommit(c.Wake)
	return nil
}

// Wake tells Run to look for work.
func (c *Flows) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // it will look
	}
}

// Answered finds the run whose processor answers. Unknown and late answers are denied (as on the real service), second
// ones are a Conflict.
func (c *Flows) Answered(tx *db.Tx, callback string) (Run, error) {
	denied := fault.New(fault.Denied, "callback", "The CallbackId is not valid, or its time is over.")
	id, step, _ := strings.Cut(callback, "-")
	n, err := strconv.Atoi(step)
	if err != nil || !core.IsText(callback) {
		return Run{}, denied
	}
	r, err := oneRun(tx, `id = $1`, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, denied
	case err != nil:
		return r, err
	case core.NowMS() > r.deadlineMS || n < 0 || n >= len(r.Processors):
		return r, denied
	case r.state == "DONE" || n < r.Step:
		return r, fault.New(fault.Conflict, "answered", "The message was processed already.")
	case n > r.Step || callback != r.CallbackID():
		return r, denied
	}
	return r, nil
}

// Given returns the run as it is now, if the step that r was read in is still to be decided.
func (c *Flows) Given(tx *db.Tx, r Run) (now Run, open bool, err error) {
	now, err = oneRun(tx, `id = $1`, r.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	return now, err == nil && now.state != "DONE" && now.Step == r.Step, err
}

// Pass gives the run, with the message as it is now, to its next processor; more is false when there is none.
func (c *Flows) Pass(tx *db.Tx, r Run, message string) (more bool, err error) {
	if r.Step+1 >= len(r.Processors) {
		return false, nil
	}
	tx.AfterCommit(c.Wake)
	_, err = tx.Exec(`UPDATE flow_run SET step = step + 1, state = 'READY', tries = 0, due_ms = $2, message = $3 WHERE id = $1`,
		r.ID, core.NowMS(), message)
	return true, err
}

// End ends a run. Its id is remembered until the deadline, so that a second answer is told from an unknown one.
func (c *Flows) End(tx *db.Tx, r Run) error {
	_, err := tx.Exec(`UPDATE flow_run SET state = 'DONE', message = '' WHERE id = $1`, r.ID)
	return err
}

// Drop forgets a run whose channel is gone.
func (c *Flows) Drop(tx *db.Tx, r Run) error {
	_, err := tx.Exec(`DELETE FROM flow_run WHERE id = $1`, r.ID)
	return err
}

// Text reads what a run has of its message, "" once it has ended.
func (c *Flows) Text(ctx context.Context, q db.Querier, id string) (string, error) {
	text, err := db.Value[string](ctx, q, `SELECT message FROM flow_run WHERE id = $1`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return text, err
}

// SweepRuns is the step that forgets ended runs after their deadline.
func (c *Flows) SweepRuns(tx *db.Tx) (int64, error) {
	return tx.Exec(`DELETE FROM flow_run WHERE id IN
 (SELECT id FROM flow_run WHERE deadline_ms < $1 AND state = 'DONE' ORDER BY deadline_ms LIMIT $2)`, core.NowMS(), core.SweepChunk)
}
