package strictjson_test

import (
	"encoding/json"
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

// FuzzFields expects that strings and lists read the short way are those of encoding/json.
func FuzzFields(f *testing.F) {
	for _, s := range []string{`{"Text":"x","List":"y","Any":[1,{}]}`, `{"Text":"\u0061","List":["a","b\n","\ud800"],"Any":null}`,
		`{"Text":"{\"a\":\"\\\"\"}","List":["\\","\/"]}`,
		`{"Text":null,"List":null}`, `{"List":[null,"a"]}`, `{"List":[["a"]]}`, ` { "List" : [ "a" , "b" ] , "Any" : [ ] } `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		var text string
		var list strictjson.Strings
		var whatever json.RawMessage
		if strictjson.Fields([]byte(doc), map[string]any{"Text": &text, "List": &list, "Any": &whatever}) != nil {
			return
		}
		var want struct {
			Text      string
			List, Any json.RawMessage
		}
		if err := json.Unmarshal([]byte(doc), &want); err != nil {
			t.Fatalf("encoding/json: %v", err)
		}
		var wantList []string
		if json.Unmarshal(want.List, &wantList) != nil && want.List != nil {
			wantList = make([]string, 1)
			if err := json.Unmarshal(want.List, &wantList[0]); err != nil {
				t.Fatalf("%s was read as %q: %v", want.List, list, err)
			}
		}
		elements, err := strictjson.List(whatever)
		var wantElements []json.RawMessage
		if isList := json.Unmarshal(want.Any, &wantElements) == nil && wantElements != nil; isList != (err == nil) {
			t.Fatalf("%s is a list: %v", want.Any, err)
		}
		equal := func(a, b json.RawMessage) bool { return string(a) == string(b) }
		if text != want.Text || !slices.Equal(list, wantList) || !slices.EqualFunc(elements, wantElements, equal) {
			t.Errorf("%q, %q, %s, want %q, %q, %s", text, list, elements, want.Text, wantList, wantElements)
		}
	})
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
