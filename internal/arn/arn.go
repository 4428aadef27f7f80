// Package arn makes and reads the Amazon resource names of Chime SDK messaging.
//
// Forms (Amazon Chime SDK developer guide, "Messaging concepts"):
//
//	arn:aws:chime:{region}:{account}:app-instance/{id}
//	arn:aws:chime:{region}:{account}:app-instance/{id}/user/{id}
//	…/bot/{id}   …/channel/{id}   …/channel-flow/{id}
package arn

import (
	"fmt"
	"strings"
)

// ARN is the name of one provider resource. The zero value names nothing.
type ARN string

// Kind is the last resource type in an ARN.
type Kind string

// The kinds of Chime resources that Stagedoor knows.
const (
	KindAppInstance Kind = "app-instance"
	KindUser        Kind = "user"
	KindBot         Kind = "bot"
	KindChannel     Kind = "channel"
	KindChannelFlow Kind = "channel-flow"
)

// AppInstance names an app instance.
func AppInstance(region, account, id string) ARN {
	return ARN("arn:aws:chime:" + region + ":" + account + ":app-instance/" + id)
}

// Child names a resource inside app instance a.
func (a ARN) Child(kind Kind, id string) ARN { return a + ARN("/"+string(kind)+"/"+id) }

// User names a user of app instance a.
func (a ARN) User(id string) ARN { return a.Child(KindUser, id) }

// Channel names a channel of app instance a.
func (a ARN) Channel(id string) ARN { return a.Child(KindChannel, id) }

// Parts is a parsed ARN. ChildID is empty for an app instance itself.
type Parts struct {
	Region, Account string
	AppInstanceID   string
	Kind            Kind
	ChildID         string
}

// Parse reads a Chime ARN. Chime is in the partition aws only; another one would be a second name for the same resource.
// The error names what is wrong with the text; it is safe to show.
func Parse(s string) (Parts, error) {
	rest, chime := strings.CutPrefix(s, "arn:aws:chime:")
	region, rest, _ := strings.Cut(rest, ":")
	account, rest, whole := strings.Cut(rest, ":")
	if !chime || !whole {
		return Parts{}, fmt.Errorf("not a Chime ARN: %.80q", s)
	}
	rest, inside := strings.CutPrefix(rest, string(KindAppInstance)+"/")
	app, rest, child := strings.Cut(rest, "/")
	if !inside || app == "" {
		return Parts{}, fmt.Errorf("not an app instance ARN: %.80q", s)
	}
	p := Parts{Region: region, Account: account, AppInstanceID: app}
	if !child {
		p.Kind = KindAppInstance
		return p, nil
	}
	kind, id, _ := strings.Cut(rest, "/")
	if id != "" && !strings.Contains(id, "/") {
		switch p.Kind, p.ChildID = Kind(kind), id; p.Kind {
		case KindUser, KindBot, KindChannel, KindChannelFlow:
			return p, nil
		case KindAppInstance: // holds things, is in nothing
		}
	}
	return Parts{}, fmt.Errorf("unknown resource in ARN: %.80q", s)
}

// AppInstance returns the app instance that a belongs to, or "" if a is not a Chime ARN.
func (a ARN) AppInstance() ARN {
	p, err := Parse(string(a))
	if err != nil {
		return ""
	}
	return ARN(strings.TrimSuffix(string(a), "/"+string(p.Kind)+"/"+p.ChildID))
}

// ID returns the last identifier of a (the app instance's own for an app instance), or "" if a is not a Chime ARN.
func (a ARN) ID() string {
	p, err := Parse(string(a))
	if err != nil {
		return ""
	}
	if p.Kind == KindAppInstance {
		return p.AppInstanceID
	}
	return p.ChildID
}

// Is reports whether a is a Chime ARN of the given kind.
func (a ARN) Is(kind Kind) bool {
	p, err := Parse(string(a))
	return err == nil && p.Kind == kind
}

func (a ARN) String() string { return string(a) }
