package crash_test

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
)

// line is one message as the person who sent it knows it. Only that person changes it, one act at a time.
type line struct {
	key, token, channel, sender string
	first                       string // the content it was sent with, unlike that of any other
	id                          string // "" until it was acknowledged
	began, acked                int64  // places in the order of all acknowledgements; acked 0: not yet
	now                         state  // as acknowledged
	next                        *state // as asked for and not yet answered: either may be true
	created                     float64
}

// state is what a history shows of a line; the zero value is that it is not there.
type state struct {
	there, redacted bool
	content         string
}

// ledger is everything the crowd was told. Its order is a counter, not a clock.
type ledger struct {
	stage  stage
	order  atomic.Int64
	people []*person
}

// histories are all messages of all channels as somebody reads them who has all rights.
type histories map[string][]row

// check compares what is left with what was acknowledged: every acknowledged message once, unaltered and in order;
// those that were not at most once; nothing else.
func (l *ledger) check(left histories) error {
	lines := map[string]*line{}   // by id
	unknown := map[string]*line{} // by content: sent, but never answered
	for _, p := range l.people {
		for _, m := range p.lines {
			if m.id == "" {
				unknown[m.first] = m
				continue
			}
			if other := lines[m.id]; other != nil {
				return fmt.Errorf("%s and %s were both acknowledged as %s", other.key, m.key, m.id)
			}
			lines[m.id] = m
		}
	}
	var errs []error
	seen := map[*line]bool{}
	for channel, rows := range left {
		told := make([]*line, 0, len(rows))
		for _, r := range rows {
			m := lines[r.MessageId]
			if m == nil {
				m = unknown[r.Content]
			}
			switch {
			case m == nil:
				errs = append(errs, fmt.Errorf("%s %q was sent by nobody", r.MessageId, head(r.Content)))
				continue
			case seen[m]:
				errs = append(errs, fmt.Errorf("%s is there twice", m.key))
			case m.channel != channel:
				errs = append(errs, fmt.Errorf("%s is in another channel", m.key))
			}
			seen[m] = true
			errs = append(errs, m.matches(r))
			told = append(told, m)
		}
		errs = append(errs, inOrder(told))
	}
	for _, m := range lines {
		if !seen[m] && m.now.there && (m.next == nil || m.next.there) {
			errs = append(errs, fmt.Errorf("%s, acknowledged as %s, is lost", m.key, m.id))
		}
	}
	return errors.Join(errs...)
}

// matches compares one message with what is known of it.
func (m *line) matches(r row) error {
	got := state{there: true, redacted: r.Redacted, content: r.Content}
	switch {
	case got != m.now && (m.next == nil || got != *m.next):
		return fmt.Errorf("%s is altered: %+v, acknowledged %+v, asked for %+v", m.key, got.short(), m.now.short(), m.next)
	case r.Sender.Arn != m.sender:
		return fmt.Errorf("%s is from %s now, and was sent by %s", m.key, r.Sender.Arn, m.sender)
	case m.created != 0 && m.created != r.CreatedTimestamp:
		return fmt.Errorf("%s has another time: %v, was %v", m.key, r.CreatedTimestamp, m.created)
	}
	return nil
}

// inOrder refuses a history in which a message stands before one that was acknowledged before it was sent.
func inOrder(told []*line) error {
	earliest, whose := int64(math.MaxInt64), ""
	for i := len(told) - 1; i >= 0; i-- {
		if m := told[i]; m.began > earliest {
			return fmt.Errorf("%s stands before %s, which was acknowledged before it was sent", m.key, whose)
		} else if m.acked != 0 && m.acked < earliest {
			earliest, whose = m.acked, m.key
		}
	}
	return nil
}

// keep notes what can be learned from the history that the engine goes on with: times never change.
func (l *ledger) keep(left histories) {
	created := map[string]float64{}
	for _, rows := range left {
		for _, r := range rows {
			created[r.MessageId] = r.CreatedTimestamp
		}
	}
	for _, p := range l.people {
		for _, m := range p.lines {
			if at, ok := created[m.id]; ok {
				m.created = at
			}
		}
	}
}

// acknowledged counts the messages that must be there.
func (l *ledger) acknowledged() (n int) {
	for _, p := range l.people {
		for _, m := range p.lines {
			if m.id != "" {
				n++
			}
		}
	}
	return n
}

func (s state) short() state {
	s.content = head(s.content)
	return s
}

func head(s string) string { return s[:min(len(s), 24)] }
