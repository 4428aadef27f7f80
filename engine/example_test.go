package engine_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"

	"github.com/stagedoor/stagedoor/engine"
)

// A complete chat backend inside a test: the AWS SDK's own clients create a user and a channel and say something.
func Example() {
	ctx := context.Background()
	e, err := engine.New(ctx, engine.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = e.Close(ctx) }()
	server := httptest.NewServer(e)
	defer server.Close()

	config := aws.Config{
		Region:       e.Region(),
		BaseEndpoint: aws.String(server.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: e.Credentials().AccessKeyID, SecretAccessKey: e.Credentials().SecretAccessKey}, nil
		}),
	}
	identity, messaging := chimesdkidentity.NewFromConfig(config), chimesdkmessaging.NewFromConfig(config)

	app, err := identity.CreateAppInstance(ctx, &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("shows")})
	if err != nil {
		log.Fatal(err)
	}
	user, err := identity.CreateAppInstanceUser(ctx, &chimesdkidentity.CreateAppInstanceUserInput{
		AppInstanceArn: app.AppInstanceArn, AppInstanceUserId: aws.String("ada"), Name: aws.String("Ada")})
	if err != nil {
		log.Fatal(err)
	}
	channel, err := messaging.CreateChannel(ctx, &chimesdkmessaging.CreateChannelInput{
		AppInstanceArn: app.AppInstanceArn, ChimeBearer: user.AppInstanceUserArn, Name: aws.String("foyer")})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := messaging.SendChannelMessage(ctx, &chimesdkmessaging.SendChannelMessageInput{
		ChannelArn: channel.ChannelArn, ChimeBearer: user.AppInstanceUserArn, Content: aws.String("Good evening!"),
		Type: types.ChannelMessageTypeStandard, Persistence: types.ChannelMessagePersistenceTypePersistent}); err != nil {
		log.Fatal(err)
	}
	history, err := messaging.ListChannelMessages(ctx, &chimesdkmessaging.ListChannelMessagesInput{
		ChannelArn: channel.ChannelArn, ChimeBearer: user.AppInstanceUserArn})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range history.ChannelMessages {
		fmt.Println(*m.Sender.Name+":", *m.Content)
	}
	// Output: Ada: Good evening!
}
