package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
)

type organizerCmd struct {
	Link organizerLinkCmd `cmd:"" help:"Print a one-time sign-in link (valid 24 hours)."`
}

type organizerLinkCmd struct {
	config.Storage
	Name      string `help:"Who signs in." default:"Organizer"`
	PublicURL string `help:"URL under which people reach the pages." default:"http://127.0.0.1:8080" env:"STAGEDOOR_PUBLIC_URL"`
}

// Run prints the link and nothing else.
func (c *organizerLinkCmd) Run(ctx context.Context) error {
	token, err := app.SignInToken(ctx, c.Storage, c.Name)
	if err != nil {
		return err
	}
	fmt.Println(strings.TrimSuffix(c.PublicURL, "/") + "/console#sign-in=" + token)
	return nil
}
