package fanout

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// onBothLinks runs a test over bare descriptors and over net.Conn.
func onBothLinks(t *testing.T, test func(t *testing.T, cfg Config)) {
	for name, portable := range map[string]bool{"bare": false, "piped": true} {
		t.Run(name, func(t *testing.T) { test(t, Config{Portable: portable}) })
	}
}

// peer is the other end of a connection, and what the model says it must hear.
type peer struct {
	conn   *Conn
	gone   ended
	socket net.Conn
	rooms  map[int]bool
	want   []string // "room number" for what was published, "! number" for what was sent
	shut   bool
	stalls bool     // does not read for a while
	first  [][]byte // is told before what is held; nil if nothing is held
	begin  chan struct{}
	heard  chan []string // all of it, with the close code or the error as the last
}

func (p *peer) listen() {
	<-p.begin
	var log []string
	for {
		h, err := ws.ReadHeader(p.socket)
		body := make([]byte, h.Length)
		if err == nil {
			_, err = io.ReadFull(p.socket, body)
		}
		if err != nil {
			p.heard <- append(log, "cut off")
			return
		}
		switch h.OpCode {
		case ws.OpText:
			if h.Rsv1() {
				if body, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(body), strings.NewReader(tail+"\x01\x00\x00\xff\xff")))); err != nil {
					p.heard <- append(log, err.Error())
					return
				}
			}
			name, _, _ := strings.Cut(string(body), "|")
			log = append(log, name)
		case ws.OpClose:
			code, _ := ws.ParseCloseFrameData(body)
			p.heard <- append(log, fmt.Sprint("closed ", code))
			_ = p.socket.Close()
			return
		}
	}
}

// world is a hall and the model of it.
type world struct {
	*testing.T
	hall      *Hall
	dice      *rand.Rand
	peers     []*peer
	rooms     []*Room
	published int
}

func (w *world) frame(name string) []byte {
	pad := strings.Repeat("x", w.dice.IntN(1<<w.dice.IntN(15)))
	return ws.MustCompileFrame(ws.NewTextFrame([]byte(name + "|" + pad)))
}

func (w *world) arrive() {
	server, client := socketPair(w)
	p := &peer{gone: make(ended), socket: client, rooms: map[int]bool{}, stalls: w.dice.IntN(4) == 0, begin: make(chan struct{}), heard: make(chan []string, 1)}
	p.conn = w.hall.Take(server, nil, p.gone, Terms{Deflate: w.dice.IntN(3) == 0})
	w.peers = append(w.peers, p)
	var in []*Room
	for i, r := range w.rooms {
		if w.dice.IntN(2) == 0 {
			in, p.rooms[i] = append(in, r), true
		}
	}
	w.published++
	name := fmt.Sprint("! ", w.published)
	p.want = append(p.want, name)
	hold := w.dice.IntN(3) == 0
	p.conn.Join(w.frame(name), in, hold)
	if hold {
		p.first = [][]byte{}
		for range w.dice.IntN(4) {
			w.published++
			name := fmt.Sprint("! ", w.published)
			p.want, p.first = append(p.want, name), append(p.first, w.frame(name))
		}
	}
	go p.listen()
	if !p.stalls {
		close(p.begin)
	}
}

// proceed ends a hold.
func (p *peer) proceed() {
	if p.first != nil {
		p.conn.Proceed(p.first)
		p.first = nil
	}
}

// act does something to the hall, and writes down what has to come of it.
func (w *world) act() {
	p, r := w.peers[w.dice.IntN(len(w.peers))], w.dice.IntN(len(w.rooms))
	w.published++
	switch what := w.dice.IntN(100); {
	case what < 60:
		name := fmt.Sprint(r, " ", w.published)
		for _, p := range w.peers {
			if p.rooms[r] && !p.shut {
				p.want = append(p.want, name)
			}
		}
		w.rooms[r].Publish(w.frame(name), w.dice.IntN(8) == 0)
	case what < 70:
		name := fmt.Sprint("! ", w.published)
		if !p.shut {
			p.want = append(p.want, name)
		}
		p.conn.Send(w.frame(name))
	case what < 82:
		p.rooms[r] = true
		p.conn.Enter(w.rooms[r])
	case what < 94:
		p.rooms[r] = false
		p.conn.Leave(w.rooms[r])
	case what < 95:
		w.rooms[r].Clear()
		w.rooms[r] = w.hall.NewRoom()
		for _, p := range w.peers {
			p.rooms[r] = false
		}
	case what < 97:
		w.arrive()
	case what < 98 && p.stalls:
		p.stalls = false
		close(p.begin)
	case what < 99 && !p.shut && len(w.peers) > 8:
		p.shut = true
		if p.proceed(); w.dice.IntN(4) == 0 { // the peer breaks off in the middle of something
			_ = p.socket.Close()
			return
		}
		p.conn.Shut(Farewell{Code: ws.StatusNormalClosure})
	case what < 99:
		p.proceed()
	default: // who reads and who writes get a moment
		<-time.After(time.Duration(w.dice.IntN(2000)) * time.Microsecond)
	}
}

// TestEverybodyHearsExactlyWhatTheModelSays lets people come and go, enter and leave rooms, and be told things, at random.
// Each connection must hear what a simple list says: nothing missing, doubled or out of order, and all of it unless it was
// too slow.
func TestEverybodyHearsExactlyWhatTheModelSays(t *testing.T) {
	onBothLinks(t, func(t *testing.T, cfg Config) {
		ends := map[string]int{}
		for seed := range uint64(3) {
			cfg.Shards, cfg.Pace, cfg.SmallRoom, cfg.slice, cfg.Deflate = 3, time.Millisecond, 2, 3, true
			w := &world{T: t, hall: New(cfg), dice: rand.New(rand.NewPCG(seed, 7))}
			for range 6 {
				w.rooms = append(w.rooms, w.hall.NewRoom())
			}
			for range 20 {
				w.arrive()
			}
			for range 3000 {
				w.act()
			}
			for _, p := range w.peers {
				p.proceed()
				p.conn.Shut(Farewell{Code: ws.StatusNormalClosure})
			}
			for i, p := range w.peers {
				if p.stalls {
					close(p.begin)
				}
				log := <-p.heard
				ends[log[len(log)-1]]++
				if wrong := judge(p, log[:len(log)-1], log[len(log)-1] == "closed 1000"); wrong != "" {
					t.Errorf("seed %d, connection %d (stalls: %v): %s", seed, i, p.stalls, wrong)
				}
				_ = p.socket.Close()
				<-p.gone
			}
			w.hall.Close()
			for i, s := range w.hall.Stats() {
				if s.Connections != 0 || s.QueuedBytes != 0 {
					t.Errorf("shard %d is left with %+v", i, s)
				}
			}
		}
		t.Log(ends)
		if ends["closed 1000"] < 60 || ends["closed 1013"]+ends["cut off"] == 0 {
			t.Errorf("connections ended like this: %v", ends)
		}
	})
}

// judge compares what was heard with what should have been. What was sent comes behind everything before it; between two
// of those, each room is in order.
func judge(p *peer, log []string, complete bool) string {
	isSent := func(name string) bool { return strings.HasPrefix(name, "!") }
	want := p.want
	for {
		i, j := slices.IndexFunc(log, isSent), slices.IndexFunc(want, isSent)
		last := i < 0
		if last {
			i = len(log)
		}
		if j < 0 {
			j = len(want)
		}
		if wrong := sameByRoom(log[:i], want[:j], !last || complete); wrong != "" {
			return wrong
		}
		if last {
			if complete && j < len(want) {
				return "it never heard " + want[j]
			}
			return ""
		}
		if j == len(want) || log[i] != want[j] {
			return fmt.Sprintf("it heard %q, which is not the next of %q", log[i], want[j:])
		}
		log, want = log[i+1:], want[j+1:]
	}
}

// sameByRoom wants the same frames in each room, in order; if not all, the first of them.
func sameByRoom(log, want []string, all bool) string {
	byRoom := func(list []string) map[string][]string {
		out := map[string][]string{}
		for _, name := range list {
			room, _, _ := strings.Cut(name, " ")
			out[room] = append(out[room], name)
		}
		return out
	}
	l, w := byRoom(log), byRoom(want)
	for room, got := range l {
		if len(got) > len(w[room]) || !slices.Equal(got, w[room][:len(got)]) {
			return fmt.Sprintf("it heard %q of room %s, should have %q", got, room, w[room])
		}
	}
	if all && len(log) != len(want) {
		return fmt.Sprintf("it heard %q, should have %q", log, want)
	}
	return ""
}

// What is cut when somebody is too slow is cut between two frames.
func TestAFrameUnderWayIsFinished(t *testing.T) {
	var b []byte
	var ends []int
	for _, n := range []int{0, 1, 125, 126, 127, 300, 65535, 65536, 70000, 3} {
		b = append(b, ws.MustCompileFrame(ws.NewTextFrame(bytes.Repeat([]byte("x"), n)))...)
		ends = append(ends, len(b))
	}
	next := 0
	for at := 1; at <= len(b); at++ {
		if at > ends[next] {
			next++
		}
		if got := frameEnd(b, at); got != ends[next] {
			t.Fatalf("the frame around byte %d ends at %d, not %d", at, got, ends[next])
		}
	}
}
