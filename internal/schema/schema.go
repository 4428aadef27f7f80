// Package schema holds the platform's SQL migrations: numbered, embedded, forward only.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed platform/*.sql
var files embed.FS

// Platform returns the platform's migrations for db.Migrate.
func Platform() fs.FS {
	sub, err := fs.Sub(files, "platform")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}
