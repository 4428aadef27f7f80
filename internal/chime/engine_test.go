package chime_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// house is an app instance with an admin at an engine.
type house struct {
	*chime.Client
	t               *testing.T
	instance, admin arn.ARN
}

func newHouse(t *testing.T) house {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	key := e.Credentials()
	h := house{t: t, Client: chime.New(chime.Config{Region: e.Region(), MessagingURL: server.URL, IdentityURL: server.URL, STSURL: server.URL,
		AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, Timeout: time.Minute})}
	h.instance, err = h.CreateAppInstance(t.Context(), "stagedoor-test", "token")
	h.must(err)
	h.admin, err = h.CreateUser(t.Context(), h.instance, "admin", "Admin", "token-1")
	h.must(err)
	h.must(h.CreateAdmin(t.Context(), h.instance, h.admin))
	return h
}

func (h house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h house) refused(err error, kind fault.Kind, code string) {
	h.t.Helper()
	if !fault.Is(err, kind) || !fault.HasCode(err, code) {
		h.t.Errorf("%v, want %v %s", err, kind, code)
	}
}

// all reads a list to its end.
func all[T any](h house, list func(next string) (chime.Page[T], error)) []T {
	h.t.Helper()
	var out []T
	for next := ""; ; {
		p, err := list(next)
		h.must(err)
		out = append(out, p.Items...)
		if next = p.Next; next == "" {
			return out
		}
	}
}

// The other side of the wire is an engine that Amazon's own clients have judged.
func TestASweepSeesWhatIsThere(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	fan, err := h.CreateUser(ctx, h.instance, "f-tk1", "Fan", "token-2")
	h.must(err)
	mod, err := h.CreateUser(ctx, h.instance, "m-tk2", "Mo", "token-3")
	h.must(err)
	ours, err := h.CreateChannel(ctx, h.admin, h.instance, "ev1", "The Old Name", "token-4")
	h.must(err)
	h.must(h.CreateMembership(ctx, h.admin, ours, fan))
	if err := h.CreateMembership(ctx, h.admin, ours, fan); err != nil { // Amazon's documents allow both answers
		h.refused(err, fault.Conflict, chime.CodeConflict)
	}
	h.must(h.CreateMembership(ctx, h.admin, ours, mod))
	h.must(h.CreateModerator(ctx, h.admin, ours, mod))
	h.must(h.RenameChannel(ctx, h.admin, ours, "The New Name"))
	h.must(h.RenameChannel(ctx, h.admin, ours, "The New Name"))

	want := chime.Channel{ARN: ours, Name: "The New Name", Mode: "RESTRICTED", Privacy: "PRIVATE"}
	ch, err := h.DescribeChannel(ctx, h.admin, ours)
	h.must(err)
	if ch.Created.IsZero() {
		t.Error("the channel was made at no time")
	}
	if ch.Created = (time.Time{}); ch != want {
		t.Errorf("channel %+v, want %+v", ch, want)
	}
	channels := all(h, func(next string) (chime.Page[chime.Channel], error) {
		return h.ListChannels(ctx, h.admin, h.instance, next)
	})
	if !slices.Equal(channels, []chime.Channel{want}) {
		t.Errorf("channels %+v", channels)
	}
	moderators := all(h, func(next string) (chime.Page[chime.User], error) { return h.ListModerators(ctx, h.admin, ours, next) })
	if !slices.Contains(moderators, chime.User{ARN: mod, Name: "Mo"}) || slices.ContainsFunc(moderators, func(u chime.User) bool { return u.ARN == fan }) {
		t.Errorf("moderators %+v", moderators)
	}
	a, err := h.DescribeAppInstance(ctx, h.instance)
	if h.must(err); a.ARN != h.instance || a.Name != "stagedoor-test" || a.Created.IsZero() {
		t.Errorf("app instance %+v", a)
	}
	admins := func() []chime.User {
		return all(h, func(next string) (chime.Page[chime.User], error) { return h.ListAdmins(ctx, h.instance, next) })
	}
	if got := admins(); !slices.Equal(got, []chime.User{{ARN: h.admin, Name: "Admin"}}) {
		t.Errorf("admins %+v", got)
	}
	h.must(h.DeleteAdmin(ctx, h.instance, h.admin))
	if got := admins(); len(got) != 0 {
		t.Errorf("admins that are none any more: %+v", got)
	}
	_, err = h.ListChannels(ctx, fan, h.instance, "")
	h.refused(err, fault.Denied, chime.CodeForbidden)
}

// 101 private channels are three pages, and then there is the first page of the public ones.
func TestListChannelsReadsAllPages(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	for i := range 101 {
		id := string(rune('a'+i/26)) + string(rune('a'+i%26))
		_, err := h.CreateChannel(ctx, h.admin, h.instance, id, id, "token-"+id)
		h.must(err)
	}
	pages := 0
	names := map[string]bool{}
	for _, ch := range all(h, func(next string) (chime.Page[chime.Channel], error) {
		pages++
		return h.ListChannels(ctx, h.admin, h.instance, next)
	}) {
		names[ch.Name] = true
	}
	if len(names) != 101 || pages != 4 {
		t.Errorf("%d channels on %d pages", len(names), pages)
	}
}

func TestWhatIsNotThereIsForbidden(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	nowhere, nobody := h.instance.Channel("ev0"), h.instance.User("f-tk0")
	gone := arn.ARN("arn:aws:chime:us-east-1:000000000000:app-instance/00000000-0000-0000-0000-000000000000")
	_, errDescribe := h.DescribeChannel(ctx, h.admin, nowhere)
	_, errUser := h.DescribeUser(ctx, nobody)
	_, errInstance := h.DescribeAppInstance(ctx, gone)
	_, errModerators := h.ListModerators(ctx, h.admin, nowhere, "")
	for what, err := range map[string]error{
		"DescribeChannel": errDescribe, "DescribeUser": errUser, "DescribeAppInstance": errInstance, "ListModerators": errModerators,
		"RenameChannel": h.RenameChannel(ctx, h.admin, nowhere, "n"), "DeleteAdmin": h.DeleteAdmin(ctx, h.instance, nobody),
	} {
		if !fault.HasCode(err, chime.CodeForbidden) {
			t.Errorf("%s: %v", what, err)
		}
	}
	room, err := h.CreateChannel(ctx, h.admin, h.instance, "ev1", "n", "token")
	if err := errors.Join(err, h.CreateMembership(ctx, h.admin, room, h.admin)); err != nil && !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	err = h.CreateMembership(ctx, h.admin, room, nobody)
	if !fault.Is(err, fault.NotFound) && !fault.HasCode(err, chime.CodeForbidden) {
		t.Errorf("CreateMembership of nobody: %v", err)
	}
	h.refused(h.RenameChannel(ctx, h.admin, room, ""), fault.Invalid, chime.CodeBadRequest)
}
