package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/db"
)

// hall is an engine behind TCP for measurements: every request is signed and travels over a connection of its own
// goroutine, as from an SDK with keep-alive. The client runs on the same processors as the engine, so it is as cheap as a
// client can be that still signs.
type hall struct {
	testing.TB
	e            *engine.Engine
	database     string
	addr         string
	app, channel string
}

func newHall(tb testing.TB) *hall {
	tb.Helper()
	h := &hall{TB: tb, database: "sqlite:" + filepath.Join(tb.TempDir(), "engine.db")}
	e, err := engine.New(context.Background(), engine.Config{Database: h.database})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(e)
	tb.Cleanup(func() {
		_ = e.Close(context.Background())
		server.Close()
	})
	h.e, h.addr = e, server.Listener.Addr().String()
	c := h.dial()
	h.app = c.must("POST", "/app-instances", "", `{"Name":"bench","ClientRequestToken":"bench"}`, "AppInstanceArn")
	h.user(c, "host")
	h.channel = c.must("POST", "/channels", h.arn("host"),
		`{"AppInstanceArn":"`+h.app+`","Name":"hall","ChannelId":"hall","ClientRequestToken":"hall"}`, "ChannelArn")
	return h
}

func (h *hall) arn(user string) string { return h.app + "/user/" + user }

func (h *hall) user(c *wire, id string) {
	c.must("POST", "/app-instance-users", "",
		`{"AppInstanceArn":"`+h.app+`","AppInstanceUserId":"`+id+`","Name":"`+id+`","ClientRequestToken":"`+id+`"}`, "AppInstanceUserArn")
}

func (h *hall) messages() string { return "/channels/" + url.QueryEscape(h.channel) + "/messages" }

// members makes n users who may speak, and returns their ARNs.
func (h *hall) members(c *wire, n int) []string {
	var all []string
	for i := range n {
		id := fmt.Sprint("fan-", i)
		h.user(c, id)
		all = append(all, h.arn(id))
	}
	for batch := range slices.Chunk(all, 100) {
		c.must("POST", "/channels/"+url.QueryEscape(h.channel)+"/memberships?operation=batch-create", h.arn("host"),
			`{"MemberArns":["`+strings.Join(batch, `","`)+`"]}`, "")
	}
	return all
}

// wire is one keep-alive connection of a client that signs with the root key.
type wire struct {
	h      *hall
	conn   net.Conn
	in     *bufio.Reader
	signer *v4.Signer
	key    aws.Credentials
	out    bytes.Buffer
}

func (h *hall) dial() *wire {
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", h.addr)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = conn.Close() })
	key := h.e.Credentials()
	return &wire{h: h, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), signer: v4.NewSigner(),
		key: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey}}
}

// call sends one signed request and returns status and body.
func (c *wire) call(method, target, bearer, body string) (int, []byte, error) {
	r, err := http.NewRequest(method, "http://"+c.h.addr+target, strings.NewReader(body)) //nolint:noctx // hot loop of a benchmark
	if err != nil {
		return 0, nil, err
	}
	service := "chime"
	if target == "/" {
		service = "sts"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("X-Amz-Chime-Bearer", bearer)
	}
	sum := sha256.Sum256([]byte(body))
	if err := c.signer.SignHTTP(context.Background(), c.key, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()); err != nil {
		return 0, nil, err
	}
	c.out.Reset()
	if err := r.Write(&c.out); err != nil {
		return 0, nil, err
	}
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return 0, nil, err
	}
	res, err := http.ReadResponse(c.in, r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// must is call for the set-up: it fails the benchmark, and returns the named string of the answer.
func (c *wire) must(method, target, bearer, body, member string) string {
	c.h.Helper()
	status, answer, err := c.call(method, target, bearer, body)
	if err != nil || status >= 300 {
		c.h.Fatalf("%s %s: %d %s %v", method, target, status, answer, err)
	}
	_, rest, _ := strings.Cut(string(answer), `"`+member+`":"`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

var errStatus = errors.New("unexpected status")

// computed is the processor time that engine and client have computed so far, whatever else the machine did meanwhile.
func computed(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// race has n clients do b.N calls between them and reports calls per second, processor time
// and the slowest hundredth.
func (h *hall) race(b *testing.B, n int, do func(c *wire, client, i int) error) {
	b.Helper()
	clients := make([]*wire, n)
	for i := range clients {
		clients[i] = h.dial()
	}
	took := make([][]time.Duration, n)
	var next atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	busy := computed(b)
	for client, c := range clients {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				began := time.Now()
				if err := do(c, client, int(i)); err != nil {
					b.Error(err)
					return
				}
				took[client] = append(took[client], time.Since(began))
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64((computed(b)-busy).Microseconds())/float64(b.N), "cpu-µs/op")
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)*50/100].Microseconds())/1000, "ms-p50")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "ms-p99")
	}
}

// BenchmarkSend is durable sends into one channel by 64 senders at once.
func BenchmarkSend(b *testing.B) {
	h := newHall(b)
	fans := h.members(h.dial(), 64)
	target := h.messages()
	h.race(b, len(fans), func(c *wire, client, i int) error {
		status, answer, err := c.call("POST", target, fans[client], fmt.Sprintf(
			`{"Content":"{\"v\":1,\"kind\":\"line\",\"text\":\"line %d of the evening\",\"at\":1790107200123}","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"token-%d"}`, i, i))
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("%w: %d %s", errStatus, status, answer)
		}
		return err
	})
}

// fill puts n messages into the channel behind the engine's back, one a millisecond, the last just now.
func (h *hall) fill(n int) (first, last time.Time) {
	h.Helper()
	d, err := db.Open(context.Background(), h.database)
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	last = time.Now()
	first = last.Add(-time.Duration(n) * time.Millisecond)
	_, err = d.Exec(context.Background(), `WITH RECURSIVE t(ms) AS (SELECT $1 + 1 UNION ALL SELECT ms + 1 FROM t WHERE ms < $2)
INSERT INTO channel_message (channel, created_ms, message_id, sender, sender_id, sender_name, target, target_id, type, content,
 content_type, metadata, attributes, redacted, edited_ms, updated_ms)
SELECT c.no, ms, printf('%012x%052x', ms, ms), u.no, u.id, u.name, 0, '', 'STANDARD',
 '{"v":1,"kind":"line","text":"line ' || ms || ' of the evening","at":' || ms || '}', '', '', '', 0, 0, ms
FROM t, channel c, app_instance_user u WHERE c.id = 'hall' AND u.id = 'host'`, first.UnixMilli(), last.UnixMilli())
	if err != nil {
		h.Fatal(err)
	}
	return first, last
}

// BenchmarkPage is pages of 50 out of a million messages, by eight readers at once: the newest page, and any page.
func BenchmarkPage(b *testing.B) {
	const million = 1_000_000
	h := newHall(b)
	first, _ := h.fill(million)
	read := func(query string) func(*wire, int, int) error {
		return func(c *wire, _, i int) error {
			target := h.messages()
			if query != "" {
				at := first.Add(time.Duration(uint64(i)*2654435761%million) * time.Millisecond)
				target += query + url.QueryEscape(at.UTC().Format("2006-01-02T15:04:05.000Z"))
			}
			status, answer, err := c.call("GET", target, h.arn("host"), "")
			if err == nil && (status != http.StatusOK || len(answer) < 1000) {
				err = fmt.Errorf("%w: %d %.200s", errStatus, status, answer)
			}
			return err
		}
	}
	b.Run("newest", func(b *testing.B) { h.race(b, 8, read("")) })
	b.Run("anywhere", func(b *testing.B) { h.race(b, 8, read("?not-after=")) })
	b.Run("one-reader-anywhere", func(b *testing.B) { h.race(b, 1, read("?not-after=")) })
}

// BenchmarkAssumeRole is credentials for a fan, with an inline policy for one user and one channel.
func BenchmarkAssumeRole(b *testing.B) {
	h := newHall(b)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage","chime:ListChannelMessages"],"Resource":["` +
		h.arn("fan-1") + `","` + h.channel + `"]},{"Effect":"Allow","Action":"chime:GetMessagingSessionEndpoint","Resource":"*"}]}`
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::000000000000:role/Fan"},
		"RoleSessionName": {"fan-1"}, "Policy": {policy}}.Encode()
	h.race(b, 8, func(c *wire, _, _ int) error {
		status, answer, err := c.call("POST", "/", "", form)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%w: %d %s", errStatus, status, answer)
		}
		return err
	})
}

// BenchmarkConnect is opening a messaging session and hearing its first frame, then hanging up; every client is a user
// of its own.
func BenchmarkConnect(b *testing.B) {
	h := newHall(b)
	fans := h.members(h.dial(), 64)
	h.race(b, len(fans), func(c *wire, client, i int) error { return c.connect(fans[client], i) })
}

// connect opens a session on a connection of its own, reads up to SESSION_ESTABLISHED and closes.
func (c *wire) connect(user string, i int) error {
	q := url.Values{"userArn": {user}, "sessionId": {fmt.Sprint(i)}, "X-Amz-Expires": {"10"}}
	r, err := http.NewRequest(http.MethodGet, "http://"+c.h.addr+"/connect?"+q.Encode(), nil) //nolint:noctx // hot loop of a benchmark
	if err != nil {
		return err
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	signed, _, err := c.signer.PresignHTTP(context.Background(), c.key, r, empty, "chime", "us-east-1", time.Now())
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", c.h.addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	target := strings.TrimPrefix(signed, "http://"+c.h.addr)
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", target, c.h.addr)
	if err != nil {
		return err
	}
	got, piece := "", make([]byte, 1024)
	for !strings.Contains(got, "SESSION_ESTABLISHED") {
		n, err := conn.Read(piece)
		if err != nil {
			return fmt.Errorf("%w after %q", err, got)
		}
		got += string(piece[:n])
	}
	return nil
}

// BenchmarkSendDuringACascade is BenchmarkSend while an app instance with 100,000 users, all of them members of one
// channel, is deleted in the background; it reports how long that took.
func BenchmarkSendDuringACascade(b *testing.B) {
	h := newHall(b)
	fans := h.members(h.dial(), 64)
	c := h.dial()
	other := c.must("POST", "/app-instances", "", `{"Name":"other","ClientRequestToken":"other"}`, "AppInstanceArn")
	users := h.crowd(other, 100_000)
	began := time.Now()
	c.must("DELETE", "/app-instances/"+url.QueryEscape(other), "", "", "")
	target := h.messages()
	h.race(b, len(fans), func(c *wire, client, i int) error {
		status, answer, err := c.call("POST", target, fans[client], fmt.Sprintf(
			`{"Content":"line %d","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"token-%d"}`, i, i))
		if err == nil && status != http.StatusCreated {
			err = fmt.Errorf("%w: %d %s", errStatus, status, answer)
		}
		return err
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for users() > 0 {
		<-tick.C
	}
	b.ReportMetric(time.Since(began).Seconds(), "s-until-gone")
}

// crowd puts n users into an app instance, and into one channel of it, behind the engine's back. left counts those who
// are there.
func (h *hall) crowd(app string, n int) (left func() int64) {
	h.Helper()
	d, err := db.Open(context.Background(), h.database)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = d.Close() })
	id := app[strings.LastIndexByte(app, '/')+1:]
	for _, text := range []string{
		`WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < $2)
INSERT INTO app_instance_user (app, id, no, name, metadata, created_ms, updated_ms) SELECT $1, 'fan-' || n, n, 'Fan', '', 0, 0 FROM t`,
		`INSERT INTO channel (no, app, id, name, mode, privacy, metadata, by_id, by_name, created_ms, updated_ms)
VALUES ($2, $1, 'full', 'full', 'RESTRICTED', 'PRIVATE', '', '', '', 0, 0)`,
		`INSERT INTO channel_membership (channel, member, type, by_id, by_name, created_ms, updated_ms)
SELECT $2, no, 'DEFAULT', '', '', 0, 0 FROM app_instance_user WHERE app = $1`,
	} {
		if _, err := d.Exec(context.Background(), text, id, n); err != nil {
			h.Fatal(err)
		}
	}
	return func() int64 {
		left, err := db.Value[int64](context.Background(), d, `SELECT (SELECT count(*) FROM app_instance_user WHERE app = $1)
 + (SELECT count(*) FROM channel_membership WHERE channel = $2)`, id, n)
		if err != nil {
			h.Fatal(err)
		}
		return left
	}
}
