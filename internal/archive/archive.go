// Package archive keeps the chat's history of shows that have ended or were cancelled: what was said, by whom, and what was
// removed.
//
//	ended ──grace──► history read until two passes agree ──► file on disk ──► row ──► may be downloaded
//	cancelled                                                                  │
//	        OnArchived ◄── sealed ◄── history and file read back, both agree ◄─┴─ keys that people had are out of date
//
// Nothing may be deleted at the provider before it is sealed. Killed anywhere, the next run goes on or starts over and
// ends the same: the file gets its name only when it is complete and on disk, the row comes after the file, and the seal
// after a reading that is the file's own. A show that is reopened or un-cancelled on the way takes the permission back.
//
// The provider has no call that closes a channel for its members. From the end on the platform hands out no keys and tells
// every page; who kept a key can still send until it is out of date, and what is sent so is exported, too.
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
	Path       string     `json:"-"` // file name inside Config.Dir
	Messages   int64      `json:"messages"`
	Bytes      int64      `json:"bytes"`
	SHA256     string     `json:"sha256" doc:"Of the file, lower-case hex."`
	ExportedAt time.Time  `json:"exportedAt"`
	Sealed     bool       `json:"sealed" doc:"Final: only then the chat is deleted."`
	WaitsUntil *time.Time `json:"waitsUntil" doc:"Until then browsers may have keys to the chat, and it is not sealed; null when nothing is waited for."`
}

// Config of a Keeper. DB, Chime and Dir are required.
type Config struct {
	DB     *db.DB
	Chime  *chime.Client
	Dir    string       // folder of the files; made if missing
	Logger *slog.Logger // nil means silence
	// Grace is how long after the end of a show its history is left alone, so that "end" can be undone; 0 means 10 s.
	Grace time.Duration
	// Hold is how long after the end of a show the seal waits at most until keys to its chat are out of date; 0 means that it
	// does not wait.
	Hold time.Duration
	// OnArchived is called after the seal is durable. For a show that has ended it is called again after a failure or a
	// restart, until it returns nil: it moves the show on, and only then may anything be deleted. For a cancelled show the
	// seal itself is the permission.
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

// infoSQL is the archive of a show's last end, as long as that end stands.
const infoSQL = `SELECT a.path, a.messages, a.bytes, a.sha256, a.exported_ms, a.sealed, e.ended_ms, COALESCE(l.until_ms, 0)
	FROM archive a
	JOIN chat_event e ON e.event_id = a.event_id AND e.ended_ms = a.ended_ms AND e.state IN ('ended', 'archived', 'purged', 'cancelled')
	LEFT JOIN chat_key_life l ON l.event_id = a.event_id
	WHERE a.event_id = $1`

// Info returns what is known about a show's archive; exported is false while there is none, and again when the show was
// reopened or un-cancelled after the export.
func (k *Keeper) Info(ctx context.Context, event id.Event) (info Info, exported bool, err error) {
	var ms, ended, keys int64
	info, err = db.One(ctx, k.cfg.DB, func(i *Info) []any {
		return []any{&i.Path, &i.Messages, &i.Bytes, &i.SHA256, &ms, &i.Sealed, &ended, &keys}
	}, infoSQL, event)
	if errors.Is(err, sql.ErrNoRows) {
		return Info{}, false, nil
	}
	info.ExportedAt = time.UnixMilli(ms).UTC()
	if until := time.UnixMilli(min(keys, ended+k.cfg.Hold.Milliseconds())).UTC(); !info.Sealed && until.After(time.Now()) {
		info.WaitsUntil = &until
	}
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
