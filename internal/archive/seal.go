package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// codeKeys is the code of "somebody may still have a key to the chat".
const codeKeys = "keys_alive"

// Seal makes a show's archive final, so that its chat may be deleted; it exports the history first where that was not done.
// Just before, the history is read once more, and where it is not what the file has, it is exported anew. It may be repeated
// and may be killed at any moment.
//
// Errors: those of Export, and Conflict "keys_alive", with the time to come back, while somebody may have a key to the chat.
func (k *Keeper) Seal(ctx context.Context, event id.Event) (Info, error) {
	info, fresh, err := k.export(ctx, event)
	if err != nil {
		return Info{}, err
	}
	s, err := k.source(ctx, event)
	if err != nil {
		return Info{}, err
	}
	if !s.over() {
		return Info{}, errNotEnded()
	}
	if info.WaitsUntil != nil {
		return info, fault.New(fault.Conflict, codeKeys, "Browsers may still have keys to this chat.").After(time.Until(*info.WaitsUntil))
	}
	if !fresh {
		if info, err = k.confirm(ctx, s, info); err != nil {
			return Info{}, err
		}
	}
	err = k.cfg.DB.Write(ctx, func(tx *db.Tx) error {
		if err := tx.Lock(event.Seal()); err != nil { // a show that comes back at this moment
			return err
		}
		n, err := tx.Exec(`UPDATE archive SET sealed = TRUE WHERE event_id = $1 AND ended_ms = $2 AND sha256 = $3 AND EXISTS
			(SELECT 1 FROM chat_event e WHERE e.event_id = $1 AND e.ended_ms = $2 AND e.state IN ('ended', 'cancelled'))`,
			event, s.endedMs, info.SHA256)
		if err == nil && n == 0 {
			err = errNotEnded()
		}
		return err
	})
	info.Sealed = true
	return info, err
}

// confirm compares history and file with what is written down about them, and exports anew where they differ.
func (k *Keeper) confirm(ctx context.Context, s source, info Info) (Info, error) {
	whole, err := k.whole(info)
	if err != nil {
		return Info{}, err
	}
	now, err := k.digest(ctx, s)
	if err != nil {
		return Info{}, err
	}
	if whole && now == info.SHA256 {
		return info, nil
	}
	return k.anew(ctx, s, info.SHA256)
}

// digest is the sum that the show's file would have now.
func (k *Keeper) digest(ctx context.Context, s source) (string, error) {
	sum := sha256.New()
	out := bufio.NewWriterSize(sum, 1<<16)
	if _, err := k.read(ctx, s, out); err != nil {
		return "", err
	}
	if err := out.Flush(); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// whole reads an archive's file back: is every byte there?
func (k *Keeper) whole(info Info) (bool, error) {
	f, err := k.root.Open(info.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(sum.Sum(nil)) == info.SHA256, nil
}
