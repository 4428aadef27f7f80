package engine_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Bodies that cost more than they may are refused in the form of the service, by their header where that can be told.
func TestBodiesThatAreTooLargeAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		head, want string
		status     int
	}{
		"a gigabyte":        {"Content-Type: application/json\r\nContent-Length: 1073741824", `"Code":"BadRequest"`, 400},
		"a gigabyte to STS": {"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1073741824", "<Code>RequestEntityTooLarge</Code>", 413},
	} {
		path := "/"
		if !strings.Contains(c.head, "form") {
			path = "/channels/" + url.PathEscape(w.channel) + "/messages"
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		w.ok(err)
		_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", path, c.head)
		w.ok(err)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		w.ok(err)
		var body bytes.Buffer
		_, err = body.ReadFrom(res.Body)
		w.ok(err)
		if res.StatusCode != c.status || !strings.Contains(body.String(), c.want) || !res.Close {
			t.Errorf("%s: %d, kept alive %v: %s", name, res.StatusCode, !res.Close, &body)
		}
		_ = conn.Close()
	}
}

// A compressed body is never unpacked: it would be read as what it is, and that is no JSON.
func TestACompressedBodyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := fmt.Fprintf(z, `{"Content":"%s","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc"}`, strings.Repeat("x", 10<<20))
	w.ok(err)
	w.ok(z.Close())
	r := w.signed("POST", "/channels/"+url.PathEscape(w.channel)+"/messages", w.ann, packed.String())
	r.Header.Set("Content-Encoding", "gzip")
	res, body := w.do(r)
	if res.StatusCode != 400 || !strings.Contains(body, `"Code":"BadRequest"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
