package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/engine"
)

const (
	people   = 8
	channels = 2
)

// rootKey is given to every engine of a campaign; TestTheFirstStart is about the one an engine makes.
var rootKey = aws.Credentials{AccessKeyID: "AKIACRASHCRASHCRASH0", SecretAccessKey: "a key that only the tests know"}

// campaign is one engine that is killed again and again, and what the crowd knows of it.
type campaign struct {
	*testing.T
	seed   uint64
	rnd    *rand.Rand
	ledger *ledger
	kills  int
	looks  int // how many remains were compared with the ledger
	acked  int // messages of histories that are over
}

// newCampaign takes its seed from STAGEDOOR_CRASH_SEED. The seed decides where the engine is killed, what is lost and
// what people ask for; how their requests mix is up to the scheduler, so that a seed has to be tried a few times.
func newCampaign(t *testing.T, other uint64) *campaign {
	t.Helper()
	seed := rand.Uint64() >> 1
	if os.Getenv("STAGEDOOR_CRASH_SEED") != "" {
		seed = uint64(number(t, "STAGEDOOR_CRASH_SEED", 1))
	}
	c := &campaign{T: t, seed: seed, ledger: &ledger{}, rnd: rand.New(rand.NewPCG(seed, other))}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with: STAGEDOOR_CRASH_SEED=%d go test -run '%s' ./engine/crash", seed, t.Name())
		}
		t.Logf("%d kills, %d times compared, %d messages acknowledged", c.kills, c.looks, c.acked+c.ledger.acknowledged())
	})
	return c
}

// config is that of every engine of the campaign.
func config(database string) engine.Config {
	return engine.Config{Database: database, AccessKeyID: rootKey.AccessKeyID, SecretAccessKey: rootKey.SecretAccessKey}
}

// season is how many lives a history lasts. A long one makes each look at it slow.
const season = 40

// prepare makes the stage on a fresh database.
func (c *campaign) prepare(database string) {
	c.Helper()
	e, err := engine.New(c.Context(), config(database))
	if err != nil {
		c.Fatal(err)
	}
	s, err := build(c.Context(), within(e, rootKey), people, channels)
	if err != nil {
		c.Fatal(err)
	}
	c.close(e)
	c.acked += c.ledger.acknowledged()
	c.ledger = newLedger(s, c.rnd.Uint64())
}

func (c *campaign) close(e *engine.Engine) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := e.Close(ctx); err != nil {
		c.Error(err)
	}
}

// live starts an engine, has the crowd talk to it, and kills it when over is closed. bury is called after the SIGKILL and
// before anybody waits for the process to be gone.
func (c *campaign) live(database string, over <-chan struct{}, bury func()) {
	c.Helper()
	p := birth(c, config(database))
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	talked := make(chan error, 1)
	if h, ok := p.hello(c, over); ok {
		w := newWire(h.Addr, rootKey)
		defer w.http.CloseIdleConnections()
		go func() { talked <- c.ledger.talk(ctx, w) }()
		c.until(over, talked)
	} else {
		talked <- nil
	}
	p.strike(c)
	bury()
	p.kill(c)
	cancel()
	if err := <-talked; err != nil {
		c.Error(err)
	}
	c.kills++
}

// until waits for over, as long as people talk and get answers.
func (c *campaign) until(over <-chan struct{}, talked chan error) {
	c.Helper()
	for before := int64(-1); ; {
		select {
		case <-over:
			return
		case err := <-talked:
			c.Errorf("people stopped talking: %v, the first after %v", err, c.ledger.people[0].last)
			talked <- nil
			return
		case <-time.After(patience):
			now := c.ledger.order.Load()
			if now == before {
				c.Error("nobody gets an answer any more")
				return
			}
			before = now
		}
	}
}

// read opens what is left with an engine in this process and returns all histories.
func (c *campaign) read(database string) (histories, error) {
	e, err := engine.New(c.Context(), config(database))
	if err != nil {
		return nil, err
	}
	defer c.close(e)
	w := within(e, rootKey)
	left := histories{}
	for _, ch := range c.ledger.stage.Channels {
		if left[ch], err = w.history(c.Context(), c.ledger.stage.Admin, ch); err != nil {
			return nil, fmt.Errorf("%s: %w", ch, err)
		}
	}
	return left, nil
}

// compare reads what is left and compares it with the ledger. goesOn says that the engine will start again from it.
func (c *campaign) compare(database, what string, goesOn bool) bool {
	c.Helper()
	left, err := c.read(database)
	if err == nil {
		err = c.ledger.check(left)
	}
	if err != nil {
		c.Errorf("kill %d, %s:\n%v", c.kills, what, err)
	} else if goesOn {
		c.ledger.keep(left)
	}
	c.looks++
	return err == nil
}

// share is the part of all crashes, STAGEDOOR_CRASH_KILLS, that a test makes: each look at what is left counts as one.
func share(t *testing.T, part, of int) int {
	t.Helper()
	return number(t, "STAGEDOOR_CRASH_KILLS", 240) * part / of
}
