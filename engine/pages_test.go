package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// listing is one list: an operation with what it is asked.
type listing struct {
	o     *modeltest.Operation
	name  string
	input map[string]any
}

// page asks for a part of a list and returns its entries as JSON, in order, and the NextToken.
func (w *world) page(l listing, most int, token string) (entries []string, next string, err error) {
	w.Helper()
	input := maps.Clone(l.input)
	input["MaxResults"] = most
	if token != "" {
		input["NextToken"] = token
	}
	out, err := w.invoke(w.Context(), l.o, input)
	if err != nil {
		return nil, "", err
	}
	v := reflect.ValueOf(out).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice {
			for j := range f.Len() {
				text, err := json.Marshal(f.Index(j).Interface())
				w.ok(err)
				entries = append(entries, string(text))
			}
		}
	}
	if token := v.FieldByName("NextToken"); !token.IsNil() {
		next = token.Elem().String()
	}
	return entries, next, nil
}

// pages reads the rest of a list from a token on, one entry at a time.
func (w *world) pages(l listing, token string) (entries []string) {
	w.Helper()
	for range 100 {
		page, next, err := w.page(l, 1, token)
		w.ok(err)
		if len(page) != 1 {
			w.Errorf("%s: a page of %d", l.name, len(page))
		}
		entries, token = append(entries, page...), next
		if token == "" {
			return entries
		}
	}
	w.Fatalf("%s: no end after 100 pages", l.name)
	return nil
}

// listings is every operation that has a NextToken, about names.
func (w *world) listings(title string, names modeltest.Names, more map[string]map[string]any) (all []listing) {
	for _, o := range modeltest.Operations() {
		if !slices.Contains(o.Optional(), "NextToken") {
			continue
		}
		l := listing{o, o.Key() + " of " + title, o.Sample(names)}
		if slices.Contains(o.Optional(), "AppInstanceUserArn") {
			l.input["AppInstanceUserArn"] = names.User
		}
		maps.Copy(l.input, more[o.Name])
		all = append(all, l)
	}
	return all
}

// three makes three of everything that is listed, around ann and the channel.
func (w *world) three() (names, another modeltest.Names, more map[string]map[string]any) {
	w.Helper()
	names = modeltest.Names{Instance: w.app, User: w.ann, Channel: w.channel, Bearer: w.admin, Bot: w.app + "/bot/none"}
	do := func(operation string, names modeltest.Names, change map[string]any) {
		w.Helper()
		for _, o := range modeltest.Operations() {
			if o.Name == operation {
				input := o.Sample(names)
				maps.Copy(input, change)
				delete(input, "ClientRequestToken") // the SDK makes one
				_, err := w.invoke(w.Context(), o, input)
				w.ok(err)
				return
			}
		}
		w.Fatalf("no operation %s", operation)
	}
	hall, err := w.msg.CreateChannel(w.Context(), &messaging.CreateChannelInput{AppInstanceArn: &w.app, ChimeBearer: &w.admin, Name: aws.String("hall"),
		Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate, ElasticChannelConfiguration: &types.ElasticChannelConfiguration{
			MaximumSubChannels: aws.Int32(9), TargetMembershipsPerSubChannel: aws.Int32(2), MinimumMembershipPercentage: aws.Int32(1)}})
	w.ok(err)
	for i := range 3 {
		id := fmt.Sprint("three-", i)
		person, other := names, names
		person.User = w.user(id)
		other.Channel = w.open("more-"+id, "PUBLIC", "UNRESTRICTED")
		do("CreateAppInstance", names, nil)
		do("CreateAppInstanceAdmin", person, nil)
		do("CreateAppInstanceBot", names, nil)
		do("RegisterAppInstanceUserEndpoint", names, map[string]any{"EndpointAttributes": map[string]any{"DeviceToken": id}})
		do("CreateChannelMembership", person, map[string]any{"Type": "DEFAULT"})
		do("CreateChannelModerator", person, nil)
		do("CreateChannelModerator", other, map[string]any{"ChannelModeratorArn": w.ann})
		person.User = w.user("bad-" + id)
		do("CreateChannelBan", person, nil)
		person.User, person.Channel = w.user("c-"+id), *hall.ChannelArn
		do("CreateChannelMembership", person, map[string]any{"Type": "DEFAULT"})
		person.User = w.user("d-" + id)
		do("CreateChannelMembership", person, map[string]any{"Type": "DEFAULT"})
		flow, err := w.msg.CreateChannelFlow(w.Context(), &messaging.CreateChannelFlowInput{AppInstanceArn: &w.app, Name: &id, Processors: []types.Processor{step("p", 1, "ABORT")}})
		w.ok(err)
		if i == 0 {
			names.Flow = *flow.ChannelFlowArn
		}
		other.Flow = names.Flow
		do("AssociateChannelFlow", other, nil)
		another = modeltest.Names{Instance: w.app, User: w.mod, Channel: other.Channel, Flow: *flow.ChannelFlowArn, Bearer: w.admin}
		w.send(w.ann, w.channel, id)
	}
	return names, another, map[string]map[string]any{
		"ListSubChannels": {"ChannelArn": *hall.ChannelArn},
		"SearchChannels":  {"Fields": []any{map[string]any{"Key": "MEMBERS", "Operator": "INCLUDES", "Values": []any{w.ann}}}},
	}
}

var opaque = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// TestEveryListComesInPages reads every list there is one entry at a time, over a restart of the engine.
func TestEveryListComesInPages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, url string) {
		t.Parallel()
		cfg := engine.Config{Database: url, AccessKeyID: hookKey, SecretAccessKey: hookSecret}
		w := newWorldWith(t, cfg)
		names, another, more := w.three()
		lists := w.listings("the first", names, more)
		whole, token := map[string][]string{}, map[string]string{}
		for _, l := range lists {
			var err error
			whole[l.name], _, err = w.page(l, 50, "")
			w.ok(err)
			if n := len(whole[l.name]); n < 3 {
				t.Errorf("%s: %d entries", l.name, n)
			}
			if sorted := slices.Compact(slices.Sorted(slices.Values(whole[l.name]))); len(sorted) != len(whole[l.name]) {
				t.Errorf("%s: doubles in %q", l.name, whole[l.name])
			}
			w.equal(l.name, strings.Join(w.pages(l, ""), "\n"), strings.Join(whole[l.name], "\n"))
			_, token[l.name], err = w.page(l, 1, "")
			w.ok(err)
			if len(token[l.name]) > 2048 || !opaque.MatchString(token[l.name]) {
				t.Errorf("%s: token %q", l.name, token[l.name])
			}
		}
		w.foreignTokens(lists, w.listings("another", another, nil), token)
		w.ok(w.e.Close(t.Context()))

		o := &opened{}
		w.begin(o, cfg)
		defer o.close(w)
		for _, l := range lists {
			w.equal(l.name+" after a restart", strings.Join(w.pages(l, token[l.name]), "\n"), strings.Join(whole[l.name][1:], "\n"))
		}
	})
}

// foreignTokens offers every list the tokens of all others, and of the same list about something else.
func (w *world) foreignTokens(lists, others []listing, token map[string]string) {
	w.Helper()
	for _, l := range append(slices.Clone(lists), others...) {
		for from, token := range token {
			if from == l.name || l.sameAs(from) {
				continue
			}
			if _, _, err := w.page(l, 1, token); !typed[l.o.Service+".BadRequestException"](err) {
				w.Errorf("%s takes the token of %s: %v", l.name, from, err)
			}
		}
	}
}

// sameAs reports whether a list about another thing is the same nevertheless: lists of the account and of the app instance.
func (l listing) sameAs(name string) bool {
	if !strings.HasPrefix(name, l.o.Key()+" of ") {
		return false
	}
	return !slices.ContainsFunc([]string{"ChannelArn", "AppInstanceUserArn", "Fields", "ChannelFlowArn"}, func(m string) bool { return l.input[m] != nil })
}
