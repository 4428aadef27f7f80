// Package selfsigned keeps a TLS certificate for a server that nobody has issued one for.
//
// The certificate speaks for itself: a client trusts it by being given the file, or by comparing the fingerprint. It is
// no authority, so whoever trusts it trusts these names of this server and nothing else.
package selfsigned

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// lifetime is a year: clients refuse certificates that live for several (Apple: 825 days for ones that people trusted).
	lifetime = 365 * 24 * time.Hour
	// renewal is how long before its end a certificate is replaced.
	renewal = 30 * 24 * time.Hour
	// skew is how far a client's clock may be behind ours.
	skew = time.Hour

	certFile, keyFile = "engine-cert.pem", "engine-key.pem"
)

// Keeper holds the certificate and replaces it near its end. Safe for concurrent use.
type Keeper struct {
	dir   string
	names []string
	log   *slog.Logger

	mu   sync.Mutex
	pair *tls.Certificate // with its Leaf
}

// Open reads the certificate in dir, or makes one there if there is none, if it is damaged or near its end, or if it
// does not cover each of names (host names and IP addresses). Both files are readable by the owner only.
func Open(dir string, names []string, log *slog.Logger) (*Keeper, error) {
	k := &Keeper{dir: dir, names: names, log: log}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(k.File(), filepath.Join(dir, keyFile))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, err // a key that we may not read is no reason to write over it
	case err == nil && k.good(pair.Leaf, time.Now()):
		k.pair = &pair
		return k, nil
	}
	return k, k.make(time.Now())
}

// good reports whether a certificate of ours can be kept.
func (k *Keeper) good(leaf *x509.Certificate, now time.Time) bool {
	return now.Before(leaf.NotAfter.Add(-renewal)) && now.After(leaf.NotBefore) &&
		!slices.ContainsFunc(k.names, func(name string) bool { return leaf.VerifyHostname(name) != nil })
}

// File is where the certificate is, for clients to be given.
func (k *Keeper) File() string { return filepath.Join(k.dir, certFile) }

// Leaf is the certificate that is served.
func (k *Keeper) Leaf() *x509.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.pair.Leaf
}

// Get is a tls.Config.GetCertificate. A server that runs into the last month of its certificate makes a new one; if that
// fails, the old one is served as long as it lasts.
func (k *Keeper) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); !k.good(k.pair.Leaf, now) {
		if err := k.make(now); err != nil {
			k.log.Error("the certificate could not be renewed", "file", k.File(), "until", k.pair.Leaf.NotAfter, "err", err)
			return k.pair, nil
		}
		k.log.Warn("the certificate was renewed: clients that were given the old one need the new file", "file", k.File(),
			"sha256", Fingerprint(k.pair.Leaf))
	}
	return k.pair, nil
}

// make replaces the certificate, in memory and on disk; k.mu is held, or nobody knows k yet.
func (k *Keeper) make(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		// Two certificates of one name would confuse clients that look their trust up by it.
		Subject:   pkix.Name{CommonName: "Stagedoor engine " + serial.Text(36)[:8]},
		NotBefore: now.Add(-skew), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range k.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	pair, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		return err
	}
	// A crash between the two leaves a pair that does not match, which Open takes for damaged.
	if err := errors.Join(replace(k.dir, keyFile, private), replace(k.dir, certFile, certificate)); err != nil {
		return err
	}
	k.pair = &pair
	return nil
}

// replace writes a file for the owner only; a reader sees the old or the new one whole.
func replace(dir, name string, text []byte) error {
	tmp, err := os.CreateTemp(dir, name+"-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(dir, name))
}

// Fingerprint is the SHA-256 of a certificate as browsers and openssl show it: AB:CD:….
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	var b bytes.Buffer
	for i, x := range sum {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", x)
	}
	return b.String()
}

// NamesOf returns the names a server on this machine is reached by: loopback, the machine's host name, and hosts, each
// of which may have a port and may be empty or "every address".
func NamesOf(hosts ...string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if own, err := os.Hostname(); err == nil {
		hosts = append(hosts, own)
	}
	for _, host := range hosts {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() || slices.Contains(names, host) {
			continue
		}
		names = append(names, host)
	}
	return names
}
