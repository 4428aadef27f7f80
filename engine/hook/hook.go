// Package hook is how the engine calls other people's programs: signed POST requests with an end in sight.
package hook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/stagedoor/stagedoor/engine/sigv4"
)

// Timeout is how long a receiver may take to answer, connecting included.
const Timeout = 10 * time.Second

// Poster posts to receivers. Requests are signed with SigV4 for the service "chime", so that a receiver who has the key
// knows who calls and that nothing was changed. Safe for concurrent use.
type Poster struct {
	Region, AccessKeyID, SecretAccessKey string

	client *http.Client
}

// New makes a Poster that signs with that key.
func New(region, accessKeyID, secret string) *Poster {
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: Timeout,
	}
	return &Poster{region, accessKeyID, secret, &http.Client{Transport: t, Timeout: Timeout,
		// A redirect would send the body to an address that nobody has configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Close gives idle connections back.
func (p *Poster) Close() { p.client.CloseIdleConnections() }

// Post sends a body and returns nil when the receiver has answered with a status of success. about names what the body
// belongs to, in the header X-Stagedoor-About.
func (p *Poster) Post(ctx context.Context, address, contentType, about string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", "stagedoor-engine")
	r.Header.Set("X-Stagedoor-About", about)
	if err := sigv4.Sign(r, body, "chime", p.Region, p.AccessKeyID, p.SecretAccessKey, time.Now()); err != nil {
		return err
	}
	res, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)); err != nil { // so that the connection can be used again
		return err
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the receiver answers %s", res.Status)
	}
	return nil
}

// CheckURL says whether a configured address can be posted to.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is not an http:// or https:// URL", address)
	}
	return nil
}
