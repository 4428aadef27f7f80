package selfsigned_test

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

func open(t *testing.T, dir string, names ...string) *selfsigned.Keeper {
	t.Helper()
	k, err := selfsigned.Open(dir, names, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTheCertificateIsKeptForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := open(t, dir, "localhost", "127.0.0.1", "chat.example.org")
	for _, name := range []string{"engine-cert.pem", "engine-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	again := open(t, dir, "localhost")
	if selfsigned.Fingerprint(first.Leaf()) != selfsigned.Fingerprint(again.Leaf()) {
		t.Error("the second start made another certificate")
	}
	other := open(t, dir, "localhost", "new.example.org")
	if selfsigned.Fingerprint(first.Leaf()) == selfsigned.Fingerprint(other.Leaf()) || other.Leaf().VerifyHostname("new.example.org") != nil {
		t.Error("a name that the certificate did not cover made no other certificate")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 2 {
		t.Errorf("left behind: %v %v", files, err)
	}
}

func TestADamagedPairIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no key":       func(dir string) error { return os.Remove(filepath.Join(dir, "engine-key.pem")) },
		"half a file":  func(dir string) error { return os.Truncate(filepath.Join(dir, "engine-cert.pem"), 100) },
		"another pair": func(dir string) error { return swapKey(dir, t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before := selfsigned.Fingerprint(open(t, dir, "localhost").Leaf())
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			k := open(t, dir, "localhost")
			if selfsigned.Fingerprint(k.Leaf()) == before {
				t.Error("the damaged certificate is still served")
			}
			handshake(t, k, k.File(), "localhost")
		})
	}
}

func swapKey(dir, other string) error {
	if _, err := selfsigned.Open(other, []string{"localhost"}, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	return os.Rename(filepath.Join(other, "engine-key.pem"), filepath.Join(dir, "engine-key.pem"))
}

func TestAClientThatIsGivenTheFileTrustsEveryNameAndNoOther(t *testing.T) {
	names := selfsigned.NamesOf("Chat.Example.org:8443", "10.1.2.3:8090", "0.0.0.0:1", "[::]:1", "", "[2001:db8::1]:8090", "localhost")
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"localhost", "127.0.0.1", "::1", "chat.example.org", "10.1.2.3", "2001:db8::1", strings.ToLower(own)} {
		if !slices.Contains(names, want) {
			t.Errorf("%q is missing in %q", want, names)
		}
	}
	if slices.Contains(names, "") || slices.Contains(names, "0.0.0.0") || slices.Contains(names, "::") {
		t.Errorf("names %q", names)
	}
	k := open(t, t.TempDir(), names...)
	for _, name := range names {
		handshake(t, k, k.File(), name)
	}
	if k.Leaf().VerifyHostname("example.org") == nil || k.Leaf().IsCA {
		t.Error("the certificate vouches for others")
	}
}

// handshake connects to a server with the certificate, as a client that trusts nothing but the file.
func handshake(t *testing.T, k *selfsigned.Keeper, file, name string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", file)
	}
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		s := tls.Server(theirs, &tls.Config{GetCertificate: k.Get, MinVersion: tls.VersionTLS12})
		done <- s.Handshake()
	}()
	c := tls.Client(ours, &tls.Config{RootCAs: pool, ServerName: name, MinVersion: tls.VersionTLS12})
	if err := c.Handshake(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if err := <-done; err != nil {
		t.Errorf("%s: %v", name, err)
	}
	_ = ours.Close()
}

func TestTheCertificateIsRenewedInItsLastMonthWhileTheServerRuns(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		k := open(t, dir, "localhost")
		first := selfsigned.Fingerprint(k.Leaf())
		served := func() string {
			pair, err := k.Get(nil)
			if err != nil {
				t.Fatal(err)
			}
			return selfsigned.Fingerprint(pair.Leaf)
		}
		<-time.After(334 * 24 * time.Hour)
		if served() != first {
			t.Error("renewed too early")
		}
		<-time.After(2 * 24 * time.Hour)
		second := served()
		if second == first {
			t.Error("not renewed 29 days before its end")
		}
		if served() != second || selfsigned.Fingerprint(open(t, dir, "localhost").Leaf()) != second {
			t.Error("the new certificate was not kept")
		}
	})
}
