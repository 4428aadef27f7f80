package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/stagedoor/stagedoor/engine/hook"
)

// sink takes records, one JSON document a line. When take returns nil they are the receiver's.
type sink interface {
	take(ctx context.Context, lines []byte) error
	close()
}

// webhook posts the lines.
type webhook struct {
	poster      *hook.Poster
	url, stream string
}

func (w webhook) take(ctx context.Context, lines []byte) error {
	return w.poster.Post(ctx, w.url, "application/x-ndjson", w.stream, lines)
}

func (webhook) close() {}

// file appends the lines and has them on disk before it says so. One process writes a file.
type file struct {
	path string
	f    *os.File
}

func (s *file) take(_ context.Context, lines []byte) error {
	if s.f == nil {
		if err := s.open(); err != nil {
			s.close()
			return err
		}
	}
	_, err := s.f.Write(lines)
	if err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		s.close() // the next take looks for a torn line
	}
	return err
}

func (s *file) open() (err error) {
	if s.f, err = os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	head := make([]byte, len(recordHead))
	if n, err := s.f.ReadAt(head, 0); n > 0 && string(head[:n]) != recordHead[:n] || err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(err, errors.New("the file holds something else than a stream's records: "+s.path))
	}
	if err := dropTorn(s.f); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	return dir.Sync() // the file's name must outlive a power cut, too
}

// recordHead begins every record.
const recordHead = `{"EventType":"`

func (s *file) close() {
	if s.f != nil {
		_ = s.f.Close() // everything that counts is synced
		s.f = nil
	}
}

// dropTorn ends the file after its last complete line and goes there. What follows it was being written when the process
// or the disk failed, so it was not taken and comes again.
func dropTorn(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for end > 0 {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	_, err = f.Seek(end, io.SeekStart)
	return err
}
