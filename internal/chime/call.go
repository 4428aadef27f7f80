package chime

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/pace"
)

// Call is one request as the provider's limits see it.
type Call = pace.Call

// Pacer makes a call wait for its turn. It calls send at most once, from its own goroutine, and returns what send
// returned. Where it does not call send, its error says why not. The deadline of a call begins when send is called.
type Pacer func(ctx context.Context, call Call, send func(context.Context) error) error

// Paced returns a client whose calls to Chime wait for their turn, over the same connections; nil means no waiting.
// AssumeUser does not wait: STS has a limit of its own, 600 a second (AWS IAM user guide, "IAM and AWS STS quotas").
func (c *Client) Paced(pace Pacer) *Client {
	paced := *c
	paced.pace = pace
	return &paced
}

// operation is a method of an SDK client.
type operation[I, O, Options any] = func(context.Context, *I, ...func(*Options)) (*O, error)

// call runs one operation: when its turn has come, under the deadline, with its error translated.
func call[I, O, Options any](ctx context.Context, c *Client, what Call, op operation[I, O, Options], in *I) (*O, error) {
	if c.pace == nil {
		return send(ctx, c, op, in)
	}
	what.Op = name(in)
	for _, inside := range []arn.ARN{what.Channel, what.User} {
		if what.Instance == "" {
			what.Instance = inside.AppInstance()
		}
	}
	var out *O
	sent := false
	err := c.pace(ctx, what, func(ctx context.Context) (err error) {
		sent = true
		out, err = send(ctx, c, op, in)
		return err
	})
	if err != nil && !sent {
		err = fault.Wrap(err, fault.Unavailable, CodeNotSent, "%s: the call's turn has not come", what.Op).After(fault.As(err).RetryAfter)
	}
	return out, err
}

// send runs one operation under the deadline and translates its error.
func send[I, O, Options any](ctx context.Context, c *Client, op operation[I, O, Options], in *I) (*O, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	var w way
	out, err := op(w.watch(ctx), in)
	if err != nil {
		err = translate(name(in), err, w.notSent())
	}
	if c.cfg.Heard != nil {
		c.cfg.Heard(name(in), err)
	}
	return out, err
}

// name is the operation's, after which the SDK names the type of its input.
func name[I any](*I) string { return strings.TrimSuffix(reflect.TypeFor[I]().Name(), "Input") }

// way is how far a request got. net/http reports that it looks for a connection and, before it writes to it, that it
// has one; a transport of another kind reports neither, and what it was given may have arrived.
type way struct{ given, looked, had atomic.Bool }

type wayKey struct{}

func (w *way) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(context.WithValue(ctx, wayKey{}, w), &httptrace.ClientTrace{
		GetConn: func(string) { w.looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.had.Store(true) },
	})
}

// notSent reports that the provider cannot have seen anything of the request: not one byte was on a connection.
func (w *way) notSent() bool { return !w.given.Load() || w.looked.Load() && !w.had.Load() }

// once makes a call one request. A GET whose kept connection breaks before the answer is sent again by net/http: the
// provider may have counted the first one, and nobody gave the second one a slot. A body without GetBody tells net/http
// not to (documentation of http.Transport), and an empty one is not sent.
type once struct{ next http.RoundTripper }

func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w, ok := r.Context().Value(wayKey{}).(*way); ok {
		w.given.Store(true)
	}
	if r.Body == nil || r.Body == http.NoBody {
		r = r.WithContext(r.Context()) // a copy: a RoundTripper leaves its request as it is
		r.Body = io.NopCloser(strings.NewReader(""))
	}
	return o.next.RoundTrip(r)
}
