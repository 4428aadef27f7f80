package modeltest

import "testing"

var names = Names{Instance: "arn:aws:chime:us-east-1:000000000000:app-instance/none",
	User:    "arn:aws:chime:us-east-1:000000000000:app-instance/none/user/ann",
	Bot:     "arn:aws:chime:us-east-1:000000000000:app-instance/none/bot/bot",
	Channel: "arn:aws:chime:us-east-1:000000000000:app-instance/none/channel/room",
	Flow:    "arn:aws:chime:us-east-1:000000000000:app-instance/none/channel-flow/flow",
	Bearer:  "arn:aws:chime:us-east-1:000000000000:app-instance/none/user/mod"}

// judgeInput sends a request through the router and the check of inputs.
func judgeInput(t *testing.T, all []*Operation, o *Operation, v Violation) []string {
	t.Helper()
	r, body, err := v.Request(o, "http://engine")
	if err != nil {
		t.Fatal(err)
	}
	found, params := match(all, r)
	if found == nil || found.Name != o.Name {
		t.Fatalf("%s: %s %s is taken for %v", v.Name, r.Method, r.URL, found)
	}
	return o.CheckInput(params, r.URL.Query(), r.Header, body)
}

func TestEverySampleIsAllowedAndEveryViolationForbidden(t *testing.T) {
	all := Operations()
	count := 0
	for _, o := range all {
		for _, with := range append([]string{""}, o.Optional()...) {
			in := o.Sample(names)
			if with != "" {
				in = o.Sample(names, with)
			}
			if wrong := judgeInput(t, all, o, Violation{Name: o.Name, Input: in}); len(wrong) > 0 {
				t.Errorf("sample of %s with %q: %v", o.Name, with, wrong)
			}
		}
		n := 0
		seen := map[string]bool{}
		for v := range o.Violations(names) {
			n++
			if wrong := judgeInput(t, all, o, v); len(wrong) == 0 {
				t.Errorf("%s is allowed: %v %s", v.Name, v.Input, v.Raw)
			}
			if seen[v.Name] {
				t.Errorf("%s twice", v.Name)
			}
			seen[v.Name] = true
		}
		t.Log(o.Key(), n)
		count += n
	}
	t.Log(len(all), count)
	if len(all) != 81 || count < 20_000 {
		t.Errorf("%d operations, %d violations", len(all), count)
	}
}
