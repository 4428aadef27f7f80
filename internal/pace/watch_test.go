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

// serve has some callers call a provider n times each, at p's pace, and do something with each answer.
func serve(t *testing.T, d *db.DB, p *pace.Pace, provider http.HandlerFunc, callers, n int, then func(i int)) {
	t.Helper()
	at := make(pipes)
	server := &http.Server{ReadHeaderTimeout: time.Hour, Handler: provider}
	client := &http.Client{Transport: &http.Transport{DialContext: at.dial, MaxIdleConnsPerHost: 16}}
	call := func(ctx context.Context) (io.Closer, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://provider/", http.NoBody)
		if err != nil {
			return nil, err
		}
		answer, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.Body, err
	}
	var serving, calling sync.WaitGroup
	serving.Go(func() { _ = server.Serve(at) })
	for range callers {
		calling.Go(func() {
			for i := range n {
				err := p.Do(t.Context(), d, create, func(ctx context.Context) error {
					body, err := call(ctx)
					if err != nil {
						return err
					}
					then(i)
					return body.Close()
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	calling.Wait()
	client.CloseIdleConnections()
	close(at)
	_ = server.Close()
	serving.Wait()
}

// A provider works on a request for a while that says nothing about when it arrived, and hangs up after some dozens: the next
// request on a new connection arrives long after it was allowed to start. Watch sees when it was written.
func TestARequestArrivesWhenItsConnectionIsThere(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		to, began := &oracle{}, time.Now()
		rng, requests, mu := rand.New(rand.NewPCG(1, 1)), 0, sync.Mutex{}
		serve(t, d, pace.New(preset(t, "case")), func(w http.ResponseWriter, _ *http.Request) {
			to.arrive()
			mu.Lock()
			requests++
			last, work := requests%30 == 0, time.Duration(rng.Int64N(int64(200*time.Millisecond)))
			mu.Unlock()
			<-time.After(work)
			if last {
				w.Header().Set("Connection", "close")
			}
		}, 4, 150, func(int) {})
		most, rate := to.judge(began.Add(5 * time.Second))
		if most > 10 || rate < 9.6 {
			t.Errorf("at most %d in a second, %.3f/s", most, rate)
		}
	})
}

// What somebody does with an answer before he tells that it came has nothing to do with the way of the call.
func TestACallIsAnsweredWhenItsAnswerBegins(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		p := pace.New(preset(t, "case"))
		serve(t, d, p, func(http.ResponseWriter, *http.Request) {}, 6, 100, func(i int) {
			<-time.After(time.Duration(i%7) * 50 * time.Millisecond)
		})
		if r := rate(t, d, p, "all", ""); r.Rate < 9.93 {
			t.Errorf("%.3f calls a second are expected", r.Rate)
		}
	})
}
