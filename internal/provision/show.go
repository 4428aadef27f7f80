package provision

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// show is an event as the provisioner sees it.
type show struct {
	ID     id.Event
	Name   string
	Doors  int64 // Unix milliseconds
	Make   bool
	Retire bool
	placement
}

// doorsAt is when its doors open.
func (s show) doorsAt() time.Time { return time.UnixMilli(s.Doors) }

// open reports whether people are coming in, or will in minutes.
func (s show) open(now time.Time) bool { return s.Make && rule.AtDoor(s.doorsAt(), now) }

// placement is where an event's resources are.
type placement struct {
	place   id.Event
	placed  int64 // when it was chosen, Unix milliseconds; 0: not yet
	round   int   // how often all of it was removed
	leaving bool  // everything is going; nothing else happens to it meanwhile
}
