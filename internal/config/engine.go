package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Engine are the settings of `stagedoor engine`.
type Engine struct {
	Data       string            `help:"Folder for the embedded database, the root key and the certificate." default:"data" env:"STAGEDOOR_DATA" type:"path"`
	Database   string            `name:"engine-database" help:"sqlite:FILE or postgres://…. Default: sqlite in the data folder." env:"STAGEDOOR_ENGINE_DATABASE"`
	Listen     string            `help:"Address to listen on. 0.0.0.0:8090 lets the network in." default:"127.0.0.1:8090" env:"STAGEDOOR_ENGINE_LISTEN"`
	PublicHost string            `help:"host[:port] that messaging sessions are sent to. Default: the one of each request." env:"STAGEDOOR_ENGINE_PUBLIC_HOST"`
	Region     string            `help:"Region in ARNs and signatures. It must not change over the life of a database." default:"us-east-1" env:"AWS_REGION"`
	KeyID      string            `name:"access-key-id" help:"Root access key id. Default: made and kept in the data folder. Its secret is taken from STAGEDOOR_ENGINE_SECRET_ACCESS_KEY." env:"STAGEDOOR_ENGINE_ACCESS_KEY_ID"`
	Secret     string            `name:"secret-access-key" hidden:"" env:"STAGEDOOR_ENGINE_SECRET_ACCESS_KEY"`
	Limits     string            `help:"What callers are held to: none, case (10 requests/s over everything), aws-us-east-1 or aws-eu-central-1 (Amazon's published limits)." default:"none" enum:"none,case,aws-us-east-1,aws-eu-central-1" env:"STAGEDOOR_ENGINE_LIMITS"`
	Origins    []string          `help:"Web origins whose pages may call, e.g. https://show.example.org. Default: every origin, as at Amazon." env:"STAGEDOOR_ENGINE_ORIGINS"`
	Roles      string            `help:"JSON file of the roles that callers may assume, and what each may do. Default: the root key may assume any name." type:"path" env:"STAGEDOOR_ENGINE_ROLES"`
	Issuers    string            `help:"JSON file of the token issuers that AssumeRoleWithWebIdentity accepts, with their keys." type:"path" env:"STAGEDOOR_ENGINE_ISSUERS"`
	Processors map[string]string `name:"processor" placeholder:"ARN=URL" help:"Where channel flows reach the processor that they know by the ARN of a Lambda function. Repeatable; in the variable with ; between them." env:"STAGEDOOR_ENGINE_PROCESSORS"`
	Streams    map[string]string `name:"stream" placeholder:"ARN=URL|file:PATH" help:"Where messaging streams lead that are known by the ARN of a Kinesis stream. Repeatable; in the variable with ; between them." env:"STAGEDOOR_ENGINE_STREAMS"`
	Drain      time.Duration     `help:"Over how long a stopping engine sends its sessions away, so that they do not all come back at once. Amazon's client gives up ten seconds after it first finds nobody: longer is for several engines behind one address." default:"5s" env:"STAGEDOOR_ENGINE_DRAIN"`
	Compress   bool              `help:"Let clients that offer permessage-deflate have events compressed, each made once for all of them: fewer bytes on the line." env:"STAGEDOOR_ENGINE_COMPRESS"`
	Metrics    string            `name:"metrics-listen" help:"Address where Prometheus finds /metrics, e.g. 127.0.0.1:9464; empty: nowhere. Nobody else should reach it." env:"STAGEDOOR_ENGINE_METRICS_LISTEN"`
	TLS        bool              `name:"tls" help:"Speak https and wss with a certificate of our own, made and kept in the data folder." env:"STAGEDOOR_ENGINE_TLS"`
	TLSCert    string            `name:"tls-cert" help:"Speak https and wss with this certificate (PEM, with its chain). Read again when the file changes." type:"path" env:"STAGEDOOR_ENGINE_TLS_CERT"`
	TLSKey     string            `name:"tls-key" help:"Private key of --tls-cert (PEM)." type:"path" env:"STAGEDOOR_ENGINE_TLS_KEY"`
}

var (
	regionPattern = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	// Amazon's own form (STS API reference, Credentials); SDKs put the id into a header between slashes and commas.
	keyPattern = regexp.MustCompile(`^\w{16,128}$`)
	// Amazon takes no other names of streams (PutMessagingStreamingConfigurations).
	streamPattern = regexp.MustCompile(`^arn:aws:kinesis:[^:]*:[^:]*:stream/chime-messaging-.`)
)

// Check finds settings that cannot be. Its errors name the flag.
func (e Engine) Check() error {
	_, port, err := net.SplitHostPort(e.Listen)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		return fmt.Errorf("--listen: %q is no address such as 127.0.0.1:8090", e.Listen)
	}
	if !regionPattern.MatchString(e.Region) {
		return fmt.Errorf("--region: %q is no region such as us-east-1", e.Region)
	}
	if e.PublicHost != "" && !isHost(e.PublicHost) {
		return fmt.Errorf("--public-host: %q is no host such as chat.example.org or chat.example.org:8443 (no https://, no path)", e.PublicHost)
	}
	for _, o := range e.Origins {
		if u, err := url.Parse(o); err != nil || !webURL(o) || u.Scheme+"://"+u.Host != o {
			return fmt.Errorf("--origins: %q is no origin such as https://show.example.org (no path, no slash at the end)", o)
		}
	}
	if (e.KeyID == "") != (e.Secret == "") {
		return fmt.Errorf("--access-key-id: STAGEDOOR_ENGINE_ACCESS_KEY_ID and STAGEDOOR_ENGINE_SECRET_ACCESS_KEY go together: give both or neither")
	}
	if e.KeyID != "" && !keyPattern.MatchString(e.KeyID) {
		return fmt.Errorf("--access-key-id: %q is none: 16 to 128 letters, digits and underscores", e.KeyID)
	}
	for name := range e.Processors {
		if !strings.HasPrefix(name, "arn:aws:lambda:") {
			return fmt.Errorf("--processor: %q is no ARN of a Lambda function such as arn:aws:lambda:us-east-1:000000000000:function:calm", name)
		}
	}
	for name := range e.Streams {
		if !streamPattern.MatchString(name) {
			return fmt.Errorf("--stream: %q is no ARN of a Kinesis stream such as arn:aws:kinesis:us-east-1:000000000000:stream/chime-messaging-all", name)
		}
	}
	if e.Drain < 0 {
		return fmt.Errorf("--drain: %v is no duration such as 10s", e.Drain)
	}
	return e.checkTLS()
}

func (e Engine) checkTLS() error {
	switch {
	case e.TLS && e.TLSCert != "":
		return fmt.Errorf("--tls makes a certificate of its own: give it or --tls-cert, not both")
	case (e.TLSCert == "") != (e.TLSKey == ""):
		return fmt.Errorf("--tls-cert and --tls-key go together: give both or neither")
	case e.TLSCert == "":
		return nil
	}
	for _, f := range []struct{ flag, file string }{{"--tls-cert", e.TLSCert}, {"--tls-key", e.TLSKey}} {
		if _, err := os.ReadFile(f.file); err != nil { // #nosec G304 -- the operator's own file
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	return nil
}

// isHost reports whether text is a host, with or without a port, and nothing else.
func isHost(text string) bool {
	u, err := url.Parse("https://" + text)
	return err == nil && u.Host == text && u.Hostname() != ""
}

// Storage is where the engine keeps its things.
func (e Engine) Storage() Storage { return Storage{Data: e.Data, EngineDatabase: e.Database} }

// Secure reports whether the engine speaks TLS itself.
func (e Engine) Secure() bool { return e.TLS || e.TLSCert != "" }
