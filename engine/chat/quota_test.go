package chat_test

import (
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/engine/channel"
	"github.com/stagedoor/stagedoor/engine/identity"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// full checks that err says that a quota is used up.
func (h house) full(err error) {
	h.Helper()
	if err == nil || fault.As(err).Code != quota.CodeLimit {
		h.Errorf("got %v, want a full quota", err)
	}
}

func (h house) fan(n int) (arn.ARN, error) {
	return h.CreateUser(h.Context(), "", identity.NewUser{Instance: h.app, ID: fmt.Sprint("fan-", n), Name: "Fan"})
}

// TestEveryResourceQuotaIsExactAndGivesRoomBack fills each quota to its last place, is refused one more, and finds the
// place again that a delete gives back. The house has five users, one admin, one channel with three members and one
// moderator.
func TestEveryResourceQuotaIsExactAndGivesRoomBack(t *testing.T) {
	each(t, func(h house) {
		ctx := h.Context()
		h.Limits = quota.Limits{Resources: map[quota.Resource]int{quota.AppInstances: 2, quota.Users: 7, quota.Admins: 2, quota.Endpoints: 1,
			quota.Channels: 2, quota.MembershipsPerChannel: 4, quota.MembershipsPerUser: 2, quota.Moderators: 2}}

		_, err := h.CreateInstance(ctx, "", "second", "")
		h.ok(err)
		_, err = h.CreateInstance(ctx, "", "third", "")
		h.full(err)

		first, err := h.fan(1)
		h.ok(err)
		second, err := h.fan(2)
		h.ok(err)
		_, err = h.fan(3)
		h.full(err)
		_, err = h.fan(2) // a repeat makes nothing
		h.ok(err)
		_, err = h.CreateBot(ctx, "", identity.NewBot{Instance: h.app})
		h.ok(err)
		h.ok(h.DeleteUser(ctx, second))
		second, err = h.fan(3)
		h.ok(err)

		_, err = h.CreateAdmin(ctx, h.app, h.mod)
		h.ok(err)
		_, err = h.CreateAdmin(ctx, h.app, h.eve)
		h.full(err)
		h.ok(h.DeleteAdmin(ctx, h.app, h.mod))

		_, err = h.RegisterEndpoint(ctx, "", h.ann, identity.Endpoint{Type: "GCM", AllowMessages: "ALL"})
		h.ok(err)
		_, err = h.RegisterEndpoint(ctx, "", h.ann, identity.Endpoint{Type: "GCM", AllowMessages: "ALL"})
		h.full(err)

		other := h.open("second", "PUBLIC", "UNRESTRICTED")
		_, err = h.CreateChannel(ctx, h.eve, "", channel.NewChannel{Instance: h.app, Name: "third", ID: "third"})
		h.full(err)

		_, _, err = h.CreateMemberships(ctx, h.mod, h.channel, []arn.ARN{first, second}, "DEFAULT")
		h.full(err)
		_, failed, err := h.CreateMemberships(ctx, h.mod, h.channel, []arn.ARN{first, h.ann}, "DEFAULT")
		h.ok(err)
		if len(failed) > 0 {
			t.Error(failed)
		}
		_, err = h.CreateMembership(ctx, h.mod, h.channel, second, "DEFAULT")
		h.full(err)
		_, err = h.CreateMembership(ctx, h.mod, h.channel, first, "DEFAULT") // a repeat adds nobody
		h.ok(err)

		_, err = h.CreateModerator(ctx, h.mod, h.channel, h.ann)
		h.ok(err)
		_, err = h.CreateModerator(ctx, h.mod, h.channel, h.bob)
		h.full(err)
		_, err = h.CreateModerator(ctx, h.mod, h.channel, h.ann)
		h.ok(err)

		h.ok(h.DeleteChannel(ctx, h.mod, other))
		h.sweep()
		third := h.open("third", "PUBLIC", "UNRESTRICTED")
		h.Limits.Resources[quota.Channels] = 3
		fourth, err := h.CreateChannel(ctx, h.eve, "", channel.NewChannel{Instance: h.app, Name: "fourth", ID: "fourth"})
		h.ok(err)
		_, err = h.CreateMembership(ctx, h.eve, fourth, h.ann, "DEFAULT") // ann is in two channels already
		h.full(err)
		_, failed, err = h.CreateMemberships(ctx, h.eve, fourth, []arn.ARN{h.ann, second}, "DEFAULT")
		h.ok(err)
		if len(failed) != 1 || failed[0].Member != h.ann || failed[0].Code != "ResourceLimitExceeded" {
			t.Errorf("a batch with somebody whose quota is full: %v", failed)
		}
		h.ok(h.DeleteMembership(ctx, h.ann, third, h.ann))
		_, err = h.CreateMembership(ctx, h.eve, fourth, h.ann, "DEFAULT")
		h.ok(err)
	})
}
