package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/bus"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/inventory"
	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision"
	"github.com/stagedoor/stagedoor/internal/readiness"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
	"github.com/stagedoor/stagedoor/internal/schema"
)

// Booth is where an operator looks at the provisioning and steers it, from a process of its own: what runs elsewhere
// follows through the database. Make it with OpenBooth.
type Booth struct {
	*readiness.Board
	db        *db.DB
	provision *provision.Provisioner
	inventory *inventory.Catalog
}

// OpenBooth opens the platform's database as it is: a command that looks makes neither a database nor a new schema.
func OpenBooth(ctx context.Context, s config.Storage, pace string, r config.Readiness) (*Booth, error) {
	if err := errors.Join(r.Check(), existing(s)); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, s.PlatformDatabase())
	if err != nil {
		return nil, err
	}
	have, newest, err := d.Schema(ctx, schema.Platform())
	switch {
	case err != nil:
	case have > newest:
		err = fmt.Errorf("the database has schema %d, this program knows only %d: run a newer stagedoor", have, newest)
	case have < newest:
		err = fmt.Errorf("the database has schema %d, this program's is %d: start stagedoor serve, or run stagedoor migrate", have, newest)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return &Booth{Board: board(d, pace, r, slog.New(slog.DiscardHandler)), db: d, inventory: inventory.New(d),
		// It never runs: its client has nobody to call.
		provision: provision.New(provision.Config{DB: d, Chime: chime.New(chime.Config{}), Bus: &bus.Bus{}, Preset: pace})}, nil
}

// existing refuses a SQLite file that is not there: opening would make it.
func existing(s config.Storage) error {
	file, ok := strings.CutPrefix(s.PlatformDatabase(), "sqlite:")
	if !ok {
		return nil
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database %s: give the folder of a running stagedoor with --data, or its --database", file)
	}
	return nil
}

// Close closes the database.
func (b *Booth) Close() error { return b.db.Close() }

// Pause stops calls to the provider everywhere until Resume.
func (b *Booth) Pause(ctx context.Context) error { return b.provision.Pause(ctx) }

// Resume undoes Pause.
func (b *Booth) Resume(ctx context.Context) error { return b.provision.Resume(ctx) }

var errNotDrained = errors.New("paused, but not waited for: calls may still be on their way")

// Drained waits until no call is on its way any more.
func (b *Booth) Drained(ctx context.Context) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		b.Forget()
		s, err := b.Status(ctx, time.Now())
		switch {
		case ctx.Err() != nil:
			return errNotDrained // Ctrl-C is no success: a script goes on only when nothing is on its way
		case err != nil:
			return err
		case s.Drained:
			return nil
		case !s.Paused:
			return errors.New("somebody has resumed it meanwhile")
		case s.Leader == nil:
			return fmt.Errorf("nobody leads any more, calls without an answer: %d; whoever leads next looks what became of them", s.InFlight)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errNotDrained
		}
	}
}

// Retry lets what failed be tried at once, and says how many resources that are. Of event (identifier or last part of its
// page's address), ticket and arn, what is given narrows it down.
func (b *Booth) Retry(ctx context.Context, event, ticket, arn string) (int, error) {
	in := provision.RetryInput{Subject: id.Ticket(ticket)}
	if event != "" {
		e, err := b.Event(ctx, event)
		if err != nil {
			return 0, err
		}
		in.Event = e
	}
	if ticket != "" {
		e, err := b.EventOf(ctx, in.Subject)
		if err == nil && event != "" && in.Event != e {
			err = fault.New(fault.Invalid, "bad_ticket", "ticket %s is of another show: %s", ticket, e).On("ticket")
		}
		if err != nil {
			return 0, err
		}
		in.Event = e
	}
	if arn != "" {
		r, err := b.Resource(ctx, arn)
		if err != nil {
			return 0, err
		}
		if in.Event != "" && in.Event != r.Event || ticket != "" && in.Subject != r.Subject {
			return 0, fault.New(fault.Invalid, "bad_arn", "%s belongs to event %s and ticket %q", arn, r.Event, r.Subject)
		}
		in = provision.RetryInput(r)
	}
	return b.provision.Retry(ctx, in)
}

// board shows the state of a platform database.
func board(d *db.DB, pace string, r config.Readiness, log *slog.Logger) *readiness.Board {
	return readiness.New(readiness.Config{DB: d, Preset: pace, Slack: r.Slack, Logger: log})
}

// Doctor checks an installation from a process of its own.
func Doctor(ctx context.Context, s config.Storage, c config.Chime, r config.Readiness, engineURL string) []doctor.Check {
	b, err := OpenBooth(ctx, s, c.Pace, r)
	if err != nil {
		return []doctor.Check{{Name: "database", Verdict: doctor.Bad, Text: err.Error(), ToDo: "look at --data and --database"}}
	}
	defer func() { _ = b.Close() }()
	out := []doctor.Check{{Name: "database", Verdict: doctor.Fine, Text: string(b.db.Dialect()) + ", with this program's schema"}}
	if check, ok := diskCheck(s.Data); ok {
		out = append(out, check)
	}
	check, err := b.sweepCheck(ctx, time.Now())
	if err != nil {
		check.Verdict, check.Text = doctor.Bad, err.Error()
	}
	out = append(out, check)
	ask, err := asker(s, c, engineURL, b.db)
	if err != nil {
		out = append(out, doctor.Check{Name: "provider", Verdict: doctor.Bad, Text: err.Error()})
	}
	return append(out, doctor.Examine(ctx, b.Board, ask, time.Now())...)
}

// asker asks the provider for one page of app instances, in its turn.
func asker(s config.Storage, c config.Chime, engineURL string, d *db.DB) (doctor.Provider, error) {
	preset, err := pace.Named(c.Pace)
	if err != nil {
		return nil, err
	}
	watch := &dated{}
	cfg, err := outside(s, c, engineURL)
	if err != nil {
		return nil, err
	}
	cfg.HTTP = watch
	client := chime.New(cfg)
	return func(ctx context.Context) (doctor.Answer, error) {
		var a doctor.Answer
		err := pace.New(preset).Do(ctx, d, pace.Call{Op: "ListAppInstances"}, func(ctx context.Context) error {
			began := time.Now()
			_, err := client.ListAppInstances(ctx, "")
			a.Took = time.Since(began)
			return err
		})
		a.Clock = watch.clock()
		return a, err
	}, nil
}

// dated notes the provider's clock from its answers.
type dated struct {
	mu sync.Mutex
	at time.Time // guarded by mu
}

func (t *dated) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		t.mu.Lock()
		t.at = at
		t.mu.Unlock()
	}
	return answer, nil
}

func (t *dated) clock() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.at
}

// outside is where the provider is for a process of its own: see Provider.
func outside(s config.Storage, c config.Chime, engineURL string) (chime.Config, error) {
	if err := c.Check(); err != nil {
		return chime.Config{}, err
	}
	keys, err := openSecrets(s.Data)
	if err != nil {
		return chime.Config{}, err
	}
	if c.Embedded() {
		c.Chime = engineURL
	}
	return chimeConfig(c, keys, nil), nil
}
