package pace_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// pipes is a listener whose connections are made in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.IPAddr{} }

// dial takes as long as a handshake over an ocean.
func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	<-time.After(300 * time.Millisecond)
	here, there := net.Pipe()
	p <- there
	return here, nil
}

// A provider works on a request for a while that says nothing about when it arrived, and hangs up after some dozens: the next
// request on a new connection arrives long after it was allowed to start. Watch sees when it was written.
func TestARequestArrivesWhenItsConnectionIsThere(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		to, at := &oracle{}, make(pipes)
		rng, requests, mu := rand.New(rand.NewPCG(1, 1)), 0, sync.Mutex{}
		server := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			to.arrive()
			mu.Lock()
			requests++
			last, work := requests%30 == 0, time.Duration(rng.Int64N(int64(200*time.Millisecond)))
			mu.Unlock()
			<-time.After(work)
			if last {
				w.Header().Set("Connection", "close")
			}
		})}
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(at) })
		client := &http.Client{Transport: &http.Transport{DialContext: at.dial, MaxIdleConnsPerHost: 16}}
		p := pace.New(preset(t, "case"))
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil {
					_ = p.Do(ctx, d, create, func(ctx context.Context) error {
						r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, "http://provider/", http.NoBody)
						if err != nil {
							return err
						}
						answer, err := client.Do(r)
						if err != nil {
							return err
						}
						_, err = io.Copy(io.Discard, answer.Body)
						_ = answer.Body.Close()
						return err
					})
				}
			})
		}
		callers.Wait()
		client.CloseIdleConnections()
		close(at)
		_ = server.Close()
		wg.Wait()
		most, rate := to.judge(began.Add(5 * time.Second))
		if most > 10 || rate < 9 {
			t.Errorf("at most %d in a second, %.3f/s", most, rate)
		}
		t.Logf("at most %d in a second, %.3f/s", most, rate)
	})
}

// What somebody does with an answer before he tells that it came has nothing to do with the way of the call.
func TestACallIsAnsweredWhenItsAnswerBegins(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		at := make(pipes)
		server := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
		var wg sync.WaitGroup
		wg.Go(func() { _ = server.Serve(at) })
		client := &http.Client{Transport: &http.Transport{DialContext: at.dial, MaxIdleConnsPerHost: 16}}
		p := pace.New(preset(t, "case"))
		var callers sync.WaitGroup
		for range 6 {
			callers.Go(func() {
				for i := range 100 {
					err := p.Do(t.Context(), d, create, func(ctx context.Context) error {
						r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://provider/", http.NoBody)
						if err != nil {
							return err
						}
						answer, err := client.Do(r)
						if err != nil {
							return err
						}
						<-time.After(time.Duration(i%7) * 50 * time.Millisecond)
						return answer.Body.Close()
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		callers.Wait()
		if r := rate(t, d, p, "all", ""); r.Rate < 9.93 {
			t.Errorf("%.3f calls a second are expected", r.Rate)
		}
		client.CloseIdleConnections()
		close(at)
		_ = server.Close()
		wg.Wait()
	})
}
