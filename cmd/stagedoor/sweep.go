package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/app"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/readiness"
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
		if !s.Wait || err != nil {
			return s.asked(ctx, b, places, err)
		}
		line := screen.NewLine(os.Stderr) // the result alone is on the other output
		began := time.Now()
		places, stuck := b.Swept(ctx, func(p []inventory.PlaceSweep, now readiness.Status) { line.Show(progress(p, now, time.Since(began))) })
		line.Clear()
		switch {
		case places == nil:
		case s.JSON:
			err = printJSON(os.Stdout, places)
		default:
			for _, p := range places {
				fmt.Println(found(p))
			}
		}
		if err != nil {
			return err
		}
		return stuck
	})
}

// asked says what a comparison begins with that is not waited for, or why it does not begin.
func (s *provisionSweepCmd) asked(ctx context.Context, b *app.Booth, places []inventory.PlaceSweep, err error) error {
	if err != nil {
		return err
	}
	if s.JSON {
		return printJSON(os.Stdout, places)
	}
	_, err = b.Sweeping(ctx)
	if errors.Is(err, app.ErrSweepPaused) || errors.Is(err, app.ErrSweepNobody) {
		fmt.Printf("It is %v.\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("Asked for, %s. It is done in the background; stagedoor provision sweep waits for it.\n", words.Plural(len(places), "place"))
	return nil
}

// progress says how far the comparison is, and what it waits for, on one line of a terminal.
func progress(places []inventory.PlaceSweep, s readiness.Status, took time.Duration) string {
	left, stuck, now, next := 0, 0, "", ""
	for _, p := range places {
		title := words.Short(p.Title(), 28)
		switch {
		case p.Since != nil:
			now = "now " + title
		case p.Due && p.Heard && p.Error == "":
			next = title + " waits for its administrator"
		}
		if p.Due {
			left++
			if p.Error != "" {
				stuck++
			}
		}
	}
	parts := []string{fmt.Sprintf("%d of %s compared, %s", len(places)-left, words.Plural(len(places), "place"), words.Span(took))}
	if stuck > 0 {
		parts = append(parts, words.Number(stuck)+" could not be")
	}
	parts = append(parts, cmp.Or(now, next, "not begun yet (a new leader waits 15 s)"))
	if slices.ContainsFunc(s.Events, func(e readiness.Event) bool { return e.ToMake > 0 }) {
		parts = append(parts, "what shows need comes first")
	}
	return strings.Join(parts, "; ")
}

// found says what a comparison has found, in a line.
func found(p inventory.PlaceSweep) string {
	title := words.Short(p.Title(), 28)
	if p.Due || p.Error != "" {
		return fmt.Sprintf("✗ %-28s not compared: %s", title, words.Printable(cmp.Or(p.Error, "its turn has not come")))
	}
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
	return fmt.Sprintf("%s %-28s %s (%s)", mark, title, strings.Join(parts, "; "), words.Plural(p.Calls, "call"))
}
