package engine

import (
	"fmt"

	"github.com/stagedoor/stagedoor/internal/ingress"
)

// viewers is how many messaging sessions are let in. Every session is a file to the system: if they took all there may be,
// requests would fail to be accepted, and nobody could be told to come back.
func (e *Engine) viewers() int {
	if e.cfg.MaxConnections != 0 {
		return max(e.cfg.MaxConnections, 0)
	}
	files, err := ingress.Descriptors()
	if err != nil {
		e.cfg.Logger.Warn("how many files may be open is not known; sessions are let in without a limit", "error", err)
		return 0
	}
	most := viewersOf(files)
	e.cfg.Logger.Info(fmt.Sprintf("limit %d files: about %d viewers", files, most))
	return most
}

// viewersOf keeps a fiftieth of the files for requests, handshakes and databases, but not more than they can use.
func viewersOf(files int) int { return max(1, files-min(max(files/50, 32), 512)) }
