package engine_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// begin opens an engine and makes the world's clients speak to it.
func (w *world) begin(o *opened, cfg engine.Config) {
	w.Helper()
	e, err := engine.New(w.Context(), cfg)
	w.ok(err)
	o.e, o.server = e, httptest.NewServer(e)
	w.e, w.url = e, o.server.URL
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: hookKey, SecretAccessKey: hookSecret})
}

// people makes an app instance with mod, ann and bob in one channel.
func (w *world) people() {
	w.Helper()
	out, err := w.id.CreateAppInstance(w.Context(), &identity.CreateAppInstanceInput{Name: aws.String("kept")})
	w.ok(err)
	w.app = *out.AppInstanceArn
	w.mod, w.ann, w.bob = w.user("mod"), w.user("ann"), w.user("bob")
	w.channel = w.open("room", "PUBLIC", "UNRESTRICTED")
}

func eachDatabase(t *testing.T, f func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, newDatabase(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, dbtest.PostgresURL(t)) })
}

func TestHeldLinesOutliveTheEngine(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		p := newProcessor(t)
		cfg := hooked(map[string]string{lambda("p"): p.URL}, nil)
		cfg.Database = url
		w, o := bareWorld(t), &opened{}
		w.begin(o, cfg)
		defer func() { o.close(w) }()
		w.people()
		w.flow(w.channel, step("p", 1, "ABORT"))
		called := w.say(w.ann, w.channel, "was called")
		answer := w.next(p)

		hang := make(chan struct{})
		release := sync.OnceFunc(func() { close(hang) })
		t.Cleanup(release)
		seen := make(chan struct{}, 100)
		p.become(func([]byte) int { seen <- struct{}{}; <-hang; return http.StatusOK })
		var held []string
		for i := range 5 {
			held = append(held, w.say(w.ann, w.channel, fmt.Sprint("held ", i)))
		}
		<-seen // one is in the air
		o.close(w)
		p.become(p.accept)
		release()
		w.begin(o, cfg)

		for i, id := range held { // in the order in which they were sent
			n := w.next(p)
			w.equal("invocation", n.ChannelMessage.MessageId, id)
			w.ok(w.callback(n, aws.String(fmt.Sprint("kept ", i)), false))
		}
		w.ok(w.callback(answer, nil, false))
		w.equal("history", fmt.Sprint(w.texts(w.bob, w.channel)), "[kept 0 kept 1 kept 2 kept 3 kept 4 was called]")
		w.equal("status", w.status(w.ann, w.channel, called), "SENT")
	})
}

func TestAfterTheDeadlineTheFallbackCountsAndAnAnswerIsForbidden(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		p := newProcessor(t)
		cfg := hooked(map[string]string{lambda("p"): p.URL}, nil)
		cfg.Database = url
		w, o := bareWorld(t), &opened{}
		w.begin(o, cfg)
		defer func() { o.close(w) }()
		w.people()
		w.flow(w.channel, step("p", 1, "ABORT"))
		other := w.open("other", "PUBLIC", "UNRESTRICTED")
		w.flow(other, step("p", 1, "CONTINUE"))
		failed, went := w.say(w.ann, w.channel, "failed"), w.say(w.ann, other, "went on")
		answers := []invocation{w.next(p), w.next(p)}

		// Two days pass.
		d, err := db.Open(t.Context(), url)
		w.ok(err)
		_, err = d.Exec(t.Context(), `UPDATE flow_run SET deadline_ms = deadline_ms - $1`, 48*3600*1000)
		w.ok(err)
		w.ok(d.Close())
		w.becomes(w.ann, w.channel, failed, "FAILED")
		w.becomes(w.ann, other, went, "SENT")
		for _, i := range answers {
			is[*types.ForbiddenException](w, w.callback(i, nil, false))
		}
		w.equal("history", fmt.Sprint(w.texts(w.bob, w.channel), w.texts(w.bob, other)), "[] [went on]")
	})
}

// A processor may answer before it has returned, and many do at once: every line gets its one fate, and the history its
// one order.
func TestManyLinesThroughAProcessorThatAnswersInsideTheCall(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		p := newProcessor(t)
		cfg := hooked(map[string]string{lambda("p"): p.URL}, nil)
		cfg.Database = url
		w, o := bareWorld(t), &opened{}
		w.begin(o, cfg)
		defer func() { o.close(w) }()
		w.people()
		w.flow(w.channel, step("p", 1, "ABORT"))
		p.become(func(body []byte) int {
			if p.accept(body) != http.StatusAccepted {
				return http.StatusBadRequest
			}
			i := <-p.calls
			if err := w.callback(i, aws.String("seen: "+i.ChannelMessage.Content), strings.HasPrefix(i.ChannelMessage.Content, "rude")); err != nil {
				t.Error(err)
			}
			return http.StatusOK
		})
		const senders, each = 8, 10
		var sent sync.WaitGroup
		for s := range senders {
			sent.Go(func() {
				for i := range each {
					text := fmt.Sprint(s, "-", i)
					if i%5 == 0 {
						text = "rude " + text
					}
					if _, err := w.msg.SendChannelMessage(t.Context(), line(w.ann, w.channel, text)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		sent.Wait()
		const kept = senders * each * 4 / 5
		count := func() (n int) {
			for next := (*string)(nil); ; {
				out, err := w.msg.ListChannelMessages(t.Context(), &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &w.bob,
					SortOrder: types.SortOrderAscending, NextToken: next})
				w.ok(err)
				n += len(out.ChannelMessages)
				for _, m := range out.ChannelMessages {
					if !strings.HasPrefix(*m.Content, "seen: ") || strings.Contains(*m.Content, "rude") || !m.LastUpdatedTimestamp.Equal(*m.CreatedTimestamp) {
						t.Errorf("in the history: %+v", *m.Content)
					}
				}
				if next = out.NextToken; next == nil {
					return n
				}
			}
		}
		w.eventually("every line", func() bool { return count() == kept })
		d, err := db.Open(t.Context(), url)
		w.ok(err)
		defer func() { _ = d.Close() }()
		w.eventually("every run at its end", func() bool {
			n, err := db.Value[int](t.Context(), d, `SELECT count(*) FROM flow_run WHERE state <> 'DONE'`)
			w.ok(err)
			return n == 0
		})
		w.equal("history", count(), kept)
	})
}
