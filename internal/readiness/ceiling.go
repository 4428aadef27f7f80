package readiness

import (
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/pace"
	"github.com/stagedoor/stagedoor/internal/provision/rule"
	"github.com/stagedoor/stagedoor/internal/readiness/words"
)

// need is how much of the provider's quotas something takes.
type need struct {
	members   int // of one channel, beside who makes it
	users     int // of one app instance
	instances int // of the account
	shared    bool
}

// ceilings says in plain words which quotas are too small, and until when a raise is wanted.
func ceilings(c pace.Ceilings, n need, by string) []string {
	out := []string{}
	ask := func(quota string, to int) string {
		return fmt.Sprintf("ask for a raise of %q to %s before %s", quota, words.Number(to), by)
	}
	if all := n.members + 1; c.MembersPerChannel > 0 && n.members > 0 && all > c.MembersPerChannel { // who makes a channel is a member
		out = append(out, fmt.Sprintf("%s and the provisioner need %s memberships in one channel; Amazon's default quota is %s: %s.",
			words.Plural(n.members, "ticket"), words.Number(all), words.Number(c.MembersPerChannel), ask("ChannelMemberships per Channel", all)))
	}
	if c.UsersPerInstance > 0 && n.users > c.UsersPerInstance {
		whose := "one app instance"
		if n.shared {
			whose = "the shared app instance"
		}
		out = append(out, fmt.Sprintf("%s accounts are needed in %s; Amazon's default quota is %s: %s.",
			words.Number(n.users), whose, words.Number(c.UsersPerInstance), ask("AppInstanceUsers per AppInstance", n.users)))
	}
	if c.Instances > 0 && n.instances > c.Instances {
		out = append(out, fmt.Sprintf("%s are needed; Amazon's default quota is %s: %s.",
			words.Plural(n.instances, "app instance"), words.Number(c.Instances), ask("AppInstances per account", n.instances)))
	}
	return out
}

// warn finds the quotas that shows do not fit into. What the provider holds already above its default quota shows that the
// quota was raised.
func (o *outlook) warn(c pace.Ceilings) {
	users, made := map[string]int{}, map[string]int{} // by place
	for i, s := range o.shows {
		users[string(s.place)] += o.rests[i].members
		made[string(s.place)] += o.rests[i].made.users
	}
	for i, s := range o.shows {
		r := &o.rests[i]
		r.Warnings = []string{}
		if !s.make || s.placed == 0 && r.members == 0 {
			continue
		}
		n := need{members: r.members, users: users[string(s.place)] + rule.MaxAdmins, shared: !s.own()}
		if r.made.members+1 > c.MembersPerChannel {
			n.members = 0
		}
		if made[string(s.place)] > c.UsersPerInstance {
			n.users = 0
		}
		r.Warnings = ceilings(c, n, words.Moment(time.UnixMilli(s.doors), o.now, words.Zone(s.zone)))
	}
}
