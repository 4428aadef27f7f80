package screen

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// Block is what stands at the end of a terminal and is drawn over itself; anything else keeps all that was drawn. Make it with NewBlock. Safe for concurrent use.
type Block struct {
	w        io.Writer
	terminal bool

	mu    sync.Mutex // guards all below, and w
	text  string     // as it was drawn last
	drawn int        // rows of the terminal
}

// NewBlock makes an empty block on w.
func NewBlock(w io.Writer) *Block { return &Block{w: w, terminal: isTerminal(w)} }

// Draw puts lines in the place of those that were drawn before. What does not fit into the terminal is left out: it could not be drawn over.
func (b *Block) Draw(lines []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal {
		_, err := io.WriteString(b.w, strings.Join(lines, "\n")+"\n")
		return err
	}
	erase := b.erase()
	columns, rows := size(b.w)
	lines = fit(lines, columns, rows)
	b.text, b.drawn = ownRows(lines), len(lines)
	_, err := io.WriteString(b.w, erase+b.text)
	return err
}

// Beside returns a writer to w for others who write to the same terminal, such as a log: their lines come above the block.
func (b *Block) Beside(w io.Writer) io.Writer {
	if !b.terminal || !isTerminal(w) {
		return w
	}
	return beside{b, w}
}

type beside struct {
	block *Block
	w     io.Writer
}

func (o beside) Write(p []byte) (int, error) {
	b := o.block
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn == 0 {
		return o.w.Write(p)
	}
	if _, err := io.WriteString(b.w, b.erase()); err != nil {
		return 0, err
	}
	n, err := o.w.Write(p)
	if err == nil {
		_, err = io.WriteString(b.w, b.text)
	}
	return n, err
}

// erase goes back to the first row of the block and clears from there to the end.
func (b *Block) erase() string {
	if b.drawn == 0 {
		return ""
	}
	return fmt.Sprintf("\x1b[%dA\x1b[J", b.drawn)
}

// ownRows writes each line in one row, however wide the terminal draws its letters: for the time it does not begin new rows by itself.
func ownRows(lines []string) string { return "\x1b[?7l" + strings.Join(lines, "\n") + "\n\x1b[?7h" }

// hanging is how far a line is set in that goes on from the row above.
const hanging = "      "

// fit breaks lines that are longer than a row of the terminal, and leaves out what is more than its rows, of which the cursor
// has the last. 0 columns or rows: nobody knows how many.
func fit(lines []string, columns, rows int) []string {
	var out []string
	for _, l := range lines {
		out = append(out, fold(l, columns)...)
	}
	if most := rows - 1; rows > 2 && len(out) > most {
		out = append(out[:most-1], fmt.Sprintf("  … and %d more lines: stagedoor provision status", len(out)-most+1))
	}
	return out
}

// fold breaks a line at its spaces.
func fold(line string, columns int) (rows []string) {
	rest := []rune(line)
	for columns > 2*len(hanging) && len(rest) > columns {
		at := columns
		for i := columns; i > columns/2; i-- {
			if rest[i] == ' ' {
				at = i
				break
			}
		}
		rows = append(rows, string(rest[:at]))
		rest = []rune(hanging + strings.TrimLeft(string(rest[at:]), " "))
	}
	return append(rows, string(rest))
}
