// Package provisiontest is a small chat provider on the wire for tests of internal/provision: it speaks the few REST
// operations that provisioning uses, keeps its own books with the time of every call, and misbehaves on request.
//
// It is a stand-in for somebody else's service, judged by the public API reference; it checks no signatures. Its books
// are the oracle of the tests: they know nothing of the ledger.
package provisiontest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request as it arrived.
type Call struct {
	At      time.Time
	Op      string
	Members int // of a batch
	Status  int // what was answered; 0 if nothing
}

// Fault is a misbehaviour. The zero value is none.
type Fault struct {
	Status int    // answer this status, without any effect …
	Code   string // … with this error code, e.g. "Throttled"
	Lost   bool   // do what was asked, but lose the answer
	Refuse bool   // the connection is refused
}

// Provider holds app instances, users, channels, members. Make it with New. Set the exported fields before its first use.
type Provider struct {
	Latency time.Duration                     // until the answer
	Fault   func(n int, op string) Fault      // asked for the n-th call, from 1; nil: none
	Member  func(n int, member string) string // error code for one member of the n-th call; nil or "": none

	ForgetsTokens bool // a repeated request token makes a second app instance, as it does after some time

	mu        sync.Mutex
	calls     []Call
	instances map[string]string // ARN → name
	tokens    map[string]string // request token → ARN
	users     map[string]string // ARN → name
	born      map[string]int    // user or channel ARN → how often it was made from nothing
	admins    map[string]bool
	channels  map[string]*channel
}

type channel struct{ members, moderators, bans map[string]bool }

// New makes an empty provider.
func New() *Provider {
	return &Provider{instances: map[string]string{}, tokens: map[string]string{}, users: map[string]string{}, born: map[string]int{},
		admins: map[string]bool{}, channels: map[string]*channel{}}
}

// Wire is one client's connection to the provider; it can be cut.
type Wire struct {
	p   *Provider
	cut func(op string, after bool) bool
}

// Wire returns a transport. cut, if not nil, is asked before and after each effect whether the client has died meanwhile:
// nothing it sends later arrives, and no answer reaches it.
func (p *Provider) Wire(cut func(op string, after bool) bool) *Wire { return &Wire{p: p, cut: cut} }

var errCut = errors.New("connection cut")

// RoundTrip serves one request.
func (w *Wire) RoundTrip(r *http.Request) (*http.Response, error) {
	op := operation(r)
	if w.cut != nil && w.cut(op, false) {
		return nil, errCut
	}
	resp, err := w.p.serve(r, op)
	if w.cut != nil && w.cut(op, true) {
		return nil, errCut
	}
	return resp, err
}

func (p *Provider) serve(r *http.Request, op string) (*http.Response, error) {
	body := map[string]any{}
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = json.Unmarshal(raw, &body) // an empty body is an empty object
	}
	p.mu.Lock()
	n := len(p.calls) + 1
	p.calls = append(p.calls, Call{At: time.Now(), Op: op})
	var fault Fault
	if p.Fault != nil {
		fault = p.Fault(n, op)
	}
	status, answer := fault.Status, map[string]any{"Code": fault.Code, "Message": "as the test wants it"}
	if fault.Status == 0 && !fault.Refuse {
		status, answer = p.effect(n, op, r, body)
	}
	if list, ok := body["MemberArns"].([]any); ok {
		p.calls[n-1].Members = len(list)
	}
	p.calls[n-1].Status = status
	p.mu.Unlock()

	t := time.NewTimer(p.Latency)
	defer t.Stop()
	if fault.Lost {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	select {
	case <-t.C:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if fault.Refuse {
		return nil, errors.New("connection refused")
	}
	return respond(r, status, answer), nil
}

func respond(r *http.Request, status int, answer map[string]any) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	if code, ok := answer["Code"].(string); ok {
		if code == "Throttled" || code == "Unauthorized" {
			code += "Client"
		}
		h.Set("X-Amzn-Errortype", code+"Exception")
	}
	text, _ := json.Marshal(answer)
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(string(text))), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// segments splits the escaped path and decodes each part.
func segments(r *http.Request) []string {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, s := range parts {
		parts[i], _ = url.PathUnescape(s)
	}
	return parts
}

// operation names what a request asks for.
func operation(r *http.Request) string {
	s := segments(r)
	where := s[0]
	if len(s) > 2 {
		where = s[2]
	}
	batch := ""
	if r.URL.Query().Get("operation") != "" {
		batch = "?" + r.URL.Query().Get("operation")
	}
	key := fmt.Sprintf("%s %s %d%s", r.Method, where, len(s), batch)
	if op, ok := map[string]string{
		"POST app-instances 1": "CreateAppInstance", "GET app-instances 1": "ListAppInstances", "POST admins 3": "CreateAppInstanceAdmin",
		"POST app-instance-users 1": "CreateAppInstanceUser", "PUT app-instance-users 2": "UpdateAppInstanceUser",
		"DELETE app-instance-users 2": "DeleteAppInstanceUser", "POST channels 1": "CreateChannel", "DELETE channels 2": "DeleteChannel",
		"POST memberships 3?batch-create": "BatchCreateChannelMembership", "DELETE memberships 4": "DeleteChannelMembership",
		"POST moderators 3": "CreateChannelModerator", "DELETE moderators 4": "DeleteChannelModerator",
		"POST bans 3": "CreateChannelBan", "DELETE bans 4": "DeleteChannelBan",
	}[key]; ok {
		return op
	}
	return key
}

func refused(status int, code string) (int, map[string]any) {
	return status, map[string]any{"Code": code, "Message": "no"}
}

// effect does what an operation does and returns status and body.
func (p *Provider) effect(n int, op string, r *http.Request, body map[string]any) (int, map[string]any) {
	s := segments(r)
	text := func(name string) string { v, _ := body[name].(string); return v }
	switch op {
	case "CreateAppInstance":
		a, ok := p.tokens[text("ClientRequestToken")]
		if !ok || p.ForgetsTokens {
			a = fmt.Sprintf("arn:aws:chime:us-east-1:000000000000:app-instance/%08d", n)
			p.tokens[text("ClientRequestToken")], p.instances[a] = a, text("Name")
		}
		return 201, map[string]any{"AppInstanceArn": a}
	case "ListAppInstances":
		var list []map[string]string
		for a, name := range p.instances {
			list = append(list, map[string]string{"AppInstanceArn": a, "Name": name})
		}
		return 200, map[string]any{"AppInstances": list}
	case "CreateAppInstanceAdmin":
		p.admins[text("AppInstanceAdminArn")] = true
		return 201, map[string]any{"AppInstanceArn": s[1]}
	case "CreateAppInstanceUser":
		return p.createUser(text("AppInstanceArn"), text("AppInstanceUserId"), text("Name"))
	case "UpdateAppInstanceUser":
		if _, ok := p.users[s[1]]; !ok {
			return refused(403, "Forbidden")
		}
		p.users[s[1]] = text("Name")
		return 200, map[string]any{"AppInstanceUserArn": s[1]}
	case "DeleteAppInstanceUser":
		if _, ok := p.users[s[1]]; !ok {
			return refused(403, "Forbidden")
		}
		delete(p.users, s[1])
		for _, c := range p.channels {
			delete(c.members, s[1])
			delete(c.moderators, s[1])
		}
		return 204, nil
	}
	if !p.admins[r.Header.Get("x-amz-chime-bearer")] {
		return refused(403, "Forbidden")
	}
	return p.messaging(n, op, s, body)
}

func (p *Provider) createUser(instance, id, name string) (int, map[string]any) {
	if _, ok := p.instances[instance]; !ok {
		return refused(403, "Forbidden")
	}
	a := instance + "/user/" + id
	if old, ok := p.users[a]; ok && old != name {
		return refused(409, "Conflict")
	} else if !ok {
		p.born[a]++
	}
	p.users[a] = name
	return 201, map[string]any{"AppInstanceUserArn": a}
}

func (p *Provider) messaging(n int, op string, s []string, body map[string]any) (int, map[string]any) {
	text := func(name string) string { v, _ := body[name].(string); return v }
	if op == "CreateChannel" {
		a := text("AppInstanceArn") + "/channel/" + text("ChannelId")
		if _, ok := p.channels[a]; ok {
			return refused(409, "Conflict")
		}
		p.channels[a] = &channel{members: map[string]bool{}, moderators: map[string]bool{}, bans: map[string]bool{}}
		p.born[a]++
		return 201, map[string]any{"ChannelArn": a}
	}
	c, ok := p.channels[s[1]]
	if !ok {
		return refused(403, "Forbidden")
	}
	switch op {
	case "DeleteChannel":
		delete(p.channels, s[1])
	case "BatchCreateChannelMembership":
		return p.join(n, c, body)
	case "DeleteChannelMembership":
		delete(c.members, s[3])
	case "CreateChannelModerator":
		if !c.members[text("ChannelModeratorArn")] {
			return refused(403, "Forbidden")
		}
		c.moderators[text("ChannelModeratorArn")] = true
		return 201, map[string]any{"ChannelArn": s[1]}
	case "DeleteChannelModerator":
		delete(c.moderators, s[3])
	case "CreateChannelBan":
		c.bans[text("MemberArn")] = true
		delete(c.members, text("MemberArn"))
		return 201, map[string]any{"ChannelArn": s[1]}
	case "DeleteChannelBan":
		delete(c.bans, s[3])
	default:
		return refused(400, "BadRequest")
	}
	return 204, nil
}

func (p *Provider) join(n int, c *channel, body map[string]any) (int, map[string]any) {
	list, _ := body["MemberArns"].([]any)
	if len(list) == 0 || len(list) > 100 {
		return refused(400, "BadRequest")
	}
	failed := []map[string]string{}
	for _, m := range list {
		a, _ := m.(string)
		code := ""
		if p.Member != nil {
			code = p.Member(n, a)
		}
		switch _, known := p.users[a]; {
		case code != "":
		case !known:
			code = "NotFound"
		case c.bans[a]:
			code = "Forbidden"
		default:
			c.members[a] = true
			continue
		}
		failed = append(failed, map[string]string{"MemberArn": a, "ErrorCode": code})
	}
	return 200, map[string]any{"BatchChannelMemberships": map[string]any{}, "Errors": failed}
}

// Calls returns a copy of all calls in the order of arrival.
func (p *Provider) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Instances returns how many app instances there are.
func (p *Provider) Instances() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.instances)
}

// Users returns the display name of every user by id.
func (p *Provider) Users() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]string{}
	for a, name := range p.users {
		out[last(a)] = name
	}
	return out
}

// Channels returns how many channels there are.
func (p *Provider) Channels() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.channels)
}

// Members returns the sorted user ids of a channel's members, and of its moderators.
func (p *Provider) Members(channelID string) (members, moderators []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, c := range p.channels {
		if last(a) == channelID {
			members, moderators = ids(c.members), ids(c.moderators)
		}
	}
	return members, moderators
}

// Twice returns what was made from nothing more than once.
func (p *Provider) Twice() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for a, n := range p.born {
		if n > 1 {
			out = append(out, last(a))
		}
	}
	return out
}

// Ban bans a user as a moderator would.
func (p *Provider) Ban(channelID, userID string, banned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, c := range p.channels {
		if last(a) == channelID {
			user := a[:strings.Index(a, "/channel/")] + "/user/" + userID
			c.bans[user] = banned
			if banned {
				delete(c.members, user)
			}
		}
	}
}

func ids(set map[string]bool) []string {
	var out []string
	for a := range set {
		out = append(out, last(a))
	}
	slices.Sort(out)
	return out
}

func last(a string) string { return a[strings.LastIndex(a, "/")+1:] }

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
