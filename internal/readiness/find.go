package readiness

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Event finds a show by its identifier or by the last part of its page's address.
func (b *Board) Event(ctx context.Context, name string) (id.Event, error) {
	found, err := db.All(ctx, b.db, func(e *id.Event) []any { return []any{e} }, "SELECT id FROM event WHERE id = $1 OR slug = $1", name)
	if err == nil && len(found) == 0 {
		err = noSuchShow(name)
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func noSuchShow(name string) error {
	return fault.New(fault.NotFound, "no_such_show", "there is no show %q", name).On("event")
}

// EventOf finds the show of a ticket.
func (b *Board) EventOf(ctx context.Context, ticket id.Ticket) (id.Event, error) {
	found, err := db.All(ctx, b.db, func(e *id.Event) []any { return []any{e} }, "SELECT event_id FROM ticket WHERE id = $1", ticket)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "no_such_ticket", "there is no ticket %q", ticket).On("ticket")
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

// Resource names one thing in the ledger.
type Resource struct {
	Event   id.Event
	Subject id.Ticket
	Kind    string
}

// Resource finds what has an ARN. It reads the whole ledger: people ask this now and then.
func (b *Board) Resource(ctx context.Context, arn string) (Resource, error) {
	found, err := db.All(ctx, b.db, func(r *Resource) []any { return []any{&r.Event, &r.Subject, &r.Kind} },
		"SELECT event_id, subject, kind FROM resource WHERE arn = $1 AND arn <> '' LIMIT 1", arn)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "no_such_resource", "the ledger knows no %s", arn).On("arn")
	}
	if err != nil {
		return Resource{}, err
	}
	return found[0], nil
}

// DoorsAt reads a time as people write it, 2026-12-01T20:00 in a time zone ("" is UTC), or with an offset of its own.
func DoorsAt(text, zoneName string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	in, err := zoneOf(zoneName)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", text, in)
	if err != nil {
		return time.Time{}, fault.New(fault.Invalid, "bad_doors", "%q is no time such as 2026-12-01T20:00", text).On("doors")
	}
	return t, nil
}

// zoneOf finds a time zone; "" is UTC.
func zoneOf(name string) (*time.Location, error) {
	in, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // it means something to Go and nothing to people
		return nil, fault.New(fault.Invalid, "bad_zone", "%q is no time zone such as Europe/Berlin", name).On("zone")
	}
	return in, nil
}

// DoorsOf reads a time as DoorsAt does; without a zone in the event's, without an event in UTC.
func (b *Board) DoorsOf(ctx context.Context, event id.Event, text, zoneName string) (time.Time, error) {
	if zoneName == "" && event != "" {
		names, err := db.All(ctx, b.db, func(z *string) []any { return []any{z} }, "SELECT time_zone FROM event WHERE id = $1", event)
		if err == nil && len(names) == 0 {
			err = noSuchShow(string(event))
		}
		if err != nil {
			return time.Time{}, err
		}
		zoneName = names[0]
	}
	return DoorsAt(text, zoneName)
}
