package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/ingress"
	"github.com/stagedoor/stagedoor/internal/selfsigned"
)

// Alone is an engine that is served alone: `stagedoor engine`. Make it with NewAlone, run it with Run.
type Alone struct {
	cfg      config.Engine
	log      *slog.Logger
	engine   *engine.Engine
	listener net.Listener
	metrics  net.Listener       // nil if nobody asked for it
	own      *selfsigned.Keeper // nil without --tls
	tls      *tls.Config        // nil for plain http
	drain    time.Duration      // over how long sessions are sent away at the end
}

// NewAlone opens the engine and its port; nothing is served yet. What c says of database, key and origins is overridden
// by cfg.
func NewAlone(ctx context.Context, cfg config.Engine, c engine.Config, log *slog.Logger) (_ *Alone, err error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	a := &Alone{cfg: cfg, log: log, drain: c.DrainTime}
	if a.listener, err = ingress.Listen(ctx, cfg.Listen); err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	defer func() {
		if err != nil {
			_ = a.listener.Close()
			if a.metrics != nil {
				_ = a.metrics.Close()
			}
		}
	}()
	if a.metrics, err = listenMetrics(ctx, cfg.Metrics); err != nil {
		return nil, fmt.Errorf("--metrics-listen: %w", err)
	}
	if err := a.secure(); err != nil {
		return nil, err
	}
	c.Region, c.PublicHost, c.Origins, c.Compress, c.Logger = cfg.Region, cfg.PublicHost, cfg.Origins, cfg.Compress, log
	c.AccessKeyID, c.SecretAccessKey = cfg.KeyID, cfg.Secret
	if a.engine, err = OpenEngine(ctx, cfg.Storage(), c); err != nil {
		return nil, err
	}
	if err = a.note(); err != nil {
		return nil, errors.Join(err, a.engine.Close(ctx))
	}
	return a, nil
}

// secure finds the certificate if one is wanted.
func (a *Alone) secure() error {
	var get func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	switch {
	case a.cfg.TLS:
		var err error
		host := strings.TrimPrefix(a.URL(), "https://")
		if a.own, err = selfsigned.Open(a.cfg.Data, selfsigned.NamesOf(a.cfg.Listen, host, a.cfg.PublicHost), a.log); err != nil {
			return fmt.Errorf("--tls: %w", err)
		}
		get = a.own.Get
	case a.cfg.TLSCert != "":
		f, err := openCertificate(a.cfg.TLSCert, a.cfg.TLSKey, a.log)
		if err != nil {
			return fmt.Errorf("--tls-cert, --tls-key: %w", err)
		}
		get = f.get
	default:
		return nil
	}
	a.tls = &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12}
	return nil
}

// Credentials is the root key.
func (a *Alone) Credentials() engine.Credentials { return a.engine.Credentials() }

// URL is where this machine reaches the engine.
func (a *Alone) URL() string {
	scheme := "http://"
	if a.cfg.Secure() {
		scheme = "https://"
	}
	return scheme + reachable(a.listener.Addr().String())
}

// MetricsURL is where Prometheus finds the figures; "" if nobody asked for them.
func (a *Alone) MetricsURL() string { return metricsURL(a.metrics) }

// Run serves until ctx ends, then sends everybody away and closes the engine.
func (a *Alone) Run(ctx context.Context) error {
	gate, err := newGate(1, a.engine.FromRoot, a.log)
	if err == nil {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return gate.Serve(ctx, a.listener, a.engine, chatTimes(), a.tls) })
		if a.metrics != nil {
			g.Go(func() error { return serveMetrics(ctx, a.metrics, sessions{a.engine}, refused(gate)) })
		}
		err = g.Wait()
	}
	grace, cancel := context.WithTimeout(context.Background(), a.drain+farewell)
	defer cancel()
	return errors.Join(err, a.engine.Close(grace))
}

// farewell is what the last session that is sent away may take to answer, and the engine to close, when the drain is over.
const farewell = 15 * time.Second

// Welcome says how to call the engine; program is how the person calls us. The secret is not in it.
func (a *Alone) Welcome(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "stagedoor engine speaks Amazon Chime SDK messaging, identity and STS on %s\n\n", a.URL())
	fmt.Fprintf(&b, "  Load its address and root key %s into a shell:\n    eval \"$(%s engine env --data %s)\"\n",
		a.engine.Credentials().AccessKeyID, quote(program), quote(a.cfg.Data))
	b.WriteString("  Then, in that shell, nothing else is needed by\n" +
		"    the AWS CLI  aws chime-sdk-identity create-app-instance --name demo --endpoint-url \"$AWS_ENDPOINT_URL\"\n" +
		"                 (from 2.13 on it knows the variable, and --endpoint-url can go)\n" +
		"    JavaScript   new ChimeSDKMessagingClient({})  new ChimeSDKIdentityClient({})  new STSClient({})\n" +
		"    Go           cfg, err := config.LoadDefaultConfig(ctx); chimesdkmessaging.NewFromConfig(cfg)\n")
	if a.own != nil {
		leaf := a.own.Leaf()
		fmt.Fprintf(&b, "\n  The certificate is the engine's own, until %s: %s\n    SHA-256 %s\n"+
			"  The AWS CLI, Go and Node trust it by AWS_CA_BUNDLE and NODE_EXTRA_CA_CERTS, which are among those variables.\n"+
			"  In a browser open %s once and accept it, or import the file.\n",
			leaf.NotAfter.Format(time.DateOnly), a.own.File(), selfsigned.Fingerprint(leaf), a.URL())
	}
	b.WriteString("\n  Ctrl-C ends it.\n")
	return b.String()
}

// note is what a running engine leaves in its data folder for `stagedoor engine env`. No secret is in it.
type note struct {
	URL         string `json:"url"`
	Region      string `json:"region"`
	AccessKeyID string `json:"accessKeyId"`
	CAFile      string `json:"caFile,omitempty"`
}

const noteFile = "engine.json"

func (a *Alone) note() error {
	n := note{URL: a.URL(), Region: a.engine.Region(), AccessKeyID: a.engine.Credentials().AccessKeyID}
	if a.own != nil {
		n.CAFile = a.own.File()
	}
	return n.write(a.cfg.Data)
}

func (n note) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, noteFile), append(text, '\n'), 0o600)
}

// WriteEngineEnv prints the shell commands that point the AWS CLI and SDKs at the engine that was started last in the
// data folder, alone or by serve. The secret is among them. Of cfg, data folder and root key count.
func WriteEngineEnv(out io.Writer, cfg config.Engine) error {
	text, err := os.ReadFile(filepath.Join(cfg.Data, noteFile)) // #nosec G304 -- the operator's own data folder
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--data: no engine has been started in %s yet", cfg.Data)
	}
	if err != nil {
		return err
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("%s is damaged, start the engine anew: %w", filepath.Join(cfg.Data, noteFile), err)
	}
	id, secret := cfg.KeyID, cfg.Secret
	if id == "" {
		keys, err := openSecrets(cfg.Data)
		if err != nil {
			return err
		}
		id, secret = keys.EngineKeyID, keys.EngineSecretKey
	}
	if id != n.AccessKeyID {
		return fmt.Errorf("the engine was started with the root key %s: set STAGEDOOR_ENGINE_ACCESS_KEY_ID and STAGEDOOR_ENGINE_SECRET_ACCESS_KEY here as you did there", n.AccessKeyID)
	}
	lines := [][2]string{{"AWS_ACCESS_KEY_ID", id}, {"AWS_SECRET_ACCESS_KEY", secret}, {"AWS_REGION", n.Region},
		{"AWS_DEFAULT_REGION", n.Region}, // the name that Python's SDK and version 1 of the AWS CLI look for
		{"AWS_ENDPOINT_URL", n.URL}}
	if n.CAFile != "" {
		lines = append(lines, [2]string{"AWS_CA_BUNDLE", n.CAFile}, [2]string{"NODE_EXTRA_CA_CERTS", n.CAFile})
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(out, "export %s=%s\n", l[0], quote(l[1])); err != nil {
			return err
		}
	}
	// Left over from other work, either would win over or spoil the key above.
	_, err = fmt.Fprintln(out, "unset AWS_SESSION_TOKEN AWS_PROFILE")
	return err
}

// quote makes one word of a POSIX shell out of text.
func quote(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:=+@%,", r)
	}
	if text != "" && strings.TrimLeftFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
