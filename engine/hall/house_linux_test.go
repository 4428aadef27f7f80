package hall_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/engine/iam"
)

// house is what the engine's database holds: people, all members of every room, and an admin.
type house struct {
	testing.TB
	database string
	key      aws.Credentials
	app      string
	people   []string // ARNs
	rooms    []string // ARNs
	keys     []aws.Credentials
	deflate  bool // handshakes offer permessage-deflate
	signer   *v4.Signer
}

// wire signs requests with Amazon's signer and the root key.
type wire struct {
	*post
	addr   string
	signer *v4.Signer
	key    aws.Credentials
}

func (h *house) wire(addr string) *wire {
	return &wire{post: dial(h, addr), addr: addr, signer: v4.NewSigner(), key: h.key}
}

// call sends one signed request and reads the answer into out, if there is an out.
func (w *wire) call(method, path, bearer string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, "http://"+w.addr+path, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("X-Amz-Chime-Bearer", bearer)
	}
	sum := sha256.Sum256(body)
	if err := w.signer.SignHTTP(context.Background(), w.key, r, hex.EncodeToString(sum[:]), "chime", "us-east-1", time.Now()); err != nil {
		return err
	}
	answer, err := w.do(r)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// build makes people and rooms through the public protocol. The first room has everybody, the others nobody.
func build(tb testing.TB, p *process, database string, people, rooms int) *house {
	tb.Helper()
	h := &house{TB: tb, database: database, signer: v4.NewSigner(), key: aws.Credentials{AccessKeyID: p.KeyID, SecretAccessKey: p.Secret}}
	w := h.wire(p.Addr)
	var app struct{ AppInstanceArn string }
	h.must(w.call(http.MethodPost, "/app-instances", "", map[string]any{"Name": "hall", "ClientRequestToken": "hall"}, &app))
	h.app = app.AppInstanceArn
	h.invite(p.Addr, people)
	h.must(w.call(http.MethodPost, "/app-instances/"+url.PathEscape(h.app)+"/admins", "",
		map[string]any{"AppInstanceAdminArn": h.people[0]}, nil))
	for i := range rooms {
		var ch struct{ ChannelArn string }
		h.must(w.call(http.MethodPost, "/channels", h.people[0], map[string]any{"AppInstanceArn": h.app, "Name": fmt.Sprint("room ", i),
			"Mode": "UNRESTRICTED", "Privacy": "PRIVATE", "ClientRequestToken": fmt.Sprint("room-", i)}, &ch))
		h.rooms = append(h.rooms, ch.ChannelArn)
	}
	for some := range slices.Chunk(h.people[1:], 100) {
		h.must(w.call(http.MethodPost, "/channels/"+url.PathEscape(h.rooms[0])+"/memberships?operation=batch-create", h.people[0],
			map[string]any{"MemberArns": some}, nil))
	}
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// invite makes users, sixteen at a time.
func (h *house) invite(addr string, people int) {
	h.Helper()
	h.people = make([]string, people)
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for k := range errs {
		w := h.wire(addr)
		wg.Go(func() {
			for i := k; i < people && errs[k] == nil; i += len(errs) {
				id := fmt.Sprintf("person-%05d", i)
				var user struct{ AppInstanceUserArn string }
				errs[k] = w.call(http.MethodPost, "/app-instance-users", "", map[string]any{"AppInstanceArn": h.app,
					"AppInstanceUserId": id, "Name": "Fan " + id[7:], "ClientRequestToken": id}, &user)
				h.people[i] = user.AppInstanceUserArn
			}
		})
	}
	wg.Wait()
	h.must(errors.Join(errs...))
}

// assume gets everybody temporary credentials that are good for his own user and the first room, as a ticket holder has.
func (h *house) assume(addr string) {
	h.Helper()
	keys := make([]aws.Credentials, len(h.people))
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for k := range errs {
		w := h.wire(addr)
		wg.Go(func() {
			for i := k; i < len(keys) && errs[k] == nil; i += len(errs) {
				keys[i], errs[k] = w.assume(h.people[i], h.rooms[0])
			}
		})
	}
	wg.Wait()
	h.must(errors.Join(errs...))
	h.keys = keys
}

// policyOf is what a ticket holder may do.
func policyOf(user, room string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["chime:Connect","chime:SendChannelMessage",` +
		`"chime:ListChannelMessages"],"Resource":["` + user + `","` + room + `"]}]}`
}

func (w *wire) assume(user, room string) (key aws.Credentials, err error) {
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::000000000000:role/Fan"},
		"RoleSessionName": {"fan"}, "Policy": {policyOf(user, room)}}.Encode()
	r, err := http.NewRequest(http.MethodPost, "http://"+w.addr+"/", strings.NewReader(form))
	if err != nil {
		return key, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sum := sha256.Sum256([]byte(form))
	if err := w.signer.SignHTTP(context.Background(), w.key, r, hex.EncodeToString(sum[:]), "sts", "us-east-1", time.Now()); err != nil {
		return key, err
	}
	answer, err := w.do(r)
	if err != nil {
		return key, err
	}
	var out struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string } `xml:"AssumeRoleResult>Credentials"`
	}
	err = xml.Unmarshal(answer, &out)
	c := out.Credentials
	return aws.Credentials{AccessKeyID: c.AccessKeyId, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, err
}

// mint makes credentials that end as soon as asked. AssumeRole gives none for less than a quarter of an hour: these were
// issued some time ago, by the authority that the engine has, too.
func (h *house) mint() func(person int, good time.Duration) aws.Credentials {
	h.Helper()
	ctx := context.Background()
	d, err := sql.Open("sqlite", strings.TrimPrefix(h.database, "sqlite:"))
	h.must(err)
	defer func() { _ = d.Close() }()
	var half string
	h.must(d.QueryRowContext(ctx, `SELECT value FROM engine_secret WHERE name = 'seal_key'`).Scan(&half))
	kept, err := hex.DecodeString(half)
	h.must(err)
	seal := hmac.New(sha256.New, []byte(h.key.SecretAccessKey))
	seal.Write(kept)
	authority, err := iam.NewAuthority(iam.Config{Region: "us-east-1", Account: "000000000000", AccessKeyID: h.key.AccessKeyID,
		SecretAccessKey: h.key.SecretAccessKey, SealKey: seal.Sum(nil)})
	h.must(err)
	_, root, err := authority.Lookup(h.key.AccessKeyID, "", time.Now())
	h.must(err)
	return func(person int, good time.Duration) aws.Credentials {
		h.Helper()
		c, err := authority.AssumeRole(root, iam.Request{RoleARN: "arn:aws:iam::000000000000:role/Fan", SessionName: "fan",
			Duration: iam.MinDuration, Policy: policyOf(h.people[person], h.rooms[0])}, time.Now().Add(good-iam.MinDuration))
		h.must(err)
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
			CanExpire: true, Expires: c.Principal.Expires}
	}
}

// tickets are the signed handshakes of people, one session each, with their own credentials if they have any.
func (h *house) tickets(addr, session string, people []int) [][]byte {
	h.Helper()
	all := make([][]byte, len(people))
	for i, person := range people {
		key := h.key
		if h.keys != nil {
			key = h.keys[person]
		}
		all[i] = h.ticket(addr, fmt.Sprint(session, "-", person), person, key)
	}
	return all
}

// ticket is a signed handshake.
func (h *house) ticket(addr, session string, person int, key aws.Credentials) []byte {
	h.Helper()
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	q := url.Values{"userArn": {h.people[person]}, "sessionId": {session}, "X-Amz-Expires": {"300"}}
	r, err := http.NewRequest(http.MethodGet, "http://"+addr+"/connect?"+q.Encode(), nil)
	h.must(err)
	signed, _, err := h.signer.PresignHTTP(context.Background(), key, r, empty, "chime", "us-east-1", time.Now())
	h.must(err)
	offer := ""
	if h.deflate {
		offer = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
	}
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", strings.TrimPrefix(signed, "http://"+addr), addr, offer)
}

// member says lines with SendChannelMessage, durably.
type member struct {
	*wire
	arn string
}

func (m *member) say(seq uint32, r *room) error {
	return m.call(http.MethodPost, "/channels/"+url.PathEscape(r.arn)+"/messages", m.arn, map[string]any{"Content": text(seq, r.no),
		"Type": "STANDARD", "Persistence": "PERSISTENT", "ClientRequestToken": fmt.Sprintf("line-%d-%d", time.Now().UnixNano(), seq)}, nil)
}

// speakers are so many members with a connection each.
func (h *house) speakers(addr string, n int) []speaker {
	all := make([]speaker, n)
	for i := range all {
		all[i] = &member{wire: h.wire(addr), arn: h.people[i%len(h.people)]}
	}
	return all
}
