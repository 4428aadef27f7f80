package readiness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// Alarms. Whoever watches compares the Status with the table alarm, every watchEvery. What is wrong and stays wrong for
// settle is inserted, and whoever's insert succeeds says it; what is right again and stays right for heal is deleted. So
// a show and a cause alarm once, however many processes watch, and a forecast that wavers about the threshold does not
// alarm again and again.
const (
	watchEvery = 10 * time.Second
	settle     = 20 * time.Second // another leader takes over within 8 s
	heal       = time.Minute
	// better is how much more slack than the threshold ends an alarm.
	better = 1.2
	// soon is what may be left to do at any time: who buys ten minutes before doors leaves little slack and needs no help.
	soon = time.Minute
	// pausedWithin is how long before doors a pause is still nobody's business.
	pausedWithin = 24 * time.Hour
)

type alarmKey struct {
	event id.Event
	cause Cause
}

// alarmRow is an alarm as the table knows it.
type alarmRow struct {
	Alarm
	since, healed int64
}

func (a Alarm) key() alarmKey { return alarmKey{a.EventID, a.Cause} }

func (b *Board) alarmRows(ctx context.Context) ([]alarmRow, error) {
	return db.All(ctx, b.db, func(a *alarmRow) []any {
		return []any{&a.EventID, &a.Cause, &a.since, &a.healed, &a.Text, &a.ToDo}
	}, "SELECT event_id, cause, since_ms, healed_ms, text, to_do FROM alarm ORDER BY since_ms, event_id, cause")
}

// alarms reads what was raised and is not over.
func (b *Board) alarms(ctx context.Context) ([]Alarm, error) {
	rows, err := b.alarmRows(ctx)
	out := []Alarm{}
	for _, r := range rows {
		r.Since = time.UnixMilli(r.since).UTC()
		out = append(out, r.Alarm)
	}
	return out, err
}

// Watch raises and ends alarms until ctx ends. Any number of processes may watch.
func (b *Board) Watch(ctx context.Context) error {
	w := watch{Board: b, wrong: map[alarmKey]time.Time{}}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	ill := false
	for {
		err := w.look(ctx, time.Now())
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !ill {
			b.log.Warn("whether chats will be ready could not be checked", "err", err)
		}
		ill = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watch is what one watcher remembers.
type watch struct {
	*Board
	wrong map[alarmKey]time.Time // since when it has seen what is wrong and not raised
}

// look compares once. What is wrong and what is right counts from when it was seen in the tables: an answer of Status may be
// as old as a large ledger is slow to count, and the same answer twice is no second look.
func (w *watch) look(ctx context.Context, now time.Time) error {
	s, err := w.Status(ctx, now)
	if err != nil {
		return err
	}
	rows, err := w.alarmRows(ctx)
	if err != nil {
		return err
	}
	raised := map[alarmKey]alarmRow{}
	for _, r := range rows {
		raised[r.key()] = r
	}
	wrong := map[alarmKey]time.Time{}
	for _, a := range s.judge(w.slack, now, func(k alarmKey) bool { _, ok := raised[k]; return ok }) {
		if r, ok := raised[a.key()]; ok {
			delete(raised, a.key())
			if err := w.renew(ctx, r, a); err != nil {
				return err
			}
			continue
		}
		since, seen := w.wrong[a.key()]
		if !seen {
			since = s.AskedAt
		}
		wrong[a.key()] = since
		if s.AskedAt.Sub(since) < settle {
			continue
		}
		if err := w.raise(ctx, a, now); err != nil {
			return err
		}
	}
	w.wrong = wrong
	for _, r := range raised {
		if err := w.end(ctx, r, s.AskedAt, s.settled(r.key())); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) raise(ctx context.Context, a Alarm, now time.Time) error {
	n, err := w.db.Exec(ctx, `INSERT INTO alarm (event_id, cause, since_ms, healed_ms, text, to_do) VALUES ($1, $2, $3, 0, $4, $5)
		ON CONFLICT (event_id, cause) DO NOTHING`, a.EventID, a.Cause, now.UnixMilli(), a.Text, a.ToDo)
	if err == nil && n == 1 {
		w.log.Warn(a.Text, "event", a.EventID, "alarm", a.Cause, "to_do", a.ToDo)
	}
	return err
}

// renew keeps an alarm that is still true, in today's words.
func (w *watch) renew(ctx context.Context, r alarmRow, a Alarm) error {
	if r.healed == 0 && r.Text == a.Text && r.ToDo == a.ToDo {
		return nil
	}
	_, err := w.db.Exec(ctx, "UPDATE alarm SET healed_ms = 0, text = $1, to_do = $2 WHERE event_id = $3 AND cause = $4", a.Text, a.ToDo, a.EventID, a.Cause)
	return err
}

// end ends an alarm whose cause has been gone for a while, or is gone for good.
func (w *watch) end(ctx context.Context, r alarmRow, now time.Time, settled bool) error {
	if r.healed == 0 && !settled {
		_, err := w.db.Exec(ctx, "UPDATE alarm SET healed_ms = $1 WHERE event_id = $2 AND cause = $3 AND healed_ms = 0", now.UnixMilli(), r.EventID, r.Cause)
		return err
	}
	if !settled && now.Sub(time.UnixMilli(r.healed)) < heal {
		return nil
	}
	n, err := w.db.Exec(ctx, "DELETE FROM alarm WHERE event_id = $1 AND cause = $2 AND healed_ms = $3", r.EventID, r.Cause, r.healed)
	if err == nil && n == 1 {
		w.log.Info("an alarm is over", "event", r.EventID, "alarm", r.Cause, "text", r.Text)
	}
	return err
}

// Wrong is what a watcher would raise if nothing had been raised yet.
func (b *Board) Wrong(s Status, now time.Time) []Alarm {
	return s.judge(b.slack, now, func(alarmKey) bool { return false })
}

// judge says what is wrong. raised tells of an alarm that stands already: it takes more to end one than not to raise it.
func (s Status) judge(slack time.Duration, now time.Time, raised func(alarmKey) bool) []Alarm {
	var out []Alarm
	waiting := 0
	for _, e := range s.Events {
		waiting += e.ToMake + e.ToDelete
		if a, wrong := s.late(e, slack, now, raised(alarmKey{e.EventID, CauseLate})); wrong {
			out = append(out, a)
		}
		if until := e.DoorsAt.Sub(now); s.Paused && e.ToMake > 0 && until < pausedWithin {
			out = append(out, Alarm{EventID: e.EventID, Cause: CausePaused,
				Text: fmt.Sprintf("The provisioner is paused, “%s” misses %s, and doors are %s.", e.Name, words.Plural(e.ToMake, "chat resource"), when(until)),
				ToDo: "Resume it: stagedoor provision resume"})
		}
		if e.Failed > 0 {
			out = append(out, Alarm{EventID: e.EventID, Cause: CauseFailed,
				Text: fmt.Sprintf("“%s” has %s set aside%s", e.Name, words.Plural(e.Failed, "chat resource"), s.firstError(e.EventID)),
				ToDo: "Look at the failures in the console or with stagedoor provision status; when the reason is gone: stagedoor provision retry --event " + e.Slug})
		}
	}
	if s.Leader == nil && !s.Paused && waiting > 0 {
		out = append(out, Alarm{Cause: CauseNobody, Text: fmt.Sprintf("No provisioner is running; waiting: %s.", words.Plural(waiting, "chat resource")),
			ToDo: "Start one: stagedoor provision (or stagedoor serve without --no-provisioner); if one runs, its log says why it does not lead"})
	}
	return out
}

// settled reports whether the cause of an alarm cannot waver any more: nothing is left to be made in time.
func (s Status) settled(k alarmKey) bool {
	if k.cause != CauseLate && k.cause != CausePaused {
		return false
	}
	return slices.ContainsFunc(s.Events, func(e Event) bool { return e.EventID == k.event && e.ToMake == 0 })
}

// when writes how far away doors are.
func when(until time.Duration) string {
	if until <= 0 {
		return "open"
	}
	return "in " + words.Span(until)
}

// firstError is one reason for an event's failures.
func (s Status) firstError(event id.Event) string {
	for _, f := range s.Failures {
		if f.EventID == event {
			return ": " + strings.TrimRight(f.Error, ". ") + "." // some of the provider's texts are whole sentences
		}
	}
	return "."
}

// late says that a show will not be ready in time. What is done in a moment, or in little of the time that is left,
// alarms nobody.
func (s Status) late(e Event, threshold time.Duration, now time.Time, raised bool) (Alarm, bool) {
	if e.ReadyAt == nil {
		return Alarm{}, false
	}
	slack, left := time.Duration(*e.SlackSeconds*float64(time.Second)), e.ReadyAt.Sub(now)
	small := max(soon, slack/10)
	if raised {
		threshold, small = max(time.Duration(float64(threshold)*better), threshold+soon), small/2
	}
	if slack >= threshold || left <= small {
		return Alarm{}, false
	}
	in := words.Zone(e.TimeZone)
	what := fmt.Sprintf("only %s before doors", words.Span(slack))
	if slack < 0 {
		what = fmt.Sprintf("%s after doors", words.Span(-slack))
	}
	a := Alarm{EventID: e.EventID, Cause: CauseLate,
		Text: fmt.Sprintf("The chat of “%s” will be ready at %s, %s.", e.Name, words.Moment(*e.ReadyAt, now, in), what)}
	a.ToDo = fmt.Sprintf("Open the doors at %s or later", words.Moment(e.ReadyAt.Add(threshold).Truncate(5*time.Minute).Add(5*time.Minute), now, in))
	if e.Bound != "" && len(e.CallsLeft) > 0 {
		c := e.CallsLeft[0]
		for _, other := range e.CallsLeft {
			if other.Bucket == e.Bound {
				c = other
			}
		}
		a.ToDo += fmt.Sprintf(", or let the provider raise the limit that holds it back (%s: %s, %s calls are left)", c.Bucket, words.Rate(c.PerSecond), words.Number(c.Calls))
	}
	return a, true
}
