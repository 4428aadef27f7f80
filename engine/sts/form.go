package sts

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/engine/iam"
)

// form is the parameters of a request. None occurs twice.
type form map[string]string

func parseForm(body string) (form, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, stsError(http.StatusBadRequest, "MalformedQueryString", "The request body is not a valid form.")
	}
	f := make(form, len(values))
	for name, v := range values {
		if len(v) > 1 {
			return nil, stsError(http.StatusBadRequest, "InvalidParameterCombination", "The parameter "+clip(name)+" occurs more than once.")
		}
		f[name] = v[0]
	}
	return f, nil
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 64)], "") }

// unsupported are parameters that would widen or narrow the session in ways the engine does not know: managed policies,
// second factors, trusted contexts, and OAuth 2.0 access tokens.
var unsupported = []string{"PolicyArns", "ProvidedContexts", "SerialNumber", "TokenCode", "ProviderId"}

// only refuses every parameter but the named ones and the members of the named lists. To ignore one could grant more than
// its sender meant. An empty list is sent as its bare name.
func (f form) only(names, lists []string) error {
	for name, value := range f {
		list, _, member := strings.Cut(name, ".member.")
		switch {
		case name == "Action" || name == "Version" || slices.Contains(names, name):
		case slices.Contains(lists, list) && (member || value == ""):
		case slices.Contains(unsupported, list):
			if member || value != "" {
				return invalid("The parameter " + clip(name) + " is not supported by this endpoint.")
			}
		default:
			return invalid("The parameter " + clip(name) + " is not known.")
		}
	}
	return nil
}

func invalid(message string) *iam.Error {
	return stsError(http.StatusBadRequest, "ValidationError", message)
}

func (f form) assumeRole() (iam.Request, error) {
	var in iam.Request
	err := f.only([]string{"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "ExternalId", "SourceIdentity"},
		[]string{"Tags", "TransitiveTagKeys"})
	if err != nil {
		return in, err
	}
	if in, err = f.session(); err != nil {
		return in, err
	}
	in.ExternalID, in.SourceIdentity = f["ExternalId"], f["SourceIdentity"]
	if in.Tags, err = f.tags(); err != nil {
		return in, err
	}
	in.TransitiveTags, err = f.list("TransitiveTagKeys")
	return in, err
}

func (f form) assumeRoleWithWebIdentity() (iam.Request, error) {
	err := f.only([]string{"RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "WebIdentityToken"}, nil)
	if err != nil {
		return iam.Request{}, err
	}
	return f.session()
}

// session reads what both ways to a role have in common.
func (f form) session() (iam.Request, error) {
	in := iam.Request{RoleARN: f["RoleArn"], SessionName: f["RoleSessionName"], Policy: f["Policy"]}
	if d, there := f["DurationSeconds"]; there {
		seconds, err := strconv.ParseInt(d, 10, 32)
		if err != nil || seconds < 1 {
			return in, invalid("DurationSeconds must be a number between 900 and 43200.")
		}
		in.Duration = time.Duration(seconds) * time.Second
	}
	return in, nil
}

// list reads Name.member.1, Name.member.2 and so on, without a gap.
func (f form) list(name string) ([]string, error) {
	var out []string
	for prefix := name + ".member."; ; {
		value, there := f[prefix+strconv.Itoa(len(out)+1)]
		if !there {
			return out, f.counted(prefix, len(out))
		}
		out = append(out, value)
	}
}

func (f form) tags() (map[string]string, error) {
	const prefix = "Tags.member."
	tags, used := map[string]string{}, 0
	for n := 1; ; n++ {
		member := prefix + strconv.Itoa(n)
		key, hasKey := f[member+".Key"]
		value, hasValue := f[member+".Value"]
		if !hasKey && !hasValue {
			return tags, f.counted(prefix, used)
		}
		if !hasKey || !hasValue {
			return nil, invalid("The parameter " + member + " must have a Key and a Value.")
		}
		if _, twice := tags[key]; twice {
			return nil, stsError(http.StatusBadRequest, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		tags[key] = value
		used += 2
	}
}

// counted refuses members that a list's reader has not come to.
func (f form) counted(prefix string, used int) error {
	n := 0
	for name := range f {
		if strings.HasPrefix(name, prefix) {
			n++
		}
	}
	if n != used {
		return invalid("The members of " + strings.TrimSuffix(prefix, ".member.") + " must be numbered from 1 without a gap.")
	}
	return nil
}
