package modeltest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commonSTS are the codes that every action of STS may answer ("Common Errors" of its API reference).
var commonSTS = map[string]int{
	"AccessDenied":                http.StatusForbidden,
	"ExpiredToken":                http.StatusForbidden,
	"IncompleteSignature":         http.StatusBadRequest,
	"InvalidClientTokenId":        http.StatusForbidden,
	"InvalidParameterCombination": http.StatusBadRequest,
	"InvalidParameterValue":       http.StatusBadRequest,
	"MissingAuthenticationToken":  http.StatusForbidden,
	"SignatureDoesNotMatch":       http.StatusForbidden,
	"Throttling":                  http.StatusBadRequest,
	"ValidationError":             http.StatusBadRequest,
}

// checkSTS tells what of a call to STS breaks its model.
func checkSTS(all []*Operation, sent []byte, res *http.Response, body []byte) []string {
	form, err := url.ParseQuery(string(sent))
	i := slices.IndexFunc(all, func(o *Operation) bool { return o.Name == form.Get("Action") })
	if err != nil || i < 0 {
		return []string{"no modelled action of STS: " + string(sent)}
	}
	o := all[i]
	var wrong []string
	c := check{strict: true, wrong: func(path, why string) { wrong = append(wrong, o.Name+path+": "+why) }}
	var answer element
	if err := xml.Unmarshal(body, &answer); err != nil {
		c.wrong("", err.Error())
	}
	id := answer.child("RequestId").Text + answer.child("ResponseMetadata").child("RequestId").Text
	if id == "" || res.Header.Get("x-amzn-RequestId") != id || res.Header.Get("Content-Type") != "text/xml" {
		c.wrong("", fmt.Sprintf("request %q, headers %v", id, res.Header))
	}
	if space := "https://sts.amazonaws.com/doc/2011-06-15/"; answer.XMLName.Space != space {
		c.wrong("", fmt.Sprintf("namespace %q", answer.XMLName.Space))
	}
	if res.StatusCode != http.StatusOK {
		c.refusalSTS(o, res.StatusCode, answer)
		return wrong
	}
	if answer.XMLName.Local != o.Name+"Response" {
		c.wrong("", "the answer is a "+answer.XMLName.Local)
	}
	c.value("", o.Output, o.Output.fromXML(answer.child(o.Name+"Result")))
	input, _ := o.Input.fromForm("", form)
	check{wrong: func(path, why string) { c.wrong(path, "accepted: "+why) }}.value("", o.Input, input)
	return wrong
}

func (c check) refusalSTS(o *Operation, status int, answer element) {
	e := answer.child("Error")
	want, known := commonSTS[e.child("Code").Text]
	for _, modelled := range o.Errors {
		if modelled.Code == e.child("Code").Text {
			want, known = modelled.Status, true
		}
	}
	if answer.XMLName.Local != "ErrorResponse" || !known || status != want || e.child("Message").Text == "" || e.child("Type").Text != "Sender" {
		c.wrong("", fmt.Sprintf("%d %+v is not modelled", status, answer))
	}
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Elements []element `xml:",any"`
}

// child returns the element of that name inside e, or an empty one.
func (e element) child(name string) element {
	for _, c := range e.Elements {
		if c.XMLName.Local == name {
			return c
		}
	}
	return element{}
}

// fromXML reads an element as JSON would have it.
func (s *Shape) fromXML(e element) any {
	if s.Type != "structure" {
		return s.fromText(e.Text)
	}
	v := map[string]any{}
	for _, c := range e.Elements {
		name := c.XMLName.Local
		inner := &Shape{Type: also[s.Name+"."+name]}
		if m := s.member(name); m != nil {
			inner = m.Shape
		}
		v[name] = inner.fromXML(c)
	}
	return v
}

func (s *Shape) fromText(text string) any {
	switch s.Type {
	case "integer":
		return json.Number(text)
	case "timestamp":
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return json.Number(strconv.FormatInt(t.Unix(), 10))
		}
	}
	return text
}

// fromForm reads the parameters below a name, "Tags.member.1.Key", as JSON would have them; false for none.
func (s *Shape) fromForm(name string, form url.Values) (any, bool) {
	switch s.Type {
	case "structure":
		v := map[string]any{}
		for _, m := range s.Members {
			if inner, ok := m.Shape.fromForm(strings.TrimPrefix(name+"."+m.Name, "."), form); ok {
				v[m.Name] = inner
			}
		}
		return v, len(v) > 0
	case "list":
		var v []any
		for {
			inner, ok := s.Item.fromForm(fmt.Sprintf("%s.member.%d", name, len(v)+1), form)
			if !ok {
				return v, len(v) > 0
			}
			v = append(v, inner)
		}
	}
	return s.fromText(form.Get(name)), form.Has(name)
}
