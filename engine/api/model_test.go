package api

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/rest"
)

func TestTheTableIsTheModel(t *testing.T) {
	table := map[string]rest.Operation{}
	for _, op := range (&server{}).operations() {
		table[op.Name] = op
	}
	for _, m := range modeltest.Operations() {
		op, there := table[m.Name]
		if !there {
			t.Errorf("%s is not in the table", m.Name)
			continue
		}
		if op.Method != m.Method || op.Path != m.Path || op.Query != m.Query || op.Status != m.Status {
			t.Errorf("%s: %s %s?%s %d, the model has %s %s?%s %d", m.Name, op.Method, op.Path, op.Query, op.Status,
				m.Method, m.Path, m.Query, m.Status)
		}
		has, _ := m.Bearer()
		if bool(op.Bearer) != has {
			t.Errorf("%s: bearer %v, the model %v", m.Name, op.Bearer, has)
		}
		if got, want := exceptions(op), m.ErrorNames(); !slices.Equal(got, want) {
			t.Errorf("%s may answer %v, the model has %v", m.Name, got, want)
		}
	}
}

// exceptions spells models out, as the model lists them.
func exceptions(op rest.Operation) []string {
	names := []string{"BadRequestException", "ForbiddenException", "ServiceFailureException", "ServiceUnavailableException",
		"ThrottledClientException", "UnauthorizedClientException"}
	if op.Name == "GetMessagingSessionEndpoint" { // a wrong NetworkType has no other name
		names = names[1:]
	}
	for bit, name := range map[rest.Modelled]string{rest.NotFound: "NotFoundException", rest.Conflict: "ConflictException", rest.Limit: "ResourceLimitExceededException"} {
		if op.Models&bit != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// strays are the operations whose resources differ from the service authorization reference, with the reason.
var strays = map[string]string{
	"CreateAppInstanceBot":  "names no resource there; here the new bot, so that a role can be held to one app instance",
	"CreateAppInstanceUser": "names no resource there; here the new user, likewise",
	"DeleteChannelFlow":     "names a channel there, and has none",
	"ListAppInstances":      "names an app instance there, and is about all",
}

func TestIAMIsAskedAboutTheResourcesOfTheServiceAuthorizationReference(t *testing.T) {
	for _, m := range modeltest.Operations() {
		for _, op := range (&server{}).operations() {
			if op.Name != m.Name || op.On == "" || strays[op.Name] != "" {
				continue
			}
			got, want := kinds(op.On), chatKinds(m.Resources)
			for _, k := range got {
				if !slices.Contains(want, k) {
					t.Errorf("%s asks about %s, %q; the reference has %v", op.Name, k, op.On, want)
				}
			}
			for _, k := range want {
				asked := slices.Contains(got, k)
				if k == "app-instance-bot" {
					asked = asked || slices.Contains(got, "app-instance-user") // one or the other
				}
				if !asked {
					t.Errorf("%s does not ask about %s, which the reference has: %q", op.Name, k, op.On)
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
		case template == "{ChannelFlowArn}", strings.Contains(template, "/channel-flow/"):
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
		for _, op := range (&server{}).operations() {
			if op.Name == m.Name {
				compareInput(t, op, m)
			}
		}
	}
}

// compareInput holds an input structure against the model: the same members, in the same places, required or not.
func compareInput(t *testing.T, op rest.Operation, m *modeltest.Operation) {
	t.Helper()
	have := map[string]string{}
	collect(reflect.TypeOf(op.Do.Input()).Elem(), have)
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
			t.Errorf("%s.%s: %q (there: %v), the model has %q", op.Name, member.Name, got, there, want)
		}
		delete(have, member.Name)
	}
	for name := range have {
		t.Errorf("%s.%s is not in the model", op.Name, name)
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
