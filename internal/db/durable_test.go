package db_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// cutter stands between the program and PostgreSQL. Armed, it lets the next COMMIT through and takes the connection away
// before the answer.
type cutter struct {
	net.Listener
	server string // unix socket
	armed  atomic.Bool
	cuts   atomic.Int64
}

func newCutter(t *testing.T, rawURL string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	host := q.Get("host")
	if !strings.HasPrefix(host, "/") {
		t.Skip("the server for tests is not on a unix socket")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c := &cutter{Listener: l, server: filepath.Join(host, ".s.PGSQL.5432")}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(conn)
		}
	}()
	q.Del("host")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = l.Addr().String(), q.Encode()
	return c, u.String()
}

func (c *cutter) pass(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("unix", c.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var cut atomic.Bool
	go func() {
		defer func() { _ = client.Close() }()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			if cut.Load() { // the answer to the COMMIT, so it was made
				c.cuts.Add(1)
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	for first := true; ; first = false {
		message, err := readMessage(client, first)
		if err != nil {
			return
		}
		if strings.HasPrefix(strings.ToLower(string(message)), "q") && strings.Contains(strings.ToLower(string(message)), "commit") &&
			c.armed.CompareAndSwap(true, false) {
			cut.Store(true)
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads one message of PostgreSQL's protocol: a kind, unless it is the first, a length and the rest.
func readMessage(r io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[len(head)-4:])
	rest := make([]byte, size-4)
	_, err := io.ReadFull(r, rest)
	return append(head, rest...), err
}

// Found by cutting the connection between a COMMIT and its answer: the writes of the group, which were committed, ran
// once more, each in a transaction of its own.
func TestAWriteWhoseCommitWasNotAnsweredIsNotRunTwice(t *testing.T) {
	rawURL := dbtest.PostgresURL(t)
	cutter, cutURL := newCutter(t, rawURL)
	d, err := db.Open(t.Context(), cutURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	const writes = 50
	for i := range writes {
		if _, err := d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ($1, 0)", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	cutter.armed.Store(true)
	var unknown, good atomic.Int64
	var wg sync.WaitGroup
	for i := range writes {
		wg.Go(func() {
			_, err := d.Exec(context.Background(), "UPDATE t SET n = n + 1 WHERE a = $1", fmt.Sprint(i))
			switch {
			case errors.Is(err, db.ErrUnknown):
				unknown.Add(1)
			case err == nil:
				good.Add(1)
			default:
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if cutter.cuts.Load() != 1 || unknown.Load() == 0 || unknown.Load()+good.Load() != writes {
		t.Fatalf("%d cuts, %d writes succeeded and %d are unknown", cutter.cuts.Load(), good.Load(), unknown.Load())
	}
	sum, err := db.Value[int64](t.Context(), d, "SELECT sum(n) FROM t")
	if err != nil || sum != writes {
		t.Errorf("%d writes were made %d times, %v", writes, sum, err)
	}
}

// Found by looking for a server that was told to answer before it writes: its word was passed on as "on disk".
func TestPostgreSQLAnswersACommitOnceItIsOnDiskEvenIfConfiguredOtherwise(t *testing.T) {
	d, err := db.Open(t.Context(), dbtest.PostgresURL(t)+"&synchronous_commit=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Write(t.Context(), func(tx *db.Tx) error {
		is, err := db.Value[string](tx.Context(), tx, "SHOW synchronous_commit")
		if err == nil && is == "off" {
			t.Error("commits are answered before they are on disk")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A process that was stopped within a transaction kept its locks, and whoever took over its lease waited for them until it
// was killed.
func TestPostgreSQLEndsTheTransactionOfAProcessThatIsStopped(t *testing.T) {
	rawURL := dbtest.PostgresURL(t)
	connect := func(more string) *db.DB {
		d, err := db.Open(t.Context(), rawURL+more)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	for more, want := range map[string]string{"": "5s", "&idle_in_transaction_session_timeout=60000": "5s", "&idle_in_transaction_session_timeout=4000": "4s"} {
		err := connect(more).Write(t.Context(), func(tx *db.Tx) error {
			is, err := db.Value[string](tx.Context(), tx, "SHOW idle_in_transaction_session_timeout")
			if is != want {
				t.Errorf("with %q a silent transaction may last %s, want %s", more, is, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stopped, next := connect(""), connect("")
	if _, err := next.Exec(t.Context(), "CREATE TABLE lease (epoch BIGINT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	if _, err := next.Exec(t.Context(), "INSERT INTO lease VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	take := func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE lease SET epoch = epoch + 1")
		return err
	}
	err := stopped.Write(t.Context(), func(tx *db.Tx) error {
		if err := take(tx); err != nil {
			return err
		}
		// Last, so that a machine that is slow between two statements is not taken for one that was stopped.
		if _, err := tx.Exec("SET LOCAL idle_in_transaction_session_timeout = '300ms'"); err != nil {
			return err
		}
		return next.Write(t.Context(), take) // while this one says nothing
	})
	if err == nil || errors.Is(err, db.ErrUnknown) {
		t.Errorf("who was stopped hears %v", err)
	}
	if err := stopped.Write(t.Context(), take); err != nil { // it goes on
		t.Error(err)
	}
	if n, err := db.Value[int](t.Context(), next, "SELECT epoch FROM lease"); err != nil || n != 3 {
		t.Errorf("epoch %d, %v; want that of the one who waited and of the next", n, err)
	}
}

// Found after a campaign of kills: statements that were kept kept their connections, and with them files and locks,
// after Close. What nobody reads any more belongs in the database and not in a log beside it.
func TestCloseLeavesOneFileAndNothingOpen(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "test.db"))
	if _, err := d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('x', 1)"); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Value[int](t.Context(), d, "SELECT count(*) FROM t"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "test.db" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func open(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Migrate(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return d
}

// A database holds secrets. One that was made when this was not looked after is made private, too.
func TestNobodyElseMayReadTheDatabase(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("files have no mode there")
	}
	dir := filepath.Join(t.TempDir(), "new", "folder")
	path := filepath.Join(dir, "test.db")
	d := open(t, path)
	checkModes(t, dir)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	d = open(t, path)
	if _, err := d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('x', 1)"); err != nil {
		t.Fatal(err)
	}
	checkModes(t, dir)
}

func checkModes(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v: want the database, its log and its index", files, err)
	}
	for _, path := range append(files, dir, filepath.Dir(dir)) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
	}
}

// The writer leaves checkpoints to others, so somebody must make them, even where one reader comes before the last one
// leaves: SQLite begins its log anew only at a moment when nobody reads from it, and a start has to read all of it.
func TestTheLogStaysShortWhileSomebodyAlwaysReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	d := open(t, path)
	if _, err := d.Exec(t.Context(), "INSERT INTO t (a, n) VALUES ('x', 0)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	readers.Go(func() {
		leave := func() error { return nil }
		for ctx.Err() == nil {
			rows, err := d.QueryContext(context.Background(), "SELECT n FROM t WHERE n = 0")
			if err == nil && !rows.Next() {
				err = rows.Err()
			}
			if err = errors.Join(err, leave()); err != nil {
				t.Error(err)
				return
			}
			leave = rows.Close
			runtime.Gosched()
		}
		_ = leave()
	})
	const most, writes = 40 << 20, 50 // a log begins anew after 16 MB; a slow machine may take its time
	text := strings.Repeat("text ", 200_000)
	longest := int64(0)
	for i := range writes { // each writes 1 MB
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			if _, err := tx.Exec("DELETE FROM t WHERE n = 1"); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO t (a, n) VALUES ($1, 1)", fmt.Sprint(i, text))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, info.Size())
	}
	cancel()
	readers.Wait()
	if longest > most {
		t.Errorf("the log grew to %d MB while %d MB were written", longest>>20, writes)
	}
	t.Logf("the longest log was %d MB", longest>>20)
}
