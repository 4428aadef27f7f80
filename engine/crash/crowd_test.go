package crash_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// person sends messages one after the other, changes own ones, and repeats what was not answered with the same token.
type person struct {
	l     *ledger
	no    int
	arn   string
	rnd   *rand.Rand
	lines []*line
	open  *act  // asked and not answered
	last  error // why the engine did not answer
}

// act is one request that changes something.
type act struct {
	kind  string // send, again, update, redact, delete
	line  *line
	tries int
}

// newLedger makes the crowd of a stage. All that people decide comes from the seed.
func newLedger(s stage, seed uint64) *ledger {
	l := &ledger{stage: s}
	for i, arn := range s.People {
		l.people = append(l.people, &person{l: l, no: i, arn: arn, rnd: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	return l
}

// talk has everybody talk until ctx ends or the engine does not answer any more. An answer that nobody can explain is
// returned as an error.
func (l *ledger) talk(ctx context.Context, w *wire) error {
	errs := make([]error, len(l.people))
	var wg sync.WaitGroup
	for i, p := range l.people {
		wg.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				over, err := p.step(ctx, w)
				if errs[i] = err; over {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// step asks for one thing. over says that the engine does not answer.
func (p *person) step(ctx context.Context, w *wire) (over bool, err error) {
	if p.open == nil {
		p.open = p.choose()
	}
	a := p.open
	a.tries++
	id, err := p.ask(ctx, w, a)
	var r *refused
	switch {
	case errors.As(err, &r) && r.status >= 500:
		return false, nil // it may have happened: ask again
	case a.kind == "delete" && a.tries > 1 && errors.As(err, &r) && r.status < 500:
		// It is not there: the first try did it.
	case errors.As(err, &r):
		return true, fmt.Errorf("%s of %s: %w", a.kind, a.line.key, err)
	case err != nil:
		p.last = err
		return true, nil
	}
	m := a.line
	if id != "" && m.id != "" && m.id != id {
		return true, fmt.Errorf("%s was acknowledged as %s and, repeated with its token, as %s", m.key, m.id, id)
	}
	if a.kind == "send" {
		m.id, m.acked = id, p.l.order.Add(1)
	}
	if m.next != nil {
		m.now, m.next = *m.next, nil
	}
	p.open = nil
	return false, nil
}

// choose thinks of something to do: mostly a new line, sometimes something about an old one that is still there.
func (p *person) choose() *act {
	var old *line
	if len(p.lines) > 0 {
		old = p.lines[p.rnd.IntN(len(p.lines))]
	}
	n := p.rnd.IntN(100)
	switch {
	case old == nil || n < 70:
		return p.speak()
	case n < 80:
		return &act{kind: "again", line: old}
	case !old.now.there:
		return p.speak()
	case n < 90 && !old.now.redacted:
		old.next = &state{there: true, content: fmt.Sprintf("%s, changed %d", old.key, p.rnd.Uint32())}
		return &act{kind: "update", line: old}
	case n < 95:
		old.next = &state{there: true, redacted: true}
		return &act{kind: "redact", line: old}
	}
	old.next = &state{}
	return &act{kind: "delete", line: old}
}

// speak makes a new line of any length.
func (p *person) speak() *act {
	key := fmt.Sprintf("%d-%d", p.no, len(p.lines))
	m := &line{key: key, token: fmt.Sprint("token-", key), sender: p.arn, began: p.l.order.Add(1),
		channel: p.l.stage.Channels[p.rnd.IntN(len(p.l.stage.Channels))]}
	m.first = key + " " + strings.Repeat(string(rune('a'+p.rnd.IntN(26))), p.length())
	m.next = &state{there: true, content: m.first}
	p.lines = append(p.lines, m)
	return &act{kind: "send", line: m}
}

// length is that of a chat line, now and then of an essay that needs pages of its own.
func (p *person) length() int {
	if p.rnd.IntN(8) == 0 {
		return p.rnd.IntN(4000)
	}
	return p.rnd.IntN(120)
}

func (p *person) ask(ctx context.Context, w *wire, a *act) (string, error) {
	m := a.line
	one := messages(m.channel) + "/" + url.PathEscape(m.id)
	var out struct{ MessageId string }
	switch a.kind {
	case "update":
		return "", w.call(ctx, http.MethodPut, one, p.arn, map[string]any{"Content": m.next.content}, nil)
	case "redact":
		return "", w.call(ctx, http.MethodPost, one+"?operation=redact", p.arn, nil, nil)
	case "delete":
		return "", w.call(ctx, http.MethodDelete, one, p.l.stage.Admin, nil, nil)
	}
	err := w.call(ctx, http.MethodPost, messages(m.channel), p.arn, map[string]any{"Content": m.first, "Type": "STANDARD",
		"Persistence": "PERSISTENT", "ClientRequestToken": m.token}, &out)
	return out.MessageId, err
}
