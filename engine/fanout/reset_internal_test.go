package fanout

import (
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// Whose socket breaks while a prefetch is written to it is gone, and nobody else is.
func TestWhoBreaksOffInAPrefetchEndsAlone(t *testing.T) {
	hall := New(Config{Shards: 1, Tick: time.Hour})
	server, client := socketPair(t)
	gone := make(ended)
	together := make(chan struct{})
	hall.shards[0].post(func() { <-together }) // what follows is one batch of commands
	c := hall.Take(server, nil, gone, Terms{})
	line := ws.MustCompileFrame(ws.NewTextFrame([]byte("{}")))
	c.Join(line, nil, true)
	joined, busy := make(chan struct{}), make(chan struct{})
	hall.shards[0].post(func() { close(joined); <-busy }) // the shard is at work when the peer breaks off
	c.Proceed([][]byte{line, line, line})
	close(together)
	<-joined
	_ = client.Close()
	close(busy)
	<-gone
	hall.Close()
}
