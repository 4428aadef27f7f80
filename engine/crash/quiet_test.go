package crash_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/engine"
)

// ears counts the frames of one person.
type ears struct {
	mu    sync.Mutex
	kinds map[string]int
	said  string // the last line
	moved chan<- struct{}
}

func (e *ears) hear(kind string, frame []byte) {
	e.mu.Lock()
	e.kinds[kind]++
	if kind == "CREATE_CHANNEL_MESSAGE" {
		_, after, _ := bytes.Cut(frame, []byte(numbered))
		text, _, _ := bytes.Cut(after, []byte(":"))
		e.said = string(text)
	}
	e.mu.Unlock()
	e.moved <- struct{}{}
}

func (e *ears) count(kind string) int { e.mu.Lock(); defer e.mu.Unlock(); return e.kinds[kind] }

// gathering is a channel whose members grow to ten thousand while some people are connected.
type gathering struct {
	*testing.T
	*wire
	stage stage
	crowd []string
	fleet *fleet
	moved chan struct{}
	lines int
}

// connect opens a session of somebody and returns what it hears.
func (g *gathering) connect(ctx context.Context, who string) *ears {
	g.Helper()
	e := &ears{kinds: map[string]int{}, moved: g.moved}
	p := &fan{fleet: g.fleet, no: len(g.fleet.fans), arn: who, key: rootKey, hears: e.hear}
	g.fleet.fans = append(g.fleet.fans, p)
	g.fleet.running.Go(func() { p.stay(ctx) })
	g.until(func() bool { return e.count("SESSION_ESTABLISHED") == 1 })
	return e
}

// until takes note of frames until something is so.
func (g *gathering) until(is func() bool) {
	g.Helper()
	ctx, cancel := context.WithTimeout(g.Context(), patience)
	defer cancel()
	for !is() {
		select {
		case <-g.moved:
		case <-ctx.Done():
			g.Fatal("a frame is missing")
		}
	}
}

func (g *gathering) add(members ...string) {
	g.Helper()
	path := "/channels/" + url.PathEscape(g.stage.Channels[0]) + "/memberships"
	in := map[string]any{"MemberArn": members[0], "Type": "DEFAULT"}
	if len(members) > 1 {
		path, in = path+"?operation=batch-create", map[string]any{"MemberArns": members}
	}
	if err := g.call(g.Context(), http.MethodPost, path, g.stage.Admin, in, nil); err != nil {
		g.Fatal(err)
	}
}

func (g *gathering) remove(member string) {
	g.Helper()
	if err := g.call(g.Context(), http.MethodDelete, "/channels/"+url.PathEscape(g.stage.Channels[0])+"/memberships/"+url.PathEscape(member),
		g.stage.Admin, nil, nil); err != nil {
		g.Fatal(err)
	}
}

// settle says a line and waits until all have heard it: frames keep their order, so nothing of before is on its way.
func (g *gathering) settle(all []*ears) {
	g.Helper()
	g.lines++
	if err := g.call(g.Context(), http.MethodPost, messages(g.stage.Channels[0]), g.stage.Admin, map[string]any{"Type": "STANDARD",
		"Content": fmt.Sprintf(numbered+"%d:", g.lines), "Persistence": "PERSISTENT", "ClientRequestToken": fmt.Sprint("line-", g.lines)}, nil); err != nil {
		g.Fatal(err)
	}
	for _, e := range all {
		g.until(func() bool { e.mu.Lock(); defer e.mu.Unlock(); return e.said == fmt.Sprint(g.lines) })
	}
}

// Ten thousand become members of a channel in which people are connected: a hundred calls of a hundred, then some one by one,
// then some leave. Those of the audience who were there hear the first four calls, after which there are more than 500
// members (docs/adr/0010), and then nothing but lines; a moderator hears each call once; who is added hears it, and who is
// removed. Told to everybody it would be a million frames by the end.
func TestAStormOfMembershipsIsNotAStormOfFrames(t *testing.T) {
	const audience, all = 20, 10_000
	g := &gathering{T: t, moved: make(chan struct{}, 1<<16)}
	database := filepath.Join(t.TempDir(), "engine.db")
	e, err := engine.New(t.Context(), config("sqlite:"+database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(context.Background()) }()
	server := httptest.NewServer(e)
	defer server.Close()
	g.wire = newWire(strings.TrimPrefix(server.URL, "http://"), rootKey)
	defer g.http.CloseIdleConnections()
	if g.stage, err = build(t.Context(), g.wire, 1+audience, 1); err != nil {
		t.Fatal(err)
	}
	g.populate(database, all)
	g.fleet = newFleet(strings.TrimPrefix(server.URL, "http://"), g.stage.Channels[0], patience)
	defer g.fleet.running.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	var there []*ears
	for _, who := range g.stage.People {
		there = append(there, g.connect(ctx, who))
	}
	moderator, coming := there[0], g.connect(ctx, g.crowd[7042])
	for some := range slices.Chunk(g.crowd[:all-50], 100) {
		g.add(some...)
	}
	late := g.connect(ctx, g.crowd[all-1])
	for _, one := range g.crowd[all-50:] {
		g.add(one)
	}
	g.remove(g.crowd[7042])
	for _, one := range g.crowd[:20] {
		g.remove(one)
	}
	g.settle(append(there, late))

	expect := func(who string, e *ears, batches, joins, leaves int) {
		t.Helper()
		if b, j, l := e.count("BATCH_CREATE_CHANNEL_MEMBERSHIP"), e.count("CREATE_CHANNEL_MEMBERSHIP"), e.count("DELETE_CHANNEL_MEMBERSHIP"); b != batches || j != joins || l != leaves {
			t.Errorf("%s hears %d batches, %d joins and %d leaves, want %d, %d and %d", who, b, j, l, batches, joins, leaves)
		}
	}
	expect("the moderator", moderator, 100, 50, 21)
	for _, e := range there[1:] {
		expect("one of the audience", e, 4, 0, 0)
	}
	expect("who was added in a batch and removed", coming, 1, 0, 1)
	expect("who was added alone", late, 0, 1, 0)
}

// populate makes users behind the engine's back.
func (g *gathering) populate(database string, n int) {
	g.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?_pragma=busy_timeout(60000)")
	if err != nil {
		g.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(g.Context(), `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
INSERT INTO app_instance_user (app, id, no, name, metadata, created_ms, updated_ms)
SELECT a.id, printf('crowd-%d', i), 1000 + i, 'Somebody', '', 1700000000000, 1700000000000 FROM n, app_instance a`, n); err != nil {
		g.Fatal(err)
	}
	app, _, _ := strings.Cut(g.stage.Admin, "/user/")
	for i := range n {
		g.crowd = append(g.crowd, fmt.Sprintf("%s/user/crowd-%d", app, i))
	}
}
