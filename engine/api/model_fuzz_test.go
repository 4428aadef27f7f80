package api

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// FuzzInputs throws bodies and queries at the decoder of every operation: it never panics, refuses only as Invalid, and
// what it accepts the model allows. The seeds are a sample of each operation and some of the violations.
func FuzzInputs(f *testing.F) {
	const app = "arn:aws:chime:us-east-1:000000000000:app-instance/x"
	names := modeltest.Names{Instance: app, User: app + "/user/a", Bot: app + "/bot/b", Channel: app + "/channel/c",
		Flow: app + "/channel-flow/f", Bearer: app + "/user/a"}
	handlers := map[string]*rest.Handler{}
	for _, op := range (&server{}).operations() {
		handlers[op.Name] = op.Do
	}
	all := slices.DeleteFunc(modeltest.Operations(), func(o *modeltest.Operation) bool { return handlers[o.Name] == nil })
	add := func(i int, v modeltest.Violation) {
		r, body, err := v.Request(all[i], "http://engine")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), r.URL.RawQuery, body)
	}
	for i, o := range all {
		add(i, modeltest.Violation{Input: o.Sample(names, o.Optional()...)})
		n := 0
		for v := range o.Violations(names) {
			if n++; v.In != modeltest.InPath && v.In != modeltest.InHeader && n%97 == 0 {
				add(i, v)
			}
		}
	}
	send := slices.IndexFunc(all, func(o *modeltest.Operation) bool { return o.Name == "SendChannelMessage" })
	for _, more := range []string{`"Target":[{"memberarn":"` + app + `/user/a"}]`, `"MessageAttributes":{"a":null}`,
		`"MessageAttributes":{"a":{"StringValues":[null]}}`, `"Content":"","content":"a"`, `"PushNotification":{"Title":""}`, `"Metadata":1e9`} {
		f.Add(uint8(send), "", []byte(`{"Content":"a","Type":"STANDARD","Persistence":"PERSISTENT","ClientRequestToken":"abc",`+more+`}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, query string, body []byte) {
		o := all[int(which)%len(all)]
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		path, header := map[string]string{}, http.Header{}
		for name, v := range o.Sample(names) {
			for _, m := range o.Input.Members {
				if text, ok := v.(string); ok && m.Name == name && m.In == modeltest.InPath {
					path[m.As] = text
				} else if ok && m.Name == name && m.In == modeltest.InHeader {
					header.Set(m.As, text)
				}
			}
		}
		_, err = handlers[o.Name].Decode(path, values, body)
		switch wrong := o.CheckInput(path, values, header, body); {
		case err == nil && len(wrong) > 0:
			t.Fatalf("%s accepts what the model forbids: %v", o.Name, wrong)
		case err != nil && !fault.Is(err, fault.Invalid):
			t.Fatalf("%s: not Invalid: %v", o.Name, err)
		}
	})
}
