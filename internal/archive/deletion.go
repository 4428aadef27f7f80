package archive

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Deletion says what was deleted at the provider after a show had ended or was cancelled: the provisioner's own report. It
// is there when nothing is left.
type Deletion struct {
	BeganAt     time.Time `json:"beganAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	Calls       int64     `json:"calls" doc:"At the provider, repeated ones included."`
	Instances   int64     `json:"instances" doc:"App instances."`
	Channels    int64     `json:"channels"`
	Accounts    int64     `json:"accounts"`
	Memberships int64     `json:"memberships"`
	Moderators  int64     `json:"moderators" doc:"Moderator roles in the channel."`
	Messages    int64     `json:"messages" doc:"In the archive that was sealed before."`
	SHA256      string    `json:"sha256" doc:"Of that archive."`
}

// Deletion returns the report of a show's last end; nil while there is none, and again when the show came back.
func (k *Keeper) Deletion(ctx context.Context, event id.Event) (*Deletion, error) {
	var began, finished int64
	d, err := db.One(ctx, k.cfg.DB, func(d *Deletion) []any {
		return []any{&began, &finished, &d.Calls, &d.Instances, &d.Channels, &d.Accounts, &d.Memberships, &d.Moderators, &d.Messages, &d.SHA256}
	}, `SELECT d.began_ms, d.finished_ms, d.calls, d.instances, d.channels, d.accounts, d.memberships, d.moderators, d.messages, d.sha256
		FROM deleted_chat d
		JOIN chat_event e ON e.event_id = d.event_id AND e.ended_ms = d.ended_ms AND e.sealed
		WHERE d.event_id = $1`, event)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.BeganAt, d.FinishedAt = time.UnixMilli(began).UTC(), time.UnixMilli(finished).UTC()
	return &d, nil
}
