package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// maxPasses is how often the history is read in search of two readings that agree. A channel that still changes after
// so many is not closed.
const maxPasses = 10

// source is what an export needs to know of a show.
type source struct {
	event          id.Event
	chat           bool
	state          string
	endedMs        int64
	channel, admin arn.ARN // "" if no channel was ever made
}

func (k *Keeper) source(ctx context.Context, event id.Event) (source, error) {
	fields := func(s *source) []any { return []any{&s.event, &s.chat, &s.state, &s.endedMs, &s.channel, &s.admin} }
	s, err := db.One(ctx, k.cfg.DB, fields, `
		SELECT e.event_id, e.chat, e.state, e.ended_ms, COALESCE(c.channel_arn, ''), COALESCE(c.admin_arn, '')
		FROM chat_event e LEFT JOIN chat_channel c ON c.event_id = e.event_id WHERE e.event_id = $1`, event)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fault.New(fault.NotFound, "event_unknown", "There is no such show.")
	}
	return s, err
}

// over reports whether the show is in a state in which its history is exported.
func (s source) over() bool { return s.state == "ended" || s.state == "cancelled" }

func errNotEnded() error {
	return fault.New(fault.Conflict, "event_not_ended", "Only the history of a show that has ended or was cancelled is exported.")
}

// Export writes a show's history to its file and returns what it wrote; when that was done before, it only returns it.
// It may be repeated and may be killed at any moment. A show without a chat gets a file that says so.
//
// Errors: Conflict "event_not_ended", Conflict "history_unstable" when people still write, and those of the provider.
func (k *Keeper) Export(ctx context.Context, event id.Event) (Info, error) {
	info, _, err := k.export(ctx, event)
	return info, err
}

// export is Export; fresh says that the history was read just now.
func (k *Keeper) export(ctx context.Context, event id.Event) (info Info, fresh bool, err error) {
	if info, exported, err := k.Info(ctx, event); err != nil || exported {
		return info, false, err
	}
	s, err := k.source(ctx, event)
	if err != nil {
		return Info{}, false, err
	}
	if !s.over() {
		return Info{}, false, errNotEnded()
	}
	info, err = k.anew(ctx, s, "")
	return info, err == nil, err
}

// anew reads a show's history and makes it the show's archive in place of the one with the sum instead, or of one that was
// made after an earlier end.
func (k *Keeper) anew(ctx context.Context, s source, instead string) (Info, error) {
	written, err := k.write(ctx, s)
	if err != nil {
		return Info{}, err
	}
	var before string
	err = k.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(s.event.Seal()); err != nil { // what may be deleted has its archive for good
			return err
		}
		var err error
		before, err = db.Value[string](tx.Context(), tx, "SELECT path FROM archive WHERE event_id = $1", s.event)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.Exec(`INSERT INTO archive (event_id, path, ended_ms, messages, bytes, sha256, exported_ms, sealed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE)
			ON CONFLICT (event_id) DO UPDATE SET path = excluded.path, ended_ms = excluded.ended_ms, messages = excluded.messages,
			bytes = excluded.bytes, sha256 = excluded.sha256, exported_ms = excluded.exported_ms, sealed = FALSE
			WHERE archive.ended_ms < excluded.ended_ms OR (archive.ended_ms = excluded.ended_ms AND archive.sha256 = $8
			AND NOT EXISTS (SELECT 1 FROM chat_event e WHERE e.event_id = $1 AND e.sealed))`,
			s.event, written.Path, s.endedMs, written.Messages, written.Bytes, written.SHA256, time.Now().UnixMilli(), instead)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	info, exported, err := k.Info(ctx, s.event) // another node may have been faster
	if err == nil && !exported {
		err = fault.New(fault.Conflict, "event_not_ended", "The show was reopened during the export.")
	}
	if err != nil {
		return Info{}, err
	}
	k.tidy(s.event, before, written.Path, info.Path)
	if info.SHA256 != written.SHA256 {
		return Info{}, fault.New(fault.Conflict, "history_unstable", "Another node has exported the same show with another history.").After(time.Second)
	}
	return info, nil
}

// write makes the file: under a name that nobody looks for until it is complete and on disk.
func (k *Keeper) write(ctx context.Context, s source) (info Info, err error) {
	partial := partialPrefix(s.event) + id.NewToken()
	f, err := k.root.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return Info{}, err
	}
	defer func() {
		_ = f.Close() // a second time after success: no effect
		if err != nil {
			_ = k.root.Remove(partial)
		}
	}()
	if info, err = k.settle(ctx, s, f); err != nil {
		return Info{}, err
	}
	if err = f.Sync(); err != nil {
		return Info{}, err
	}
	if err = f.Close(); err != nil {
		return Info{}, err
	}
	// The sum is part of the name: two nodes that export at once never write to one name with two contents.
	info.Path = finalPrefix(s.event) + info.SHA256[:16] + ".jsonl"
	if err = k.root.Rename(partial, info.Path); err != nil {
		return Info{}, err
	}
	return info, k.syncDir()
}

// settle writes the history to f again and again until two readings are the same.
func (k *Keeper) settle(ctx context.Context, s source, f *os.File) (Info, error) {
	var last Info
	for range maxPasses {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return Info{}, err
		}
		if err := f.Truncate(0); err != nil {
			return Info{}, err
		}
		sum := sha256.New()
		count := &counter{}
		out := bufio.NewWriterSize(io.MultiWriter(f, sum, count), 1<<16)
		messages, err := k.read(ctx, s, out)
		if err != nil {
			return Info{}, err
		}
		if err := out.Flush(); err != nil {
			return Info{}, err
		}
		now := Info{Messages: messages, Bytes: count.n, SHA256: hex.EncodeToString(sum.Sum(nil))}
		if now == last {
			return now, nil
		}
		last = now
	}
	return Info{}, fault.New(fault.Conflict, "history_unstable", "The chat still changes; its history cannot be exported yet.").After(time.Minute)
}

// counter counts bytes.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// syncDir makes a rename survive a power cut.
func (k *Keeper) syncDir() error {
	d, err := k.root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

func partialPrefix(event id.Event) string { return ".partial-" + string(event) + "-" }
func finalPrefix(event id.Event) string   { return string(event) + "-" }

// tidy removes what killed exports of the show have left, and the two files that are not the archive any more or never
// became it. It may fail: then something lies around. Other complete files are another node's and not touched.
func (k *Keeper) tidy(event id.Event, before, written, now string) {
	for _, name := range []string{before, written} {
		if name != "" && name != now {
			_ = k.root.Remove(name)
		}
	}
	d, err := k.root.Open(".")
	if err != nil {
		return
	}
	defer func() { _ = d.Close() }()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return
	}
	for _, name := range names {
		if strings.HasPrefix(name, partialPrefix(event)) {
			_ = k.root.Remove(name)
		}
	}
}
