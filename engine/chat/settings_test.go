package chat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/core"
	"github.com/stagedoor/stagedoor/engine/member"
	"github.com/stagedoor/stagedoor/engine/schema"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// ago moves everything in the database back in time, as if it had happened days ago.
func (h house) ago(d *db.DB, days int) {
	h.Helper()
	by := int64(days) * (24 * time.Hour).Milliseconds()
	for _, text := range []string{
		`UPDATE channel SET created_ms = created_ms - $1, clock_ms = clock_ms - $1`,
		`UPDATE channel SET last_message_ms = last_message_ms - $1 WHERE last_message_ms > 0`,
		`UPDATE channel SET expires_ms = expires_ms - $1 WHERE expires_ms > 0`,
		`UPDATE client_request SET created_ms = created_ms - $1`,
	} {
		_, err := d.Exec(h.Context(), text, by)
		h.ok(err)
	}
}

func (h house) alive(channel arn.ARN) bool {
	h.Helper()
	_, err := h.Channel(h.Context(), h.admin, channel)
	if err != nil {
		h.refused(err, fault.NotFound)
	}
	return err == nil
}

func TestAChannelExpiresAfterItsCreationOrItsLastMessage(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		make := func(id, by string) arn.ARN {
			a, err := h.CreateChannel(h.Context(), h.ann, "", channel.NewChannel{Instance: h.app, Name: id, ID: id, Expiration: channel.Expiration{Days: 2, Criterion: by}})
			h.ok(err)
			return a
		}
		created, said, silent := make("created", "CREATED_TIMESTAMP"), make("said", "LAST_MESSAGE_TIMESTAMP"), make("silent", "LAST_MESSAGE_TIMESTAMP")
		hall := h.hall(2, 2, 1)
		h.ok(h.SetChannelExpiration(h.Context(), h.mod, hall, channel.Expiration{Days: 2, Criterion: "LAST_MESSAGE_TIMESTAMP"}))
		sub := h.join(hall, h.ann)
		h.ago(d, 1)
		for _, place := range []arn.ARN{created, said, core.InSub(hall, sub)} {
			_, err := h.Send(h.Context(), h.ann, place, "", line("on the first day"))
			h.ok(err)
		}
		h.sweep()
		h.ago(d, 1)
		n := len(h.heard.since(0))
		h.sweep()
		if got := fmt.Sprint(h.alive(created), h.alive(said), h.alive(silent), h.alive(hall), h.alive(h.channel)); got != "false true false true true" {
			h.Errorf("on the second day: %s", got)
		}
		if got := h.heard.types(n); got != "DELETE_CHANNEL DELETE_CHANNEL" {
			h.Errorf("events: %s", got)
		}
		h.ago(d, 1)
		h.sweep()
		if got := fmt.Sprint(h.alive(said), h.alive(hall)); got != "false false" {
			h.Errorf("on the third day: %s", got)
		}
	})
}

func TestExpirationSettingsArePutShownAndCleared(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		e := channel.Expiration{Days: 1, Criterion: "CREATED_TIMESTAMP"}
		h.refused(h.SetChannelExpiration(h.Context(), h.ann, h.channel, e), fault.Denied)
		n := len(h.heard.since(0))
		h.ok(h.SetChannelExpiration(h.Context(), h.mod, h.channel, e))
		ev := h.heard.since(n)
		if len(ev) != 1 || ev[0].Type != core.EventUpdateExpiration || ev[0].Only == nil || len(ev[0].Only) != 0 ||
			fmt.Sprint(payload[channel.Wire[core.ISO]](ev[0]).ExpirationSettings) != "&{1 CREATED_TIMESTAMP}" {
			h.Errorf("events: %+v", ev)
		}
		h.ago(d, 5)
		ch, err := h.Channel(h.Context(), h.ann, h.channel) // expired, and alive until the sweep
		h.ok(err)
		if ch.Expiration != e {
			h.Errorf("settings: %+v", ch.Expiration)
		}
		h.ok(h.SetChannelExpiration(h.Context(), h.mod, h.channel, channel.Expiration{}))
		h.sweep()
		if !h.alive(h.channel) {
			h.Error("a channel whose settings were cleared has expired")
		}
	})
}

func TestTheTokenOfAChannelLivesAsLongAsTheChannel(t *testing.T) {
	dbtest.Each(t, schema.Engine(), func(t *testing.T, d *db.DB) {
		h := open(t, d)
		in := channel.NewChannel{Instance: h.app, Name: "x", Members: []arn.ARN{h.bob}}
		first, err := h.CreateChannel(h.Context(), h.ann, "tok", in)
		h.ok(err)
		h.ago(d, 400)
		h.sweep()
		again, err := h.CreateChannel(h.Context(), h.ann, "tok", in)
		h.ok(err)
		if again != first {
			h.Fatal("a year later the token made a second channel")
		}
		other := in
		other.Name = "y"
		_, err = h.CreateChannel(h.Context(), h.ann, "tok", other)
		h.refused(err, fault.Conflict)
		if theirs, err := h.CreateChannel(h.Context(), h.bob, "tok", in); err != nil || theirs == first {
			h.Errorf("somebody else's token: %s, %v", theirs, err)
		}
		h.ok(h.DeleteChannel(h.Context(), h.ann, first))
		if h.count(d, "channel_token") != 1 {
			h.Error("the token outlived its channel")
		}
		if second, err := h.CreateChannel(h.Context(), h.ann, "tok", in); err != nil || second == first {
			h.Errorf("after the end of the channel: %s, %v", second, err)
		}
	})
}

func TestAReadMarkerIsAbsentUntilItIsSet(t *testing.T) {
	each(t, func(h house) {
		marker := func() int64 {
			m, err := h.MembershipForUser(h.Context(), h.ann, h.channel, h.ann)
			h.ok(err)
			list, _, err := h.MembershipsForUser(h.Context(), h.ann, "", core.Page{})
			h.ok(err)
			if list[0].ReadMS != m.ReadMS {
				h.Errorf("the list says %d, the membership %d", list[0].ReadMS, m.ReadMS)
			}
			return m.ReadMS
		}
		if got := marker(); got != 0 {
			h.Errorf("before: %d", got)
		}
		before := core.NowMS()
		n := len(h.heard.since(0))
		h.ok(h.Read(h.Context(), h.ann, h.channel))
		if got := marker(); got < before {
			h.Errorf("after: %d", got)
		}
		if h.heard.types(n) != "" {
			h.Error("somebody was told")
		}
		_, err := h.CreateMembership(h.Context(), h.mod, h.channel, h.eve, "HIDDEN")
		h.ok(err)
		h.ok(h.Read(h.Context(), h.eve, h.channel))
		h.refused(h.Read(h.Context(), h.admin, h.channel), fault.Denied)
		_, err = h.CreateBan(h.Context(), h.mod, h.channel, h.ann)
		h.ok(err)
		h.refused(h.Read(h.Context(), h.ann, h.channel), fault.Denied)
	})
}

func TestPreferencesBelongToTheMemberAlone(t *testing.T) {
	each(t, func(h house) {
		p, err := h.PreferencesOf(h.Context(), h.ann, h.channel, h.ann)
		h.ok(err)
		if p.Allow != "ALL" {
			h.Errorf("before: %+v", p)
		}
		set := member.Preferences{Allow: "FILTERED", Rule: `{"mention":["Ann"]}`}
		h.ok(h.SetPreferences(h.Context(), h.ann, h.channel, h.ann, set))
		if p, err = h.PreferencesOf(h.Context(), h.ann, h.channel, h.ann); err != nil || p != set {
			h.Errorf("after: %+v, %v", p, err)
		}
		h.ok(h.SetPreferences(h.Context(), h.ann, h.channel, h.ann, member.Preferences{}))
		for _, who := range []arn.ARN{h.admin, h.mod, h.bob, h.eve} {
			_, err := h.PreferencesOf(h.Context(), who, h.channel, h.ann)
			h.refused(err, fault.Denied)
			h.refused(h.SetPreferences(h.Context(), who, h.channel, h.ann, set), fault.Denied)
		}
		h.refused(h.SetPreferences(h.Context(), h.eve, h.channel, h.eve, set), fault.Denied)
		h.ok(h.SetPreferences(h.Context(), h.ann, h.channel, h.ann, set))
		_, err = h.CreateBan(h.Context(), h.mod, h.channel, h.ann)
		h.ok(err)
		_, err = h.PreferencesOf(h.Context(), h.ann, h.channel, h.ann)
		h.refused(err, fault.Denied)
		h.ok(h.DeleteBan(h.Context(), h.mod, h.channel, h.ann))
		_, err = h.CreateMembership(h.Context(), h.mod, h.channel, h.ann, "DEFAULT")
		h.ok(err)
		if p, err = h.PreferencesOf(h.Context(), h.ann, h.channel, h.ann); err != nil || p.Allow != "ALL" {
			h.Errorf("a new membership has the old preferences: %+v, %v", p, err)
		}
	})
}

func TestAFilterRuleIsHeldAgainstTheDocumentedLanguage(t *testing.T) {
	h := open(t, dbtest.SQLite(t, schema.Engine()))
	many := func(n int) string { return `"` + strings.Repeat(`v","`, n-1) + `v"` }
	for rule, good := range map[string]bool{
		`{"mention":["Bob"]}`:                                                               true,
		`{"type":[{"anything-but":["Room"]}]}`:                                              true,
		`{"type":[{"anything-but":["A","B"]},"c"]}`:                                         true,
		`{"type":[{"anything-but": ["Room"]}],"m":["B"]}`:                                   true,
		`{"$or":[{"mention":["Bob"]},{"type":[{"anything-but":["Room"]}]}]}`:                true,
		`{"$or":[{"a":["v"]},{"b":["v"]},{"c":["v"]},{"d":["v"]},{"e":["v"]}]}`:             true,
		`{"$or":[{"a":["v"]},{"b":["v"]},{"c":["v"]},{"d":["v"]},{"e":["v"]},{"f":["v"]}]}`: false,
		`{"a":[` + many(19) + `]}`:                                                          true,
		`{"a":[` + many(20) + `]}`:                                                          false, // with its name 21
		`{"$or":[{"a":[` + many(10) + `]},{"b":[` + many(9) + `]}]}`:                        false,
		`{"a":["` + strings.Repeat("x", 2038) + `"]}`:                                       true, // 2 KiB
		`{"a":["` + strings.Repeat("x", 2042) + `"]}`:                                       false,
		`{}`:                              false,
		`[]`:                              false,
		`null`:                            false,
		`"a"`:                             false,
		`{`:                               false,
		`{"a":["b"]}{}`:                   false,
		`{"a":"b"}`:                       false,
		`{"a":[]}`:                        false,
		`{"a":[1]}`:                       false,
		`{"a":[null]}`:                    false,
		`{"a":[{"prefix":"b"}]}`:          false,
		`{"":["b"]}`:                      false,
		`{"$or":{}}`:                      false,
		`{"$or":[]}`:                      false,
		`{"$or":[{}]}`:                    false,
		`{"a":[{"anything-but":[]}]}`:     false,
		`{"a":[{"anything-but":[1]}]}`:    false,
		`{"a":[{"anything-but":[null]}]}`: false,
		`{"a":[{"anything-but":["b"],"prefix":["b"]}]}`: false,
	} {
		err := h.SetPreferences(h.Context(), h.ann, h.channel, h.ann, member.Preferences{Allow: "FILTERED", Rule: rule})
		if (err == nil) != good || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%.80s: %v", rule, err)
		}
	}
	h.refused(h.SetPreferences(h.Context(), h.ann, h.channel, h.ann, member.Preferences{Allow: "FILTERED"}), fault.Invalid)
}

func TestAMessageHasAtMostAKilobyteOfAttributes(t *testing.T) {
	h := open(t, dbtest.SQLite(t, schema.Engine()))
	in := line("hello")
	in.Attributes = `{"a":{"StringValues":["` + strings.Repeat("x", 511) + `","` + strings.Repeat("x", 512) + `"]}}`
	_, err := h.Send(h.Context(), h.ann, h.channel, "", in)
	h.ok(err)
	in.Attributes = strings.Replace(in.Attributes, `"a"`, `"ab"`, 1)
	_, err = h.Send(h.Context(), h.ann, h.channel, "", in)
	h.refused(err, fault.Invalid)
}
