// Package archive keeps the chat's history of shows that have ended: what was said, by whom, and what was removed.
//
//	ended ──grace──► history read until two passes agree ──► file on disk ──► row ──► OnArchived
//
// Nothing may be deleted at the provider before OnArchived was called. Killed anywhere, the next run starts over and
// ends the same: the file gets its name only when it is complete and on disk, and the row comes after the file.
//
// The file is JSON Lines, told apart by "type": a header, one message a line in order of time, the moderators' bans, an
// end with the counts that proves that nothing is missing. Removed lines carry their content from the audit trail and
// who removed them. The same history gives the same bytes.
package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Info describes one exported history.
type Info struct {
	Path       string // file name inside Config.Dir
	Messages   int64
	Bytes      int64
	SHA256     string // of the file, lower-case hex
	ExportedAt time.Time
}

// Config of a Keeper. DB, Chime and Dir are required.
type Config struct {
	DB     *db.DB
	Chime  *chime.Client
	Dir    string       // folder of the files; made if missing
	Logger *slog.Logger // nil means silence
	// Grace is how long after the end of a show its history is left alone, so that "end" can be undone; 0 means 10 s.
	Grace time.Duration
	// OnArchived is called after the row is durable, again after a failure or a restart, until it returns nil. It moves
	// the show on; only then may anything be deleted.
	OnArchived func(ctx context.Context, event id.Event) error
}

// Keeper exports and opens archives. Safe for concurrent use; several nodes may share Dir and database.
type Keeper struct {
	cfg  Config
	root *os.Root
}

// New makes a Keeper and its folder.
func New(cfg Config) (*Keeper, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Grace == 0 {
		cfg.Grace = 10 * time.Second
	}
	if cfg.OnArchived == nil {
		cfg.OnArchived = func(context.Context, id.Event) error { return nil }
	}
	if err := db.MakeFolder(cfg.Dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Keeper{cfg: cfg, root: root}, nil
}

// Close releases the folder.
func (k *Keeper) Close() error { return k.root.Close() }

// Info returns what is known about a show's archive; exported is false while there is none, and again when the show was
// reopened after the export.
func (k *Keeper) Info(ctx context.Context, event id.Event) (info Info, exported bool, err error) {
	var ms int64
	info, err = db.One(ctx, k.cfg.DB, func(i *Info) []any { return []any{&i.Path, &i.Messages, &i.Bytes, &i.SHA256, &ms} },
		`SELECT a.path, a.messages, a.bytes, a.sha256, a.exported_ms FROM archive a
		JOIN chat_event e ON e.event_id = a.event_id AND e.ended_ms = a.ended_ms WHERE a.event_id = $1`, event)
	if errors.Is(err, sql.ErrNoRows) {
		return Info{}, false, nil
	}
	info.ExportedAt = time.UnixMilli(ms).UTC()
	return info, err == nil, err
}

// Open returns a show's archive for reading. Errors: NotFound "archive_missing" while there is none, Internal
// "archive_damaged" when the file is gone or has another size than was written down.
func (k *Keeper) Open(ctx context.Context, event id.Event) (io.ReadCloser, Info, error) {
	info, exported, err := k.Info(ctx, event)
	if err != nil {
		return nil, Info{}, err
	}
	if !exported {
		return nil, Info{}, fault.New(fault.NotFound, "archive_missing", "This show has no archive yet.")
	}
	f, err := k.root.Open(info.Path)
	if err != nil {
		return nil, Info{}, damaged(err)
	}
	if s, err := f.Stat(); err != nil || s.Size() != info.Bytes {
		_ = f.Close()
		return nil, Info{}, damaged(fmt.Errorf("%s: size is not %d: %w", info.Path, info.Bytes, err))
	}
	return f, info, nil
}

func damaged(err error) error {
	return fault.Wrap(err, fault.Internal, "archive_damaged", "The archive's file is missing or damaged.")
}
