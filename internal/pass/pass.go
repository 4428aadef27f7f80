// Package pass hands an admitted person what the chat needs: the provider's address and credentials for that one
// account in that one channel – or a state that says why not yet.
//
//	off        the show has no chat
//	closed     the show is over or was cancelled
//	banned     a moderator removed this person
//	preparing  the chat account is still being made
//	naming     the account is there, the chosen name is on its way: may read
//	ready      may read and send
//	resting    the chat is away or slow: the show goes on, ask again
//
// Asking never fails because of the chat and never waits longer for it than a moment.
//
// Until when keys to a show's chat may work is written down before any is made: what people can write by is what the
// archive waits for. There is no call that takes a key back.
package pass

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/id"
)

// State says what a person may do in the chat now. The package's doc explains them.
type State string

// The states.
const (
	Off       State = "off"
	Closed    State = "closed"
	Banned    State = "banned"
	Preparing State = "preparing"
	Naming    State = "naming"
	Ready     State = "ready"
	Resting   State = "resting"
)

// MaxLine is the longest line in graphemes that a page should send: 300 of the heaviest emoji stay below the provider's
// 4,096 bytes for almost every real line, and nobody reads longer ones in a fast chat.
const MaxLine = 300

// Answer is what a page gets when it asks for its pass.
type Answer struct {
	State   State      `json:"state" enum:"ready,naming,preparing,off,closed,banned,resting"`
	Detail  string     `json:"detail" doc:"One sentence for the person."`
	ReadyAt *time.Time `json:"readyAt" doc:"When the account will be there, while preparing; null if nobody knows."`
	Made    int        `json:"made" doc:"Accounts of this show that are made, while preparing."`
	Total   int        `json:"total"`
	RetryMs int64      `json:"retryMs" doc:"Ask again after this many milliseconds; 0: do not."`
	MaxLine int        `json:"maxLine" doc:"Longest line in graphemes."`
	Pass    *Pass      `json:"pass" doc:"Set when ready and naming."`
}

// Pass lets a browser speak to the provider as one account in one channel.
type Pass struct {
	Region      string      `json:"region"`
	Endpoint    string      `json:"endpoint" doc:"Absolute URL, or a path on this origin."`
	UserArn     arn.ARN     `json:"userArn"`
	ChannelArn  arn.ARN     `json:"channelArn"`
	Name        string      `json:"name" doc:"The name the chat shows now."`
	Credentials Credentials `json:"credentials"`
	ServerTime  time.Time   `json:"serverTime" doc:"Sign with this clock, not the device's."`
}

// Credentials are temporary keys. They are for the browser they were made for and for no log.
type Credentials struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	ExpiresAt       time.Time `json:"expiresAt"`
}

// LogValue hides the secrets from slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.AccessKeyID) }

// String hides the secrets from fmt.
func (c Credentials) String() string { return c.AccessKeyID }

// GoString hides the secrets from %#v.
func (c Credentials) GoString() string { return c.AccessKeyID }

// Progress says how far the making of a show's chat is.
type Progress struct {
	Made, Total int
	ReadyAt     time.Time // zero: nobody knows
}

// Config of an Office. DB, Chime, Endpoint and Logger are required.
type Config struct {
	DB       *db.DB
	Chime    *chime.Client
	Region   string // "" means the client's
	Endpoint string // where browsers reach the provider: absolute URL, or a path such as "/chime"
	// Progress is asked while an account is being made; nil or an error means that nobody knows.
	Progress func(ctx context.Context, event id.Event) (Progress, error)
	Logger   *slog.Logger
	// TTL is how long credentials last; 0 means 1 hour, the most that a chained role gets. The provider's minimum is 15
	// minutes.
	TTL time.Duration
	// Patience is how long one person waits for the provider; 0 means 2 s.
	Patience time.Duration
}

// Office answers people who ask for their pass. It keeps nothing about a person. Safe for concurrent use.
type Office struct {
	cfg     Config
	breaker breaker
	desks   chan struct{} // one place for each call to the provider that runs now
	life    life
}

// maxCalls bounds the calls to the provider that run at once. 600/s is what STS allows an account in a region (IAM
// quotas); 64 at some 20 ms each stay in that order.
const maxCalls = 64

// New makes an Office.
func New(cfg Config) *Office {
	if cfg.Region == "" {
		cfg.Region = cfg.Chime.Region()
	}
	if cfg.TTL == 0 {
		cfg.TTL = time.Hour
	}
	if cfg.Patience == 0 {
		cfg.Patience = 2 * time.Second
	}
	return &Office{cfg: cfg, desks: make(chan struct{}, maxCalls), life: life{db: cfg.DB, known: map[id.Event]time.Time{}}}
}

// Pass answers the holder of a ticket, whom the caller has admitted. Trouble becomes the state resting and a line in
// the log; there is no error.
func (o *Office) Pass(ctx context.Context, event id.Event, ticket id.Ticket, role id.Role, now time.Time) Answer {
	began := time.Now()
	s, err := o.look(ctx, event, ticket)
	if err != nil {
		if ctx.Err() == nil {
			o.cfg.Logger.Error("chat pass", "event", event, "ticket", ticket, "err", err)
		}
		return resting("The chat is resting. The show goes on.", 5*time.Second)
	}
	if a, final := s.refuse(); final {
		return a
	}
	if s.user == "" {
		return o.preparing(ctx, event, now)
	}
	if err := o.life.reaches(ctx, event, time.Now().Add(o.cfg.TTL+o.cfg.Patience)); err != nil {
		return o.away(event, ticket, err)
	}
	keys, err := o.assume(ctx, s, role)
	if err != nil {
		return o.away(event, ticket, err)
	}
	a := Answer{State: Ready, Detail: "You are in the chat.", MaxLine: MaxLine, Pass: &Pass{
		Region: o.cfg.Region, Endpoint: o.cfg.Endpoint, UserArn: s.user, ChannelArn: s.channel, Name: s.made,
		Credentials: Credentials{keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, keys.Expires.UTC().Truncate(time.Millisecond)},
		ServerTime:  now.Add(time.Since(began)).UTC().Truncate(time.Millisecond),
	}}
	if s.chosen != s.made {
		a.State, a.Detail, a.RetryMs = Naming, "Your name is on its way to the chat.", jitter(1500*time.Millisecond)
	}
	return a
}

// standing is all that the database knows about one person's chat.
type standing struct {
	chat          bool
	event         string // state of the show
	banned        bool
	reason        string
	user, channel arn.ARN // "" until made
	made, chosen  string  // the provider's name of the person, and the one the person wants
}

func (o *Office) look(ctx context.Context, event id.Event, ticket id.Ticket) (standing, error) {
	fields := func(s *standing) []any {
		return []any{&s.chat, &s.event, &s.banned, &s.reason, &s.user, &s.channel, &s.made, &s.chosen}
	}
	return db.One(ctx, o.cfg.DB, fields, `
		SELECT e.chat, e.state, b.ticket_id IS NOT NULL, COALESCE(b.reason, ''),
		       COALESCE(r.user_arn, ''), COALESCE(r.channel_arn, ''), COALESCE(r.made_name, ''), COALESCE(n.name, '')
		FROM chat_event e
		LEFT JOIN banned_ticket b ON b.event_id = e.event_id AND b.ticket_id = $2
		LEFT JOIN chat_ready r ON r.event_id = e.event_id AND r.ticket_id = $2
		LEFT JOIN chosen_name n ON n.event_id = e.event_id AND n.ticket_id = $2
		WHERE e.event_id = $1`, event, ticket)
}

// refuse answers the states in which the provider is not needed; final is false for the others.
func (s standing) refuse() (a Answer, final bool) {
	a.MaxLine = MaxLine
	switch {
	case !s.chat:
		a.State, a.Detail = Off, "This show has no chat."
	case s.event == "ended" || s.event == "archived" || s.event == "purged":
		a.State, a.Detail = Closed, "The show is over and the chat is closed."
	case s.event == "cancelled":
		a.State, a.Detail = Closed, "The show is cancelled and the chat is closed."
	case s.banned && s.reason != "":
		a.State, a.Detail = Banned, "A moderator removed you from the chat: "+s.reason
	case s.banned:
		a.State, a.Detail = Banned, "A moderator removed you from the chat."
	default:
		return a, false
	}
	return a, true
}

func (o *Office) preparing(ctx context.Context, event id.Event, now time.Time) Answer {
	a := Answer{State: Preparing, Detail: "Your chat account is being made.", MaxLine: MaxLine, RetryMs: jitter(5 * time.Second)}
	if o.cfg.Progress == nil {
		return a
	}
	p, err := o.cfg.Progress(ctx, event)
	if err != nil {
		if ctx.Err() == nil {
			o.cfg.Logger.Error("chat pass: progress", "event", event, "err", err)
		}
		return a
	}
	a.Made, a.Total = p.Made, p.Total
	if !p.ReadyAt.IsZero() {
		at := p.ReadyAt.UTC().Truncate(time.Millisecond)
		a.ReadyAt = &at
		// A hint over the live socket comes the moment the account is there; asking is only the net below. So a whole
		// audience that waits for an hour need not ask every few seconds.
		a.RetryMs = jitter(min(max(at.Sub(now), 3*time.Second), 20*time.Second))
	}
	return a
}

// errOpen says that the provider failed a moment ago and is left alone.
var errOpen = errors.New("the chat provider is being left alone after failures")

// assume asks the provider for credentials, but not while it is known to be away.
func (o *Office) assume(ctx context.Context, s standing, role id.Role) (chime.Credentials, error) {
	if !o.breaker.allow(time.Now()) {
		return chime.Credentials{}, errOpen
	}
	within, cancel := context.WithTimeout(ctx, o.cfg.Patience)
	defer cancel()
	var keys chime.Credentials
	var err error
	select {
	case o.desks <- struct{}{}:
		keys, err = o.cfg.Chime.AssumeUser(within, s.user, s.channel, role, o.cfg.TTL)
		<-o.desks
	case <-within.Done():
		err = within.Err()
	}
	switch {
	case ctx.Err() != nil:
		o.breaker.settle(time.Now(), unknown) // the person left: says nothing about the provider
	case errors.Is(err, context.DeadlineExceeded), fault.Is(err, fault.Unavailable):
		o.breaker.settle(time.Now(), failed)
	default:
		o.breaker.settle(time.Now(), answered) // a refusal is an answer too
	}
	return keys, err
}

// away turns a provider's failure into the state resting.
func (o *Office) away(event id.Event, ticket id.Ticket, err error) Answer {
	if f := fault.As(err); f.Kind == fault.Throttled {
		return resting("The chat is busy. You will be in it in a moment.", max(f.RetryAfter, 2*time.Second))
	}
	if !errors.Is(err, errOpen) && !errors.Is(err, context.Canceled) && !errors.Is(err, sql.ErrNoRows) {
		o.cfg.Logger.Warn("chat pass: the provider gave no credentials", "event", event, "ticket", ticket, "err", err)
	}
	return resting("The chat is resting. The show goes on.", 5*time.Second)
}

func resting(detail string, retry time.Duration) Answer {
	return Answer{State: Resting, Detail: detail, RetryMs: jitter(retry), MaxLine: MaxLine}
}

// jitter spreads a crowd that was answered at the same moment over half as much time again. Milliseconds.
func jitter(d time.Duration) int64 {
	return (d + rand.N(d/2)).Milliseconds() //nolint:gosec // no secret
}
