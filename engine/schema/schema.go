// Package schema holds the engine's SQL migrations: numbered, embedded, forward only.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed sql/*.sql
var files embed.FS

// Engine returns the engine's migrations for db.Migrate.
func Engine() fs.FS {
	sub, err := fs.Sub(files, "sql")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}
