package sweep

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/share"
)

// The same page is asked for patientPages times, with longer and longer pauses, but not when patientFor has passed: a provider
// that is away is asked by nobody for a while (share.Pressure), and somebody may wait for the sweep.
const (
	patientPages = 6
	patientFor   = time.Minute
)

// pages reads a whole list, page by page, in the sweep's share of the pace. see is given each page and when it was asked
// for. An error of the provider is a trouble, or errRefused; others are see's or the database's.
func pages[T any](ctx context.Context, s *sweeper, c pace.Call, list func(context.Context, string) (chime.Page[T], error),
	see func(page []T, asked time.Time) error) error {
	began := time.Now() // with the page
	for next, failures := "", 0; ; {
		asked := time.Now()
		var p chime.Page[T]
		err := s.ask(ctx, c, func(ctx context.Context) (err error) {
			asked = time.Now()
			p, err = list(ctx, next)
			return err
		})
		switch {
		case next != "" && fault.Is(err, fault.Invalid):
			return errRefused
		case passes(err) && failures+1 < patientPages && time.Since(began) < patientFor:
			failures++
			share.Rest(ctx, time.Second<<failures)
			continue
		case err != nil:
			return err
		}
		if err := see(p.Items, asked); err != nil {
			return err
		}
		if p.Next != "" && p.Next == next {
			return errRefused
		}
		if next, failures, began = p.Next, 0, time.Now(); next == "" {
			return nil
		}
	}
}

// ask makes one call in the sweep's share of the pace. An error of the provider is a trouble.
func (s *sweeper) ask(ctx context.Context, c pace.Call, call func(context.Context) error) error {
	if err := s.share.Wait(ctx, c); err != nil {
		return err
	}
	began := time.Now()
	err := call(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.calls++
	s.share.Used(time.Since(began))
	s.Answered(err)
	if fault.HasCode(err, chime.CodeNoAccess) {
		return trouble{err, sweepEvery} // people must help
	}
	if err != nil {
		return trouble{err, afterTrouble}
	}
	return nil
}

// passes reports whether the same call may succeed a little later.
func passes(err error) bool {
	return fault.Is(err, fault.Throttled) || fault.Is(err, fault.Unavailable)
}

// public is the part of an error that people may see.
func public(err error) string { return fault.As(err).Public }

// sights remembers what a list has shown, in eight bytes each: 100,000 accounts are less than 4 MB. Two names that look
// the same, once in a million years, only hide a loss until the next sweep, which hashes anew.
type sights struct {
	seed maphash.Seed
	seen map[uint64]struct{}
}

func newSights() sights { return sights{maphash.MakeSeed(), map[uint64]struct{}{}} }

// see remembers a name and reports whether it is new.
func (s sights) see(name string) bool {
	n := len(s.seen)
	s.seen[maphash.String(s.seed, name)] = struct{}{}
	return len(s.seen) > n
}

func (s sights) has(name string) bool {
	_, ok := s.seen[maphash.String(s.seed, name)]
	return ok
}
