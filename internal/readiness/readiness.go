// Package readiness says whether the chat of each show will be ready before doors, and what can be done about it.
//
// It reads the ledger, the lease and the pace, of which it writes nothing, and any process may ask it:
//
//	Status    what is made, what is left, how fast it goes, when it is ready        status.go, count.go, load.go
//	Plan      the same for tickets that are not there yet: import by when           plan.go
//	Watch     one alarm per show and cause, said once by whoever notices it first   alarm.go
//
// When something is ready is arithmetic: package forecast. Packages screen, metrics and doctor show the same to a terminal,
// to Prometheus and to whoever asks what is wrong.
package readiness

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// Config is what a Board needs. DB is required.
type Config struct {
	DB     *db.DB
	Preset string        // name of the provider's limits, see pace.Presets; "" means none
	Slack  time.Duration // a show that is ready later than this before doors raises an alarm; 0: one that is ready after doors
	Logger *slog.Logger  // nil means silence
}

// DefaultSlack is what people have who ask for nothing else: long enough to do something about it.
const DefaultSlack = 15 * time.Minute

// Board shows how far the provisioning is, of all processes together. Make it with New. Safe for concurrent use.
type Board struct {
	db    *db.DB
	pace  *pace.Pace
	slack time.Duration
	log   *slog.Logger
	bad   error // what is wrong with the configuration

	mu     sync.Mutex // guards the last answer of Status
	status Status
	until  time.Time // the answer is good until then
	asked  time.Time // and from then
}

// New makes a board. An unknown preset is reported by everything that the board is asked.
func New(c Config) *Board {
	b := &Board{db: c.DB, slack: c.Slack, log: c.Logger}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	preset, err := pace.Named(c.Preset)
	b.pace, b.bad = pace.New(preset), err
	return b
}

const (
	// statusFor is how long an answer of Status is good for at least: any number of waiting fans may ask.
	statusFor = time.Second
	// statusCost: an answer that took long to find is kept for so many times as long. With a million tickets in the ledger
	// no more than a twentieth of one core goes into counting them.
	statusCost = 20
)

// Status reads the ledger. Any process may ask, whether it leads or not. The answer is at least a second old at most, and
// older in proportion where counting takes longer.
func (b *Board) Status(ctx context.Context, now time.Time) (Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.asked) && now.Before(b.until) {
		return b.status, nil
	}
	if b.bad != nil {
		return Status{}, b.bad
	}
	began := time.Now()
	s, err := b.read(ctx, now.UTC())
	if err != nil {
		return Status{}, err
	}
	b.status, b.asked, b.until = s, now, now.Add(max(statusFor, statusCost*time.Since(began)))
	return s, nil
}

// Forget lets the next Status be counted anew: something was just changed.
func (b *Board) Forget() {
	b.mu.Lock()
	b.until = time.Time{}
	b.mu.Unlock()
}
