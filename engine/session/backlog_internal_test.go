package session

import (
	"testing"

	"github.com/stagedoor/stagedoor/engine/core"
)

// The mark at which a drain waits once threw away what it was to wait for, if there was no room left.
func TestAMarkInAFullBacklogThrowsNothingAway(t *testing.T) {
	h := &Hub{cfg: Config{MaxBacklog: 1}, dispatching: true}
	h.Deliver(core.Event{})
	h.enqueue(entry{reached: make(chan struct{})})
	if h.overrun || len(h.events) != 2 {
		t.Errorf("%d entries, overrun: %v", len(h.events), h.overrun)
	}
	if h.Deliver(core.Event{}); !h.overrun || len(h.events) != 2 {
		t.Errorf("an event too many: %d entries, overrun: %v", len(h.events), h.overrun)
	}
}
