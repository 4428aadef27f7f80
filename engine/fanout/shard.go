package fanout

import (
	"runtime"
	"sync"
	"time"
)

const (
	// bite is how many commands a shard takes before it looks at rooms and sockets again.
	bite = 256
	// maxQueue is how many commands may wait for a shard before Await waits.
	maxQueue = 8 << 10
	// yield is how many writes are made before other goroutines of the process get their turn: half a millisecond.
	yield = 64
	// busyWindow is over how long a shard measures how busy it is.
	busyWindow = time.Second / 2
)

// shard is one loop and what it owns. Only run and what it calls touch the fields of the second part.
type shard struct {
	cfg     *Config
	index   int
	start   time.Time
	taken   count         // connections, those on their way here too
	wake    chan struct{} // has room for one
	stopped chan struct{}

	mu      sync.Mutex
	queue   []func()
	calm    sync.Cond // of mu: queue has been emptied, or nobody will
	over    bool      // nobody will
	told    Stats     // for everybody to read
	once    sync.Once
	polling *poller // made once

	// Owned by the loop.
	todo    []func() // taken from queue, next is the first not yet done
	next    int
	slots   []*Conn // by Conn.slot; nil where free
	free    []int32
	poll    *poller // nil until the first bare link is here
	in      [4 << 10]byte
	wheel   wheel
	work    []*part // rooms with a pass under way, in turn
	paced   []*part // rooms that wait for their next pass
	spare   [][]byte
	stats   Stats
	closing bool

	busy  float64       // share of the last window
	since time.Duration // start of the window
	idle  time.Duration // of it
}

func newShard(cfg *Config, index int, start time.Time) *shard {
	s := &shard{
		cfg: cfg, index: index, start: start, wake: make(chan struct{}, 1), stopped: make(chan struct{}),
		wheel: wheel{tick: cfg.Tick},
	}
	s.calm.L = &s.mu
	return s
}

// now is the time since the start of the hall.
func (s *shard) now() time.Duration { return time.Since(s.start) }

// post has the loop call do, after everything that was posted before.
func (s *shard) post(do func()) {
	s.mu.Lock()
	s.queue = append(s.queue, do)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// await returns when the loop is not far behind, or has ended.
func (s *shard) await() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > maxQueue && !s.over {
		s.calm.Wait()
	}
}

// stop is the end of the loop.
func (s *shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.calm.Broadcast()
	close(s.stopped)
}

func (s *shard) run() {
	defer s.stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		more := s.obey()
		if s.closing && !more {
			return
		}
		now := s.now()
		s.wheel.turn(now)
		s.startDue(now)
		switch {
		case len(s.work) > 0:
			s.step()
			runtime.Gosched()
		case !more:
			s.rest(timer)
			continue
		}
		select {
		case n := <-s.poll.news():
			s.poll.serve(s, n)
		default:
		}
	}
}

// obey does what was posted, or a good part of it; it reports whether there is more.
func (s *shard) obey() (more bool) {
	if s.next == len(s.todo) {
		clear(s.todo)
		s.mu.Lock()
		s.todo, s.queue, s.next = s.queue, s.todo[:0], 0
		s.told = s.stats
		s.calm.Broadcast()
		s.mu.Unlock()
	}
	for end := min(s.next+bite, len(s.todo)); s.next < end; {
		do := s.todo[s.next]
		s.next++
		do()
	}
	return s.next < len(s.todo)
}

// rest waits for something to do.
func (s *shard) rest(timer *time.Timer) {
	before, news := s.now(), 0
	if wait := s.due() - before; wait > 0 {
		timer.Reset(wait)
		select {
		case <-s.wake:
		case news = <-s.poll.news():
		case <-timer.C:
		}
	}
	after := s.now()
	s.idle += after - before
	if news > 0 {
		s.poll.serve(s, news)
	}
	s.measure(after)
}

// measure closes a window of time when it is over.
func (s *shard) measure(now time.Duration) {
	if window := now - s.since; window >= busyWindow {
		s.busy = 1 - float64(s.idle)/float64(window)
		s.since, s.idle = now, 0
	}
}

// due is when the loop has to do something by itself.
func (s *shard) due() time.Duration {
	due := min(s.now()+time.Hour, s.wheel.due())
	for _, p := range s.paced {
		due = min(due, p.due)
	}
	return due
}

// step gives the room whose turn it is a slice of its pass.
func (s *shard) step() {
	before := s.now()
	p := s.work[0]
	s.work[0] = nil
	s.work = s.work[1:]
	over := p.pass(s.cfg.slice)
	after := s.now()
	s.stats.PassTime += after - before
	p.worked += after - before
	s.measure(after)
	if !over {
		s.work = append(s.work, p)
		return
	}
	s.stats.Passes++
	p.rest(after)
}

// startDue starts the passes whose time has come.
func (s *shard) startDue(now time.Duration) {
	for i := 0; i < len(s.paced); {
		if p := s.paced[i]; p.due <= now {
			p.begin(now)
			continue // begin has put another in its place
		}
		i++
	}
}

// add begins to look after c.
func (s *shard) add(c *Conn, poll *poller, early []byte) {
	if n := len(s.free); n > 0 {
		c.slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		c.slot = int32(len(s.slots)) //nolint:gosec // far fewer than two billion descriptors
		s.slots = append(s.slots, nil)
	}
	s.slots[c.slot] = c
	if poll != nil {
		s.poll = poll
	}
	now := s.now()
	c.heard, c.ping = now, now+firstPing(s.cfg.PingEvery)
	s.wheel.put(c, c.due())
	if !c.link.start(c) {
		c.end()
		return
	}
	c.received(early)
}

// remove forgets c.
func (s *shard) remove(c *Conn) {
	s.slots[c.slot] = nil
	s.free = append(s.free, c.slot)
	s.taken.Add(-1)
}

// figures are a moment old.
func (s *shard) figures() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.told
	f.Connections = int(s.taken.Load())
	return f
}
