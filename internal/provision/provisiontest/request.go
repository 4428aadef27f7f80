package provisiontest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// operations by method, the last word of the path that is no identifier, number of segments, and the query that tells
// operations on one path apart (Amazon Chime SDK API reference).
var operations = map[string]string{
	"POST app-instances 1": "CreateAppInstance", "GET app-instances 1": "ListAppInstances", "GET app-instances 2": "DescribeAppInstance",
	"DELETE app-instances 2": "DeleteAppInstance", "POST admins 3": "CreateAppInstanceAdmin", "GET admins 3": "ListAppInstanceAdmins",
	"DELETE admins 4": "DeleteAppInstanceAdmin", "POST app-instance-users 1": "CreateAppInstanceUser",
	"GET app-instance-users 1": "ListAppInstanceUsers", "GET app-instance-users 2": "DescribeAppInstanceUser",
	"PUT app-instance-users 2": "UpdateAppInstanceUser", "DELETE app-instance-users 2": "DeleteAppInstanceUser",
	"POST channels 1": "CreateChannel", "GET channels 1": "ListChannels", "GET channels 2": "DescribeChannel",
	"PUT channels 2": "UpdateChannel", "DELETE channels 2": "DeleteChannel",
	"POST memberships 3": "CreateChannelMembership", "POST memberships 3?batch-create": "BatchCreateChannelMembership",
	"GET memberships 3": "ListChannelMemberships", "GET memberships 4": "DescribeChannelMembership", "DELETE memberships 4": "DeleteChannelMembership",
	"POST moderators 3": "CreateChannelModerator", "GET moderators 3": "ListChannelModerators", "GET moderators 4": "DescribeChannelModerator",
	"DELETE moderators 4": "DeleteChannelModerator",
	"POST bans 3":         "CreateChannelBan", "GET bans 3": "ListChannelBans", "GET bans 4": "DescribeChannelBan", "DELETE bans 4": "DeleteChannelBan",
}

// operation names what a request asks for.
func operation(r *http.Request) string {
	s := segments(r)
	where := s[0]
	if len(s) > 2 {
		where = s[2]
	}
	how := ""
	for _, name := range []string{"operation", "scope"} {
		if v := r.URL.Query().Get(name); v != "" {
			how = "?" + v
		}
	}
	key := fmt.Sprintf("%s %s %d%s", r.Method, where, len(s), how)
	if op, ok := operations[key]; ok {
		return op
	}
	return key
}

// segments splits the escaped path and decodes each part.
func segments(r *http.Request) []string {
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, s := range parts {
		parts[i], _ = url.PathUnescape(s)
	}
	return parts
}

// request is one request, taken apart.
type request struct {
	op    string
	path  []string
	query url.Values
	body  map[string]any
	call  *Call // what the books will say of it
}

func (q *request) text(name string) string { v, _ := q.body[name].(string); return v }

func (q *request) list(name string) []string {
	raw, _ := q.body[name].([]any)
	out := make([]string, 0, len(raw))
	for _, v := range raw {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// at is the n-th segment of the path, "" if there is none.
func (q *request) at(n int) string {
	if n < len(q.path) {
		return q.path[n]
	}
	return ""
}

// about says which app instance, channel and user a request concerns, by ARN.
func (q *request) about() (instance, channel, user string) {
	thing := q.at(1)
	switch q.path[0] {
	case "channels":
		channel = thing
		for _, name := range []string{"MemberArn", "ChannelModeratorArn"} {
			user += q.text(name)
		}
		if len(q.path) > 3 {
			user = q.path[3]
		}
	case "app-instance-users":
		user = thing
		if id := q.text("AppInstanceUserId"); id != "" {
			user = q.text("AppInstanceArn") + "/user/" + id
		}
	case "app-instances":
		user = q.text("AppInstanceAdminArn")
		if len(q.path) > 3 {
			user = q.path[3]
		}
	}
	instance = home(thing)
	for _, a := range []string{q.text("AppInstanceArn"), q.query.Get("app-instance-arn")} {
		if instance == "" {
			instance = a
		}
	}
	if q.op == "CreateChannel" {
		channel = instance + "/channel/" + q.text("ChannelId")
	}
	return instance, channel, user
}

// same is equal for two requests that ask for the same; their request tokens do not count.
func (q *request) same() string {
	var b strings.Builder
	b.WriteString(q.op)
	for _, s := range q.path {
		b.WriteString("\x00" + s)
	}
	b.WriteString("\x00" + q.query.Encode())
	for _, name := range slices.Sorted(maps.Keys(q.body)) {
		if name != "ClientRequestToken" {
			fmt.Fprint(&b, "\x00", name, "=", q.body[name])
		}
	}
	return b.String()
}

// home is the ARN of the app instance that a thing belongs to.
func home(a string) string {
	if i := strings.Index(a, ":app-instance/"); i >= 0 {
		head, rest := a[:i+len(":app-instance/")], a[i+len(":app-instance/"):]
		id, _, _ := strings.Cut(rest, "/")
		return head + id
	}
	return ""
}

func last(a string) string { return a[strings.LastIndex(a, "/")+1:] }

// answer is what the provider says.
type answer struct {
	status int
	code   string // of an error
	body   map[string]any
}

func refuse(status int, code string) answer {
	return answer{status: status, code: code, body: map[string]any{"Code": code, "Message": "no"}}
}

func (a answer) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	if code := a.code; code != "" {
		if code == "Throttled" || code == "Unauthorized" {
			code += "Client"
		}
		h.Set("X-Amzn-Errortype", code+"Exception")
	}
	return h
}

func (a answer) text() []byte {
	if a.body == nil {
		return nil
	}
	text, _ := json.Marshal(a.body) // maps of strings: cannot fail
	return text
}

func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{StatusCode: a.status, Header: a.header(), Body: io.NopCloser(strings.NewReader(string(a.text()))), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// shelf keeps things in the order in which they came. Its zero value is empty. A page's token is a place in that order:
// it stays right while things come and go.
type shelf[T any] struct {
	things map[string]*placed[T]
	order  []*placed[T]
}

type placed[T any] struct {
	key   string
	value T
	gone  bool
}

func (s *shelf[T]) get(key string) (T, bool) {
	if p, ok := s.things[key]; ok {
		return p.value, true
	}
	var none T
	return none, false
}

func (s *shelf[T]) has(key string) bool { _, ok := s.things[key]; return ok }

// put adds a thing or changes one that is there.
func (s *shelf[T]) put(key string, value T) {
	if p, ok := s.things[key]; ok {
		p.value = value
		return
	}
	if s.things == nil {
		s.things = map[string]*placed[T]{}
	}
	p := &placed[T]{key: key, value: value}
	s.things[key], s.order = p, append(s.order, p)
}

// drop takes a thing away and reports whether it was there.
func (s *shelf[T]) drop(key string) bool {
	p, ok := s.things[key]
	if ok {
		p.gone = true
		delete(s.things, key)
	}
	return ok
}

func (s *shelf[T]) len() int { return len(s.things) }

// all yields everything in order.
func (s *shelf[T]) all(yield func(string, T) bool) {
	for _, p := range s.order {
		if !p.gone && !yield(p.key, p.value) {
			return
		}
	}
}

// page answers a list operation: items under name, each as show writes it.
func page[T any](q *request, s *shelf[T], name string, show func(key string, value T) map[string]any) answer {
	most, err := strconv.Atoi(q.query.Get("max-results"))
	if q.query.Get("max-results") == "" {
		most, err = 50, nil
	}
	from := 0
	if t := q.query.Get("next-token"); t != "" && err == nil {
		from, err = strconv.Atoi(strings.TrimPrefix(t, "after-"))
	}
	if err != nil || most < 1 || most > 50 || from < 0 || from > len(s.order) {
		return refuse(http.StatusBadRequest, "BadRequest")
	}
	items, body := []map[string]any{}, map[string]any{}
	i := from
	for ; i < len(s.order) && len(items) < most; i++ {
		if p := s.order[i]; !p.gone {
			items = append(items, show(p.key, p.value))
		}
	}
	for i < len(s.order) && s.order[i].gone {
		i++
	}
	if i < len(s.order) {
		body["NextToken"] = "after-" + strconv.Itoa(i)
	}
	body[name] = items
	return answer{status: http.StatusOK, body: body}
}
