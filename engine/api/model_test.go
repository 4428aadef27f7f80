package api

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

func TestTheTableIsTheModel(t *testing.T) {
	table := map[string]operation{}
	for _, op := range operations() {
		table[op.name] = op
	}
	for _, m := range modeltest.Operations() {
		op, there := table[m.Name]
		if !there {
			t.Errorf("%s is not in the table", m.Name)
			continue
		}
		if op.method != m.Method || op.path != m.Path || op.query != m.Query || op.status != m.Status {
			t.Errorf("%s: %s %s?%s %d, the model has %s %s?%s %d", m.Name, op.method, op.path, op.query, op.status,
				m.Method, m.Path, m.Query, m.Status)
		}
		has, _ := m.Bearer()
		if bool(op.bearer) != has {
			t.Errorf("%s: bearer %v, the model %v", m.Name, op.bearer, has)
		}
		if got, want := op.exceptions(), m.ErrorNames(); !slices.Equal(got, want) {
			t.Errorf("%s may answer %v, the model has %v", m.Name, got, want)
		}
	}
}

// exceptions spells models out, as the model lists them.
func (op operation) exceptions() []string {
	names := []string{"BadRequestException", "ForbiddenException", "ServiceFailureException", "ServiceUnavailableException",
		"ThrottledClientException", "UnauthorizedClientException"}
	if op.name == "GetMessagingSessionEndpoint" { // a wrong NetworkType has no other name
		names = names[1:]
	}
	for bit, name := range map[modelled]string{notFound: "NotFoundException", conflict: "ConflictException", limit: "ResourceLimitExceededException"} {
		if op.models&bit != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// strays are the operations whose resources differ from the service authorization reference, with the reason.
var strays = map[string]string{
	"CreateAppInstanceUser": "names no resource there; here the new user, so that a role can be held to one app instance",
	"DeleteChannelFlow":     "names a channel there, and has none",
	"ListAppInstances":      "names an app instance there, and is about all",
}

func TestIAMIsAskedAboutTheResourcesOfTheServiceAuthorizationReference(t *testing.T) {
	for _, m := range modeltest.Operations() {
		for _, op := range operations() {
			if op.name != m.Name || op.on == "" || strays[op.name] != "" {
				continue
			}
			got, want := kinds(op.on), chatKinds(m.Resources)
			for _, k := range got {
				if !slices.Contains(want, k) {
					t.Errorf("%s asks about %s, %q; the reference has %v", op.name, k, op.on, want)
				}
			}
			for _, k := range want {
				asked := slices.Contains(got, k)
				if k == "app-instance-bot" {
					asked = asked || slices.Contains(got, "app-instance-user") // one or the other
				}
				if !asked {
					t.Errorf("%s does not ask about %s, which the reference has: %q", op.name, k, op.on)
				}
			}
		}
	}
}

// kinds are the resource types that the templates of an operation name.
func kinds(on string) []string {
	var all []string
	for _, template := range strings.Fields(on) {
		switch {
		case template == "*":
		case template == "{ResourceARN}": // whatever it is
			all = append(all, "app-instance", "app-instance-bot", "app-instance-user", "channel", "channel-flow")
		case template == "{ChannelArn}":
			all = append(all, "channel")
		case template == "{ChannelFlowArn}":
			all = append(all, "channel-flow")
		case template == "{AppInstanceArn}":
			all = append(all, "app-instance")
		case strings.Contains(template, "/bot/") || template == "{AppInstanceBotArn}":
			all = append(all, "app-instance-bot")
		case regexp.MustCompile(`/user/|^\{(Bearer|AppInstanceUserArn|AppInstanceAdminArn)\}$`).MatchString(template):
			all = append(all, "app-instance-user")
		default:
			all = append(all, template)
		}
	}
	return all
}

// chatKinds leaves out the resources of meetings and calls.
func chatKinds(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(k string) bool {
		return !strings.HasPrefix(k, "app-instance") && !strings.HasPrefix(k, "channel")
	})
}

func TestShapesAreTheModels(t *testing.T) {
	for _, m := range modeltest.Operations() {
		for _, op := range operations() {
			if op.name == m.Name && op.do != nil {
				compareInput(t, op, m)
			}
		}
	}
}

// compareInput holds an input structure against the model: the same members, in the same places, required or not.
func compareInput(t *testing.T, op operation, m *modeltest.Operation) {
	t.Helper()
	have := map[string]string{}
	collect(reflect.TypeOf(op.do.input()).Elem(), have)
	for _, member := range m.Input.Members {
		if member.In == modeltest.InHeader {
			continue
		}
		want := string(member.In) + "=" + member.As
		if member.Required {
			want += "!"
		}
		want = strings.TrimPrefix(strings.NewReplacer("uri=", "path=", "querystring=", "query=").Replace(want), "=")
		if got, there := have[member.Name]; !there || got != want {
			t.Errorf("%s.%s: %q (there: %v), the model has %q", op.name, member.Name, got, there, want)
		}
		delete(have, member.Name)
	}
	for name := range have {
		t.Errorf("%s.%s is not in the model", op.name, name)
	}
}

// collect writes down where each member of an input travels, with "!" when it is required.
func collect(in reflect.Type, into map[string]string) {
	for i := range in.NumField() {
		f := in.Field(i)
		if f.Anonymous {
			collect(f.Type, into)
			continue
		}
		into[f.Name] = f.Tag.Get("wire")
		if strings.HasSuffix(f.Tag.Get("is"), "!") {
			into[f.Name] += "!"
		}
	}
}

func TestShapesHaveTheBoundsAndValuesOfTheModels(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range modeltest.Operations() {
		for _, member := range m.Input.Members {
			compareShape(t, member.Shape, seen)
		}
	}
	for name := range shapes {
		if !seen[name] {
			t.Errorf("%s is in no input of the models", name)
		}
	}
}

func compareShape(t *testing.T, want *modeltest.Shape, seen map[string]bool) {
	t.Helper()
	if want == nil || seen[want.Name] {
		return
	}
	seen[want.Name] = true
	for _, inner := range append([]*modeltest.Shape{want.Item, want.Key, want.Value}, members(want)...) {
		compareShape(t, inner, seen)
	}
	got, there := shapes[want.Name]
	if !there {
		return // of an operation that is not available yet
	}
	bound := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	if got.min != bound(want.Min) || got.max != bound(want.Max) || !slices.Equal(got.enum, want.Enum) {
		t.Errorf("%s: %d to %d %v, the model has %d to %d %v", want.Name, got.min, got.max, got.enum, bound(want.Min), bound(want.Max), want.Enum)
	}
	if any := want.Pattern == nil || want.Pattern.MatchString("\n \x00é"); got.pattern == nil && !any {
		t.Errorf("%s has no pattern, the model has %v", want.Name, want.Pattern)
	}
	for name, inner := range map[string]*modeltest.Shape{got.of: want.Item, got.keys: want.Key} {
		if name != "" && (inner == nil || inner.Name != name) {
			t.Errorf("%s holds %q, the model has %v", want.Name, name, inner)
		}
	}
}

func members(s *modeltest.Shape) []*modeltest.Shape {
	var all []*modeltest.Shape
	for _, m := range s.Members {
		all = append(all, m.Shape)
	}
	return all
}
