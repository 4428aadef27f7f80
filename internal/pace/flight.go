package pace

import (
	"context"
	"maps"
	"net/http/httptrace"
	"slices"
)

// flight is what this process knows of a call on its way, in the table's time.
type flight struct {
	op       string
	left     int64 // when it started, and once the request was written on a connection, when that was; 0: not yet
	written  bool
	answered int64 // when its answer began; 0: not yet
}

const (
	// blur is by how much a call may have been quicker than the quickest that was seen.
	blur = 3_000 // microseconds
	// waysKept is how many answers the quickest is remembered for, at least.
	waysKept = 64
	// waysKnown is how many answers it takes until the quickest of them counts. Before, a call has arrived when it is answered.
	waysKnown = 8
)

// way is how long an operation takes at least: there, at the provider, and back. Microseconds.
type way struct {
	quickest, before int64 // of the last n calls, and of the waysKept before them; 0: none
	n                int
}

func (w *way) took(us int64) {
	if w.n == waysKept {
		w.quickest, w.before, w.n = 0, w.quickest, 0
	}
	if us = max(1, us); w.quickest == 0 || us < w.quickest {
		w.quickest = us
	}
	w.n++
}

// least is 0 while it is not known.
func (w *way) least() int64 {
	switch {
	case w == nil || w.before == 0 && w.n < waysKnown:
		return 0
	case w.before == 0:
		return w.quickest
	}
	return min(w.quickest, w.before)
}

// more is by how much longer than usual the call may have been on its way. What it took longer in all than the quickest one it may
// have lost on its way there. One whose answer is overdue may not have arrived before now.
func (f *flight) more(now, least int64) int64 {
	usual := guard.Microseconds()
	if f.answered > 0 {
		took := f.answered - f.left
		return min(took, blur+max(0, took-least))
	}
	if now-f.left <= least+usual {
		return usual
	}
	return min(now-f.left, flightKept)
}

// callKey names a booked call of a row.
type callKey struct {
	bucket, key string
	at          int64
}

const (
	// maxFlights is how many calls are noted before old ones are forgotten.
	maxFlights = 2000
	// flightKept is how long they are of use, in microseconds: longer than anybody waits for an answer. What is not told by then never
	// will be, and the call is not on its way any more.
	flightKept = 15 * second
)

// leaves notes that a call starts.
func (p *Pace) leaves(s Slot, now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.flights) >= maxFlights {
		maps.DeleteFunc(p.flights, func(k callKey, _ *flight) bool { return k.at < now-flightKept })
	}
	s.flight.left = now
	for _, h := range s.holds {
		p.flights[callKey{h.bucket.Name, h.key, s.us}] = s.flight
	}
}

// note changes what is known of a call that has started.
func (p *Pace) note(s Slot, change func(f *flight)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.flight.left > 0 {
		change(s.flight)
	}
}

// Watch returns the context with which the call of a slot is to be made by net/http: it notes when the request was written, which
// on a new connection is long after Wait, and when the answer began.
func (p *Pace) Watch(ctx context.Context, s Slot) context.Context {
	if s.free {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest:         func(i httptrace.WroteRequestInfo) { p.wrote(s, p.micros(p.Now()), i.Err) },
		GotFirstResponseByte: func() { p.heard(s, p.micros(p.Now())) },
	})
}

// wrote notes that a call's request was written. (HTTP/2 may tell that after the answer.)
func (p *Pace) wrote(s Slot, now int64, err error) {
	p.note(s, func(f *flight) {
		if err == nil && !f.written && f.answered == 0 {
			f.left, f.written = now, true
		}
	})
}

// heard notes that a call's answer began.
func (p *Pace) heard(s Slot, now int64) {
	p.note(s, func(f *flight) {
		if f.answered == 0 {
			f.answered = max(now, f.left)
		}
	})
}

// landed notes the end of a call. It may be told twice.
func (p *Pace) landed(s Slot, now int64, o Outcome) {
	if o == Lost || o == NotSent {
		return // that nobody waits for it says nothing about when it arrives
	}
	p.heard(s, now)
	if o == Throttled {
		return // a refusal may be quicker than the work
	}
	p.note(s, func(f *flight) {
		if p.ways[f.op] == nil {
			p.ways[f.op] = &way{}
		}
		p.ways[f.op].took(f.answered - f.left)
	})
}

// learn applies what this process knows of its own calls.
func (p *Pace) learn(rows []row, now int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range rows {
		r := &rows[i]
		r.calls = slices.Clone(r.calls)
		for n, e := range r.calls {
			if e.mark != pending {
				continue
			}
			if f, ok := p.flights[callKey{r.bucket.Name, r.key, e.at}]; ok {
				r.calls[n].left, r.calls[n].more = f.left-e.at, f.more(now, p.ways[f.op].least())
			}
		}
	}
}
