// Package chime is the provider's API, typed and small: the identity, messaging and STS operations that Stagedoor uses,
// against Amazon or against any server that speaks Amazon's protocol.
//
// It is the only package that imports the AWS clients. It adds nothing of its own: no retries (internal/provision owns
// the one retry layer), no cache, no logging. Every operation has a deadline, and every error is a fault.Error whose
// kind says what a caller may do about it; see the table in errors.go. A Client is safe for concurrent use.
package chime

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Config says where the provider is and who calls it. The zero URLs mean Amazon's own endpoints of Region.
type Config struct {
	Region                            string // us-east-1 and eu-central-1 are the two that Amazon offers
	MessagingURL, IdentityURL, STSURL string
	AccessKeyID, SecretAccessKey      string
	SessionToken                      string // "" for long-lived keys
	ModeratorRole, UserRole           string // role ARNs that AssumeUser assumes
	HTTP                              http.RoundTripper
	Timeout                           time.Duration // of one call, answer included; 0 means DefaultTimeout

	// Heard is told of every call when it has ended: its operation as in Amazon's API reference, and its error, nil when
	// the provider has done it. It must not block; nil means that nobody counts.
	Heard func(op string, err error)
}

// DefaultTimeout is long enough for a slow answer and short enough that a hung provider is noticed while the doors open.
const DefaultTimeout = 10 * time.Second

// LogValue keeps the keys out of every log.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("region", c.Region), slog.String("messaging", c.MessagingURL),
		slog.String("identity", c.IdentityURL), slog.String("sts", c.STSURL))
}

// String is LogValue for fmt.
func (c Config) String() string { return c.LogValue().String() }

// GoString is LogValue for %#v.
func (c Config) GoString() string { return c.String() }

// Client calls the provider with one set of credentials.
type Client struct {
	cfg       Config
	pace      Pacer // nil: calls start at once
	identity  *chimesdkidentity.Client
	messaging *chimesdkmessaging.Client
	sts       *sts.Client
}

// New makes a client. It does not connect.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.HTTP == nil {
		t := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck // net/http says what it is
		t.MaxIdleConnsPerHost = 32                           // provision and moderation call in parallel; two idle connections would churn
		cfg.HTTP = t
	}
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: cfg.AccessKeyID, SecretAccessKey: cfg.SecretAccessKey, SessionToken: cfg.SessionToken}, nil
	})
	// A redirect would be followed with a signature made for another address.
	doer := &http.Client{Transport: once{cfg.HTTP}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{
		cfg: cfg,
		identity: chimesdkidentity.New(chimesdkidentity.Options{Region: cfg.Region, BaseEndpoint: url(cfg.IdentityURL),
			Credentials: keys, HTTPClient: doer, Retryer: aws.NopRetryer{}}),
		messaging: chimesdkmessaging.New(chimesdkmessaging.Options{Region: cfg.Region, BaseEndpoint: url(cfg.MessagingURL),
			Credentials: keys, HTTPClient: doer, Retryer: aws.NopRetryer{}}),
		sts: sts.New(sts.Options{Region: cfg.Region, BaseEndpoint: url(cfg.STSURL),
			Credentials: keys, HTTPClient: doer, Retryer: aws.NopRetryer{}}),
	}
}

// As returns a client that calls with other credentials, over the same connections and at the same pace.
func (c *Client) As(k Credentials) *Client {
	cfg := c.cfg
	cfg.AccessKeyID, cfg.SecretAccessKey, cfg.SessionToken = k.AccessKeyID, k.SecretAccessKey, k.SessionToken
	return New(cfg).Paced(c.pace)
}

// Region is the provider's region, which clients need for signing.
func (c *Client) Region() string { return c.cfg.Region }

// Page is one page of a list. Next is "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

// maxPage is the provider's largest page (MaxResults 1–50 on every list operation; Amazon Chime SDK API reference).
const maxPage = 50

// url is nil for Amazon's own address.
func url(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// token is nil for "": the SDK then makes one, good for one call.
func token(s string) *string { return url(s) }
