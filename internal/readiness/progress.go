package readiness

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Progress shows the provisioning on w until ctx ends: on a terminal a block that is redrawn each second, elsewhere a
// line per event whenever its counts changed, at most every ten seconds.
func (b *Board) Progress(ctx context.Context, w io.Writer) error {
	terminal, every := isTerminal(w), 10*time.Second
	if terminal {
		every = time.Second
	}
	drawn, last := 0, ""
	for ctx.Err() == nil {
		now := time.Now()
		s, err := b.Status(ctx, now)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		lines := render(s, now)
		text := strings.Join(lines, "\n") + "\n"
		switch {
		case terminal:
			up := ""
			if drawn > 0 {
				up = fmt.Sprintf("\x1b[%dA\x1b[J", drawn) // back to the first line, clear to the end
			}
			_, err = io.WriteString(w, up+text)
			drawn = len(lines)
		case text != last:
			_, err = io.WriteString(w, text)
			last = text
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return nil
}

// render makes the lines of one picture.
func render(s Status, now time.Time) []string {
	who := "nobody leads"
	if s.Leader != nil {
		who = fmt.Sprintf("%s leads (epoch %d)", s.Leader.Holder, s.Leader.Epoch)
	}
	if s.Paused {
		who += ", paused"
	}
	lines := []string{fmt.Sprintf("%s  %.1f calls/s of %s  %s", now.UTC().Format(time.TimeOnly), s.CallsPerSecond, s.Limit, who)}
	for _, e := range s.Events {
		line := fmt.Sprintf("  %-20s %-8s %s made %d of %d", e.EventID, e.State, bar(e.Made, e.Wanted), e.Made, e.Wanted)
		if e.ToDelete > 0 {
			line += fmt.Sprintf(", to delete %d", e.ToDelete)
		}
		if e.Failed > 0 {
			line += fmt.Sprintf(", failed %d", e.Failed)
		}
		if e.ReadyAt != nil {
			line += fmt.Sprintf(", ready at %s UTC", e.ReadyAt.UTC().Format(time.TimeOnly))
			if *e.SlackSeconds < 0 {
				line += fmt.Sprintf(", %s AFTER DOORS", (time.Duration(-*e.SlackSeconds) * time.Second).Round(time.Second))
			}
		}
		lines = append(lines, line)
	}
	for i, f := range s.Failures {
		if i == 3 {
			lines = append(lines, fmt.Sprintf("  … and %d more failures", len(s.Failures)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("  ! %s %s %s: %s (attempt %d)", f.EventID, f.Kind, f.Subject, f.Error, f.Attempts))
	}
	return lines
}

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
