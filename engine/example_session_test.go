package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/engine"
)

// A test of an app whose fans listen on the messaging session: Bob gets credentials for himself and one channel, connects,
// and hears what Ada says and how she takes it back. What Bob may not do, he cannot.
func Example_messagingSession() {
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{})
	check(err)
	defer func() { _ = e.Close(ctx) }()
	server := httptest.NewServer(e)
	defer server.Close()

	// The organizer's side holds the root key.
	root := aws.Config{Region: e.Region(), BaseEndpoint: &server.URL,
		Credentials: static{AccessKeyID: e.Credentials().AccessKeyID, SecretAccessKey: e.Credentials().SecretAccessKey}}
	identity, messaging := chimesdkidentity.NewFromConfig(root), chimesdkmessaging.NewFromConfig(root)
	app, err := identity.CreateAppInstance(ctx, &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("shows")})
	check(err)
	users := map[string]*string{}
	for _, name := range []string{"Ada", "Bob"} {
		made, err := identity.CreateAppInstanceUser(ctx, &chimesdkidentity.CreateAppInstanceUserInput{
			AppInstanceArn: app.AppInstanceArn, AppInstanceUserId: aws.String(strings.ToLower(name)), Name: aws.String(name)})
		check(err)
		users[name] = made.AppInstanceUserArn
	}
	foyer, err := messaging.CreateChannel(ctx, &chimesdkmessaging.CreateChannelInput{AppInstanceArn: app.AppInstanceArn,
		ChimeBearer: users["Ada"], Name: aws.String("foyer"), Mode: types.ChannelModeRestricted, Privacy: types.ChannelPrivacyPrivate,
		MemberArns: []string{*users["Bob"]}})
	check(err)

	// Bob's side holds an hour's credentials for what Bob may do.
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["chime:Connect", "chime:ListChannelMessages"], "Resource": [%q, %q]},
		{"Effect": "Allow", "Action": "chime:GetMessagingSessionEndpoint", "Resource": "*"}]}`, *users["Bob"], *foyer.ChannelArn)
	role, err := sts.NewFromConfig(root).AssumeRole(ctx, &sts.AssumeRoleInput{RoleSessionName: aws.String("bob"), Policy: &policy,
		RoleArn: aws.String("arn:aws:iam::" + e.Account() + ":role/Fan")})
	check(err)
	bob := root
	bob.Credentials = static{AccessKeyID: *role.Credentials.AccessKeyId, SecretAccessKey: *role.Credentials.SecretAccessKey,
		SessionToken: *role.Credentials.SessionToken}
	session := connect(ctx, bob, *users["Bob"])
	defer func() { _ = session.CloseNow() }()
	fmt.Println(hear(ctx, session))

	sent, err := messaging.SendChannelMessage(ctx, &chimesdkmessaging.SendChannelMessageInput{ChannelArn: foyer.ChannelArn,
		ChimeBearer: users["Ada"], Content: aws.String("Good evening!"), Type: types.ChannelMessageTypeStandard,
		Persistence: types.ChannelMessagePersistenceTypePersistent})
	check(err)
	fmt.Println(hear(ctx, session))
	_, err = messaging.RedactChannelMessage(ctx, &chimesdkmessaging.RedactChannelMessageInput{ChannelArn: foyer.ChannelArn,
		ChimeBearer: users["Ada"], MessageId: sent.MessageId})
	check(err)
	fmt.Println(hear(ctx, session))

	_, err = chimesdkmessaging.NewFromConfig(bob).DeleteChannel(ctx, &chimesdkmessaging.DeleteChannelInput{
		ChannelArn: foyer.ChannelArn, ChimeBearer: users["Bob"]})
	fmt.Println("Bob closes the foyer:", code(err))
	// Output:
	// SESSION_ESTABLISHED
	// CREATE_CHANNEL_MESSAGE Ada: "Good evening!"
	// REDACT_CHANNEL_MESSAGE Ada: ""
	// Bob closes the foyer: AccessDeniedException
}

// connect opens a messaging session, as Amazon's own client does: a WebSocket whose URL is signed.
func connect(ctx context.Context, cfg aws.Config, userARN string) *websocket.Conn {
	endpoint, err := chimesdkmessaging.NewFromConfig(cfg).GetMessagingSessionEndpoint(ctx, &chimesdkmessaging.GetMessagingSessionEndpointInput{})
	check(err)
	query := url.Values{"sessionId": {"1"}, "userArn": {userARN}, "X-Amz-Expires": {"10"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+*endpoint.Endpoint.Url+"/connect?"+query.Encode(), nil)
	check(err)
	c, err := cfg.Credentials.Retrieve(ctx)
	check(err)
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of the empty body
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, c, r, nothing, "chime", cfg.Region, time.Now())
	check(err)
	session, _, err := websocket.Dial(ctx, signed, nil)
	check(err)
	return session
}

// hear waits for the next frame of a session and tells it in a line.
func hear(ctx context.Context, session *websocket.Conn) string {
	_, text, err := session.Read(ctx)
	check(err)
	var frame struct {
		Headers map[string]string
		Payload string // JSON inside of JSON
	}
	check(json.Unmarshal(text, &frame))
	event := frame.Headers["x-amz-chime-event-type"]
	if frame.Payload == "" {
		return event
	}
	var message struct {
		Content string
		Sender  struct{ Name string }
	}
	check(json.Unmarshal([]byte(frame.Payload), &message))
	return fmt.Sprintf("%s %s: %q", event, message.Sender.Name, message.Content)
}

// static are credentials that stay the same.
type static aws.Credentials

func (s static) Retrieve(context.Context) (aws.Credentials, error) { return aws.Credentials(s), nil }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
