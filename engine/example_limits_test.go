package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"

	"github.com/stagedoor/stagedoor/engine"
)

// Does your program survive Amazon's limits? The SDK for Go does not retry what Chime throttles; a retryer that is told to
// does.
func ExamplePreset() {
	ctx := context.Background()
	limits, err := engine.Preset("aws-us-east-1") // ten users made a second, in each app instance
	check(err)
	e, err := engine.New(ctx, engine.Config{Limits: limits})
	check(err)
	defer func() { _ = e.Close(ctx) }()
	server := httptest.NewServer(e)
	defer server.Close()
	config := aws.Config{Region: e.Region(), BaseEndpoint: &server.URL,
		Credentials: static{AccessKeyID: e.Credentials().AccessKeyID, SecretAccessKey: e.Credentials().SecretAccessKey}}

	hasty := chimesdkidentity.NewFromConfig(config)
	app, err := hasty.CreateAppInstance(ctx, &chimesdkidentity.CreateAppInstanceInput{Name: aws.String("shows")})
	check(err)
	_, err = crowd(ctx, hasty, app.AppInstanceArn, 1000)
	var throttled *types.ThrottledClientException
	fmt.Println("hasty is throttled:", errors.As(err, &throttled))

	patient := chimesdkidentity.NewFromConfig(config, func(o *chimesdkidentity.Options) {
		standard := retry.NewStandard(func(s *retry.StandardOptions) { s.MaxAttempts, s.MaxBackoff = 100, time.Second })
		o.Retryer = retry.AddWithErrorCodes(standard, throttled.ErrorCode())
	})
	made, err := crowd(ctx, patient, app.AppInstanceArn, 12)
	fmt.Println("patient made", made, err)
	// Output:
	// hasty is throttled: true
	// patient made 12 <nil>
}

// crowd makes so many users, or as many as it can.
func crowd(ctx context.Context, client *chimesdkidentity.Client, app *string, n int) (made int, err error) {
	for made < n && err == nil {
		_, err = client.CreateAppInstanceUser(ctx, &chimesdkidentity.CreateAppInstanceUserInput{AppInstanceArn: app,
			AppInstanceUserId: aws.String(fmt.Sprint("u", made)), Name: aws.String("Somebody")})
		if err == nil {
			made++
		}
	}
	return made, err
}
