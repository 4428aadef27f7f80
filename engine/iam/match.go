package iam

import "strings"

// A glob is a pattern whose wildcards are told apart from literal characters, so that a tag's value can never act as one.
type glob []rune

const (
	anyRun = -1 // *: any characters, none included
	anyOne = -2 // ?: exactly one character
)

// pattern reads the two wildcards of the policy language in s.
func pattern(s string) glob {
	g := make(glob, 0, len(s))
	for _, r := range s {
		switch r {
		case '*':
			r = anyRun
		case '?':
			r = anyOne
		}
		g = append(g, r)
	}
	return g
}

// expand reads s as pattern does and puts values in place of policy variables: ${aws:PrincipalTag/Key}, with a default
// after a comma if one is given, and ${*}, ${?}, ${$} for the bare characters. ok is false if a variable has no value.
func expand(s string, tags map[string]string) (g glob, ok bool) {
	for {
		before, rest, found := strings.Cut(s, "${")
		g = append(g, pattern(before)...)
		if !found {
			return g, true
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, false
		}
		value, known := variable(name, tags)
		if !known {
			return nil, false
		}
		g = append(g, glob(value)...)
		s = after
	}
}

func variable(name string, tags map[string]string) (string, bool) {
	if name == "*" || name == "?" || name == "$" {
		return name, true
	}
	name, fallback, hasFallback := strings.Cut(name, ",")
	name = strings.TrimSpace(name)
	const prefix = "aws:principaltag/" // condition keys are case-insensitive, tag keys too
	if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		for key, value := range tags {
			if strings.EqualFold(key, name[len(prefix):]) {
				return value, true
			}
		}
	}
	fallback = strings.TrimSpace(fallback)
	if hasFallback && len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'' {
		return fallback[1 : len(fallback)-1], true
	}
	return "", false
}

// match reports whether g covers all of s. It takes at most len(g)·len(s) steps: it falls back to the last * only.
func match(g glob, s string) bool {
	text := []rune(s)
	at, star, mark := 0, -1, 0
	for i := 0; i < len(text); {
		switch {
		case at < len(g) && g[at] == anyRun:
			star, mark = at, i
			at++
		case at < len(g) && (g[at] == anyOne || g[at] == text[i]):
			at++
			i++
		case star >= 0:
			mark++
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
