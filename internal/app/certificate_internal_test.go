package app

import (
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

// issue makes a certificate for a name in a folder of its own and returns both files.
func issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	k, err := selfsigned.Open(t.TempDir(), []string{name}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k.File(), filepath.Join(filepath.Dir(k.File()), "engine-key.pem")
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(to, now, now); err != nil { // the bubble's clock, whatever the disk's says
		t.Fatal(err)
	}
}

func TestARenewedCertificateIsServedWithinAMinuteAndHalfOfOneIsNot(t *testing.T) {
	cert, key := issue(t, "old.example")
	newCert, newKey := issue(t, "new.example")
	synctest.Test(t, func(t *testing.T) {
		c, err := openCertificate(cert, key, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		serves := func(name string) {
			t.Helper()
			pair, err := c.get(nil)
			if err != nil {
				t.Fatal(err)
			}
			leaf, err := x509.ParseCertificate(pair.Certificate[0])
			if err != nil || leaf.VerifyHostname(name) != nil {
				t.Errorf("served is %v, want %s (%v)", leaf.DNSNames, name, err)
			}
		}
		<-time.After(2 * time.Minute)
		serves("old.example")
		move(t, newCert, cert)
		<-time.After(time.Minute)
		serves("old.example") // the key does not fit yet
		move(t, newKey, key)
		<-time.After(30 * time.Second)
		serves("old.example")
		<-time.After(30 * time.Second)
		serves("new.example")
	})
}
