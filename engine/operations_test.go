package engine_test

import (
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/stagedoor/stagedoor/engine/modeltest"
)

// unseen are the output members that the story cannot see, each with its reason.
const unseen = `
identity.DescribeAppInstanceUserEndpoint.AppInstanceUserEndpoint.EndpointState.StatusReason: endpoints are kept and nothing is pushed, so that none becomes inactive
identity.ListAppInstanceUserEndpoints.AppInstanceUserEndpoints[].EndpointState.StatusReason: the same
messaging.GetChannelMessage.ChannelMessage.Status.Detail: a line that failed does not come into the channel; GetChannelMessageStatus says why
messaging.ListChannelMessages.ChannelMessages[].Status.Detail: the same
messaging.UpdateChannelMessage.Status.Detail: an edit is made or held, and needs no explanation
`

// story is one evening at a theatre: an app instance with people, bots and phones, a foyer where everybody talks, a hall so
// large that it is elastic, a processor that reads along and an archive that is told everything.
type story struct {
	*world
	processor *processor
	office    *rsa.PrivateKey // signs the tickets
	house     string          // the app instance
	user      map[string]string
	foyer     string // a public channel
	stage     string // a private channel
	hall, row string // an elastic channel and its first sub-channel
}

// TestEveryOperationThroughTheSDK runs all 81 operations and those of STS with typed inputs and outputs. The judge holds
// each request and answer against the models and knows at the end which members never came.
func TestEveryOperationThroughTheSDK(t *testing.T) {
	t.Parallel()
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
	roles, key := office(t)
	cfg.Roles, cfg.Issuers = roles.Roles, roles.Issuers
	w, o, r := bareWorld(t), &opened{}, newRecorder()
	w.judge = modeltest.Transport(t, r)
	w.begin(o, cfg)
	t.Cleanup(func() { o.close(w) })
	return &story{world: w, processor: p, office: key, user: map[string]string{}}, r
}

func stream(name string) string {
	return "arn:aws:kinesis:us-east-1:000000000000:stream/chime-messaging-" + name
}

// becomesSomebody asks STS for a fan's credentials, by the root key and by a token of the ticket office, and acts with them.
func (s *story) becomesSomebody() {
	ctx, root := s.Context(), s.sts(s.rootKey())
	me, err := root.GetCallerIdentity(ctx, nil)
	s.ok(err)
	s.equal("root", *me.Account+*me.Arn, "000000000000"+"arn:aws:iam::000000000000:root")
	policy := fanPolicy(s.user["ann"], s.foyer)
	out, err := root.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String(arnOfRole + "Fan"), RoleSessionName: aws.String("ann"), DurationSeconds: aws.Int32(900), Policy: &policy,
		Tags: []ststypes.Tag{{Key: aws.String("UserUUID"), Value: aws.String("ann")}}})
	s.ok(err)
	federated, err := s.sts(aws.Credentials{}).AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{RoleArn: aws.String(arnOfRole + "Fan"),
		RoleSessionName: aws.String("ann"), WebIdentityToken: ticket(s.T, s.office, nil), DurationSeconds: aws.Int32(900)})
	s.ok(err)
	s.equal("token of", *federated.Provider+*federated.SubjectFromWebIdentityToken, issuer+"ticket-1")
	for _, c := range []*ststypes.Credentials{out.Credentials, federated.Credentials} {
		me, err = s.sts(temporary(c)).GetCallerIdentity(ctx, nil)
		s.ok(err)
		s.equal("fan", *me.Arn, "arn:aws:sts::000000000000:assumed-role/Fan/ann")
		_, msg := s.clients(temporary(c))
		_, err = msg.SendChannelMessage(ctx, line(s.user["ann"], s.foyer, "as myself"))
		s.ok(err)
		_, err = msg.SendChannelMessage(ctx, line(s.user["ben"], s.foyer, "as somebody else"))
		s.equal("as somebody else", code(err), "AccessDeniedException")
	}
}
