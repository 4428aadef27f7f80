package sts

import (
	"maps"
	"slices"
	"testing"
	"time"
)

func TestFormsAreReadToTheLastParameter(t *testing.T) {
	const role = "Action=AssumeRole&Version=2011-06-15&RoleArn=r&RoleSessionName=s"
	f, err := parseForm(role + "&DurationSeconds=900&Policy=p%2B+&ExternalId=e&SourceIdentity=i&PolicyArns=&ProvidedContexts=" +
		"&Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.1.Value=1&Tags.member.1.Key=a&TransitiveTagKeys.member.1=a&TransitiveTagKeys.member.2=b")
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.assumeRole()
	if err != nil || in.RoleARN != "r" || in.SessionName != "s" || in.Duration != 15*time.Minute || in.Policy != "p+ " || in.ExternalID != "e" ||
		in.SourceIdentity != "i" || !maps.Equal(in.Tags, map[string]string{"a": "1", "b": ""}) || !slices.Equal(in.TransitiveTags, []string{"a", "b"}) {
		t.Errorf("got %+v, %v", in, err)
	}
	for _, more := range []string{
		"&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.3.Key=b&Tags.member.3.Value=2", "&Tags.member.2.Key=b&Tags.member.2.Value=2",
		"&Tags.member.0.Key=b&Tags.member.0.Value=2", "&Tags.member.01.Key=b&Tags.member.01.Value=2", "&Tags.member.1.Key=a", "&Tags.member.1.Value=a",
		"&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.1.Other=x", "&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.1.key=b", "&Tags=x",
		"&Tags.entry.1.Key=a", "&TransitiveTagKeys.member.2=a", "&TransitiveTagKeys.member.x=a", "&tags.member.1.Key=a",
		"&PolicyArns.member.1.arn=a", "&PolicyArns.member.9=a", "&ProvidedContexts.member.1.ContextAssertion=a", "&SerialNumber=a", "&TokenCode=a", "&ProviderId=a",
		"&WebIdentityToken=a", "&X=1", "&policy=x", "&DurationSeconds=0", "&DurationSeconds=-1", "&DurationSeconds=9x", "&DurationSeconds=",
	} {
		f, err := parseForm(role + more)
		if err == nil {
			_, err = f.assumeRole()
		}
		wantToken(t, more, err, "ValidationError")
	}
	_, err = parseForm(role + "&Policy=a&Policy=b")
	wantToken(t, "twice", err, "InvalidParameterCombination")
	_, err = parseForm(role + "&Policy=%zz")
	wantToken(t, "escape", err, "MalformedQueryString")
	f, err = parseForm(role + "&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=a&Tags.member.2.Value=2")
	if err == nil {
		_, err = f.assumeRole()
	}
	wantToken(t, "tag twice", err, "InvalidParameterValue")
	f, err = parseForm("Action=GetCallerIdentity&Version=2011-06-15&RoleArn=x")
	if err == nil {
		_, err = (&handler{}).getCallerIdentity(nil, f)
	}
	wantToken(t, "GetCallerIdentity", err, "ValidationError")
}
