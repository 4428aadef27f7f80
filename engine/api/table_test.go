package api

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/chat"
	"github.com/stagedoor/stagedoor/engine/quota"
)

func TestTheTableHasEveryOperationOfBothServicesOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range operations() {
		if seen[op.name] {
			t.Errorf("%s twice", op.name)
		}
		seen[op.name] = true
	}
	// 51 and 30 operations, of which the three about tags are in both.
	if len(seen) != 51+30-3 {
		t.Errorf("%d operations", len(seen))
	}
}

func TestEveryOperationForAUserHasARowInTheRoleTableAndItsResources(t *testing.T) {
	for _, op := range operations() {
		if op.do == nil {
			continue
		}
		if _, ruled := chat.Rules[op.name]; ruled != bool(op.bearer) {
			t.Errorf("%s: bearer %v, in the role table %v", op.name, op.bearer, ruled)
		}
		if op.on == "" || strings.HasPrefix(op.on, "{Bearer}") != bool(op.bearer) {
			t.Errorf("%s: resources %q", op.name, op.on)
		}
		if strings.Contains(op.path, "{channelArn}") && !strings.Contains(op.on, "{ChannelArn}") {
			t.Errorf("%s does not ask IAM about the channel", op.name)
		}
	}
}

func TestEveryOperationHasItsBucketsAndNothingElseHas(t *testing.T) {
	buckets := quota.Operations()
	counted := map[string]bool{"Connect": true, "AssumeRole": true, "AssumeRoleWithWebIdentity": true, "GetCallerIdentity": true}
	for _, op := range operations() {
		counted[op.name] = true
		names := strings.Fields(buckets[op.name])
		if slices.Contains(names, "bearer") != bool(op.bearer) {
			t.Errorf("%s: bearer %v, buckets %v", op.name, op.bearer, names)
		}
	}
	for name := range counted {
		if !slices.Contains(strings.Fields(buckets[name]), "all") {
			t.Errorf("%s has the buckets %q", name, buckets[name])
		}
	}
	for name := range buckets {
		if !counted[name] {
			t.Errorf("%s has buckets and does not exist", name)
		}
	}
}

func TestInputsNameOnlyShapesAndPlacesThatExist(t *testing.T) {
	for _, op := range operations() {
		if op.do != nil {
			checkInput(t, op, reflect.TypeOf(op.do.input()).Elem())
		}
	}
}

func checkInput(t *testing.T, op operation, in reflect.Type) {
	for i := range in.NumField() {
		f := in.Field(i)
		if f.Anonymous {
			checkInput(t, op, f.Type)
			continue
		}
		if name := strings.TrimSuffix(f.Tag.Get("is"), "!"); f.Type != reflect.TypeFor[unavailable]() {
			if _, ok := shapes[name]; !ok {
				t.Errorf("%s.%s: no shape %q", op.name, f.Name, name)
			}
		}
		if name, isPath := strings.CutPrefix(f.Tag.Get("wire"), "path="); isPath && !strings.Contains(op.path, "{"+name+"}") {
			t.Errorf("%s.%s: no %q in %s", op.name, f.Name, name, op.path)
		}
	}
}

func TestTheQueryChoosesAmongOperationsOnOnePath(t *testing.T) {
	s, ok := New(Config{}).(*server)
	if !ok {
		t.Fatal("New makes something else")
	}
	for _, c := range []struct{ method, path, query, want string }{
		{"GET", "/channels", "app-instance-arn=x", "ListChannels"},
		{"GET", "/channels", "scope=app-instance-user-memberships", "ListChannelMembershipsForAppInstanceUser"},
		{"GET", "/channels", "scope=app-instance-user-moderated-channels", "ListChannelsModeratedByAppInstanceUser"},
		{"GET", "/channels", "scope=nonsense", ""},
		{"GET", "/channels/a%2Fb", "", "DescribeChannel"},
		{"GET", "/channels/a/b", "", ""},
		{"GET", "/channels/a%2Fb", "scope=app-instance-user-membership", "DescribeChannelMembershipForAppInstanceUser"},
		{"GET", "/channels/a%2Fb", "scope=app-instance-user-moderated-channel", "DescribeChannelModeratedByAppInstanceUser"},
		{"POST", "/channels/a/messages/b", "operation=redact", "RedactChannelMessage"},
		{"POST", "/channels/a/messages/b", "", ""},
		{"GET", "/channels/a/messages/b", "scope=message-status", "GetChannelMessageStatus"},
		{"POST", "/channels/a/memberships", "operation=batch-create", "BatchCreateChannelMembership"},
		{"POST", "/channels/a/memberships", "", "CreateChannelMembership"},
		{"PUT", "/channels/a/readMarker", "", "UpdateChannelReadMarker"},
		{"POST", "/tags", "operation=untag-resource", "UntagResource"},
		{"DELETE", "/channels/", "", ""},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if op, _ := s.find(c.method, c.path, q); op != nil {
			got = op.name
		}
		if got != c.want {
			t.Errorf("%s %s?%s: %q, want %q", c.method, c.path, c.query, got, c.want)
		}
	}
}
