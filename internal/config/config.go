// Package config is every setting of Stagedoor in one struct: a flag, an environment variable, a default and one
// sentence each. `stagedoor <command> --help` is printed from it.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Storage says where things are kept.
type Storage struct {
	Data           string `help:"Folder for the embedded databases, exported histories and secrets." default:"data" env:"STAGEDOOR_DATA" type:"path"`
	Database       string `help:"Platform database: sqlite:FILE or postgres://…. Default: sqlite in the data folder." env:"STAGEDOOR_DATABASE"`
	EngineDatabase string `help:"Database of the embedded engine: sqlite:FILE or postgres://…. Default: sqlite in the data folder." env:"STAGEDOOR_ENGINE_DATABASE"`
}

// Chime says where the chat provider is and how fast it may be called.
type Chime struct {
	Chime         string `help:"Chat provider: embedded (our engine in this process), aws, or the URL of a stagedoor engine, e.g. http://127.0.0.1:8090." default:"embedded" env:"STAGEDOOR_CHIME"`
	Region        string `help:"Region of the chat provider (Amazon: us-east-1 or eu-central-1)." default:"us-east-1" env:"AWS_REGION"`
	AccessKeyID   string `help:"Access key id at the provider. Embedded engine: made and kept in the data folder." env:"AWS_ACCESS_KEY_ID"`
	SecretKey     string `help:"Secret access key at the provider; better given as an environment variable." env:"AWS_SECRET_ACCESS_KEY" hidden:""`
	ModeratorRole string `help:"ARN of the role that moderators assume (Amazon)." env:"STAGEDOOR_MODERATOR_ROLE"`
	UserRole      string `help:"ARN of the role that fans and artists assume (Amazon)." env:"STAGEDOOR_USER_ROLE"`
	Pace          string `help:"The provider's limits, which all processes keep together: case (10 requests/s over everything), none, aws-us-east-1 or aws-eu-central-1 (Amazon's published limits)." default:"case" enum:"case,none,aws-us-east-1,aws-eu-central-1" env:"STAGEDOOR_PACE"`
}

// Readiness says when the operator is told, and where Prometheus looks.
type Readiness struct {
	Slack         time.Duration `name:"ready-slack" help:"A chat that is ready later than this before doors raises an alarm; 0s: only one that is ready after doors." default:"15m" env:"STAGEDOOR_READY_SLACK"`
	MetricsListen string        `name:"metrics-listen" help:"Address where Prometheus finds /metrics, e.g. 127.0.0.1:9464; empty: nowhere. Nobody else should reach it." env:"STAGEDOOR_METRICS_LISTEN"`
}

// Serve are the settings of `stagedoor serve`.
type Serve struct {
	Storage
	Chime
	Readiness
	Listen         string        `help:"Address of the pages, the API and the live socket. 0.0.0.0:8080 lets phones on the network in." default:"127.0.0.1:8080" env:"STAGEDOOR_LISTEN"`
	EngineListen   string        `help:"Address where the embedded engine also listens alone, for SDKs and the AWS CLI; empty: not at all." default:"127.0.0.1:8090" env:"STAGEDOOR_ENGINE_LISTEN"`
	EngineLimits   string        `help:"What the embedded engine holds callers to: none, case (10 requests/s over everything), aws-us-east-1 or aws-eu-central-1 (Amazon's published limits)." default:"none" enum:"none,case,aws-us-east-1,aws-eu-central-1" env:"STAGEDOOR_ENGINE_LIMITS"`
	EngineDrain    time.Duration `help:"Over how long a stopping process sends the embedded engine's sessions away, so that they do not all come back at once." default:"5s" env:"STAGEDOOR_ENGINE_DRAIN"`
	EngineCompress bool          `help:"Let browsers have the embedded engine's events compressed, each made once for all of them: fewer bytes on the line." env:"STAGEDOOR_ENGINE_COMPRESS"`
	PublicURL      string        `help:"URL under which people reach the pages, e.g. https://live.example.org. Default: http:// and the listen address." env:"STAGEDOOR_PUBLIC_URL"`
	TrustedProxies []string      `help:"Networks of reverse proxies whose X-Forwarded-For is believed, e.g. 10.0.0.0/8." env:"STAGEDOOR_TRUSTED_PROXIES"`
	Provisioner    bool          `help:"Run the provisioner in this process too." default:"true" negatable:"" env:"STAGEDOOR_PROVISIONER"`
	Demo           bool          `help:"On an empty database make a demo show with tickets and print its codes." default:"true" negatable:"" env:"STAGEDOOR_DEMO"`
	ReopenFor      int           `help:"Seconds after the end or the cancellation of a show before its history is exported; at least so long it can be reopened." default:"10" env:"STAGEDOOR_REOPEN_SECONDS"`
	SealWait       time.Duration `help:"How long after the end of a show its chat is kept at most because browsers may still have keys to it, which last an hour. The export is made before, and once more then; only then the chat is deleted. With --demo not at all." default:"65m" env:"STAGEDOOR_SEAL_WAIT"`
}

// Embedded reports whether the engine runs in this process.
func (c Chime) Embedded() bool { return c.Chime == "embedded" }

// Amazon reports whether the provider is Amazon itself.
func (c Chime) Amazon() bool { return c.Chime == "aws" }

// Check finds settings that cannot be.
func (c Chime) Check() error {
	if c.Embedded() || c.Amazon() {
		return nil
	}
	if !webURL(c.Chime) {
		return fmt.Errorf("--chime: %q is neither embedded nor aws nor a http(s) URL", c.Chime)
	}
	return nil
}

// Check finds settings that cannot be.
func (r Readiness) Check() error {
	if r.Slack < 0 {
		return fmt.Errorf("--ready-slack: %v is negative; a time such as 15m, or 0s to be told only of what is late", r.Slack)
	}
	return nil
}

// HoldChat is how long the deletion of a show's chat waits for keys at most. A rehearsal's keys are not waited for.
func (s Serve) HoldChat() time.Duration {
	if s.Demo {
		return 0
	}
	return s.SealWait
}

// Check finds settings that cannot be.
func (s Serve) Check() error {
	if s.PublicURL != "" && !webURL(s.PublicURL) {
		return fmt.Errorf("--public-url: %q is no URL such as https://live.example.org", s.PublicURL)
	}
	if s.SealWait < 0 {
		return fmt.Errorf("--seal-wait: %v is negative; a time such as 65m, or 0s for no wait", s.SealWait)
	}
	return errors.Join(s.Readiness.Check(), s.Chime.Check())
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// PlatformDatabase is the URL of the platform's database with the default filled in.
func (s Storage) PlatformDatabase() string { return or(s.Database, s.sqlite("stagedoor.db")) }

// ChatDatabase is the URL of the engine's database with the default filled in.
func (s Storage) ChatDatabase() string { return or(s.EngineDatabase, s.sqlite("engine.db")) }

func (s Storage) sqlite(file string) string { return "sqlite:" + filepath.Join(s.Data, file) }

// Origin is the URL that people type, without a slash at the end.
func (s Serve) Origin() string {
	return strings.TrimSuffix(or(s.PublicURL, "http://"+s.Listen), "/")
}

// Proxies parses TrustedProxies.
func (s Serve) Proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, t := range s.TrustedProxies {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies: %q is not a network such as 10.0.0.0/8", t)
		}
		out = append(out, p)
	}
	return out, nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
