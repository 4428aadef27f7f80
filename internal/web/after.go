package web

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/archive"
	"github.com/stagedoor/stagedoor/internal/id"
)

// ArchiveView is the exported history of a show.
type ArchiveView archive.Info

func (s *Server) archiveOf(ctx context.Context, show id.Event) (*ArchiveView, error) {
	info, exported, err := s.Archive.Info(ctx, show)
	if err != nil || !exported {
		return nil, err
	}
	return (*ArchiveView)(&info), nil
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
