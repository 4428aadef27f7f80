package chat_test

import (
	"path/filepath"
	"testing"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/engine/stream"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// One node must write records for a configuration that another node has just put, and stop when that one deletes it.
func TestAStreamConfiguredOnOneNodeCountsOnTheOther(t *testing.T) {
	const talk = "arn:aws:kinesis:us-east-1:123456789012:stream/chime-messaging-talk"
	url := dbtest.PostgresURL(t)
	cfg := chat.Config{Region: "us-east-1", Account: "123456789012",
		Stream: stream.Config{Sinks: map[string]string{talk: "file:" + filepath.Join(t.TempDir(), "talk")}}}
	var nodes [2]house
	for i := range nodes {
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(t.Context(), schema.Engine()); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			nodes[0] = open(t, d)
		}
		nodes[i] = house{T: t, Chat: chat.New(d, cfg), app: nodes[0].app, ann: nodes[0].ann, bob: nodes[0].bob, mod: nodes[0].mod, channel: nodes[0].channel}
	}
	waiting := func() int {
		n, err := db.Value[int](t.Context(), nodes[0].DB, `SELECT count(*) FROM stream_outbox`)
		nodes[0].ok(err)
		return n
	}
	said := func(n house) {
		_, err := n.Send(t.Context(), n.ann, n.channel, "", message.NewMessage{Type: "STANDARD", Persistence: "PERSISTENT", Content: "x"})
		n.ok(err)
	}
	said(nodes[0])
	if n := waiting(); n != 0 {
		t.Errorf("%d records without a configuration", n)
	}
	for range 10 {
		nodes[1].ok(nodes[1].PutConfigurations(t.Context(), nodes[1].app, []stream.Configuration{{DataType: "ChannelMessage", ResourceArn: talk}}))
		before := waiting()
		said(nodes[0])
		if n := waiting() - before; n != 1 {
			t.Errorf("%d records with a configuration", n)
		}
		nodes[1].ok(nodes[1].DeleteConfigurations(t.Context(), nodes[1].app))
		said(nodes[0])
		if n := waiting() - before; n != 1 {
			t.Errorf("%d records without a configuration", n-1)
		}
	}
}

func TestOneNodeAtATimeHoldsALeaseAndGivesItBack(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		a, b := open(t, d), chat.New(d, chat.Config{Region: "us-east-1", Account: "123456789012"})
		first, second := a.NewLease("work"), b.NewLease("work")
		for range 2 {
			if held, err := first.Held(t.Context()); !held || err != nil {
				t.Fatalf("first: %v %v", held, err)
			}
			if held, err := second.Held(t.Context()); held != (d.Dialect() == db.SQLite) || err != nil {
				t.Fatalf("second, meanwhile: %v %v", held, err)
			}
		}
		first.Release(t.Context())
		if held, err := second.Held(t.Context()); !held || err != nil {
			t.Fatalf("second, afterwards: %v %v", held, err)
		}
	})
}
