package conformance

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/engine"
)

// node is an engine that can be restarted on its database, and whose sockets can be closed with any code.
type node struct {
	t   *testing.T
	cfg engine.Config

	mu     sync.RWMutex
	engine *engine.Engine

	sockets sync.Mutex
	open    []*socket
}

// ServeHTTP holds requests back while the engine restarts: the SDK gives up ten seconds after it has lost its
// connection, however slow this machine is.
func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	n.engine.ServeHTTP(&hijacker{w, n}, r)
}

// restart closes the engine, which sends everybody away with 1012, and starts it anew.
func (n *node) restart() {
	n.mu.Lock()
	defer n.mu.Unlock()
	shut(n.t, n.engine)
	n.engine = open(n.t, n.cfg)
}

// end closes every socket with a code that the engine has no reason to send (1011), or not before minutes have passed (4401).
func (n *node) end(code uint16) {
	n.sockets.Lock()
	defer n.sockets.Unlock()
	for _, s := range n.open {
		s.end(code)
	}
	n.open = nil
}

type hijacker struct {
	http.ResponseWriter
	n *node
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	s := &socket{Conn: c}
	h.n.sockets.Lock()
	defer h.n.sockets.Unlock()
	h.n.open = append(h.n.open, s)
	return s, rw, nil
}

// socket is a connection into which a close frame can be put between two frames of the engine's.
type socket struct {
	net.Conn
	mu    sync.Mutex
	ended bool
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return len(p), nil // nothing follows a close frame
	}
	return s.Conn.Write(p)
}

func (s *socket) end(code uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	_, _ = s.Conn.Write(binary.BigEndian.AppendUint16([]byte{0x88, 2}, code)) // RFC 6455, section 5.5.1
}

// hall is an app instance with a moderator and a channel, made with the root key.
type hall struct {
	t                 *testing.T
	id                *chimesdkidentity.Client
	msg               *chimesdkmessaging.Client
	sts               *sts.Client
	app, mod, channel string
}

func makeHall(t *testing.T, root engine.Credentials, url string, client *http.Client) *hall {
	t.Helper()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &url, HTTPClient: client, Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: root.AccessKeyID, SecretAccessKey: root.SecretAccessKey}, nil
		})}
	h := &hall{t: t, id: chimesdkidentity.NewFromConfig(cfg), msg: chimesdkmessaging.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg)}
	app, err := h.id.CreateAppInstance(t.Context(), &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("conformance")})
	must(t, err)
	h.app = *app.AppInstanceArn
	mod, err := h.id.CreateAppInstanceUser(t.Context(), &chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: &h.app,
		AppInstanceUserId: aws.String("mod"), Name: aws.String("Name of mod")})
	must(t, err)
	h.mod = *mod.AppInstanceUserArn
	channel, err := h.msg.CreateChannel(t.Context(), &chimesdkmessaging.CreateChannelInput{AppInstanceArn: &h.app, ChimeBearer: &h.mod,
		Name: aws.String("room"), ChannelId: aws.String("room"), Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate})
	must(t, err)
	h.channel = *channel.ChannelArn
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// member makes a user, takes it into the channel and returns its ARN and credentials for it alone.
func (h *hall) member(t *testing.T, name string) (string, credentials) {
	t.Helper()
	user, err := h.id.CreateAppInstanceUser(t.Context(), &chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: &h.app,
		AppInstanceUserId: &name, Name: aws.String("Name of " + name)})
	must(t, err)
	_, err = h.msg.CreateChannelMembership(t.Context(), &chimesdkmessaging.CreateChannelMembershipInput{ChannelArn: &h.channel,
		ChimeBearer: &h.mod, MemberArn: user.AppInstanceUserArn, Type: types.ChannelMembershipTypeDefault})
	must(t, err)
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage",`+
		`"chime:ListChannelMessages","chime:DescribeChannel"],"Resource":["%s","%s"]},{"Effect":"Allow",`+
		`"Action":"chime:GetMessagingSessionEndpoint","Resource":"*"}]}`, *user.AppInstanceUserArn, h.channel)
	out, err := h.sts.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"),
		RoleSessionName: &name, Policy: &policy})
	must(t, err)
	c := out.Credentials
	return *user.AppInstanceUserArn, credentials{*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken}
}

// says lets the moderator send a line.
func (h *hall) says(t *testing.T, text string) {
	t.Helper()
	_, err := h.msg.SendChannelMessage(t.Context(), &chimesdkmessaging.SendChannelMessageInput{ChannelArn: &h.channel, ChimeBearer: &h.mod,
		Content: &text, Type: types.ChannelMessageTypeStandard, Persistence: types.ChannelMessagePersistenceTypePersistent})
	must(t, err)
}

// stage is everything together: an engine behind TLS, a hall in it, and a browser.
type stage struct {
	*hall
	*browser
	node *node
	line *cuttable
}

// seat opens the session of a new member in the browser and stops it at the end of the test.
func (s *stage) seat(t *testing.T, name string, prefetch bool) (arn string) {
	t.Helper()
	arn, c := s.member(t, name)
	s.gives(name, c)
	s.browser.open(t, name, arn, prefetch)
	t.Cleanup(func() { s.do(t, "stop", map[string]any{"user": name}) })
	return arn
}

// hearsLine waits for a line of the channel and returns its payload.
func (s *stage) hearsLine(t *testing.T, user, content string) {
	t.Helper()
	e := s.hears(t, user, "CREATE_CHANNEL_MESSAGE")
	var m struct{ ChannelArn, MessageId, Content, CreatedTimestamp string }
	must(t, json.Unmarshal([]byte(e.Payload), &m))
	if m.Content != content || m.ChannelArn != s.channel || len(m.MessageId) != 64 || e.Headers["x-amz-chime-message-type"] != "STANDARD" {
		t.Errorf("%s heard %+v, want %q", user, e, content)
	}
}

// comesBack checks that the session finds out about the end of its connection, opens another one and hears again.
func (s *stage) comesBack(t *testing.T, user string, code int) {
	t.Helper()
	if e := s.hears(t, user, "closed"); e.Code != code {
		t.Fatalf("closed with %d, want %d", e.Code, code)
	}
	s.hears(t, user, "reconnecting", "started", "SESSION_ESTABLISHED")
	s.says(t, "after the break")
	s.hearsLine(t, user, "after the break")
}

// stops checks that the session stays away.
func (s *stage) stops(t *testing.T, user string, code int) {
	t.Helper()
	if e := s.hears(t, user, "closed", "stopped"); e.Code != code {
		t.Errorf("stopped with %d, want %d", e.Code, code)
	}
}

func TestAmazonsSessionInABrowserUntouched(t *testing.T) {
	n := &node{t: t, cfg: engine.Config{Database: "sqlite:" + filepath.Join(t.TempDir(), "engine.db")}}
	s := &stage{node: n}
	s.browser = startBrowser(t, func(origin string) (url string) {
		n.cfg.Origins = []string{origin}
		n.engine = open(t, n.cfg)
		var client *http.Client
		url, _, client, s.line = serveTLS(t, n)
		s.hall = makeHall(t, n.engine.Credentials(), url, client)
		return url
	})
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"hears what is said, and says something", s.talks},
		{"gets its channels with the connection", s.prefetches},
		{"comes back after 1006", func(t *testing.T) {
			s.seat(t, "f1006", false)
			s.line.cut()
			s.comesBack(t, "f1006", 1006)
		}},
		{"comes back after 1011", func(t *testing.T) {
			s.seat(t, "f1011", false)
			n.end(1011)
			s.comesBack(t, "f1011", 1011)
		}},
		{"comes back after 1012, when the engine has restarted", func(t *testing.T) {
			s.seat(t, "f1012", false)
			n.restart()
			s.comesBack(t, "f1012", 1012)
		}},
		{"stops on 4401, as at the end of its credentials", func(t *testing.T) {
			s.seat(t, "f4401", false)
			n.end(4401)
			s.stops(t, "f4401", 4401)
		}},
		{"stays away after 4401, when it comes back with the credentials of another", s.refusesStrangers},
		{"stops on 4003, when its user is deleted", func(t *testing.T) {
			arn := s.seat(t, "f4003", false)
			_, err := s.id.DeleteAppInstanceUser(t.Context(), &chimesdkidentity.DeleteAppInstanceUserInput{AppInstanceUserArn: &arn})
			must(t, err)
			s.stops(t, "f4003", 4003)
		}},
	} {
		if !t.Run(c.name, c.run) {
			return // the page may still be waiting for what did not happen
		}
	}
}

// refusesStrangers breaks the line of a session whose page has other credentials to come back with. The SDK tells its
// observers only of the end of a session that was established (DefaultMessagingSession.js of 3.32.0).
func (s *stage) refusesStrangers(t *testing.T) {
	s.seat(t, "stranger", false)
	_, others := s.member(t, "another")
	s.gives("stranger", others)
	s.line.cut()
	s.hears(t, "stranger", "closed", "reconnecting")
	if e := s.hears(t, "stranger", "closed"); e.Code != 4401 {
		t.Errorf("closed with %d", e.Code)
	}
	if e := s.hears(t, "page", "rejected"); e.Code != 4401 {
		t.Errorf("rejected with %d", e.Code)
	}
}

// talks is REST from a page of another origin, with all its preflights, and the live socket.
func (s *stage) talks(t *testing.T) {
	arn := s.seat(t, "ann", false)
	s.says(t, `it's "live" <b> ü 💬`)
	s.hearsLine(t, "ann", `it's "live" <b> ü 💬`)
	send := map[string]any{"ChannelArn": s.channel, "ChimeBearer": arn, "Content": "from the browser", "Type": "STANDARD", "Persistence": "PERSISTENT"}
	if a := s.call(t, "ann", "SendChannelMessage", send); a.Refused != "" {
		t.Errorf("send: %+v", a)
	}
	s.hearsLine(t, "ann", "from the browser")
	a := s.call(t, "ann", "ListChannelMessages", map[string]any{"ChannelArn": s.channel, "ChimeBearer": arn, "MaxResults": 1})
	var page struct{ ChannelMessages []struct{ Content string } }
	must(t, json.Unmarshal(a.Output, &page))
	if len(page.ChannelMessages) != 1 || page.ChannelMessages[0].Content != "from the browser" {
		t.Errorf("list: %+v", a)
	}
	// The class of the error is in a header that the browser shows to the page only if the engine lets it.
	send["Content"] = strings.Repeat("x", 4097)
	if a := s.call(t, "ann", "SendChannelMessage", send); a.Refused != "BadRequestException" {
		t.Errorf("a long line: %+v", a)
	}
	if a := s.call(t, "ann", "DescribeChannel", map[string]any{"ChannelArn": s.channel, "ChimeBearer": s.mod}); a.Refused != "AccessDeniedException" {
		t.Errorf("as another: %+v", a)
	}
	_, others := s.member(t, "other")
	s.gives("spy", others)
	if a := s.do(t, "open", map[string]any{"user": "spy", "arn": arn, "prefetch": false}); a.Code != 4401 {
		t.Errorf("the session of ann with the credentials of another: %+v", a)
	}
}

// prefetches proves CHANNEL_DETAILS, which the SDK asks for with prefetch-on=connect.
func (s *stage) prefetches(t *testing.T) {
	s.says(t, "before the connection")
	arn := s.seat(t, "prefetch", true)
	var details struct {
		Channel            struct{ ChannelArn, Name string }
		ChannelMessages    []struct{ Content string }
		ChannelMemberships []struct{ Member struct{ Arn string } }
	}
	e := s.hears(t, "prefetch", "CHANNEL_DETAILS")
	must(t, json.Unmarshal([]byte(e.Payload), &details))
	isSelf := func(m struct{ Member struct{ Arn string } }) bool { return m.Member.Arn == arn }
	if details.Channel.ChannelArn != s.channel || details.ChannelMessages[0].Content != "before the connection" ||
		!slices.ContainsFunc(details.ChannelMemberships, isSelf) || e.Headers["x-amz-chime-message-type"] != "SYSTEM" {
		t.Errorf("details: %+v", e)
	}
}
