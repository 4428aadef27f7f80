package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
)

type doctorCmd struct {
	config.Storage
	config.Chime
	config.Readiness
	EngineURL string `help:"Where a running serve lets its embedded engine listen." default:"http://127.0.0.1:8090" env:"STAGEDOOR_ENGINE_URL"`
	JSON      bool   `help:"As JSON, for scripts."`
}

var errSick = errors.New("something is wrong")

// Run prints what was looked at. It fails if something is wrong.
func (c *doctorCmd) Run(ctx context.Context) error {
	if err := c.Readiness.Check(); err != nil {
		return err
	}
	checks := app.Doctor(ctx, c.Storage, c.Chime, c.Readiness, c.EngineURL)
	if c.JSON {
		if err := printJSON(os.Stdout, checks); err != nil {
			return err
		}
	}
	var err error
	for _, check := range checks {
		if !c.JSON {
			fmt.Println(check.Line())
		}
		if check.Verdict == doctor.Bad {
			err = errSick
		}
	}
	return err
}
