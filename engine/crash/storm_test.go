package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/engine"
)

// The engine is killed while people are connected, and comes back. Everybody does, too, by the rules of the stock client,
// and has the history without a gap: what was said before, while they were away, and afterwards.
//
// STAGEDOOR_STORM people (make storm: 15,000) come back within the stock client's ten seconds or not at all. Without it
// they are few and patient, because a test must not depend on how fast the machine is.
func TestEverybodyComesBackToAKilledEngine(t *testing.T) {
	people, giveUp := number(t, "STAGEDOOR_STORM", 150), stockGiveUp
	if os.Getenv("STAGEDOOR_STORM") == "" {
		giveUp = 2 * patience
	} else { // the clients are on the engine's processors, and a fifth of their time was looking through their own memory
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	database := "sqlite:" + filepath.Join(t.TempDir(), "engine.db")
	s, keys := crowd(t, database, people)
	p := birth(t, config(database))
	h, ok := p.hello(t, nil)
	if !ok {
		t.FailNow()
	}
	f := newFleet(h.Addr, s.Channels[0], giveUp)
	defer f.running.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i, arn := range s.People {
		f.join(arn, keys[i])
	}
	began := time.Now()
	v := &voice{fleet: f, bearer: s.Admin}
	v.say(t, 60) // more than a page
	f.sail(ctx)
	f.await(t, v.last())
	t.Logf("%d people came in within %v, %d reads", people, time.Since(began).Round(time.Millisecond), reads(t, h.Addr))

	talking := make(chan struct{})
	silent := make(chan struct{})
	go func() {
		defer close(silent)
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-tick.C:
				v.say(t, 1)
			case <-talking:
				tick.Stop()
				return
			}
		}
	}()
	killed := time.Now()
	p.kill(t)
	p = birthAt(t, config(database), h.Addr)
	if _, ok := p.hello(t, nil); !ok {
		t.FailNow()
	}
	up := time.Since(killed)
	back := func(p *fan, s screen) bool {
		return s.established.After(killed) && s.complete.After(killed) || p.gone != ""
	}
	f.until(t, "back", back)
	close(talking)
	<-silent
	n := reads(t, h.Addr)
	v.say(t, 3)
	f.await(t, v.last())
	lines := v.last() - 63
	t.Logf("%d people, engine up after %v, %d lines said meanwhile, %d reads", people, up.Round(time.Millisecond), lines, n)
	f.report(t, killed)
	cancel()
	f.running.Wait()
	p.kill(t)
	t.Logf("CPU of the engine: %v user, %v system", p.cmd.ProcessState.UserTime(), p.cmd.ProcessState.SystemTime())
	// A few come one by one or together, as the machine has it; thousands are read together.
	if most := uint64(people/2 + 6*lines); people >= 1000 && n > most {
		t.Errorf("%d reads of the database for %d people and %d lines, want %d at most; alone each takes five or six", n, people, lines, most)
	}
}

// crowd makes people with credentials of their own who are members of one channel.
func crowd(t *testing.T, database string, people int) (stage, []aws.Credentials) {
	t.Helper()
	e, err := engine.New(t.Context(), config(database))
	if err != nil {
		t.Fatal(err)
	}
	w := within(e, rootKey)
	s, err := build(t.Context(), w, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	app, _, _ := strings.Cut(s.Admin, "/user/")
	s.People = make([]string, people)
	keys := make([]aws.Credentials, people)
	issuer := sts.NewFromConfig(aws.Config{Region: e.Region(), BaseEndpoint: &w.base, HTTPClient: w.http, Credentials: held(rootKey)})
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 64 { // commits are shared
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < people && !t.Failed(); i = int(next.Add(1)) - 1 {
				var err error
				if s.People[i], keys[i], err = enroll(t.Context(), w, issuer, app, s.Channels[0], i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for some := range slices.Chunk(s.People, 100) {
		if err := w.call(t.Context(), http.MethodPost, "/channels/"+url.PathEscape(s.Channels[0])+"/memberships?operation=batch-create",
			s.Admin, map[string]any{"MemberArns": some}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(context.Background()); err != nil || t.Failed() {
		t.Fatal(err)
	}
	return s, keys
}

type held aws.Credentials

func (h held) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(h), nil }

// enroll makes one user, and credentials as a ticket office hands them out: good for one user and one channel.
func enroll(ctx context.Context, w *wire, issuer *sts.Client, app, channel string, i int) (string, aws.Credentials, error) {
	id := fmt.Sprint("fan-", i)
	var user struct{ AppInstanceUserArn string }
	if err := w.call(ctx, http.MethodPost, "/app-instance-users", "", map[string]any{"AppInstanceArn": app, "AppInstanceUserId": id,
		"Name": id, "ClientRequestToken": id}, &user); err != nil {
		return "", aws.Credentials{}, err
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","chime:ListChannelMessages"],
"Resource":[%q,%q]},{"Effect":"Allow","Action":"chime:GetMessagingSessionEndpoint","Resource":"*"}]}`, user.AppInstanceUserArn, channel)
	got, err := issuer.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"),
		RoleSessionName: &id, Policy: &policy})
	if err != nil {
		return "", aws.Credentials{}, err
	}
	c := got.Credentials
	return user.AppInstanceUserArn, aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, nil
}

// voice says numbered lines, each as often as it takes until it is acknowledged, with one token.
type voice struct {
	*fleet
	bearer string
	said   atomic.Int64
}

func (v *voice) last() int { return int(v.said.Load()) }

func (v *voice) say(t *testing.T, lines int) {
	w := newWire(v.addr, rootKey)
	defer w.http.CloseIdleConnections()
	for range lines {
		text := fmt.Sprintf(numbered+"%d: %s", v.said.Load()+1, strings.Repeat("la ", 60))
		for began := time.Now(); ; {
			err := w.call(t.Context(), http.MethodPost, messages(v.channel), v.bearer, map[string]any{"Content": text, "Type": "STANDARD",
				"Persistence": "PERSISTENT", "ClientRequestToken": fmt.Sprint("say-", v.said.Load()+1)}, nil)
			if err == nil {
				break
			}
			if time.Since(began) > patience {
				t.Errorf("the engine takes no line: %v", err)
				return
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-t.Context().Done():
				return
			}
		}
		v.said.Add(1)
	}
}

// await waits until everybody has everything on the screen up to a line.
func (f *fleet) await(t *testing.T, last int) {
	t.Helper()
	f.until(t, fmt.Sprint("up to line ", last), func(p *fan, s screen) bool { return s.shows(last) || p.gone != "" || s.wrong != nil })
	bad := 0
	for _, p := range f.fans {
		p.mu.Lock()
		if p.gone != "" || p.seen.wrong != nil || !p.seen.shows(last) {
			if bad++; bad <= 5 {
				t.Errorf("fan %d, prefetch %v: gone %q, wrong %v, history %d–%d, live %d–%d of %d", p.no, p.prefetch, p.gone, p.seen.wrong,
					p.seen.oldest, p.seen.newest, p.seen.first, p.seen.last, last)
			}
		}
		p.mu.Unlock()
	}
	if bad > 0 {
		t.Fatalf("%d of %d people have not seen everything", bad, len(f.fans))
	}
}

func (f *fleet) until(t *testing.T, what string, is func(*fan, screen) bool) {
	t.Helper()
	over := time.After(2 * patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for f.count(is) < len(f.fans) {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%d of %d people are %s", f.count(is), len(f.fans), what)
		}
	}
}

// report prints how long it took after the kill.
func (f *fleet) report(t *testing.T, killed time.Time) {
	t.Helper()
	times := map[string][]time.Duration{}
	attempts := 0
	for _, p := range f.fans {
		how := "list"
		if p.prefetch {
			how = "prefetch"
		}
		times["established"] = append(times["established"], p.seen.established.Sub(killed))
		times["history by "+how] = append(times["history by "+how], p.seen.complete.Sub(killed))
		attempts = max(attempts, p.seen.attempts)
	}
	for what, all := range times {
		slices.Sort(all)
		at := func(part float64) time.Duration { return all[int(part*float64(len(all)-1))].Round(time.Millisecond) }
		t.Logf("%-20s p50 %v, p99 %v, max %v", what, at(.5), at(.99), at(1))
	}
	t.Logf("at most %d attempts", attempts)
}

func reads(t *testing.T, addr string) uint64 {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+readsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var n uint64
	if err := json.Unmarshal(text, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
