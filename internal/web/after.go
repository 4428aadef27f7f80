package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
)

// ArchiveView is the exported history of a show.
type ArchiveView struct {
	Messages   int64      `json:"messages"`
	Bytes      int64      `json:"bytes"`
	SHA256     string     `json:"sha256"`
	ExportedAt time.Time  `json:"exportedAt"`
	Sealed     bool       `json:"sealed" doc:"Final: only then the chat is deleted."`
	WaitsUntil *time.Time `json:"waitsUntil" doc:"Until then browsers may have keys to the chat, and it is not sealed; null when nothing is waited for."`
}

// DeletionView says what was deleted at the chat provider after a show.
type DeletionView struct {
	BeganAt     time.Time `json:"beganAt"`
	FinishedAt  time.Time `json:"finishedAt"`
	Calls       int64     `json:"calls" doc:"At the provider, repeated ones included."`
	Instances   int64     `json:"instances" doc:"App instances."`
	Channels    int64     `json:"channels"`
	Accounts    int64     `json:"accounts"`
	Memberships int64     `json:"memberships"`
	Moderators  int64     `json:"moderators" doc:"Moderator roles in the channel."`
	Remains     int64     `json:"remains" doc:"What the ledger still had when it was finished: 0."`
	Messages    int64     `json:"messages" doc:"In the archive that was sealed before."`
	SHA256      string    `json:"sha256" doc:"Of that archive."`
}

func (s *Server) archiveOf(ctx context.Context, show id.Event) (*ArchiveView, error) {
	i, exported, err := s.Archive.Info(ctx, show)
	if err != nil || !exported {
		return nil, err
	}
	v := &ArchiveView{Messages: i.Messages, Bytes: i.Bytes, SHA256: i.SHA256, ExportedAt: i.ExportedAt.UTC(), Sealed: i.Sealed}
	if i.Until.After(s.now()) {
		v.WaitsUntil = &i.Until
	}
	return v, nil
}

func (s *Server) deletionOf(ctx context.Context, show id.Event) (*DeletionView, error) {
	d, done, err := s.Archive.Deletion(ctx, show)
	if err != nil || !done {
		return nil, err
	}
	v := DeletionView(d)
	return &v, nil
}

// downloadArchive streams the exported history as JSON Lines.
func (s *Server) downloadArchive() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := s.Events.Get(r.Context(), id.Event(r.PathValue("id")))
		if err != nil {
			problemOf(r.Context(), s.Log, err).write(w)
			return
		}
		file, info, err := s.Archive.Open(r.Context(), e.ID)
		if err != nil {
			problemOf(r.Context(), s.Log, err).write(w)
			return
		}
		defer func() { _ = file.Close() }()
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Content-Disposition", `attachment; filename="`+e.Slug+`-chat.jsonl"`)
		w.Header().Set("Content-Length", strconv.FormatInt(info.Bytes, 10))
		_, _ = io.Copy(w, file) // a broken download is the browser's to repeat
	})
}
