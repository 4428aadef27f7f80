package modeltest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Judge is a RoundTripper that reports to its test whatever the models forbid. Safe for concurrent use.
type Judge struct {
	t    testing.TB
	next http.RoundTripper
	all  []*Operation
	sts  []*Operation

	mu   sync.Mutex
	seen map[string]map[string]bool // by Operation.Key: the output members that were answered
}

// Transport judges what goes through next:
//
//   - a request that the model forbids must not succeed;
//   - a success has the modelled status and an output of the modelled members, types, lengths, patterns and values, without
//     unknown members, its times in seconds; 204 has no body;
//   - an error is one that the operation models, or one that IAM and SigV4 give everywhere; its status, its header
//     x-amzn-ErrorType and its body {"Code","Message"} agree;
//   - every answer has an x-amzn-RequestId.
//
// Forms to STS are judged likewise, by its own model and with its XML. /connect passes unjudged.
func Transport(t testing.TB, next http.RoundTripper) *Judge {
	return &Judge{t: t, next: next, all: Operations(), sts: load("sts"), seen: map[string]map[string]bool{}}
}

// RoundTrip sends the request on and judges it with its answer.
func (j *Judge) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.EscapedPath()
	o, params := match(j.all, r)
	if o == nil && path != "/" && path != "/connect" {
		j.t.Errorf("modeltest: %s %s is no modelled operation", r.Method, r.URL)
	}
	if o == nil && path != "/" {
		return j.next.RoundTrip(r)
	}
	sent, err := copyRequest(r)
	if err != nil {
		return nil, err
	}
	res, err := j.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(res.Body)
	if closing := res.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(got))
	if o == nil {
		for _, w := range checkSTS(j.sts, sent, res, got) {
			j.t.Errorf("modeltest: %s", w)
		}
		return res, nil
	}
	wrong := o.CheckInput(params, r.URL.Query(), r.Header, sent)
	if res.StatusCode < http.StatusMultipleChoices && len(wrong) > 0 {
		j.t.Errorf("modeltest: %s accepted a request that the model forbids: %s", o.Name, strings.Join(wrong, "; "))
	}
	for _, w := range o.CheckAnswer(res, got, func(member string) { j.note(o, member) }) {
		j.t.Errorf("modeltest: %s", w)
	}
	return res, nil
}

// copyRequest reads the body of r and puts it back.
func copyRequest(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(r.Body)
	if closing := r.Body.Close(); err == nil {
		err = closing
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return text, err
}

// note remembers a member of a success; "" is the success itself.
func (j *Judge) note(o *Operation, member string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seen[o.Key()] == nil {
		j.seen[o.Key()] = map[string]bool{}
	}
	j.seen[o.Key()][member] = true
}

// Unanswered returns the operations that never succeeded and the output members that were never answered, as
// "identity.ListAppInstances" and "messaging.ListChannels.Channels[].Name". For the operations that both services have,
// those of identity stand for both.
func (j *Judge) Unanswered() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var missing []string
	for _, o := range j.all {
		seen, done := j.seen[o.Key()]
		switch {
		case !done && o.Service == "messaging" && strings.HasSuffix(o.Path, "/tags"):
		case !done:
			missing = append(missing, o.Key())
		case o.Output != nil:
			for _, member := range o.Output.paths("") {
				if !seen[member] {
					missing = append(missing, o.Key()+member)
				}
			}
		}
	}
	return missing
}

// paths lists the members inside a shape. No output of these models contains itself.
func (s *Shape) paths(at string) []string {
	var all []string
	switch s.Type {
	case "structure":
		for _, m := range s.Members {
			all = append(append(all, at+"."+m.Name), m.Shape.paths(at+"."+m.Name)...)
		}
	case "list":
		return s.Item.paths(at + "[]")
	case "map":
		return s.Value.paths(at + "{}")
	}
	return all
}

// CheckAnswer tells what of an answer breaks the model. saw, which may be nil, is told of a success ("") and of each of
// its members (".Channels[].Name").
func (o *Operation) CheckAnswer(res *http.Response, body []byte, saw func(member string)) []string {
	var wrong []string
	c := check{strict: true, saw: saw, wrong: func(path, why string) { wrong = append(wrong, o.Name+path+": "+why) }}
	if res.Header.Get("x-amzn-RequestId") == "" {
		c.wrong("", "no x-amzn-RequestId")
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		c.refusal(o, res, body)
		return wrong
	}
	if res.StatusCode != o.Status {
		c.wrong("", fmt.Sprintf("status %d, the model has %d", res.StatusCode, o.Status))
	}
	if saw != nil {
		saw("")
	}
	if o.Status == http.StatusNoContent {
		if len(body) > 0 {
			c.wrong("", fmt.Sprintf("204 with a body: %.200q", body))
		}
		return wrong
	}
	if kind := res.Header.Get("Content-Type"); kind != "application/json" {
		c.wrong("", fmt.Sprintf("Content-Type %q", kind))
	}
	members, err := object(body)
	output := o.Output
	if output == nil {
		output = &Shape{Type: "structure"}
	}
	if err != nil {
		c.wrong("", err.Error())
	} else {
		c.structure("", output, members)
	}
	return wrong
}

// common are the exceptions that a request may meet before it comes to its service ("Common Errors" of the API
// references); the code in the body is the name without "Exception".
var common = map[string]int{
	"AccessDeniedException":               http.StatusForbidden,
	"ExpiredTokenException":               http.StatusForbidden,
	"IncompleteSignatureException":        http.StatusBadRequest,
	"InvalidSignatureException":           http.StatusForbidden,
	"MissingAuthenticationTokenException": http.StatusForbidden,
	"UnrecognizedClientException":         http.StatusForbidden,
}

// codes are the bodies' codes that are not the name without "Exception".
var codes = map[string]string{"UnauthorizedClientException": "Unauthorized", "ThrottledClientException": "Throttled"}

func (c check) refusal(o *Operation, res *http.Response, body []byte) {
	name := res.Header.Get("x-amzn-ErrorType")
	status, known := common[name]
	if o.Name == "GetMessagingSessionEndpoint" && name == "BadRequestException" {
		status, known = http.StatusBadRequest, true // not modelled, and there is no other name for a wrong NetworkType
	}
	if i := slices.IndexFunc(o.Errors, func(e *Shape) bool { return e.Name == name }); i >= 0 {
		status, known = o.Errors[i].Status, true
	}
	if !known {
		c.wrong("", fmt.Sprintf("%d %q is not modelled: %.300s", res.StatusCode, name, body))
		return
	}
	if status != res.StatusCode {
		c.wrong("", fmt.Sprintf("%s with status %d, the model has %d", name, res.StatusCode, status))
	}
	members, err := object(body)
	if err != nil {
		c.wrong("", err.Error())
		return
	}
	code := codes[name]
	if code == "" {
		code = strings.TrimSuffix(name, "Exception")
	}
	if message, ok := members["Message"].(string); members["Code"] != code || !ok || message == "" || len(members) != 2 {
		c.wrong("", fmt.Sprintf("%s with the body %.300s", name, body))
	}
}
