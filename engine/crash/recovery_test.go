package crash_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
)

// BenchmarkRecovery kills an engine with a million messages and measures from the start of the next process to its first
// answer with a page of history: with nothing in SQLite's log, and with 60 MB that a start has to read, which is several
// times what the engine lets the log grow to. It takes a minute and half a gigabyte: make bench-recovery.
func BenchmarkRecovery(b *testing.B) {
	if os.Getenv("STAGEDOOR_BENCH_RECOVERY") == "" {
		b.Skip("make bench-recovery")
	}
	clean, long, newest, s := million(b)
	for _, log := range []struct{ name, folder, newest string }{{"log=0", clean, "1000000"}, {"log=60MB", long, newest}} {
		b.Run(log.name, func(b *testing.B) {
			var took []time.Duration
			for range b.N {
				b.StopTimer()
				folder := b.TempDir()
				copyDatabase(b, log.folder, folder)
				database := "sqlite:" + filepath.Join(folder, "engine.db")
				began := time.Now()
				b.StartTimer()
				p := birth(b, config(database))
				h, ok := p.hello(b, nil)
				if !ok {
					b.FailNow()
				}
				w := newWire(h.Addr, rootKey)
				var page struct{ ChannelMessages []row }
				if err := w.call(b.Context(), http.MethodGet, messages(s.Channels[0]), s.Admin, nil, &page); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				took = append(took, time.Since(began))
				if rows := page.ChannelMessages; len(rows) != 50 || !strings.HasSuffix(rows[0].Content, " "+log.newest) {
					b.Errorf("a page of %d, the newest %q", len(rows), rows[0].Content)
				}
				w.http.CloseIdleConnections()
				p.kill(b)
				_ = os.RemoveAll(folder)
				b.StartTimer()
			}
			b.ReportMetric(slices.Max(took).Seconds(), "max-s")
		})
	}
}

// million makes a database with a million messages and their tokens, and a copy with a long log.
func million(b *testing.B) (clean, long, newest string, s stage) {
	b.Helper()
	clean, long = b.TempDir(), b.TempDir()
	database := filepath.Join(clean, "engine.db")
	e, err := engine.New(b.Context(), config("sqlite:"+database))
	if err != nil {
		b.Fatal(err)
	}
	if s, err = build(b.Context(), within(e, rootKey), 2, 1); err != nil {
		b.Fatal(err)
	}
	if err := e.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=synchronous(OFF)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		b.Helper()
		if _, err := db.ExecContext(b.Context(), query, args...); err != nil {
			b.Fatal(err)
		}
	}
	const messages = `WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
INSERT INTO channel_message SELECT c.no, 1700000000000 + i, printf('%012x%052x', 1700000000000 + i, i), u.no, u.id, u.name, 0, '', 'STANDARD',
 'What a night, what a song, and it is only number ' || i, '', '', '', false, 0, 1700000000000 + i
FROM n, (SELECT no FROM channel LIMIT 1) c, (SELECT no, id, name FROM app_instance_user LIMIT 1) u`
	const tokens = `INSERT INTO message_token SELECT channel, sender, printf('token-%d', created_ms), printf('%032x', created_ms), message_id
FROM channel_message WHERE created_ms BETWEEN 1700000000000 + $1 AND 1700000000000 + $2`
	exec(messages, 1, 1_000_000)
	exec(tokens, 1, 1_000_000)
	if err := db.Close(); err != nil { // also empties the log
		b.Fatal(err)
	}
	copyDatabase(b, clean, long)
	long, newest = writeLog(b, long, messages)
	return clean, long, newest, s
}

// writeLog writes 60 MB of messages into the log of a copy and returns the folder of a copy of that, made while the
// database is open, so that SQLite does not tidy up, and the number of the last message.
func writeLog(b *testing.B, folder, messages string) (killed, newest string) {
	b.Helper()
	killed = b.TempDir()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "engine.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	log := filepath.Join(folder, "engine.db-wal")
	for last := 1_005_000; ; last += 5000 {
		newest = strconv.Itoa(last)
		if _, err := db.ExecContext(b.Context(), messages, last-4999, last); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(log)
		if err != nil {
			b.Fatal(err)
		}
		if info.Size() > 60<<20 {
			break
		}
	}
	copyDatabase(b, folder, killed)
	return killed, newest
}

// copyDatabase copies what would be found after a kill, the database and its log, and has it on disk: what follows must
// not pay for it.
func copyDatabase(b *testing.B, from, to string) {
	b.Helper()
	for _, name := range []string{"engine.db", "engine.db-wal"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(filepath.Join(to, name))
		if err != nil {
			b.Fatal(err)
		}
		_, err = f.Write(text)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
}
