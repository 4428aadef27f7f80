// Package readiness says whether the chat of each show will be ready before doors, and what can be done about it.
package readiness

import (
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
)

// Config is what a Board needs.
type Config struct {
	DB        *db.DB
	Limit     string // the provider's limit, for people
	PerSecond int    // 0: unlimited
}

// Board shows how far the provisioning is, of all processes together. Make it with New. Safe for concurrent use.
type Board struct {
	cfg Config

	mu     sync.Mutex // guards the last answer of Status
	status Status
	at     time.Time
}

// New makes a board.
func New(c Config) *Board { return &Board{cfg: c} }
