//go:build !unix

package engine

import "io"

// holdFile is for systems with flock; elsewhere the operator sees to it that an SQLite database has one engine.
func holdFile(string) (io.Closer, error) { return nil, nil }
