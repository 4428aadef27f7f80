package chat_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// who returns for whom the last event is: "all", or the ids of those it is for alone.
func (h house) who(kind string) string {
	h.Helper()
	all := h.heard.since(0)
	last := all[len(all)-1]
	if last.Type != kind {
		h.Fatalf("the last event is %s, want %s", last.Type, kind)
	}
	if last.Only == nil {
		return "all"
	}
	var ids []string
	for _, a := range last.Only {
		ids = append(ids, a.ID())
	}
	slices.Sort(ids)
	return fmt.Sprint(ids)
}

// The room has the members mod, ann and bob and becomes quiet with the fifth.
func TestInALargeChannelComingsAndGoingsAreToldToThoseConcerned(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := openWith(t, d, chat.Config{Region: "us-east-1", Account: "123456789012", QuietAbove: 4})
		var crowd []arn.ARN
		for n := range 4 {
			u, err := h.CreateUser(t.Context(), "", identity.NewUser{Instance: h.app, ID: fmt.Sprint("u", n), Name: "U"})
			h.ok(err)
			crowd = append(crowd, u)
		}
		_, err := h.CreateModerator(t.Context(), h.mod, h.channel, h.admin) // moderates and is no member
		h.ok(err)
		_, err = h.CreateModerator(t.Context(), h.mod, h.channel, h.bob)
		h.ok(err)
		expect := func(kind, want string) {
			t.Helper()
			if got := h.who(kind); got != want {
				t.Errorf("%s is for %s, want %s", kind, got, want)
			}
		}
		join := func(who arn.ARN, kind string) {
			t.Helper()
			_, err := h.CreateMembership(t.Context(), h.mod, h.channel, who, kind)
			h.ok(err)
		}
		join(crowd[0], "DEFAULT")
		expect(core.EventCreateMembership, "all")
		join(crowd[1], "DEFAULT")
		expect(core.EventCreateMembership, "[bob mod u1]")
		join(crowd[2], "HIDDEN")
		expect(core.EventCreateMembership, "[u2]") // hidden stays hidden
		h.ok(h.DeleteMembership(t.Context(), h.mod, h.channel, crowd[2]))
		_, _, err = h.CreateMemberships(t.Context(), h.mod, h.channel, crowd[2:], "DEFAULT")
		h.ok(err)
		expect(core.EventBatchCreateMembership, "[bob mod u2 u3]")
		h.ok(h.DeleteMembership(t.Context(), h.mod, h.channel, crowd[3]))
		expect(core.EventDeleteMembership, "[bob mod u3]")
		_, err = h.CreateBan(t.Context(), h.mod, h.channel, crowd[2])
		h.ok(err)
		expect(core.EventDeleteMembership, "[bob mod u2]")
		h.ok(h.DeleteMembership(t.Context(), h.mod, h.channel, crowd[1])) // four are left
		expect(core.EventDeleteMembership, "all")

		for what, quiet := range map[string]int{"never": -1, "by default not in a small one": 0} {
			h := openWith(t, d, chat.Config{Region: "us-east-1", Account: "123456789012", QuietAbove: quiet})
			_, _, err = h.CreateMemberships(t.Context(), h.mod, h.channel, []arn.ARN{h.eve, h.admin}, "DEFAULT")
			h.ok(err)
			if got := h.who(core.EventBatchCreateMembership); got != "all" {
				t.Errorf("%s: told to %s", what, got)
			}
		}
	})
}
