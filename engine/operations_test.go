package engine_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// unseen are the output members that the story cannot see, each with its reason.
const unseen = `
identity.DescribeAppInstanceUserEndpoint.AppInstanceUserEndpoint.EndpointState.StatusReason: endpoints are kept, nothing is pushed: none turns inactive
identity.ListAppInstanceUserEndpoints.AppInstanceUserEndpoints[].EndpointState.StatusReason: the same
messaging.BatchCreateChannelMembership.BatchChannelMemberships.SubChannelId: see the elastic channel
messaging.SendChannelMessage.Status.Detail: a line is accepted or it is an error; only processing has something to add
messaging.UpdateChannelMessage.Status.Detail: the same
`

// story is one evening at a theatre: an app instance with people, bots and phones, a foyer where everybody talks, a hall so
// large that it is elastic, a processor that reads along and an archive that is told everything.
type story struct {
	*world
	processor *processor
	house     string // the app instance
	user      map[string]string
	foyer     string // a public channel
	stage     string // a private channel
	hall, row string // an elastic channel and its first sub-channel
}

// TestEveryOperationThroughTheSDK runs all 81 operations and those of STS with typed inputs and outputs. The judge holds
// each request and answer against the models and knows at the end which members never came.
func TestEveryOperationThroughTheSDK(t *testing.T) {
	eachDatabase(t, func(t *testing.T, url string) {
		t.Parallel()
		s, exchanges := newStory(t, url)
		for _, part := range []func(*story){
			(*story).opensTheHouse, (*story).hiresPeople, (*story).hiresABot, (*story).keepsPhones, (*story).ties,
			(*story).opensChannels, (*story).fillsThem, (*story).moderates, (*story).talks, (*story).talksInPrivate, (*story).looksAround,
			(*story).remembers, (*story).reads, (*story).filters, (*story).archives, (*story).growsAHall, (*story).talksInTheHall,
			(*story).becomesSomebody, (*story).goesHome,
		} {
			part(s)
			if t.Failed() {
				return
			}
		}
		var excused []string
		for line := range strings.Lines(strings.TrimSpace(unseen)) {
			member, _, _ := strings.Cut(line, ": ")
			excused = append(excused, member)
		}
		if got, want := strings.Join(s.judge.Unanswered(), "\n"), strings.Join(excused, "\n"); got != want {
			t.Errorf("never answered:\n%s\nwant:\n%s", got, want)
		}
		exchanges.compare(t, "testdata/wire.txt")
	})
}

// newStory is an engine whose conversations are judged and recorded from the story's beginning on.
func newStory(t *testing.T, url string) (*story, *recorder) {
	t.Helper()
	p := newProcessor(t)
	archive := newReceiver(t, func([]byte) int { return 200 })
	cfg := hooked(map[string]string{lambda("polite"): p.URL},
		map[string]string{stream("lines"): archive.URL, stream("channels"): archive.URL})
	cfg.Database = url
	w := newWorldOf(t, cfg)
	r := newRecorder()
	w.judge = modeltest.Transport(t, r)
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: hookKey, SecretAccessKey: hookSecret})
	return &story{world: w, processor: p, user: map[string]string{}}, r
}

func stream(name string) string {
	return "arn:aws:kinesis:us-east-1:000000000000:stream/chime-messaging-" + name
}

// becomesSomebody asks STS for credentials of a fan and acts with them.
func (s *story) becomesSomebody() {
	c := s.e.Credentials()
	root := sts.NewFromConfig(s.config(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}))
	me, err := root.GetCallerIdentity(s.Context(), &sts.GetCallerIdentityInput{})
	s.ok(err)
	s.equal("account", *me.Account, s.e.Account())
	policy := fanPolicy(s.user["ann"], s.foyer)
	out, err := root.AssumeRole(s.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"),
		RoleSessionName: aws.String("ann"), DurationSeconds: aws.Int32(900), Policy: &policy})
	s.ok(err)
	t := aws.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	fan := sts.NewFromConfig(s.config(t))
	me, err = fan.GetCallerIdentity(s.Context(), &sts.GetCallerIdentityInput{})
	s.ok(err)
	s.equal("fan", *me.Arn, "arn:aws:sts::000000000000:assumed-role/Fan/ann")
	_, msg := s.clients(t)
	_, err = msg.SendChannelMessage(s.Context(), line(s.user["ann"], s.foyer, "as myself"))
	s.ok(err)
	_, err = msg.SendChannelMessage(s.Context(), line(s.user["ben"], s.foyer, "as somebody else"))
	s.equal("as somebody else", code(err), "AccessDeniedException")
}
