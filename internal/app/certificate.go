package app

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is one that somebody issued and that something else renews: the files are read again when they change.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	changed [2]time.Time // modification times of both files at the last try
	looked  time.Time
}

// lookEvery is how often, at most, a handshake looks whether the files have changed.
const lookEvery = time.Minute

func openCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log, looked: time.Now()}
	c.changed = c.modified()
	return c, c.load()
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err == nil {
		c.pair = &pair
	}
	return err
}

func (c *certificate) modified() (times [2]time.Time) {
	for i, file := range []string{c.cert, c.key} {
		if info, err := os.Stat(file); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}

// get is a tls.Config.GetCertificate. Files that cannot be used, such as half a renewal, leave the old pair in place.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if m := c.modified(); m != c.changed {
			c.changed = m
			if err := c.load(); err != nil {
				c.log.Error("the new certificate cannot be used, the old one is served on", "file", c.cert, "err", err)
			}
		}
	}
	return c.pair, nil
}
