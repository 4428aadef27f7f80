// Package chimetest is a chat provider in memory for the tests of rooms that call one: an http.RoundTripper that speaks
// the few operations moderation, archive and passes need, over Amazon's wire. It writes down every call, and a test
// may let any of them fail, hang, or lose its answer.
//
// It is no engine: no sessions, no signatures, no limits. It does check what the rooms could get wrong: temporary keys
// act as the one account and in the one channel they were made for, and only where its role may act.
package chimetest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/chime"
)

// Instance is the app instance of everything the provider knows.
const Instance = arn.ARN("arn:aws:chime:us-east-1:000000000000:app-instance/5a1cd3e0")

// adminKey is the access key of Client; every other key is a temporary one.
const adminKey = "AKIDPLATFORM000000"

// Call is one request as it arrived, with what came of it.
type Call struct {
	At      time.Time // of its arrival
	Op      string    // as in Amazon's API reference
	Bearer  arn.ARN
	Channel arn.ARN
	Subject string // the user or message it is about
	Own     bool   // made with temporary keys, not with the platform's
	Status  int    // 0: no answer
}

// Trouble is what a test does to a call.
type Trouble struct {
	Status int  // answer with this status instead
	Hang   bool // no answer until the caller gives up
	Lose   bool // do it, but let the answer get lost
}

// Message is one message of a channel.
type Message struct {
	ID, Content string
	Sender      arn.ARN
	SenderName  string
	Redacted    bool
	Created     time.Time
	token       string
}

// Provider is a chat provider. Use New.
type Provider struct {
	mu       sync.Mutex
	trouble  func(Call) Trouble
	calls    []Call
	keys     map[string]grant // temporary keys
	channels map[arn.ARN]*channel
	names    map[arn.ARN]string
	clock    time.Time // of messages: strictly increasing
	serial   int
}

// grant is what a temporary key may do.
type grant struct {
	resources []string
	actions   []string
}

type channel struct {
	members, moderators, bans map[arn.ARN]bool
	messages                  []*Message
}

// New makes a provider without channels.
func New() *Provider {
	return &Provider{keys: map[string]grant{}, channels: map[arn.ARN]*channel{}, names: map[arn.ARN]string{},
		clock: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)}
}

// Client returns a client with the platform's own keys, which may act as anybody.
func (p *Provider) Client() *chime.Client { return p.ClientVia(p) }

// ClientVia returns a client whose calls go through something of the test's own first.
func (p *Provider) ClientVia(wire http.RoundTripper) *chime.Client {
	return chime.New(chime.Config{Region: "us-east-1", AccessKeyID: adminKey, SecretAccessKey: "secret", HTTP: wire,
		UserRole: "arn:aws:iam::000000000000:role/user", ModeratorRole: "arn:aws:iam::000000000000:role/moderator"})
}

// Trouble sets what happens to each call; nil means no trouble. The function must not call the provider.
func (p *Provider) Trouble(f func(Call) Trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = f
}

// Calls returns everything that arrived so far, in order.
func (p *Provider) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.calls)
}

// Count returns how many calls of an operation arrived.
func (p *Provider) Count(op string) int {
	n := 0
	for _, c := range p.Calls() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// AddChannel makes a channel with members; the moderators are members too.
func (p *Provider) AddChannel(channelARN arn.ARN, moderators, members []arn.ARN) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &channel{members: map[arn.ARN]bool{}, moderators: map[arn.ARN]bool{}, bans: map[arn.ARN]bool{}}
	for _, m := range moderators {
		c.moderators[m], c.members[m] = true, true
	}
	for _, m := range members {
		c.members[m] = true
	}
	p.channels[channelARN] = c
}

// Name sets the name that a user's messages carry from now on.
func (p *Provider) Name(user arn.ARN, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[user] = name
}

// Say puts a line into a channel without a call and returns its id.
func (p *Provider) Say(channelARN, sender arn.ARN, content string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.say(p.channels[channelARN], sender, content, "")
}

func (p *Provider) say(c *channel, sender arn.ARN, content, token string) string {
	p.clock = p.clock.Add(time.Millisecond)
	p.serial++
	m := &Message{ID: fmt.Sprintf("%064x", p.serial), Content: content, Sender: sender, SenderName: p.names[sender], Created: p.clock, token: token}
	c.messages = append(c.messages, m)
	return m.ID
}

// History returns a channel's messages, oldest first.
func (p *Provider) History(channelARN arn.ARN) []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Message
	for _, m := range p.channels[channelARN].messages {
		out = append(out, *m)
	}
	return out
}

// Banned and Member say how a user stands in a channel.
func (p *Provider) Banned(channelARN, user arn.ARN) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channels[channelARN].bans[user]
}

// Member says whether a user belongs to a channel.
func (p *Provider) Member(channelARN, user arn.ARN) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channels[channelARN].members[user]
}

// request is one call taken apart.
type request struct {
	Call
	method string
	path   []string // decoded segments
	query  url.Values
	body   []byte
	key    string
}

// RoundTrip implements http.RoundTripper.
func (p *Provider) RoundTrip(r *http.Request) (*http.Response, error) {
	in, err := read(r)
	if err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	in.At = time.Now()
	var t Trouble
	if p.trouble != nil {
		t = p.trouble(in.Call)
	}
	var a answer
	switch {
	case t.Hang:
	case t.Status != 0:
		a = refuse(t.Status)
	default:
		a = p.serve(&in)
	}
	if !t.Lose {
		in.Status = a.status
	}
	p.calls = append(p.calls, in.Call)
	p.mu.Unlock()
	if t.Hang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if t.Lose {
		return nil, fmt.Errorf("connection reset after %s", in.Op)
	}
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: a.header,
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body))}, nil
}

func read(r *http.Request) (request, error) {
	in := request{method: r.Method, query: r.URL.Query()}
	if r.Body != nil {
		var err error
		if in.body, err = io.ReadAll(r.Body); err != nil {
			return in, err
		}
	}
	for s := range strings.SplitSeq(strings.Trim(r.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return in, err
		}
		in.path = append(in.path, plain)
	}
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	in.key, _, _ = strings.Cut(credential, "/")
	in.Own = in.key != adminKey
	in.Bearer = arn.ARN(r.Header.Get("x-amz-chime-bearer"))
	if len(in.path) > 1 {
		in.Channel = arn.ARN(in.path[1])
	}
	if len(in.path) > 3 {
		in.Subject = in.path[3]
	}
	in.Op = in.operation()
	return in, nil
}
