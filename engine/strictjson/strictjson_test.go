package strictjson_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/strictjson"
)

func TestWhatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                          "ends too early",
		`{`:                         "ends too early",
		`{"a":1`:                    "ends too early",
		`{"a":1} {}`:                "followed by something else",
		`{"a":1}}`:                  "followed by something else",
		`[]`:                        "not an object",
		`null`:                      "not an object",
		`"a"`:                       "not an object",
		`{"a":1,"a":2}`:             `the name "a" occurs twice`,
		`{"a":1,"\u0061":2}`:        `the name "a" occurs twice`,
		`{"b":[{"a":1,"a":2}]}`:     `the name "a" occurs twice`,
		`{"b":{"c":{"a":1,"a":2}}}`: `the name "a" occurs twice`,
		"{\"a\":\"\xff\"}":          "not valid UTF-8",
		`{a:1}`:                     "not valid JSON",
		`{"a":01}`:                  "not valid JSON",
		`{1:1}`:                     "",
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`: "nested more than",
	} {
		if _, err := strictjson.Object([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestMembersComeInOrder(t *testing.T) {
	got, err := strictjson.Object([]byte(` {"b": [1, {"x":null}], "a":"ü", "A":true} `))
	if err != nil || len(got) != 3 || got[0].Name != "b" || string(got[0].Value) != `[1, {"x":null}]` || got[2].Name != "A" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFieldsAreExact(t *testing.T) {
	for text, want := range map[string]string{
		`{"Name":"x","List":"y"}`:             "",
		`{"Name":"x","List":["y"]}`:           "",
		`{"name":"x"}`:                        `unknown element "name"`,
		`{"Name":"\u0078","List":["\u0079"]}`: "",
		`{"Name":1}`:                          `element "Name" must not be a number`,
		`{"Name":"x","List":[1]}`:             `element "List": it must be a string or a list of strings`,
		`{"Name":"x","List":[null]}`:          `element "List": it must be a string or a list of strings`,
		`{"Name":"x","List":{"a":1}}`:         `element "List": it must be a string or a list of strings`,
	} {
		var name string
		var list strictjson.Strings
		err := strictjson.Fields([]byte(text), map[string]any{"Name": &name, "List": &list})
		if want == "" && (err != nil || name != "x" || list[0] != "y") || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// FuzzObject expects that whatever is accepted means the same to encoding/json.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[{"c":null}]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `[1]`, `{"a":1}x`, " {\"a\" : [ 1 , true,null ] , \"\\u0061\\\"\":-1e9 } \n", `{"a":[[],{}, ""]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, err := strictjson.Object([]byte(text))
		if err != nil {
			return
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("encoding/json: %v", err)
		}
		if len(all) != len(members) {
			t.Fatalf("%d members, encoding/json has %d", len(members), len(all))
		}
		for _, m := range members {
			if string(all[m.Name]) != string(m.Value) {
				t.Errorf("%q is %s, encoding/json has %s", m.Name, m.Value, all[m.Name])
			}
		}
	})
}

// FuzzFields expects that what is read without a decoder is what encoding/json reads.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`{"s":"x","l":["y","z"],"c":[{"s":"a"}, {"s":null}]}`, `{"s":"\u00fc\n","l":"\"","c":{}}`, `{"s":null,"l":[]}`, `{"l":["a","\\"]}`,
		`{"l":[null]}`, `{"l":[["a"]]}`, `{"s":1}`, `{"l":null,"c":null}`, `{"c":[ ]}`, `{"c":[1 ,"]",[2,[3]] , {"s":"}"}]}`, `{"l":[ "ü" ,"" ]}`, `{"c":""}`, `{"s":"{\"a\":\"\\\"\"}","l":["\\","\/"]}`, `{"s":"\u0061","l":["a","b\n","\ud800"]}`, ` { "l" : [ "a" , "b" ] , "c" : [ ] } `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, err := strictjson.Object([]byte(text))
		if err != nil {
			return
		}
		for _, m := range members {
			one := []byte(`{"x":` + string(m.Value) + `}`)
			var s, wantS string
			err, want := strictjson.Fields(one, map[string]any{"x": &s}), json.Unmarshal(m.Value, &wantS)
			if (err == nil) != (want == nil) || s != wantS {
				t.Errorf("%s is the text %q, %v; encoding/json: %q, %v", m.Value, s, err, wantS, want)
			}
			var l strictjson.Strings
			wantL, isList := texts(m.Value)
			if err := strictjson.Fields(one, map[string]any{"x": &l}); (err == nil) != isList || isList && !slices.Equal(l, wantL) {
				t.Errorf("%s is the list %q, %v; encoding/json: %q, %t", m.Value, l, err, wantL, isList)
			}
			sameChecked(t, one, m.Value)
		}
	})
}

// texts reads a string or a list of strings with encoding/json, to which null is either.
func texts(value json.RawMessage) (list []string, ok bool) {
	var whole any
	if json.Unmarshal(value, &whole) != nil {
		return nil, false
	}
	entries, isList := whole.([]any)
	if !isList {
		entries = append(entries, whole)
	}
	for _, e := range entries {
		text, isText := e.(string)
		if !isText {
			return nil, false
		}
		list = append(list, text)
	}
	return list, true
}

func sameChecked(t *testing.T, object []byte, value json.RawMessage) {
	t.Helper()
	var c strictjson.Checked
	if err := strictjson.Fields(object, map[string]any{"x": &c}); err != nil || c.String() != string(value) {
		t.Fatalf("%s is %s, %v", value, c, err)
	}
	list, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	want := []json.RawMessage{value}
	if value[0] == '[' {
		if err := json.Unmarshal(value, &want); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) != len(want) {
		t.Fatalf("%s has the entries %q, encoding/json: %q", value, list, want)
	}
	for i, each := range list {
		if each.String() != string(want[i]) {
			t.Errorf("%s has the entry %s, encoding/json: %s", value, each, want[i])
		}
		var one, other string
		err, want := each.Fields(map[string]any{"s": &one}), strictjson.Fields(want[i], map[string]any{"s": &other})
		if fmt.Sprint(err) != fmt.Sprint(want) || one != other {
			t.Errorf("%s: %q, %v; checked once more: %q, %v", each, one, err, other, want)
		}
	}
}
