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
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine"
)

// hall is an engine behind TCP for measurements: every request is signed and travels over a connection of its own
// goroutine, as from an SDK with keep-alive. The client runs on the same processors as the engine, so it is as cheap as a
// client can be that still signs.
type hall struct {
	testing.TB
	e            *engine.Engine
	addr         string
	app, channel string
}

func newHall(tb testing.TB) *hall {
	tb.Helper()
	e, err := engine.New(context.Background(), engine.Config{Database: "sqlite:" + filepath.Join(tb.TempDir(), "engine.db")})
	if err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(e)
	tb.Cleanup(func() {
		_ = e.Close(context.Background())
		server.Close()
	})
	h := &hall{TB: tb, e: e, addr: server.Listener.Addr().String()}
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

// race has n clients do b.N calls between them and reports calls per second and the slowest hundredth.
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
