package fanout

import (
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
)

// arrivals says when, in milliseconds since the start, somebody in a large room hears each of some frames.
func arrivals(t *testing.T, cfg Config, publish func(room *Room)) (when []string) {
	synctest.Test(t, func(t *testing.T) {
		cfg.Shards, cfg.SmallRoom = 1, 1
		hall := New(cfg)
		start := time.Now()
		server, client := net.Pipe()
		gone, over := make(ended), make(chan struct{})
		conn := hall.Take(server, nil, gone, Terms{})
		room := hall.NewRoom()
		conn.Enter(room)
		go func() {
			defer close(over)
			for {
				h, err := ws.ReadHeader(client)
				body := make([]byte, h.Length)
				if err == nil {
					_, err = io.ReadFull(client, body)
				}
				if err != nil {
					return
				}
				if h.OpCode == ws.OpText {
					name, _, _ := strings.Cut(string(body), "|")
					when = append(when, fmt.Sprintf("%s@%d", name, time.Since(start).Milliseconds()))
				}
			}
		}()
		synctest.Wait()
		publish(room)
		<-time.After(2 * time.Second)
		_ = client.Close()
		<-over
		<-gone
		hall.Close()
	})
	return when
}

// numbered are the numbers from first to last, each with a suffix.
func numbered(first, last int, suffix string) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(i)+suffix)
	}
	return all
}

func text(s string) []byte { return ws.MustCompileFrame(ws.NewTextFrame([]byte(s))) }

func TestWhatComesCloseTogetherSharesAPassAndNothingElseWaits(t *testing.T) {
	every := func(d time.Duration, n int) func(*Room) {
		return func(r *Room) {
			for i := range n {
				r.Publish(text(fmt.Sprint(i)), false)
				<-time.After(d)
			}
		}
	}
	for name, c := range map[string]struct {
		publish func(*Room)
		want    []string
	}{
		"ten a second": {every(100*time.Millisecond, 4), []string{"0@0", "1@100", "2@200", "3@300"}},
		"not quite even": {func(r *Room) {
			for i, d := range []time.Duration{110, 90, 100, 90, 110} {
				r.Publish(text(fmt.Sprint(i)), false)
				<-time.After(d * time.Millisecond)
			}
		}, []string{"0@0", "1@110", "2@200", "3@300", "4@390"}},
		"many a second": {every(30*time.Millisecond, 9), []string{"0@0", "1@100", "2@100", "3@100", "4@200", "5@200", "6@200", "7@300", "8@300"}},
		"urgent": {func(r *Room) {
			every(30*time.Millisecond, 3)(r)
			r.Publish(text("now"), true)
		}, []string{"0@0", "1@90", "2@90", "now@90"}},
		"much": {func(r *Room) {
			every(30*time.Millisecond, 3)(r)
			r.Publish(text("much|"+strings.Repeat("x", full)), false)
		}, []string{"0@0", "1@90", "2@90", "much@90"}},
		"many short ones": {func(r *Room) {
			every(4*time.Millisecond, many+2)(r)
		}, slices.Concat([]string{"0@0"}, numbered(1, many, "@56"), []string{"15@156"})},
	} {
		t.Run(name, func(t *testing.T) {
			if got := arrivals(t, Config{}, c.publish); !slices.Equal(got, c.want) {
				t.Errorf("heard %v, want %v", got, c.want)
			}
		})
	}
	without := arrivals(t, Config{Pace: -1}, every(30*time.Millisecond, 3))
	if want := []string{"0@0", "1@30", "2@60"}; !slices.Equal(without, want) {
		t.Errorf("without a pace heard %v, want %v", without, want)
	}
}

func TestPassesThatTakeLongAreFurtherApart(t *testing.T) {
	const ms = time.Millisecond
	cfg := Config{SmallRoom: 1}
	cfg.defaults()
	for _, c := range []struct {
		took, worked, apart time.Duration
		busy                float64
		want                time.Duration
	}{
		{took: 5 * ms, worked: 5 * ms, want: 100 * ms},
		{took: 30 * ms, worked: 30 * ms, want: 120 * ms},
		{took: 60 * ms, worked: 60 * ms, want: 150 * ms},
		{took: 60 * ms, worked: 5 * ms, want: 100 * ms},
		{took: 60 * ms, worked: 5 * ms, busy: 0.9, want: 120 * ms},
		{took: 60 * ms, worked: 60 * ms, busy: 0.9, want: 150 * ms},
		{took: 30 * ms, worked: 30 * ms, busy: 0.9, want: 120 * ms},
		{took: 200 * ms, worked: 200 * ms, busy: 0.6, want: 150 * ms},
		{took: 200 * ms, worked: 200 * ms, busy: 0.9, want: 400 * ms},
		{took: 2000 * ms, worked: 50 * ms, busy: 0.9, want: longestPace},
		{took: 60 * ms, worked: 60 * ms, apart: 90 * ms, busy: 0.9, want: 0},
	} {
		s := newShard(&cfg, 0, time.Now())
		p := newPart(s)
		p.subs, p.took, p.worked, p.apart, s.busy = make([]sub, 1), c.took, c.worked, c.apart, c.busy
		if got := p.pace(); got != c.want {
			t.Errorf("after a pass of %v, %v of it work, frames %v apart, %.0f %% busy: the next waits %v, want %v", c.took, c.worked, c.apart, 100*c.busy, got, c.want)
		}
	}
}

// How busy a shard is shows in what it did not wait, over half a second and no less.
func TestAShardKnowsHowBusyItIs(t *testing.T) {
	s := newShard(&Config{}, 0, time.Now())
	for _, c := range []struct{ at, idle, want float64 }{{0.4, 0.1, 0}, {0.5, 0.1, 0.6}, {0.9, 0.2, 0.6}, {1.5, 0, 0.8}, {2.0, 0.5, 0}} {
		s.idle += time.Duration(c.idle * float64(time.Second))
		s.measure(time.Duration(c.at * float64(time.Second)))
		if math.Abs(s.busy-c.want) > 1e-9 {
			t.Errorf("after %.1f s it is %.2f busy, want %.2f", c.at, s.busy, c.want)
		}
	}
}

// A shard that is at work with a large room gives a small one its turn after a slice. The loop is not started: the test
// takes its steps one by one.
func TestASmallRoomDoesNotWaitForALargeOne(t *testing.T) {
	cfg := Config{slice: 3}
	cfg.defaults()
	s := newShard(&cfg, 0, time.Now())
	seat := func(p *part) net.Conn {
		server, client := socketPair(t)
		t.Cleanup(func() { _ = client.Close() })
		c := &Conn{shard: s, guest: make(ended), expires: never, until: never}
		b, poll := s.descriptor(server)
		if c.link = b; b == nil {
			c.link = newPiped(c, server)
		}
		s.add(c, poll, nil)
		p.enter(c)
		t.Cleanup(c.end)
		return client
	}
	large, small := newPart(s), newPart(s)
	for range 10 {
		seat(large)
	}
	one := seat(small)
	large.publish(text("large"), false)
	small.publish(text("small"), false)
	s.step() // three of ten
	s.step() // the small room
	if large.cursor != 3 || small.state != resting || large.state != passing {
		t.Errorf("after two steps the large room is at %d, the small one %d", large.cursor, small.state)
	}
	_ = one.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := ws.ReadHeader(one); err != nil {
		t.Error(err)
	}
	for n := 0; large.state == passing; n++ {
		if s.step(); n > 4 {
			t.Fatal("the pass does not end")
		}
	}
	if large.worked <= 0 || large.worked >= large.took {
		t.Errorf("the pass took %v, %v of it work, and the small room's turn was between", large.took, large.worked)
	}
	t.Cleanup(s.polling.close)
}
