package chat_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/message"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// twoNodes is one house on a PostgreSQL database, twice.
func twoNodes(t *testing.T) []house {
	url := dbtest.PostgresURL(t)
	var nodes []house
	for range 2 {
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(t.Context(), schema.Engine()); err != nil {
			t.Fatal(err)
		}
		if len(nodes) == 0 {
			nodes = append(nodes, open(t, d))
			continue
		}
		second := nodes[0]
		second.Chat = chat.New(d, chat.Config{Region: "us-east-1", Account: "123456789012"})
		nodes = append(nodes, second)
	}
	return nodes
}

// Two nodes on one PostgreSQL database: what holds on one node because there is one writer must hold here because of
// the channel's row lock and the unique keys.
func TestTwoNodesGiveOneOrderOneAnswerPerTokenAndObeyABan(t *testing.T) {
	nodes := twoNodes(t)
	h := nodes[0]

	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			n := nodes[i%2]
			if _, err := n.Send(t.Context(), n.ann, n.channel, "", line(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
			if _, err := n.Send(t.Context(), n.bob, n.channel, fmt.Sprint("token-", i/4), line("same")); err != nil {
				t.Error(err)
			}
			if _, err := n.CreateChannel(t.Context(), n.mod, fmt.Sprint("channel-", i/4), channel.NewChannel{Instance: n.app, Name: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all := h.history(h.ann, message.History{OldestFirst: true}, 50)
	if len(all) != 60+15 {
		t.Errorf("%d messages, want 75", len(all))
	}
	for i := 1; i < len(all); i++ {
		if all[i].CreatedMS <= all[i-1].CreatedMS {
			t.Fatalf("time %d after %d", all[i].CreatedMS, all[i-1].CreatedMS)
		}
	}
	channels, _, err := h.Channels.List(t.Context(), h.mod, h.app, "", core.Page{})
	h.ok(err)
	if len(channels) != 1+15 {
		t.Errorf("%d channels, want 16", len(channels))
	}

	// Ann goes on sending on the other node while she is banned on this one: what was accepted lies before the ban.
	accepted := 0
	wg.Go(func() {
		for {
			_, err := nodes[1].Send(t.Context(), h.ann, h.channel, "", line("go on"))
			if err != nil {
				if !fault.Is(err, fault.Denied) {
					t.Error(err)
				}
				return
			}
			accepted++
		}
	})
	_, err = h.CreateBan(t.Context(), h.mod, h.channel, h.ann)
	h.ok(err)
	confirmed := len(h.history(h.bob, message.History{}, 50))
	wg.Wait()
	if end := len(h.history(h.bob, message.History{}, 50)); end != confirmed || end != len(all)+accepted {
		t.Errorf("%d messages when the ban was confirmed, %d at the end, %d accepted", confirmed, end, len(all)+accepted)
	}
}

// Both nodes pick the same rows of what was deleted. Who came second waited, removed nothing and took that for the end:
// the last row to lead to the rest was removed, and the rest stayed for ever.
func TestTwoNodesThatSweepLeaveNothingBehind(t *testing.T) {
	nodes := twoNodes(t)
	h := nodes[0]
	_, err := h.DB.Exec(t.Context(), `INSERT INTO app_instance_user (app, id, no, name, metadata, created_ms, updated_ms)
SELECT $1, 'u' || i, i, 'x', '', 0, 0 FROM generate_series(1, 20000) i`, h.app.ID())
	h.ok(err)
	_, err = h.DB.Exec(t.Context(), `INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
SELECT c.no, u.no, 'DEFAULT', '', '', 0, 0 FROM channel c, app_instance_user u WHERE u.no <= 20000`)
	h.ok(err)
	h.ok(h.DeleteInstance(t.Context(), h.app))
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			for more := true; more; {
				var err error
				if more, err = n.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for more := true; more; {
		more, err = h.Sweep(t.Context())
		h.ok(err)
	}
	for _, table := range []string{"app_instance", "app_instance_user", "channel", "channel_membership", "removed_channel"} {
		if n, err := db.Value[int](t.Context(), h.DB, `SELECT count(*) FROM `+table); err != nil || n > 0 {
			t.Errorf("%s: %d rows are left, %v", table, n, err)
		}
	}
}

// Two nodes that deleted one user at once each counted one user less: the quota let in more, for ever.
func TestTwoNodesThatDeleteAUserCountOneLess(t *testing.T) {
	nodes := twoNodes(t)
	h := nodes[0]
	before, err := db.Value[int](t.Context(), h.DB, `SELECT users FROM app_instance`)
	h.ok(err)
	var users []arn.ARN
	for i := range 20 {
		user, err := h.CreateUser(t.Context(), "", identity.NewUser{Instance: h.app, ID: fmt.Sprint("gone-", i), Name: "x"})
		h.ok(err)
		users = append(users, user)
	}
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() {
			for _, user := range users {
				_ = n.DeleteUser(t.Context(), user) // one of them is told that there is no such user
			}
		})
	}
	wg.Wait()
	after, err := db.Value[int](t.Context(), h.DB, `SELECT users FROM app_instance`)
	h.ok(err)
	if after != before {
		t.Errorf("%d users are counted, want %d", after, before)
	}
}

// A member who was moved to another sub-channel by one node while the other deleted them was taken off the books of the
// sub-channel they had left: it had a seat too many for ever, and the other one too few.
func TestTwoNodesThatMoveAndDeleteMembersKeepTheBooksOfAnElasticChannel(t *testing.T) {
	nodes := twoNodes(t)
	h := nodes[0]
	hall := h.hall(20, 10, 40)
	var guests []arn.ARN
	for i := range 60 {
		guests = append(guests, h.guest(i))
	}
	var wg sync.WaitGroup
	wg.Go(func() { // scales out, and in again
		for _, g := range guests {
			if _, err := nodes[1].CreateMembership(t.Context(), h.mod, hall, g, "DEFAULT"); err != nil && !core.IsGone(err) {
				t.Error(err)
			}
			if _, err := nodes[1].Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for _, g := range guests {
		wg.Go(func() {
			for range 40 {
				if _, err := h.Membership(t.Context(), h.mod, hall, g); err == nil {
					break
				}
			}
			h.ok(h.DeleteUser(t.Context(), g))
		})
	}
	wg.Wait()
	type books struct{ regulars, members int }
	all, err := db.All(t.Context(), h.DB, func(b *books) []any { return []any{&b.regulars, &b.members} },
		`SELECT regulars, (SELECT count(*) FROM channel_membership m JOIN app_instance_user u ON u.no = m.member WHERE m.channel = s.no) FROM channel s WHERE parent > 0`)
	h.ok(err)
	for _, b := range all {
		if b.regulars != b.members {
			t.Errorf("a sub-channel with %d members counts %d", b.members, b.regulars)
		}
	}
}
