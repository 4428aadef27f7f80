// Package quota is how fast and how much an account may: Amazon's published limits as data, and the counting of calls.
//
//	operation ── table (operations.go) ──► buckets ── scope and keys ──► one history of calls each ── all have room? ──► go
//
// A bucket has a rate and a burst: of the calls that pass, at most Burst lie in any window of Burst/Rate seconds, wherever
// that begins. With Burst = Rate, as in every preset here, that is: never more than Rate in any sliding second, as
// many of them in one moment as the caller likes. Burst 1 would space calls evenly, Burst 2·Rate would bound any two
// seconds and let twice the rate through in one of them. (A token bucket or GCRA of the same two numbers bounds less: a
// full bucket empties at once and refills meanwhile, nearly twice the rate in its first second.) The price is one time per
// place instead of one per bucket; a history whose places are all free again is forgotten, so it is paid for the last
// second's callers only.
//
// Counts live in this process and start empty with it. Several engines on one database count for themselves.
package quota

import (
	"fmt"
	"strings"
	"time"
)

// Limits is a named set of limits. The zero value limits nothing.
type Limits struct {
	Name      string
	Buckets   []Bucket
	Resources map[Resource]int // a resource that is missing is not limited
}

// Bucket bounds the calls of some operations together. Which ones is written in the table of operations.
type Bucket struct {
	Name  string // as in the table of operations
	Scope Scope
	Rate  int           // calls per Per
	Burst int           // how many of them may come in one moment; 0 means Rate
	Per   time.Duration // 0 means a second, as in every preset
}

// Scope says who shares a bucket.
type Scope int

// The scopes. A call that names nothing of its scope (CreateAppInstance has no app instance yet) shares one bucket with
// all such calls of the account.
const (
	Account     Scope = iota
	AppInstance       // all calls about one app instance and what is in it
	Bearer            // all calls on behalf of one app instance user
	User              // all calls about one app instance user
	Channel
	SubChannel // one sub-channel, or a channel that has none
)

// Keys is what one call is about. Empty means that it is about none.
type Keys struct{ Account, AppInstance, Bearer, User, Channel, SubChannel string }

// of is the part of the keys that a scope tells callers apart by.
func (k Keys) of(s Scope) (a, b string) {
	switch s {
	case Account:
		return k.Account, ""
	case AppInstance:
		return k.Account, k.AppInstance
	case Bearer:
		return k.Bearer, ""
	case User:
		return k.User, ""
	case Channel:
		return k.Channel, ""
	case SubChannel:
		return k.Channel, k.SubChannel
	}
	return "", ""
}

// Preset returns the limits of that name; "" is "none". The error names those that exist.
func Preset(name string) (Limits, error) {
	var known []string
	for _, p := range presets() {
		if p.Name == name || name == "" && p.Name == "none" {
			return p, nil
		}
		known = append(known, p.Name)
	}
	return Limits{}, fmt.Errorf("unknown limits %q: choose one of %s", name, strings.Join(known, ", "))
}
