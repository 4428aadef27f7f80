// Package stream takes what happens in an app instance to where the account collects it. The API speaks of Kinesis
// streams; here a stream's ARN stands for an HTTP endpoint or a file (Config.Sinks).
//
// An event is written to the outbox in the transaction that makes it true, taken out by one worker per stream, and
// forgotten once the sink has it: at least once, and in order per channel. Chat never waits for a sink.
package stream

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/hook"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Config says where streams are.
type Config struct {
	Sinks  map[string]string // stream ARN → http:// or https:// URL, or file:PATH
	Poster *hook.Poster
	Logger *slog.Logger // nil: nobody is told
}

// Streams is the room, and the recorder of all others. Safe for concurrent use.
type Streams struct {
	*core.Core
	ids   *identity.Identities
	cfg   Config
	sinks map[string]sink
	wake  map[string]chan struct{} // by stream; tells its worker that there is something

	// What was configured when the running transaction began. Only the goroutine that commits uses it.
	tx         *db.Tx
	configured map[target]string
}

// target is one kind of events of one app instance.
type target struct{ app, dataType string }

// New makes the room. Sinks have passed CheckSink.
func New(c *core.Core, ids *identity.Identities, cfg Config) *Streams {
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	s := &Streams{Core: c, ids: ids, cfg: cfg, sinks: map[string]sink{}, wake: map[string]chan struct{}{}}
	for name, where := range cfg.Sinks {
		s.wake[name] = make(chan struct{}, 1)
		if path, is := strings.CutPrefix(where, "file:"); is {
			s.sinks[name] = &file{path: path}
			continue
		}
		s.sinks[name] = webhook{cfg.Poster, where, name}
	}
	return s
}

// The data types of a configuration.
const (
	channels = "Channel"
	messages = "ChannelMessage"
)

// carries lists the events that streams carry, by data type (developer guide, "Streaming messaging data").
func carries(event string) (dataType string) {
	switch event {
	case core.EventCreateMessage, core.EventUpdateMessage, core.EventRedactMessage, core.EventDeleteMessage:
		return messages
	case core.EventCreateChannel, core.EventUpdateChannel, core.EventDeleteChannel, core.EventUpdateExpiration,
		core.EventCreateMembership, core.EventDeleteMembership, core.EventCreateBan, core.EventDeleteBan,
		core.EventCreateModerator, core.EventDeleteModerator, core.EventCreateSubChannel, core.EventDeleteSubChannel:
		return channels
	}
	return ""
}

// Record writes e to the outbox if the app instance streams events of its kind. A stream that this process does not know
// takes nothing: nobody would ever take it out again.
func (s *Streams) Record(tx *db.Tx, e core.Event) error {
	kind := carries(e.Type)
	if len(s.sinks) == 0 || kind == "" {
		return nil
	}
	channel, _ := core.SplitPlace(e.Channel)
	r, _ := s.Find(channel, arn.KindChannel)
	stream, err := s.streamOf(tx, target{r.App, kind})
	if err != nil || s.sinks[stream] == nil {
		return err
	}
	record, err := encode(e)
	if err != nil {
		return err
	}
	// Later than every row that is there. Of one channel those are all there will ever be before this one, because each
	// write to a channel holds its row; so this keeps its order even when nodes disagree about the time.
	if _, err := tx.Exec(`INSERT INTO stream_outbox (stream, no, tie, record)
SELECT $1, CASE WHEN coalesce(max(no), 0) >= $2 THEN max(no) + 1 ELSE $2 END, $3, $4 FROM stream_outbox WHERE stream = $1`,
		stream, 1000*core.NowMS(), core.NewNo(), record); err != nil {
		return err
	}
	tx.AfterCommit(func() { wakeUp(s.wake[stream]) })
	return nil
}

func wakeUp(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look
	}
}

// streamOf answers from what was read once per transaction: a write that is in it was asked for before it began, and so
// before any change of the configuration that it cannot see. A chat without streams pays one short query per commit.
func (s *Streams) streamOf(tx *db.Tx, t target) (string, error) {
	if s.tx != tx {
		type row struct {
			target
			stream string
		}
		all, err := db.All(tx.Context(), tx, func(r *row) []any { return []any{&r.app, &r.dataType, &r.stream} },
			`SELECT app, data_type, stream FROM stream_config`)
		if err != nil {
			return "", err
		}
		s.tx, s.configured = tx, map[target]string{}
		for _, r := range all {
			s.configured[r.target] = r.stream
		}
	}
	return s.configured[t], nil
}

// encode writes a record without HTML escapes, on one line.
func encode(e core.Event) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		EventType string
		Payload   any
	}{e.Type, e.Payload})
	return strings.TrimSuffix(b.String(), "\n"), err
}

// Configuration is the structure StreamingConfiguration.
type Configuration struct {
	DataType    string // Channel or ChannelMessage
	ResourceArn string // of the stream
}

func errInstance() error {
	return fault.New(fault.NotFound, "app_instance", "The app instance does not exist.")
}

// known finds the app instance. These operations have an exception for one that is not there.
func (s *Streams) known(ctx context.Context, q db.Querier, instance arn.ARN) (app string, err error) {
	_, err = s.ids.InstanceIn(ctx, q, instance)
	if core.IsGone(err) {
		err = errInstance()
	}
	return instance.ID(), err
}

// CheckName refuses an ARN that no configuration may have.
func CheckName(stream string) error {
	f := strings.SplitN(stream, ":", 6)
	if len(f) != 6 || f[2] != "kinesis" || !strings.HasPrefix(f[5], "stream/chime-messaging-") {
		return fault.New(fault.Invalid, "stream", "The name of the stream must begin with chime-messaging-.").On("ResourceArn")
	}
	return nil
}

func (s *Streams) check(all []Configuration) error {
	seen := map[string]bool{}
	for _, c := range all {
		if err := CheckName(c.ResourceArn); err != nil {
			return err
		}
		switch {
		case seen[c.DataType]:
			return fault.New(fault.Invalid, "data_type", "There are two configurations for %s.", c.DataType).On("DataType")
		case s.sinks[c.ResourceArn] == nil:
			return fault.New(fault.NotFound, "stream", "The stream does not exist.")
		}
		seen[c.DataType] = true
	}
	return nil
}

// PutConfigurations says where the events of an app instance go from now on, in place of what was said before.
func (s *Streams) PutConfigurations(ctx context.Context, instance arn.ARN, all []Configuration) error {
	if err := s.check(all); err != nil {
		return err
	}
	return s.Write(ctx, func(tx *db.Tx) error {
		app, err := s.known(tx.Context(), tx, instance)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM stream_config WHERE app = $1`, app); err != nil {
			return err
		}
		for _, c := range all {
			if _, err := tx.Exec(`INSERT INTO stream_config (app, data_type, stream) VALUES ($1, $2, $3)`, app, c.DataType, c.ResourceArn); err != nil {
				return err
			}
		}
		return nil
	})
}

// Configurations reads where the events of an app instance go; there may be none.
func (s *Streams) Configurations(ctx context.Context, instance arn.ARN) ([]Configuration, error) {
	app, err := s.known(ctx, s.DB, instance)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, s.DB, func(c *Configuration) []any { return []any{&c.DataType, &c.ResourceArn} },
		`SELECT data_type, stream FROM stream_config WHERE app = $1 ORDER BY data_type`, app)
}

// DeleteConfigurations ends the streaming of an app instance. What happened before is still delivered.
func (s *Streams) DeleteConfigurations(ctx context.Context, instance arn.ARN) error {
	return s.Write(ctx, func(tx *db.Tx) error {
		app, err := s.known(tx.Context(), tx, instance)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM stream_config WHERE app = $1`, app)
		}
		return err
	})
}

// SweepConfigurations is the step that forgets the configurations of deleted app instances, when their channels have
// ended and the stream has been told so.
func (s *Streams) SweepConfigurations(tx *db.Tx) (int64, error) {
	return tx.Exec(`DELETE FROM stream_config WHERE app IN (SELECT id FROM app_instance WHERE deleted_ms > 0 ORDER BY id LIMIT 1)
AND NOT EXISTS (SELECT 1 FROM channel c WHERE c.app = stream_config.app)`)
}

// CheckSink says whether a configured place can be a sink.
func CheckSink(where string) error {
	if path, is := strings.CutPrefix(where, "file:"); is {
		if path == "" {
			return fmt.Errorf("%q names no file", where)
		}
		if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
			return fmt.Errorf("%q lies in no folder that exists", where)
		}
		return nil
	}
	if err := hook.CheckURL(where); err != nil {
		return fmt.Errorf("%w, nor file:PATH", err)
	}
	return nil
}
