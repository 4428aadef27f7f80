package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestSearchFindsChannelsByTheirMembers(t *testing.T) {
	each(t, func(h house) {
		pair, err := h.CreateChannel(h.Context(), h.ann, "", channel.NewChannel{Instance: h.app, Name: "pair", ID: "pair", Privacy: "PRIVATE", Members: []arn.ARN{h.bob}})
		h.ok(err)
		_, err = h.CreateMembership(h.Context(), h.ann, pair, h.eve, "HIDDEN")
		h.ok(err)
		hall := h.hall(2, 2, 1)
		for i := range 3 { // ann and bob are in different sub-channels
			h.join(hall, []arn.ARN{h.ann, h.guest(0), h.bob}[i])
		}
		_, err = h.CreateMembership(h.Context(), h.mod, core.InSub(hall, h.join(hall, h.ann)), h.mod, "DEFAULT")
		h.ok(err)
		includes := func(who ...arn.ARN) channel.Query { return channel.Query{Members: who} }
		exactly := func(who ...arn.ARN) channel.Query { return channel.Query{Exactly: true, Members: who} }
		for i, c := range []struct {
			who     arn.ARN
			queries []channel.Query
			want    string
		}{
			{h.ann, []channel.Query{includes(h.ann)}, "hall pair room"},
			{h.ann, []channel.Query{includes(h.ann, h.bob)}, "hall pair room"},
			{h.ann, []channel.Query{includes(h.ann), includes(h.bob)}, "hall pair room"},
			{h.ann, []channel.Query{includes(h.mod)}, "hall room"},
			{h.ann, []channel.Query{exactly(h.ann, h.bob)}, "pair"},
			{h.ann, []channel.Query{exactly(h.bob, h.ann, h.ann)}, "pair"},
			{h.ann, []channel.Query{exactly(h.ann, h.bob), includes(h.ann)}, "pair"},
			{h.ann, []channel.Query{exactly(h.ann, h.bob), includes(h.mod)}, ""},
			{h.ann, []channel.Query{exactly(h.ann, h.bob), exactly(h.ann)}, ""},
			{h.ann, []channel.Query{exactly(h.ann)}, ""},
			{h.ann, []channel.Query{exactly(h.ann, h.bob, h.mod)}, "room"},
			{h.ann, []channel.Query{includes(h.ann, h.app.User("nobody"))}, ""},
			{h.eve, []channel.Query{includes(h.ann)}, "pair"},             // hidden members see, …
			{h.ann, []channel.Query{includes(h.eve)}, ""},                 // … and are not seen
			{h.mod, []channel.Query{includes(h.bob)}, "hall room"},        // mod is not in the pair
			{h.admin, []channel.Query{includes(h.bob)}, "hall pair room"}, // admins search everywhere
			{h.admin, []channel.Query{exactly(h.ann, h.bob)}, "pair"},
			{h.guest(1), []channel.Query{includes(h.bob)}, ""},
		} {
			if got := strings.Join(h.search(c.who, c.queries), " "); got != c.want {
				h.Errorf("%d: found %q, want %q", i, got, c.want)
			}
		}
		_, _, err = h.Search(h.Context(), h.ann, []channel.Query{includes("ann")}, core.Page{})
		h.refused(err, fault.Invalid)
		_, _, err = h.Search(h.Context(), h.app.User("nobody"), []channel.Query{includes(h.ann)}, core.Page{})
		h.refused(err, fault.Unauthorized)
	})
}

// search reads every page of one channel each.
func (h house) search(who arn.ARN, queries []channel.Query) []string {
	h.Helper()
	var names []string
	p := core.Page{Max: 1}
	for {
		page, next, err := h.Search(h.Context(), who, queries, p)
		h.ok(err)
		for _, ch := range page {
			names = append(names, ch.Name)
		}
		if p.Token = next; next == "" {
			slices.Sort(names)
			return names
		}
	}
}

func TestATokenOfOneSearchDoesNotSteerAnother(t *testing.T) {
	each(t, func(h house) {
		for i := range 3 {
			h.open(fmt.Sprint("more-", i), "PUBLIC", "UNRESTRICTED")
		}
		q := []channel.Query{{Members: []arn.ARN{h.ann}}}
		_, next, err := h.Search(h.Context(), h.ann, q, core.Page{Max: 1})
		h.ok(err)
		_, _, err = h.Search(h.Context(), h.ann, []channel.Query{{Members: []arn.ARN{h.bob}}}, core.Page{Token: next})
		h.refused(err, fault.Invalid)
		_, _, err = h.Search(h.Context(), h.bob, q, core.Page{Token: next})
		h.refused(err, fault.Invalid)
	})
}
