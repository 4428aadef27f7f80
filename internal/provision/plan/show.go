package plan

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
)

// Show is an event as the provisioner sees it.
type Show struct {
	ID     id.Event
	Name   string
	Doors  int64 // Unix milliseconds
	Make   bool  // it wants a chat
	Retire bool  // its archive is sealed: nothing of it is wanted any more
	Placement
}

// DoorsAt is when its doors open.
func (s Show) DoorsAt() time.Time { return time.UnixMilli(s.Doors) }

// Open reports whether people are coming in, or will in minutes.
func (s Show) Open(now time.Time) bool { return s.Make && rule.AtDoor(s.DoorsAt(), now) }

// Placement is where an event's resources are.
type Placement struct {
	Place   id.Event
	Placed  int64 // when it was chosen, Unix milliseconds; 0: not yet
	Round   int   // how often all of it was removed
	Leaving bool  // everything is going; nothing else happens to it meanwhile
}
