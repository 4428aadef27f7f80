package db

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrate brings the schema to the newest of the numbered SQL files in files and refuses a database that is newer than
// this program. Migrations only go forward. Three things the databases need told apart: in a migration
// "/* WITHOUT ROWID */" becomes SQLite's WITHOUT ROWID and stays a comment for PostgreSQL; PostgreSQL's order of
// bytes, COLLATE "C", becomes SQLite's COLLATE BINARY; and what follows "-- PostgreSQL:" on a line is a comment for SQLite only.
func (d *DB) Migrate(ctx context.Context, files fs.FS) error {
	p, err := d.migrations(ctx, files)
	if err != nil {
		return err
	}
	if sources := p.ListSources(); d.isAt(ctx, sources[len(sources)-1].Version, len(sources)) {
		return nil
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
	p, err := d.migrations(ctx, files)
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

func (d *DB) migrations(ctx context.Context, files fs.FS) (*goose.Provider, error) {
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{}
	if d.dialect == PostgreSQL {
		dialect = goose.DialectPostgres
		locker, err := d.migrationLock(ctx)
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	files = translated{files, words[d.dialect]}
	return goose.NewProvider(dialect, d.read, files, opts...)
}

// migrationLock keeps two nodes that start together on one schema from migrating both.
func (d *DB) migrationLock(ctx context.Context) (lock.SessionLocker, error) {
	number, err := d.lockNumber(ctx)
	if err != nil {
		return nil, err
	}
	const every, tries = 1, 300 // seconds; a migration may take minutes
	return lock.NewPostgresSessionLocker(lock.WithLockID(number), lock.WithLockTimeout(every, tries))
}

// lockNumber is the advisory lock of a schema's migrations: nodes of another schema have nothing to wait for.
func (d *DB) lockNumber(ctx context.Context) (int64, error) {
	schema, err := Value[string](ctx, d, "SELECT COALESCE(current_schema(), '')")
	of := fnv.New64a()
	_, _ = of.Write([]byte("stagedoor " + schema)) // a hash takes everything
	return int64(of.Sum64()), err                  //nolint:gosec // any number will do
}

// isAt reports whether so many migrations, up to the newest, have been made. It takes no lock: a node that starts while
// another one does need not wait, and a standby stands by at once.
func (d *DB) isAt(ctx context.Context, newest int64, migrations int) bool {
	type versions struct {
		newest int64
		count  int
	}
	v, err := One(ctx, d, func(v *versions) []any { return []any{&v.newest, &v.count} },
		"SELECT COALESCE(max(version_id), 0), count(DISTINCT version_id) FROM goose_db_version WHERE version_id > 0")
	return err == nil && v == versions{newest, migrations} // an error: there is no such table yet
}

// words are what one kind of database says otherwise in a migration.
var words = map[Dialect]*strings.Replacer{
	SQLite:     strings.NewReplacer("/* WITHOUT ROWID */", "WITHOUT ROWID", `COLLATE "C"`, "COLLATE BINARY"),
	PostgreSQL: strings.NewReplacer("-- PostgreSQL:", ""),
}

// translated serves migration files in the words of one kind of database.
type translated struct {
	fs.FS
	words *strings.Replacer
}

func (t translated) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
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
	text, err := fs.ReadFile(t.FS, name)
	if err != nil {
		return nil, err
	}
	return &textFile{Reader: strings.NewReader(t.words.Replace(string(text))), info: info}, nil
}

type textFile struct {
	*strings.Reader
	info fs.FileInfo
}

func (f *textFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *textFile) Close() error               { return nil }
