// Package screen draws the provisioning on a terminal.
package screen

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// Show shows the provisioning in a block until ctx ends: on a terminal anew each second, elsewhere whenever it changed, at most every
// ten seconds.
func Show(ctx context.Context, b *readiness.Board, block *Block) error {
	every := 10 * time.Second
	if block.terminal {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := ""
	for {
		now := time.Now()
		s, err := b.Status(ctx, now)
		if err == nil {
			lines := Lines(s, now)
			// A file in which nothing new but the time of day is said every ten seconds hides what is new.
			if text := strings.Join(lines, "\n")[len(time.TimeOnly):]; block.terminal || text != last {
				last, err = text, block.Draw(lines)
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Lines draws a status for a terminal: who leads and how fast, a line with a bar for each show, alarms and failures.
func Lines(s readiness.Status, now time.Time) []string {
	who := "nobody leads"
	if s.Leader != nil {
		who = fmt.Sprintf("%s leads (epoch %d)", s.Leader.Holder, s.Leader.Epoch)
	}
	switch {
	case s.Drained:
		who += ", paused"
	case s.Paused:
		who += fmt.Sprintf(", pausing: %s on their way", words.Plural(s.InFlight, "call"))
	}
	lines := []string{fmt.Sprintf("%s  %.1f calls/s, limit %s  %s", now.UTC().Format(time.TimeOnly), s.CallsPerSecond, s.Limit, who)}
	width := 0
	for _, e := range s.Events {
		width = max(width, utf8.RuneCountInString(short(e.Name)))
	}
	for _, e := range s.Events {
		name := short(e.Name)
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(name))
		lines = append(lines, fmt.Sprintf("  %s%s  %-8s %s %s", name, pad, e.State, bar(e.Made, e.Wanted), figures(e, now)))
	}
	for _, a := range s.Alarms {
		lines = append(lines, "  ! "+words.Printable(a.Text), "    "+words.Printable(a.ToDo))
	}
	for i, f := range s.Failures {
		if i == 3 {
			lines = append(lines, fmt.Sprintf("  … and %d more failures", len(s.Failures)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  ✗ %s %s %s: %s (attempt %d)", f.EventID, f.Kind, f.Subject, words.Printable(f.Error), f.Attempts))
	}
	return lines
}

// figures are an event's counts and times in one line.
func figures(e readiness.Event, now time.Time) string {
	line := fmt.Sprintf("%s of %s", words.Number(e.Made), words.Number(e.Wanted))
	for _, part := range []struct {
		n    int
		text string
	}{{e.Unplanned, "not yet planned"}, {e.ToDelete, "to delete"}, {e.Failed, "failed"}} {
		if part.n > 0 {
			line += fmt.Sprintf(", %s %s", words.Number(part.n), part.text)
		}
	}
	if e.ReadyAt == nil {
		return line
	}
	slack := time.Duration(*e.SlackSeconds * float64(time.Second))
	in := words.Zone(e.TimeZone) // shows may have different ones, so each says its own
	line += fmt.Sprintf(", ready %s %s (in %s), ", words.Moment(*e.ReadyAt, now, in), e.ReadyAt.In(in).Format("MST"), words.Span(max(0, e.ReadyAt.Sub(now))))
	if slack < 0 {
		return line + words.Span(-slack) + " AFTER DOORS"
	}
	return line + words.Span(slack) + " before doors"
}

// short is a name that leaves room for the figures.
func short(name string) string { return words.Short(name, 28) }

func bar(made, wanted int) string {
	const width = 20
	full := 0
	if wanted > 0 {
		full = made * width / wanted
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-full) + "]"
}

// isTerminal reports whether w is a character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
