package core

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Together answers questions of many callers with few reads of the database: while one read is under way, and for a short
// rest after it, whoever asks waits, and the next read answers all of them. It remembers nothing. Each answer was read
// after its question was asked, on whatever node the last commit was made, so it is as true as one that was read alone
// (docs/adr/0021-reads-together.md).
//
// K is what questions must have in common to be read together: an app instance, a place.
type Together[K comparable, Q, A any] struct {
	read func(ctx context.Context, key K, asked []Q) ([]A, error)

	mu   sync.Mutex
	open map[K]*round[Q, A]
}

// round is the questions under one key, as long as somebody reads or rests for them.
type round[Q, A any] struct {
	waiting []*question[Q, A]
	most    int // that the next read may be asked
}

type question[Q, A any] struct {
	asked  Q
	done   chan struct{}
	answer A
	err    error
}

const (
	// A read is asked firstAsked at first, twice as many after one that was quick, up to maxAsked, and half as many after a
	// slow one: questions that have little in common must not all wait for the last of them.
	firstAsked = 16
	maxAsked   = 256
	quick      = 100 * time.Millisecond
	slow       = 500 * time.Millisecond
	// readTime bounds a read: its callers may have left.
	readTime = 5 * time.Second
	// A read for several is followed by a rest of restTimes as long as it took, at least restLeast and at most restMost, in
	// which the next ones gather: however many ask, the database is busy with them for a quarter of the time, and the busier
	// the machine is, the more of them share a read. A longer rest would save reads and cost whoever asks again at once.
	restTimes = 3
	restLeast = 2 * time.Millisecond
	restMost  = 50 * time.Millisecond
)

// NewTogether makes a Together of a read that answers questions in their order. An error of read is everybody's; what is
// wrong with one question belongs into its answer.
func NewTogether[K comparable, Q, A any](read func(ctx context.Context, key K, asked []Q) ([]A, error)) *Together[K, Q, A] {
	return &Together[K, Q, A]{read: read, open: map[K]*round[Q, A]{}}
}

// Ask waits for the answer. When ctx ends before the question is being read, it is not read at all; a read that has begun
// is waited for, so that whatever the question carries is used by nobody when Ask has returned.
func (t *Together[K, Q, A]) Ask(ctx context.Context, key K, q Q) (A, error) {
	mine := &question[Q, A]{asked: q, done: make(chan struct{})}
	t.mu.Lock()
	r, running := t.open[key]
	if !running {
		r = &round[Q, A]{most: firstAsked}
		t.open[key] = r
	}
	r.waiting = append(r.waiting, mine)
	t.mu.Unlock()
	if !running {
		go t.answerAll(context.WithoutCancel(ctx), key, r) // the others must not depend on how long this caller waits
	}
	select {
	case <-mine.done:
	case <-ctx.Done():
		if t.withdraw(r, mine) {
			return mine.answer, ctx.Err()
		}
		<-mine.done
	}
	return mine.answer, mine.err
}

// withdraw takes a question back that nobody reads yet.
func (t *Together[K, Q, A]) withdraw(r *round[Q, A], mine *question[Q, A]) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, q := range r.waiting {
		if q == mine {
			r.waiting = append(r.waiting[:i:i], r.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// answerAll reads until nobody waits, or goes on after a rest. There is never more than one under a key.
func (t *Together[K, Q, A]) answerAll(ctx context.Context, key K, r *round[Q, A]) {
	for {
		runtime.Gosched() // who is about to ask does
		t.mu.Lock()
		n := min(len(r.waiting), r.most)
		batch := r.waiting[:n:n]
		r.waiting = r.waiting[n:]
		if n == 0 {
			delete(t.open, key)
		}
		full := len(r.waiting) >= r.most
		t.mu.Unlock()
		if n == 0 {
			return
		}
		began := time.Now()
		t.answer(ctx, key, batch)
		took := time.Since(began)
		switch {
		case took < quick:
			r.most = min(2*r.most, maxAsked)
		case took > slow:
			r.most = max(r.most/2, 1)
		}
		if n > 1 && !full {
			time.AfterFunc(min(restMost, max(restLeast, restTimes*took)), func() { t.answerAll(ctx, key, r) })
			return
		}
	}
}

func (t *Together[K, Q, A]) answer(ctx context.Context, key K, batch []*question[Q, A]) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	asked := make([]Q, len(batch))
	for i, q := range batch {
		asked[i] = q.asked
	}
	answers, err := t.guarded(ctx, key, asked)
	for i, q := range batch {
		if q.err = err; err == nil {
			q.answer = answers[i]
		}
		close(q.done)
	}
}

// guarded reads. A panic is the error of those who asked: net/http, which would have caught it, is not on this goroutine.
func (t *Together[K, Q, A]) guarded(ctx context.Context, key K, asked []Q) (answers []A, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Wrap(fmt.Errorf("%v\n%s", p, debug.Stack()), fault.Internal, "internal", "Something went wrong here.")
		}
	}()
	return t.read(ctx, key, asked)
}
