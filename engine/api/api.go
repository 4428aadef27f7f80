// Package api is what the engine answers: the table of Amazon's operations (table.go), their inputs (input.go), and for
// each the way into the room that does it.
package api

import (
	"log/slog"
	"net/http"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/ingress"
)

// Config is what the API stands on.
type Config struct {
	*chat.Chat
	Authority *iam.Authority
	STS       http.Handler   // answers forms posted to "/"
	Limiter   *quota.Limiter // nil counts nothing

	// PublicHost is the host[:port] that GetMessagingSessionEndpoint answers; "" means the host of the request.
	PublicHost string
	// Origins are the web origins whose pages may call; nil means any.
	Origins []string
	Logger  *slog.Logger
}

type server struct{ Config }

// New makes the handler of REST and STS.
func New(cfg Config) http.Handler {
	s := &server{cfg}
	return ingress.LimitBodies(rest.New(rest.Config{Operations: s.operations(), Authority: cfg.Authority, Limiter: cfg.Limiter,
		STS: cfg.STS, Tags: s.resourceTags, Origins: cfg.Origins, Logger: cfg.Logger}), rest.MaxBody)
}
