package main

import (
	"os"

	"github.com/stagedoor/stagedoor/internal/web"
)

type openapiCmd struct{}

// Run prints the document that the browser's types are generated from.
func (openapiCmd) Run() error {
	doc, err := web.OpenAPI()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(doc, '\n'))
	return err
}
