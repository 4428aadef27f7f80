package policy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A glob is a pattern whose wildcards are told apart from literal characters, so that a tag's value can never act as one:
// they are bytes that no text in UTF-8 has. It shares the memory of the policy's text where that has no wildcard; there are
// as many of these as ticket holders.
type glob string

const (
	anyRun = 0xff // *: any characters, none included
	anyOne = 0xfe // ?: exactly one character
)

// literal stands for s itself.
func literal(s string) glob { return glob(strings.ToValidUTF8(s, string(utf8.RuneError))) }

// wild reads the two wildcards of the policy language in s.
func wild(s string) glob {
	g := literal(s)
	if !strings.ContainsAny(s, "*?") {
		return g
	}
	b := []byte(g)
	for i, c := range b {
		switch c {
		case '*':
			b[i] = anyRun
		case '?':
			b[i] = anyOne
		}
	}
	return glob(b)
}

// A pattern is a text of a policy, read once. One with policy variables, or with bare wildcards, is made of pieces.
type pattern struct {
	text   glob    // if there are no pieces
	pieces []piece // one after the other
}

// variables reports whether the pattern is another one for each call.
func (p pattern) variables() bool {
	return slices.ContainsFunc(p.pieces, func(each piece) bool { return each.variable != "" })
}

// piece is a text or a variable.
type piece struct {
	text glob

	variable    string // the condition key in lower case, "" for a text
	fallback    string // ${key, 'fallback'}
	hasFallback bool
}

// compile reads s. With variables, ${key} and ${key, 'default'} stand for the value of a condition key, and ${*}, ${?} and
// ${$} for the bare characters (IAM User Guide, "Policy variables"); without wildcards, * and ? are bare anyway.
func compile(s string, variables, wildcards bool) pattern {
	read := func(s string) glob {
		if wildcards {
			return wild(s)
		}
		return literal(s)
	}
	if !variables || !strings.Contains(s, "${") {
		return pattern{text: read(s)}
	}
	var p pattern
	for {
		before, rest, found := strings.Cut(s, "${")
		if !found {
			p.pieces = append(p.pieces, piece{text: read(s)})
			return p
		}
		p.pieces = append(p.pieces, piece{text: read(before)})
		name, after, closed := strings.Cut(rest, "}")
		s = after
		if !closed {
			p.pieces = append(p.pieces, piece{variable: "${"}) // no key has this name: never has a value
			return p
		}
		if name == "*" || name == "?" || name == "$" {
			p.pieces = append(p.pieces, piece{text: literal(name)})
			continue
		}
		name, fallback, _ := strings.Cut(name, ",")
		v := piece{variable: strings.ToLower(strings.TrimSpace(name))}
		if fallback = strings.TrimSpace(fallback); len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'' {
			v.fallback, v.hasFallback = fallback[1:len(fallback)-1], true
		}
		p.pieces = append(p.pieces, v)
	}
}

// expand puts values in place of the variables. ok is false if one has none, or several.
func (p pattern) expand(in *Scope) (g glob, ok bool) {
	if p.pieces == nil {
		return p.text, true
	}
	for _, each := range p.pieces {
		if each.variable == "" {
			g += each.text
			continue
		}
		switch got := in.Lookup(each.variable); {
		case got.Known && !got.Several && len(got.Values) == 1:
			g += literal(got.Values[0])
		case got.Known && len(got.Values) == 0 && each.hasFallback:
			g += literal(each.fallback)
		default:
			return "", false
		}
	}
	return g, true
}

// match reports whether g covers all of s, which is UTF-8. It takes at most len(g)·len(s) steps: it falls back to the last *
// only.
func match(g glob, s string) bool {
	at, star, mark := 0, -1, 0
	for i := 0; i < len(s); {
		switch {
		case at < len(g) && g[at] == anyRun:
			star, mark = at, i
			at++
		case at < len(g) && g[at] == anyOne:
			_, size := utf8.DecodeRuneInString(s[i:])
			at++
			i += size
		case at < len(g) && g[at] == s[i]: // what goes on inside a character goes on in both
			at++
			i++
		case star >= 0:
			_, size := utf8.DecodeRuneInString(s[mark:])
			mark += size
			at, i = star+1, mark
		default:
			return false
		}
	}
	for at < len(g) && g[at] == anyRun {
		at++
	}
	return at == len(g)
}

// ARNParts is the number of an ARN's parts: arn, partition, service, region, account, resource.
const ARNParts = 6

// SplitARN takes a text apart at its first five colons, those of policy variables (${aws:…}) left alone.
func SplitARN(s string, variables bool) []string {
	parts, start := make([]string, 0, ARNParts), 0
	for i := 0; i < len(s) && len(parts) < ARNParts-1; i++ {
		switch {
		case variables && strings.HasPrefix(s[i:], "${"):
			if end := strings.IndexByte(s[i:], '}'); end >= 0 {
				i += end
			}
		case s[i] == ':':
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// arnPattern is a pattern for ARNs. Each part is compared with its own, so that no wildcard and no value reaches over a
// colon into the next part. The zero value covers everything, as "*" does.
type arnPattern []pattern

// compileARN reads an ARN with wildcards, or "*". Parts that are missing at the end are wildcards (IAM User Guide,
// "Resource": incomplete ARNs). ok is false for another text.
func compileARN(s string, variables bool) (p arnPattern, ok bool) {
	if s == "*" {
		return nil, true
	}
	parts := SplitARN(s, variables)
	if parts[0] != "arn" || len(parts) < 3 {
		return nil, false
	}
	for len(parts) < ARNParts {
		parts = append(parts, "*")
	}
	p = make(arnPattern, 0, ARNParts)
	for _, part := range parts {
		p = append(p, compile(part, variables, true))
	}
	return p, true
}

// covers compares p with an ARN taken apart; nil is the resource of an action that has none.
func (p arnPattern) covers(parts []string, in *Scope) verdict {
	if p == nil {
		return yes
	}
	if len(parts) != ARNParts {
		return no
	}
	v := yes
	for i, part := range p {
		g, ok := part.expand(in)
		if !ok {
			v = maybe
		} else if !match(g, parts[i]) {
			return no
		}
	}
	return v
}
