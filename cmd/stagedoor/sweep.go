package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/readiness/screen"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

type provisionSweepCmd struct {
	Wait bool `help:"Wait until all is compared, show how far it is, and say what was found." default:"true" negatable:""`
	JSON bool `help:"As JSON, for scripts."`
}

// Run asks for a comparison with the provider.
func (s *provisionSweepCmd) Run(ctx context.Context, c *provisionCmd) error {
	return c.with(ctx, func(b *app.Booth) error {
		if err := b.Sweep(ctx); err != nil {
			return err
		}
		places, err := b.Sweeps(ctx)
		if s.Wait && err == nil {
			line := screen.NewLine(os.Stderr) // the result alone is on the other output
			began := time.Now()
			places, err = b.Swept(ctx, func(p []inventory.PlaceSweep) { line.Show(progress(p, time.Since(began))) })
			line.Clear()
		}
		switch {
		case err != nil:
			return err
		case s.JSON:
			return printJSON(os.Stdout, places)
		case !s.Wait:
			fmt.Printf("Asked for. %s; stagedoor provision sweep waits for it.\n", progress(places, 0))
			return nil
		}
		for _, p := range places {
			fmt.Println(found(p))
		}
		return nil
	})
}

// progress says how far the comparison is.
func progress(places []inventory.PlaceSweep, took time.Duration) string {
	left := 0
	for _, p := range places {
		if p.Due {
			left++
		}
	}
	text := fmt.Sprintf("%d of %s compared with the provider", len(places)-left, words.Plural(len(places), "place"))
	if took >= time.Second {
		text += ", " + words.Span(took)
	}
	return text
}

// found says what a comparison has found, in a line.
func found(p inventory.PlaceSweep) string {
	mark, text := "✓", fmt.Sprintf("%s, as in the ledger", words.Number(p.There))
	if p.Differs {
		mark, text = "✗", fmt.Sprintf("%s at the provider, %s in the ledger", words.Number(p.There), words.Number(p.Ledger))
	}
	parts := []string{text}
	for _, part := range []struct {
		n    int
		text string
	}{{p.Vanished, "had vanished, made anew"}, {p.Found, "found that the ledger did not know"}, {p.Removed, "removed that nobody wanted"},
		{p.Renamed, "with another name"}, {p.Strangers, "not ours"}} {
		if part.n > 0 {
			parts = append(parts, words.Number(part.n)+" "+part.text)
		}
	}
	return fmt.Sprintf("%s %-28s %s (%s)", mark, words.Printable(p.Title()), strings.Join(parts, "; "), words.Plural(p.Calls, "call"))
}
