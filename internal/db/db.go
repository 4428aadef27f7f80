// Package db opens one database – a SQLite file or PostgreSQL – behind the same SQL text, and commits in groups.
//
// SQL is written once for both: $1 parameters, ON CONFLICT, RETURNING, TEXT / BIGINT / BOOLEAN columns, times as Unix
// milliseconds made in Go, bulk input as one JSON parameter read with json_each (an object, {"0": …}: PostgreSQL's
// json_each refuses arrays). Reads go through a pool and see the last commit. Writes go through one writer that takes
// everything queued while the last commit ran into the next transaction: when Write returns nil, the change is on disk
// (SQLite: WAL with synchronous=FULL).
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib" // also the driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect names the kind of database. SQL text does not depend on it; migrations and error codes do.
type Dialect string

// The two dialects.
const (
	SQLite     Dialect = "sqlite"
	PostgreSQL Dialect = "postgres"
)

// DB is one open database. Safe for concurrent use.
type DB struct {
	dialect Dialect
	read    *sql.DB
	writer  *writer
	write   *sql.DB
	conn    *sql.Conn     // SQLite: the one writing connection
	stmts   *statements   // SQLite: for reading
	aside   *sql.DB       // SQLite: for checkpoints
	check   *checkpointer // SQLite
	reads   atomic.Uint64
}

// Open opens "sqlite:PATH" (folders are made) or a "postgres://…" URL. It does not migrate.
func Open(ctx context.Context, rawURL string) (*DB, error) {
	d := &DB{}
	var err error
	switch {
	case strings.HasPrefix(rawURL, "sqlite:"):
		d.dialect = SQLite
		err = d.openSQLite(strings.TrimPrefix(rawURL, "sqlite:"))
	case strings.HasPrefix(rawURL, "postgres://"), strings.HasPrefix(rawURL, "postgresql://"):
		d.dialect = PostgreSQL
		err = d.openPostgres(rawURL)
	default:
		return nil, fmt.Errorf("database URL must start with sqlite: or postgres://")
	}
	if err != nil {
		return nil, err
	}
	if err := d.read.PingContext(ctx); err != nil {
		_ = d.read.Close()
		_ = d.write.Close()
		if d.aside != nil {
			_ = d.aside.Close()
		}
		return nil, fmt.Errorf("open %s database: %w", d.dialect, err)
	}
	if d.dialect == PostgreSQL {
		d.writer = newWriter(d.write, nil)
		d.writer.lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
		go d.writer.run()
		return d, nil
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, d.read.Close(), d.write.Close(), d.aside.Close())
	}
	beside, err := d.aside.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, conn.Close(), d.read.Close(), d.write.Close(), d.aside.Close())
	}
	d.conn = conn
	d.stmts = &statements{prepare: d.read.PrepareContext, kept: map[string]*sql.Stmt{}}
	d.writer = newWriter(conn, &statements{prepare: conn.PrepareContext, kept: map[string]*sql.Stmt{}})
	d.check = startCheckpointer(beside, d.writer)
	go d.writer.run()
	return d, nil
}

// pragmas of every SQLite connection. FULL flushes the log in each commit; fullfsync makes that true on a Mac, whose
// plain fsync does not reach the disk. Checkpoints are the checkpointer's. Sixteen MB for each connection (its allocator takes
// up to twice that): twice as much was no faster with a million tickets, for the system keeps the file in memory anyway.
const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)" +
	"&_pragma=wal_autocheckpoint(0)&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)"

func (d *DB) openSQLite(path string) error {
	if path == "" {
		return errors.New("sqlite: needs a file, e.g. sqlite:data/stagedoor.db")
	}
	if err := makeFile(path); err != nil {
		return err
	}
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas
	dsn := file + "&_pragma=busy_timeout(10000)"
	var err error
	if d.read, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(8)
	d.read.SetMaxIdleConns(8)
	// One writing connection, and its transactions take the lock at BEGIN: two processes queue instead of failing.
	if d.write, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	// The writer rests while the log begins anew, so that waits for readers a moment only.
	if d.aside, err = sql.Open("sqlite", file+"&_pragma=busy_timeout(250)"); err != nil {
		return err
	}
	d.aside.SetMaxOpenConns(1)
	return nil
}

// frozen is after how many milliseconds PostgreSQL ends the session of a client that is silent within a transaction: its
// process was stopped, or its machine is gone. That is sooner than anybody else takes over its lease (lease.TTL), who would
// then wait for its locks.
const frozen = "5000"

func (d *DB) openPostgres(rawURL string) error {
	config, err := pgx.ParseConfig(rawURL)
	if err != nil {
		return err
	}
	d.read = stdlib.OpenDB(*config)
	d.read.SetMaxOpenConns(16)
	d.read.SetMaxIdleConns(16)
	d.write = stdlib.OpenDB(*config, stdlib.OptionAfterConnect(neverUnsafe))
	d.write.SetMaxOpenConns(1)
	return nil
}

// neverUnsafe is for a server, database or role that is told to answer commits before they are on disk, and to let a transaction whose
// client says nothing keep its locks for ever. Ours are not; stronger settings stay.
func neverUnsafe(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'`)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `SELECT set_config(name, $1, false) FROM pg_settings
		WHERE name = 'idle_in_transaction_session_timeout' AND (setting = '0' OR CAST(setting AS BIGINT) > CAST($1 AS BIGINT))`, frozen)
	return err
}

// OnTrouble has f told, once, when the disk has failed a checkpoint of SQLite. Nothing is lost, but from then on the log
// grows until another process opens the database: the operator should look at the disk and start anew. f must be quick.
func (d *DB) OnTrouble(f func(error)) {
	if d.check != nil {
		d.check.teller.Store(&f)
	}
}

// Dialect tells which kind of database this is.
func (d *DB) Dialect() Dialect { return d.dialect }

// Reads counts the statements that have read outside of writes since Open: what a crowd costs, for tests and metrics.
func (d *DB) Reads() uint64 { return d.reads.Load() }

// Ping answers whether the database can be read.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Close waits for queued writes and closes the database. Later writes fail with ErrClosed.
func (d *DB) Close() error {
	d.writer.stop()
	d.stmts.close()
	d.writer.stmts.close()
	var err error
	if d.check != nil {
		err = errors.Join(d.check.stop(), d.conn.Close())
		if d.check.sick == nil {
			err = errors.Join(err, d.aside.Close())
		}
	}
	return errors.Join(err, d.read.Close(), d.write.Close())
}

// QueryContext reads outside any transaction and sees the last commit.
func (d *DB) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	d.reads.Add(1)
	if s := d.stmts.get(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return d.read.QueryContext(ctx, query, args...)
}

// Querier is what All and One read from: a *DB or, inside Write, a *Tx.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// All reads every row. fields returns the addresses to scan into, in the order of the query's columns.
func All[T any](ctx context.Context, q Querier, fields func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		var t T
		if err := rows.Scan(fields(&t)...); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// One reads the first row, or fails with sql.ErrNoRows.
func One[T any](ctx context.Context, q Querier, fields func(*T) []any, query string, args ...any) (T, error) {
	all, err := All(ctx, q, fields, query, args...)
	if err != nil {
		var zero T
		return zero, err
	}
	if len(all) == 0 {
		var zero T
		return zero, sql.ErrNoRows
	}
	return all[0], nil
}

// Value reads a single value of a single row, or fails with sql.ErrNoRows.
func Value[T any](ctx context.Context, q Querier, query string, args ...any) (T, error) {
	return One(ctx, q, func(t *T) []any { return []any{t} }, query, args...)
}

// IsDuplicate reports whether err says that a unique or primary key already holds the value.
func IsDuplicate(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code == "23505" // unique_violation
	}
	var se *sqlite.Error
	if errors.As(err, &se) {
		return se.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || se.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}
