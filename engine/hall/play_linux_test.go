package hall_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/internal/collector"
)

// act is a part of a measurement: so many lines under way at any time, or so many a second whatever happens.
type act struct {
	name     string
	underWay int
	rate     float64
	long     time.Duration
}

// figures are what an act came to.
type figures struct {
	hall, deliveries int // who listened, and what they heard
	bytes            int // of it
	seconds          float64
	cpu, own         float64 // seconds of the server and of the crowd
	p50, p95, p99    time.Duration
	most             time.Duration
	ack50, ack99     time.Duration // from SendChannelMessage to its answer
}

// lines is how many lines a second the whole hall heard.
func (f figures) lines() float64 { return f.perSecond() / float64(f.hall) }

func (f figures) perSecond() float64  { return float64(f.deliveries) / f.seconds }
func (f figures) size() float64       { return float64(f.bytes) / float64(f.deliveries) }
func (f figures) perMillion() float64 { return f.cpu / float64(f.deliveries) * 1e6 }

// play has the choir say lines to the first room. How late a delivery is counts from when its line was due, not from when
// somebody came round to say it.
func (c *crowd) play(p *process, a act) figures {
	c.Helper()
	first, start := c.choir.next, c.now()
	c.rooms[0].all, c.under = c.listening(), 0
	begin := start + a.long/4 // until all places are taken
	if a.underWay == 0 {
		begin = start + a.long/2 // until the server has found its step
	}
	end, due := begin+a.long, start
	c.issue = func() {
		now := c.now()
		for ; a.underWay > 0 && c.under < a.underWay && now < end; c.under++ {
			c.choir.say(c.rooms[0], now)
		}
		for ; a.underWay == 0 && due <= now && due < end; due += time.Duration(float64(time.Second) / a.rate) {
			c.choir.say(c.rooms[0], due)
		}
	}
	c.until(func() bool { return c.now() >= begin })
	if c.since = 0; a.underWay == 0 {
		c.since = begin
	}
	c.delays = delays{}
	c.choir.acknowledged()
	f := figures{hall: c.rooms[0].all, deliveries: -c.deliveries, bytes: -c.bytes, cpu: -p.computed().Seconds(), own: -ownComputed().Seconds(),
		seconds: -c.now().Seconds()}
	c.until(func() bool { return c.now() >= end })
	f.seconds += c.now().Seconds()
	if a.underWay == 0 {
		c.settle(first) // all of it belongs to what was asked, and takes longer where that was too much
		f.seconds += max(0, c.latest-end).Seconds()
	}
	f.deliveries += c.deliveries
	f.bytes += c.bytes
	f.cpu += p.computed().Seconds()
	f.own += ownComputed().Seconds()
	f.p50, f.p95, f.p99, f.most = c.delays.quantile(0.5), c.delays.quantile(0.95), c.delays.quantile(0.99), c.delays.most
	acks := c.choir.acknowledged()
	f.ack50, f.ack99 = acks.quantile(0.5), acks.quantile(0.99)
	c.issue = nil
	c.settle(first)
	return f
}

// check fails the test when anything was lost, doubled or out of order, or was not said.
func (c *crowd) check() {
	c.Helper()
	if c.faults.sum() > 0 {
		c.Error(&c.faults)
	}
	if failed := c.choir.failures(); len(failed) > 0 {
		c.Errorf("%d lines were refused: %v", len(failed), failed[0])
	}
}

// show is one server with its audience.
type show struct {
	kind                string
	acts                map[string]figures
	connects            float64 // a second
	perConnect          float64 // ms of the server's processor
	own                 holders
	base                int64   // memory without sessions
	idle, clean, loaded float64 // bytes a session: when it is calm, after a garbage collection, and after all acts
}

// holders is what ticket holders cost: everybody has temporary credentials that the engine has not seen before.
type holders struct {
	perConnect float64
	clean      float64 // bytes a session after a garbage collection
}

// hall is what the shows of one size have in common.
type hall struct {
	testing.TB
	n       int
	pinned  bool
	house   *house
	keys    []aws.Credentials // of ticket holders
	long    time.Duration
	sample  []byte // a frame as the engine sends it
	profile string // where to, "" for not at all
}

const speakers = 16

// deflating is an engine that compresses, with clients that take it (permessage-deflate).
const deflating = "deflate"

func newHall(tb testing.TB, n int, pinned bool, long time.Duration) *hall {
	tb.Helper()
	h := &hall{TB: tb, n: n, pinned: pinned, long: long}
	database := "sqlite:" + filepath.Join(tb.TempDir(), "engine.db")
	p := birth(tb, engineRole(database), -1)
	h.house = build(tb, p, database, n, 1)
	h.house.assume(p.Addr)
	h.keys, h.house.keys = h.house.keys, nil
	p.end()
	return h
}

// open starts a server and seats n people.
func (h *hall) open(kind string, s *show) (*process, *crowd) {
	h.Helper()
	core := -1
	if h.pinned {
		core = 0
	}
	r := role{Kind: kind}
	own := kind == "engine" || kind == deflating
	if own {
		r = engineRole(h.house.database)
		r.Engine.Compress = kind == deflating
	}
	h.house.deflate = kind == deflating
	p := birth(h, r, core)
	tickets := h.house.tickets(p.Addr, "hall", h.everybody())
	c := newCrowd(h, p.Addr, newRoom(0, h.house.rooms[0]))
	voices := h.house.speakers(p.Addr, speakers)
	c.deflate = kind == deflating
	if !own {
		for i := range voices {
			voices[i] = newBareSpeaker(h, p.Addr, h.sample)
		}
	}
	c.choir = newChoir(h, c.began, voices...)
	p.ask("collect", "")
	s.base = p.resident()
	profiled := kind == "engine" && h.profile != ""
	if profiled {
		p.ask("profile", h.profile+".connect") // a hundred looks a second cost nothing that can be measured
	}
	s.connects, s.perConnect = h.enter(p, c, tickets)
	if profiled {
		p.ask("stop", "")
	}
	if got := p.ask("look", "").Sessions; got != h.n {
		h.Errorf("the %s counts %d sessions of %d", kind, got, h.n)
	}
	return p, c
}

// weigh measures what sessions hold on which nothing happens: once what the rush left behind was given back, and after a collection.
func (h *hall) weigh(p *process, s *show) {
	h.Helper()
	if s.kind == "engine" || s.kind == deflating { // the bare ones give nothing back
		<-time.After(2*collector.Calm + time.Second)
	}
	s.idle = float64(p.resident()-s.base) / float64(h.n)
	p.ask("collect", "")
	s.clean = float64(p.resident()-s.base) / float64(h.n)
}

func (h *hall) everybody() []int {
	people := make([]int, h.n)
	for i := range people {
		people[i] = i
	}
	return people
}

// enter seats everybody and returns connects a second and the server's milliseconds for each.
func (h *hall) enter(p *process, c *crowd, tickets [][]byte) (perSecond, ms float64) {
	h.Helper()
	before, began := p.computed(), time.Now()
	c.fill(h.everybody(), tickets, 128, 0)
	perSecond = float64(h.n) / time.Since(began).Seconds()
	return perSecond, (p.computed() - before).Seconds() * 1000 / float64(h.n)
}

// enterAsTicketHolders seats everybody once more, with credentials of their own.
func (h *hall) enterAsTicketHolders(p *process) (own holders) {
	h.Helper()
	awaitSessions(h, p, 0)
	h.house.keys, h.house.deflate = h.keys, false
	tickets := h.house.tickets(p.Addr, "own", h.everybody())
	h.house.keys = nil
	c := newCrowd(h, p.Addr, newRoom(0, h.house.rooms[0]))
	defer c.goHome()
	p.ask("collect", "")
	before := p.resident()
	_, own.perConnect = h.enter(p, c, tickets)
	p.ask("collect", "")
	own.clean = float64(p.resident()-before) / float64(h.n)
	return own
}

// The acts of a show. The bare broadcaster's variants play those that tell them apart.
const (
	actFew    = "16 lines under way"
	actMany   = "256 lines under way"
	actHalf   = "half of the most"
	actTen    = "10 lines/s"
	actTwenty = "20 lines/s"
)

var actNames = []string{actFew, actMany, actHalf, actTen, actTwenty}

// show measures one server.
func (h *hall) show(kind string) *show {
	h.Helper()
	s := &show{kind: kind, acts: map[string]figures{}}
	p, c := h.open(kind, s)
	h.weigh(p, s)
	most := 0.0
	for _, name := range actNames {
		a := act{name: name, long: h.long}
		switch name {
		case actFew:
			a.underWay = 16
		case actMany:
			a.underWay = 256
		case actHalf:
			a.rate = most / 2
		case actTen:
			a.rate, a.long = 10, h.long*3/2
		case actTwenty:
			a.rate, a.long = 20, h.long*3/2
		}
		if kind == bareQueue && a.underWay == 0 || kind == barePaced && name != actTwenty {
			continue
		}
		f := c.play(p, a)
		s.acts[name] = f
		if a.underWay > 0 {
			most = max(most, f.lines())
		}
		if name == actMany {
			s.loaded = float64(p.resident()-s.base) / float64(h.n)
		}
	}
	if kind == "engine" && h.profile != "" {
		p.ask("profile", h.profile)
		c.play(p, act{underWay: 256, long: 2 * h.long})
		p.ask("stop", "")
		h.profile = ""
	}
	if h.sample == nil && kind == "engine" {
		h.sample = slices.Clone(c.sample)
	}
	c.check()
	if len(c.refused) > 0 {
		h.Logf("%s: handshakes were refused: %v", kind, c.refused)
	}
	c.goHome()
	c.choir.hush()
	if kind == "engine" {
		s.own = h.enterAsTicketHolders(p)
	}
	p.end()
	return s
}
