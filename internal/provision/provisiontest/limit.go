package provisiontest

import (
	"fmt"
	"slices"
	"time"
)

// Scope says for what each a limit counts.
type Scope string

// The scopes. A call that has no bearer does not count where the scope is the bearer, and so on.
const (
	PerAccount  Scope = "account"
	PerInstance Scope = "app instance"
	PerBearer   Scope = "bearer"
	PerChannel  Scope = "channel"
	PerUser     Scope = "user"
)

// Limit allows so many calls of some operations in any sliding second, to each thing of its scope.
type Limit struct {
	Name      string
	Scope     Scope
	Ops       []string // nil: all
	PerSecond int
}

// LimitsOf returns the limits of a provider by name: none, case, aws-us-east-1, aws-eu-central-1. Amazon's are from "Amazon
// Chime SDK endpoints and quotas" in the AWS General Reference. It panics for another name.
func LimitsOf(name string) []Limit {
	switch name {
	case "none":
		return nil
	case "case":
		return []Limit{{"all", PerAccount, nil, 10}}
	case "aws-us-east-1":
		return amazon(10, 15)
	case "aws-eu-central-1":
		return amazon(5, 10)
	}
	panic("no limits named " + name)
}

// Slower returns the limits divided by n, at least one a second: a provider that documents more than it gives.
func Slower(limits []Limit, n int) []Limit {
	out := slices.Clone(limits)
	for i := range out {
		out[i].PerSecond = max(1, out[i].PerSecond/n)
	}
	return out
}

func amazon(bearer, members int) []Limit {
	return []Limit{
		{"all identity", PerAccount, identityOps, 50},
		{"bearer", PerBearer, nil, bearer},
		{"app instance writes", PerInstance, []string{"CreateAppInstance", "UpdateAppInstance", "DeleteAppInstance"}, 5},
		{"user writes", PerInstance, []string{"CreateAppInstanceUser", "UpdateAppInstanceUser", "DeleteAppInstanceUser"}, 10},
		{"describe app instance", PerInstance, []string{"DescribeAppInstance"}, 20},
		{"describe user", PerUser, []string{"DescribeAppInstanceUser"}, 20},
		{"list app instances", PerAccount, []string{"ListAppInstances"}, 10},
		{"list users", PerInstance, []string{"ListAppInstanceUsers"}, 10},
		{"channel writes", PerInstance, []string{"CreateChannel", "UpdateChannel", "DeleteChannel"}, 15},
		{"list channels", PerInstance, []string{"ListChannels"}, 10},
		{"describe channel", PerChannel, []string{"DescribeChannel"}, 20},
		{"member writes", PerChannel, []string{"CreateChannelMembership", "DeleteChannelMembership", "CreateChannelBan", "DeleteChannelBan",
			"CreateChannelModerator", "DeleteChannelModerator"}, members},
		{"member lists", PerChannel, []string{"ListChannelMemberships", "ListChannelBans", "ListChannelModerators"}, 15},
		{"batch", PerChannel, []string{"BatchCreateChannelMembership"}, 1},
	}
}

// identityOps are the operations without a bearer.
var identityOps = []string{"CreateAppInstance", "ListAppInstances", "DescribeAppInstance", "UpdateAppInstance", "DeleteAppInstance",
	"CreateAppInstanceAdmin", "ListAppInstanceAdmins", "DeleteAppInstanceAdmin", "CreateAppInstanceUser", "ListAppInstanceUsers",
	"DescribeAppInstanceUser", "UpdateAppInstanceUser", "DeleteAppInstanceUser"}

// key is the thing that a call counts for, ok says whether it counts at all.
func (l Limit) key(c Call) (key string, ok bool) {
	if l.Ops != nil && !slices.Contains(l.Ops, c.Op) {
		return "", false
	}
	switch l.Scope {
	case PerAccount:
		return "", true
	case PerInstance:
		return c.Instance, true
	case PerBearer:
		return c.Bearer, c.Bearer != ""
	case PerChannel:
		return c.Channel, c.Channel != ""
	case PerUser:
		return c.User, c.User != ""
	}
	return "", false
}

type meterKey struct {
	limit int
	key   string
}

// meter is the last calls that passed, as many as the limit allows, in a ring.
type meter struct {
	at   []time.Time
	next int
}

// overLimit reports whether a call is one too many, and counts it in every limit if it is not.
func (p *Provider) overLimit(c Call) bool {
	var passed [16]*meter
	n := 0
	for i, l := range p.Limits {
		key, ok := l.key(c)
		if !ok {
			continue
		}
		m := p.meters[meterKey{i, key}]
		if m == nil {
			m = &meter{at: make([]time.Time, l.PerSecond)}
			p.meters[meterKey{i, key}] = m
		}
		if first := m.at[m.next]; !first.IsZero() && c.At.Sub(first) < time.Second {
			return true
		}
		passed[n] = m
		n++
	}
	for _, m := range passed[:n] {
		m.at[m.next] = c.At
		m.next = (m.next + 1) % len(m.at)
	}
	return false
}

// MostInAnySecond returns the largest number of calls that arrived in a sliding second: within less than 1 s of each other.
func MostInAnySecond(calls []Call) int {
	most, from := 0, 0
	for i, c := range calls {
		for c.At.Sub(calls[from].At) >= time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// Busiest returns, for each thing that a limit counts for, the most calls that arrived there in a sliding second, answered
// or not.
func (l Limit) Busiest(calls []Call) map[string]int {
	by := map[string][]Call{}
	for _, c := range calls {
		if key, ok := l.key(c); ok {
			by[key] = append(by[key], c)
		}
	}
	out := map[string]int{}
	for key, some := range by {
		out[key] = MostInAnySecond(some)
	}
	return out
}

// Overruns says in words where more calls arrived in a sliding second than the limits allow.
func Overruns(limits []Limit, calls []Call) []string {
	var out []string
	for _, l := range limits {
		for key, n := range l.Busiest(calls) {
			if n > l.PerSecond {
				out = append(out, fmt.Sprintf("%s: %d calls in a second for %s %q, at most %d", l.Name, n, l.Scope, last(key), l.PerSecond))
			}
		}
	}
	slices.Sort(out)
	return out
}
