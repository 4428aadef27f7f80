package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Sign signs a request of ours in its Authorization header, body included: every header that is set is covered, so none
// can be added or changed on the way. Any verifier of SigV4 accepts it, VerifyHeader too.
func Sign(r *http.Request, body []byte, service, region, accessKeyID, secret string, now time.Time) error {
	now = now.UTC()
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	stamp := now.Format(basicTime)
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", hash)
	c := &claim{day: stamp[:len("20060102")], region: region, service: service, stamp: stamp, signedHeaders: []string{"host"}}
	for name := range r.Header {
		c.signedHeaders = append(c.signedHeaders, strings.ToLower(name))
	}
	slices.Sort(c.signedHeaders)
	path, query := received(r)
	_, q, err := parseQuery(query)
	if err != nil {
		return err
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	signed, err := canonical(r, path, q.recode(), c.signedHeaders, hash, len(body))
	if err != nil {
		return err
	}
	signature := c.sign(signed, secret)
	r.Header.Set("Authorization", algorithm+" Credential="+accessKeyID+"/"+c.day+"/"+region+"/"+service+"/aws4_request, SignedHeaders="+
		strings.Join(c.signedHeaders, ";")+", Signature="+hex.EncodeToString(signature[:]))
	return nil
}
