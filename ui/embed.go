// Package ui carries the built pages inside the binary.
//
// The pages are built by Vite into dist, which is not committed; a placeholder file keeps the embed directive, and with
// it `go build` and `go test`, working where Node is not installed. A binary built that way serves no pages and Built
// says so.
package ui

import (
	"embed"
	"io/fs"
)

// The all: prefix includes .placeholder, so that the pattern matches at least one file in a fresh clone.
//
//go:embed all:dist
var dist embed.FS

// FS returns the built files, rooted at dist: event.html, moderate.html, console.html, home.html and assets/.
// Files under assets/ carry a hash of their content in the name and may be cached for ever; the HTML files may not.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		// fs.Sub fails only for an invalid path, and this one is a constant.
		panic(err)
	}
	return sub
}

// Built reports whether the pages were built before the binary was, that is, whether FS holds more than the placeholder.
func Built() bool {
	_, err := fs.Stat(dist, "dist/event.html")
	return err == nil
}
