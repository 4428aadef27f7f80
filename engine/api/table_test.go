package api

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/engine/role"
)

func TestTheTableHasEveryOperationOfBothServicesOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, op := range (&server{}).operations() {
		if seen[op.Name] {
			t.Errorf("%s twice", op.Name)
		}
		seen[op.Name] = true
	}
	// 51 and 30 operations, of which the three about tags are in both.
	if len(seen) != 51+30-3 {
		t.Errorf("%d operations", len(seen))
	}
}

func TestEveryOperationForAUserHasARowInTheRoleTableAndItsResources(t *testing.T) {
	for _, op := range (&server{}).operations() {
		if _, ruled := role.Rules[op.Name]; ruled != bool(op.Bearer) {
			t.Errorf("%s: bearer %v, in the role table %v", op.Name, op.Bearer, ruled)
		}
		if op.On == "" || strings.HasPrefix(op.On, "{Bearer}") != bool(op.Bearer) {
			t.Errorf("%s: resources %q", op.Name, op.On)
		}
		if strings.Contains(op.Path, "{channelArn}") && !strings.Contains(op.On, "{ChannelArn}") {
			t.Errorf("%s does not ask IAM about the channel", op.Name)
		}
	}
}

func TestEveryOperationHasItsBucketsAndNothingElseHas(t *testing.T) {
	buckets := quota.Operations()
	counted := map[string]bool{"Connect": true, "AssumeRole": true, "AssumeRoleWithWebIdentity": true, "GetCallerIdentity": true}
	for _, op := range (&server{}).operations() {
		counted[op.Name] = true
		names := strings.Fields(buckets[op.Name])
		if slices.Contains(names, "bearer") != bool(op.Bearer) {
			t.Errorf("%s: bearer %v, buckets %v", op.Name, op.Bearer, names)
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
	for _, op := range (&server{}).operations() {
		if err := op.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheQueryChoosesAmongOperationsOnOnePath(t *testing.T) {
	s := rest.New(rest.Config{Operations: (&server{}).operations()})
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
		if op, _ := s.Find(c.method, c.path, q); op != nil {
			got = op.Name
		}
		if got != c.want {
			t.Errorf("%s %s?%s: %q, want %q", c.method, c.path, c.query, got, c.want)
		}
	}
}

func TestEveryOperationIsAnswered(t *testing.T) {
	for _, op := range (&server{}).operations() {
		if op.Do == nil {
			t.Errorf("nothing answers %s", op.Name)
		}
	}
}
