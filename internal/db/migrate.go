package db

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the schema to the newest of the numbered SQL files in files and refuses a database that is newer than
// this program. Migrations only go forward. Two things the databases need told apart: in a migration
// "/* WITHOUT ROWID */" becomes SQLite's WITHOUT ROWID and stays a comment for PostgreSQL, and PostgreSQL's order of
// bytes, COLLATE "C", becomes SQLite's COLLATE BINARY.
func (d *DB) Migrate(ctx context.Context, files fs.FS) error {
	p, err := d.migrations(files)
	if err != nil {
		return err
	}
	have, newest, err := versions(ctx, p)
	if err != nil {
		return err
	}
	if have > newest {
		return fmt.Errorf("the database has schema %d, this program knows only %d: run a newer stagedoor", have, newest)
	}
	_, err = p.Up(ctx)
	return err
}

// Schema says which schema the database has (0: none) and which is the newest in files, and changes nothing but goose's
// own table.
func (d *DB) Schema(ctx context.Context, files fs.FS) (have, newest int64, err error) {
	p, err := d.migrations(files)
	if err != nil {
		return 0, 0, err
	}
	return versions(ctx, p)
}

func versions(ctx context.Context, p *goose.Provider) (have, newest int64, err error) {
	sources := p.ListSources()
	have, err = p.GetDBVersion(ctx)
	return have, sources[len(sources)-1].Version, err
}

func (d *DB) migrations(files fs.FS) (*goose.Provider, error) {
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{}
	if d.dialect == PostgreSQL {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker() // two nodes that start together migrate once
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	} else {
		files = clustered{files}
	}
	return goose.NewProvider(dialect, d.read, files, opts...)
}

// clustered serves migration files with the SQLite-only storage clause switched on, and SQLite's name for the order of bytes.
type clustered struct{ fs.FS }

func (c clustered) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if _, ok := f.(fs.ReadDirFile); ok {
		return f, nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(c.FS, name)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("/* WITHOUT ROWID */"), []byte("WITHOUT ROWID"))
	text = bytes.ReplaceAll(text, []byte(`COLLATE "C"`), []byte("COLLATE BINARY"))
	return &textFile{Reader: bytes.NewReader(text), info: info}, nil
}

type textFile struct {
	*bytes.Reader
	info fs.FileInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }
