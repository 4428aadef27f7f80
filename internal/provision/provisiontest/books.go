package provisiontest

import (
	"slices"
	"strings"
	"time"
)

// Effect is what a call did at the provider.
type Effect string

// The effects. A call that only reads, that is refused, or that asks for what is so already has Nothing.
const (
	Nothing Effect = ""
	Made    Effect = "made"
	Changed Effect = "changed"
	Removed Effect = "removed"
)

// Call is one request as it arrived.
type Call struct {
	N                       int // from 1
	At                      time.Time
	Op                      string
	Who                     string // the client, see WireOf and Handler
	Bearer                  string
	Instance, Channel, User string // ARNs of what it is about; "" where the operation has none
	Name                    string // that was sent; of a deleted app instance, the one it had
	Again                   int    // how often the same had been asked before
	Members                 int    // of a batch
	Joined                  int    // of these, who became a member now
	Status                  int    // what was answered; 0 if nothing
	Code                    string // of an error
	Effect                  Effect
}

// Calls returns a copy of all calls in the order of arrival.
func (p *Provider) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Count returns how many calls arrived.
func (p *Provider) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.calls)
}

// Instance is what the provider holds in one app instance. People are known by their ids.
type Instance struct {
	ARN, Name string
	Stranger  bool
	Users     map[string]string // id → name
	Admins    []string
	Channels  map[string]Channel // by id
}

// Channel is what the provider holds of a channel; ids are sorted.
type Channel struct {
	Name                      string
	Members, Moderators, Bans []string
}

// Everything returns a copy of all that the provider holds, in the order in which the app instances were made.
func (p *Provider) Everything() []Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Instance
	for a, in := range p.instances.all {
		i := Instance{ARN: a, Name: in.name, Stranger: in.stranger, Users: map[string]string{}, Admins: ids(&in.admins), Channels: map[string]Channel{}}
		for u, who := range in.users.all {
			i.Users[last(u)] = who.name
		}
		for c, ch := range in.channels.all {
			i.Channels[last(c)] = Channel{Name: ch.name, Members: ids(&ch.members), Moderators: ids(&ch.moderators), Bans: ids(&ch.bans)}
		}
		out = append(out, i)
	}
	return out
}

// Instances returns how many app instances there are.
func (p *Provider) Instances() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.instances.len()
}

// Users returns the display name of every user by id, of all app instances together.
func (p *Provider) Users() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]string{}
	for _, in := range p.instances.all {
		for a, u := range in.users.all {
			out[last(a)] = u.name
		}
	}
	return out
}

// Channels returns how many channels there are.
func (p *Provider) Channels() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, in := range p.instances.all {
		n += in.channels.len()
	}
	return n
}

// Members returns the sorted user ids of a channel's members, and of its moderators. Admins, of whom one made the
// channel, are left out.
func (p *Provider) Members(channelID string) (members, moderators []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in, c := p.channel(channelID)
	if c == nil {
		return nil, nil
	}
	admin := func(id string) bool { return slices.Contains(ids(&in.admins), id) }
	return slices.DeleteFunc(ids(&c.members), admin), slices.DeleteFunc(ids(&c.moderators), admin)
}

// channel finds a channel by id in whatever app instance.
func (p *Provider) channel(id string) (*instance, *channel) {
	for a, in := range p.instances.all {
		if c, ok := in.channels.get(a + "/channel/" + id); ok {
			return in, c
		}
	}
	return nil, nil
}

// Twice returns what was made from nothing more than once, and app instances of the same name that are there at once.
func (p *Provider) Twice() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for a, n := range p.born {
		if n > 1 {
			out = append(out, last(a))
		}
	}
	names := map[string]int{}
	for _, in := range p.instances.all {
		if names[in.name]++; names[in.name] == 2 {
			out = append(out, in.name)
		}
	}
	return out
}

// Born returns how often a user or channel was made from nothing, by ARN.
func (p *Provider) Born(arn string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.born[arn]
}

// Harmed returns strangers' things that a call changed or removed.
func (p *Provider) Harmed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.harmed)
}

// Reused returns the creates that asked with the request token of something that was removed before: another provider might
// answer that it is there.
func (p *Provider) Reused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.reused)
}

func ids(set *shelf[struct{}]) []string {
	var out []string
	for a := range set.all {
		out = append(out, last(a))
	}
	slices.Sort(out)
	return out
}

// Ban bans a user as a moderator would.
func (p *Provider) Ban(channelID, userID string, banned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, in := range p.instances.all {
		c, ok := in.channels.get(a + "/channel/" + channelID)
		if !ok {
			continue
		}
		if u := a + "/user/" + userID; banned {
			c.bans.put(u, struct{}{})
			c.members.drop(u)
		} else {
			c.bans.drop(u)
		}
	}
}

// Forget lets a thing vanish behind everybody's back: an app instance or user or channel by its ARN, or what a person is in
// a channel by both. It reports whether there was such a thing.
func (p *Provider) Forget(arn string, person ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if strings.Count(arn, "/") == 1 {
		return p.instances.drop(arn)
	}
	in, ok := p.instances.get(home(arn))
	if !ok {
		return false
	}
	c, isChannel := in.channels.get(arn)
	switch {
	case isChannel && len(person) > 0:
		member := c.members.drop(person[0])
		return c.moderators.drop(person[0]) || member
	case isChannel:
		return in.channels.drop(arn)
	}
	there := in.users.has(arn)
	in.drop(arn)
	return there
}

// Stranger makes what somebody else has in the account: an app instance for "", otherwise a user or channel in the app
// instance: kind is "user" or "channel". It returns its ARN.
func (p *Provider) Stranger(inside, kind, id, name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	in, ok := p.instances.get(inside)
	if !ok {
		return p.newInstance(name, true)
	}
	a := inside + "/" + kind + "/" + id
	if kind == "channel" {
		in.channels.put(a, &channel{name: name, stranger: true})
	} else {
		in.users.put(a, &user{name: name, stranger: true})
	}
	return a
}

// Haunt makes an account in an app instance as if a call of ours had done it of which nobody knows any more.
func (p *Provider) Haunt(inside, id, name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	in, ok := p.instances.get(inside)
	if a := inside + "/user/" + id; ok && !in.users.has(a) {
		in.users.put(a, &user{name: name})
		return true
	}
	return false
}

// Rename gives an account another name as somebody else would.
func (p *Provider) Rename(arn, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in, ok := p.instances.get(home(arn)); ok {
		if u, ok := in.users.get(arn); ok {
			u.name = name
		}
	}
}

// Joined returns how many members a channel has, admins included.
func (p *Provider) Joined(channelID string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, c := p.channel(channelID); c != nil {
		return c.members.len()
	}
	return 0
}
