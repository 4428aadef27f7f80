package arn_test

import (
	"testing"

	"github.com/stagedoor/stagedoor/internal/arn"
)

const app = "arn:aws:chime:us-east-1:123456789012:app-instance/ai"

func TestParse(t *testing.T) {
	for text, want := range map[string]arn.Parts{
		app:                      {Region: "us-east-1", Account: "123456789012", AppInstanceID: "ai", Kind: arn.KindAppInstance},
		app + "/user/a:b@c":      {Region: "us-east-1", Account: "123456789012", AppInstanceID: "ai", Kind: arn.KindUser, ChildID: "a:b@c"},
		app + "/bot/b":           {Region: "us-east-1", Account: "123456789012", AppInstanceID: "ai", Kind: arn.KindBot, ChildID: "b"},
		app + "/channel/c":       {Region: "us-east-1", Account: "123456789012", AppInstanceID: "ai", Kind: arn.KindChannel, ChildID: "c"},
		app + "/channel-flow/cf": {Region: "us-east-1", Account: "123456789012", AppInstanceID: "ai", Kind: arn.KindChannelFlow, ChildID: "cf"},
	} {
		got, err := arn.Parse(text)
		if err != nil || got != want || !arn.ARN(text).Is(want.Kind) || arn.ARN(text).AppInstance() != app {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "arn", "arn:aws:chime:us-east-1:1", "arn:aws:s3:us-east-1:1:app-instance/a", "ARN:aws:chime:us-east-1:1:app-instance/a",
		"arn:aws-cn:chime:us-east-1:1:app-instance/a", "arn::chime:us-east-1:1:app-instance/a",
		"arn:aws:chime:us-east-1:1:channel/a", "arn:aws:chime:us-east-1:1:app-instance/", app + "/", app + "/user", app + "/user/",
		app + "/user/a/b", app + "/app-instance/b", app + "/file/a", app + "//user/a", app + "/User/a",
	} {
		if got, err := arn.Parse(text); err == nil || arn.ARN(text).AppInstance() != "" || arn.ARN(text).ID() != "" {
			t.Errorf("%s: accepted as %+v", text, got)
		}
	}
}

// FuzzParse expects that a resource has one name: what was read is written the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{app, app + "/user/a:b", app + "/channel-flow/x", "arn:aws:chime:::app-instance/a", "arn:aws:chime:r:1:app-instance/a/user/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := arn.Parse(text)
		if err != nil {
			return
		}
		back := arn.AppInstance(p.Region, p.Account, p.AppInstanceID)
		if back != arn.ARN(text).AppInstance() {
			t.Errorf("%q is in %q, not in %q", text, back, arn.ARN(text).AppInstance())
		}
		if p.Kind != arn.KindAppInstance {
			back = back.Child(p.Kind, p.ChildID)
		}
		if string(back) != text {
			t.Errorf("%q was written %q", text, back)
		}
	})
}
