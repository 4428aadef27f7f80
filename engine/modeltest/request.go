package modeltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Request writes an input, valid or not, as the request that carries it to the endpoint. The input's values are those
// that encoding/json makes; members in path, query and header are written as text. It is not signed.
func (o *Operation) Request(endpoint string, input map[string]any) (*http.Request, []byte, error) {
	path, query, header := o.Path, url.Values{}, http.Header{}
	if key, value, ok := strings.Cut(o.Query, "="); ok {
		query.Set(key, value)
	}
	body := map[string]any{}
	for name, v := range input {
		m := o.Input.member(name)
		switch {
		case m == nil || m.In == InBody:
			body[name] = v
		case m.In == InPath:
			path = strings.Replace(path, "{"+m.As+"}", url.PathEscape(fmt.Sprint(v)), 1)
		case m.In == InQuery:
			query.Set(m.As, fmt.Sprint(v))
		case m.In == InHeader:
			header.Set(m.As, fmt.Sprint(v))
		}
	}
	var text []byte
	if o.hasBody() {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, nil, err
		}
		header.Set("Content-Type", "application/json")
	}
	target := endpoint + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequest(o.Method, target, bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	r.Header = header
	return r, text, nil
}

func (o *Operation) hasBody() bool {
	for _, m := range o.Input.Members {
		if m.In == InBody {
			return true
		}
	}
	return false
}

// match finds the operation of a request and its path members; nil for none. Of two services that share one the first
// is taken: their models agree.
func match(all []*Operation, r *http.Request) (*Operation, map[string]string) {
	segments := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	query := r.URL.Query()
	for _, o := range all {
		key, value, switched := strings.Cut(o.Query, "=")
		plain := !switched && !query.Has("operation") && !query.Has("scope")
		if o.Method != r.Method || !plain && (!switched || query.Get(key) != value) {
			continue
		}
		if params := o.matchPath(segments); params != nil {
			return o, params
		}
	}
	return nil, nil
}

func (o *Operation) matchPath(segments []string) map[string]string {
	if len(o.segments) != len(segments) || o.segments[0] != segments[0] {
		return nil
	}
	params := map[string]string{}
	for i, w := range o.segments {
		name, isParam := strings.CutPrefix(w, "{")
		text, err := url.PathUnescape(segments[i])
		switch {
		case err != nil || isParam && text == "" || !isParam && segments[i] != w:
			return nil
		case isParam:
			params[strings.TrimSuffix(name, "}")] = text
		}
	}
	return params
}

// CheckInput tells what of a request breaks the model; path members come as the router found them.
func (o *Operation) CheckInput(path map[string]string, query url.Values, header http.Header, body []byte) []string {
	var wrong []string
	c := check{wrong: func(path, why string) { wrong = append(wrong, o.Name+path+" "+why) }}
	for _, m := range o.Input.Members {
		var text string
		switch m.In {
		case InBody:
			continue
		case InPath:
			text = path[m.As]
		case InQuery:
			text = query.Get(m.As)
		case InHeader:
			text = header.Get(m.As)
		}
		switch {
		case text != "":
			c.param("."+m.Name, m.Shape, text)
		case m.Required:
			c.wrong("."+m.Name, "is required and missing")
		}
	}
	members, err := object(body)
	if err != nil {
		c.wrong("", err.Error())
	} else {
		c.structure("", o.Input, members)
	}
	return wrong
}

// object reads one JSON object; no bytes are an empty one.
func object(body []byte) (map[string]any, error) {
	members := map[string]any{}
	if len(bytes.TrimSpace(body)) == 0 {
		return members, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&members); err != nil {
		return nil, fmt.Errorf("body is no JSON object: %w", err)
	}
	if _, err := d.Token(); err != io.EOF || members == nil {
		return nil, fmt.Errorf("body is more or less than one JSON object: %.200q", body)
	}
	return members, nil
}
