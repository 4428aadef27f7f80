package screen

import (
	"io"
	"time"

	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// Line is one line that changes while something is waited for: on a terminal it is drawn over itself, elsewhere it is said
// again now and then. Make it with NewLine.
type Line struct {
	w        io.Writer
	terminal bool
	text     string
	said     time.Time
}

// NewLine makes a line on w.
func NewLine(w io.Writer) *Line { return &Line{w: w, terminal: isTerminal(w)} }

// sayEvery is for files and pipes, which keep every line.
const sayEvery = 10 * time.Second

// Show shows another text.
func (l *Line) Show(text string) {
	if text == l.text || !l.terminal && time.Since(l.said) < sayEvery {
		return
	}
	l.text, l.said = text, time.Now()
	if l.terminal {
		if columns, _ := size(l.w); columns > 1 {
			text = words.Short(text, columns)
		}
		_, _ = io.WriteString(l.w, "\r\x1b[K\x1b[?7l"+text+"\x1b[?7h") // what cannot be shown is no reason to stop
		return
	}
	_, _ = io.WriteString(l.w, text+"\n")
}

// Clear takes the line from the terminal.
func (l *Line) Clear() {
	if l.terminal && l.text != "" {
		_, _ = io.WriteString(l.w, "\r\x1b[K")
	}
}
