package crash_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/gobwas/ws"
)

// The rules by which Amazon's JavaScript client comes back.
const (
	stockGiveUp  = 10 * time.Second // after the loss of the connection
	stockBackOff = time.Second      // doubled with each attempt, and a random part of it waited for
	stockMostOff = 5 * time.Second
)

// fleet is many people with stock clients: each has credentials of its own, keeps one session open and has the history of
// one channel on the screen, from a prefetch or from a list.
type fleet struct {
	addr    string
	channel string
	giveUp  time.Duration
	http    *http.Client
	signer  *v4.Signer
	fans    []*fan
	running sync.WaitGroup
}

type fan struct {
	*fleet
	no       int
	arn      string
	key      aws.Credentials
	prefetch bool
	hears    func(kind string, frame []byte) // instead of the screen, if it is not nil

	mu   sync.Mutex
	seen screen
	gone string // why there will be no further attempt
}

// screen is what one connection has shown. Lines are numbered without gaps.
type screen struct {
	established, complete time.Time
	attempts              int
	newest, oldest, lines int // of the history
	first, last           int // of the live lines, 0 for none
	wrong                 error
}

func newFleet(addr, channel string, giveUp time.Duration) *fleet {
	return &fleet{addr: addr, channel: channel, giveUp: giveUp, signer: v4.NewSigner(),
		http: &http.Client{Timeout: giveUp, Transport: &http.Transport{MaxConnsPerHost: 256, MaxIdleConnsPerHost: 256}}}
}

func (f *fleet) join(arn string, key aws.Credentials) {
	f.fans = append(f.fans, &fan{fleet: f, no: len(f.fans), arn: arn, key: key, prefetch: len(f.fans)%2 == 0})
}

// sail has everybody connected until ctx ends. At doors a thousand come in a second.
func (f *fleet) sail(ctx context.Context) {
	for _, p := range f.fans {
		f.running.Go(func() {
			select {
			case <-time.After(time.Duration(p.no) * time.Millisecond):
				p.stay(ctx)
			case <-ctx.Done():
			}
		})
	}
}

// count tells how many fulfil a condition.
func (f *fleet) count(is func(*fan, screen) bool) int {
	n := 0
	for _, p := range f.fans {
		p.mu.Lock()
		seen := p.seen
		p.mu.Unlock()
		if is(p, seen) {
			n++
		}
	}
	return n
}

// stay keeps a session open by the stock rules.
func (p *fan) stay(ctx context.Context) {
	lost, attempts := time.Now(), 0
	for ctx.Err() == nil {
		attempts++
		opened, err := p.session(ctx, attempts)
		if opened {
			lost, attempts = time.Now(), 0
		}
		if !errors.Is(err, errAgain) || time.Since(lost) > p.giveUp {
			p.mu.Lock()
			p.gone = fmt.Sprintf("after %v and %d attempts: %v", time.Since(lost).Round(time.Millisecond), attempts, err)
			p.mu.Unlock()
			return
		}
		most := stockMostOff
		if attempts < 4 {
			most = min(most, stockBackOff<<attempts>>1)
		}
		select {
		case <-time.After(rand.N(most)):
		case <-ctx.Done():
		}
	}
}

// errAgain is what an attempt ends with that the stock client follows by another.
var errAgain = errors.New("come again")

// session opens one session and shows what it tells until it ends. opened says that the WebSocket was open.
func (p *fan) session(ctx context.Context, attempts int) (opened bool, err error) {
	var endpoint struct{ Endpoint struct{ Url string } }
	text, err := p.get(ctx, "/endpoints/messaging-session", "")
	if err != nil || json.Unmarshal(text, &endpoint) != nil {
		return false, fmt.Errorf("%w: the endpoint: %w", errAgain, err)
	}
	signed, err := p.sign(ctx, endpoint.Endpoint.Url)
	if err != nil {
		return false, err
	}
	dialer := ws.Dialer{Timeout: p.giveUp, ReadBufferSize: 2048, WriteBufferSize: 2048}
	conn, early, _, err := dialer.Dial(ctx, signed)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errAgain, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	p.mu.Lock()
	p.seen = screen{attempts: attempts}
	p.mu.Unlock()
	if early == nil {
		early = bufio.NewReaderSize(conn, 2048)
	}
	for {
		h, err := ws.ReadHeader(early)
		if err != nil {
			return true, fmt.Errorf("%w: %w", errAgain, err)
		}
		body := make([]byte, h.Length)
		if _, err := io.ReadFull(early, body); err != nil {
			return true, fmt.Errorf("%w: %w", errAgain, err)
		}
		switch h.OpCode {
		case ws.OpPing:
			_ = ws.WriteFrame(conn, ws.MaskFrameInPlace(ws.NewPongFrame(body)))
		case ws.OpClose:
			code, why := ws.ParseCloseFrameData(body)
			if code == 1001 || code == 1006 || code >= 1011 && code <= 1014 || code > 4000 && code != 4002 && code != 4003 && code != 4401 {
				return true, fmt.Errorf("%w: closed with %d %s", errAgain, code, why)
			}
			return true, fmt.Errorf("closed for good with %d %s", code, why)
		case ws.OpText:
			p.show(ctx, body)
		default:
		}
	}
}

func (p *fan) sign(ctx context.Context, host string) (string, error) {
	q := url.Values{"X-Amz-Expires": {"10"}, "sessionId": {strconv.Itoa(p.no)}, "userArn": {p.arn}}
	if p.prefetch {
		q.Set("prefetch-on", "connect")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "ws://"+host+"/connect?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	signed, _, err := p.signer.PresignHTTP(ctx, p.key, r, nothing, "chime", "us-east-1", time.Now())
	return signed, err
}

// nothing is the SHA-256 of the empty body.
const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (p *fan) get(ctx context.Context, path, bearer string) ([]byte, error) {
	w := &wire{base: "http://" + p.addr, http: p.http, signer: p.signer, key: p.key}
	r, err := w.request(ctx, http.MethodGet, path, bearer, nil)
	if err != nil {
		return nil, err
	}
	resp, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &refused{resp.StatusCode, string(text)}
	}
	return text, err
}

// show takes a frame.
func (p *fan) show(ctx context.Context, frame []byte) {
	frame, is := bytes.CutPrefix(frame, []byte(`{"Headers":{"x-amz-chime-event-type":"`))
	kind, _, _ := bytes.Cut(frame, []byte(`"`))
	if p.hears != nil {
		p.hears(string(kind), frame)
		return
	}
	numbers := lineNumbers(frame)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.seen
	switch {
	case !is:
		s.wrong = fmt.Errorf("frame %.100q", frame)
	case string(kind) == "SESSION_ESTABLISHED":
		s.established = time.Now()
		if !p.prefetch {
			go p.list(ctx)
		}
	case string(kind) == "CHANNEL_DETAILS":
		s.history(numbers, 20)
	case string(kind) == "CREATE_CHANNEL_MESSAGE" && len(numbers) == 1:
		s.live(numbers[0])
		if p.prefetch && s.first != s.newest+1 {
			s.wrong = fmt.Errorf("the first live line is %d after a history up to %d", s.first, s.newest)
		}
	default:
		s.wrong = fmt.Errorf("frame %.100q", frame)
	}
}

// list reads the newest page, again when the engine was too busy.
func (p *fan) list(ctx context.Context) {
	for ctx.Err() == nil {
		text, err := p.get(ctx, messages(p.channel), p.arn)
		if err == nil {
			p.mu.Lock()
			p.seen.history(lineNumbers(text), 50)
			p.mu.Unlock()
			return
		}
		select {
		case <-time.After(rand.N(stockBackOff)):
		case <-ctx.Done():
		}
	}
}

// history takes a page, newest first.
func (s *screen) history(numbers []int, most int) {
	if len(numbers) != most || !s.complete.IsZero() {
		s.wrong = fmt.Errorf("a history of %d lines, the one before at %v", len(numbers), s.complete)
		return
	}
	for i, n := range numbers {
		if n != numbers[0]-i {
			s.wrong = fmt.Errorf("a history of %v", numbers)
		}
	}
	s.newest, s.oldest, s.lines = numbers[0], numbers[len(numbers)-1], len(numbers)
	s.complete = time.Now()
}

func (s *screen) live(n int) {
	if s.first == 0 {
		s.first = n
	} else if n != s.last+1 {
		s.wrong = fmt.Errorf("line %d after line %d", n, s.last)
	}
	s.last = n
}

// shows reports whether everything up to a line is on the screen, and nothing is missing in between.
func (s *screen) shows(last int) bool {
	return !s.complete.IsZero() && s.wrong == nil && max(s.newest, s.last) == last && (s.first == 0 || s.first <= s.newest+1)
}

// numbered is how lines begin. There is nothing in it that JSON would write in another way.
const numbered = "line number "

// lineNumbers finds the numbers of the lines in an answer or a frame, in their order.
func lineNumbers(text []byte) []int {
	var out []int
	for {
		_, rest, found := bytes.Cut(text, []byte(numbered))
		if !found {
			return out
		}
		digits, after, _ := bytes.Cut(rest, []byte(":"))
		n, err := strconv.Atoi(string(digits))
		if err != nil {
			n = -1
		}
		out, text = append(out, n), after
	}
}
