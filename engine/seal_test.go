package engine_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/stagedoor/stagedoor/engine"
)

// The key that seals session tokens was in the database and nowhere else: whoever read a backup could make a session of
// any user. Now it takes the root key, too, so an engine with the same database and another root key knows none of them.
func TestADatabaseAloneSealsNoSession(t *testing.T) {
	database := "sqlite:" + filepath.Join(t.TempDir(), "engine.db")
	as := func(secret string, f func(root aws.Config)) {
		e, err := engine.New(t.Context(), engine.Config{Database: database, AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(e)
		defer func() {
			server.Close()
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		f(aws.Config{Region: e.Region(), BaseEndpoint: &server.URL, Credentials: static{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret}})
	}
	var fan static
	who := func(root aws.Config) error {
		root.Credentials = fan
		_, err := sts.NewFromConfig(root).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		return err
	}
	as("one secret", func(root aws.Config) {
		out, err := sts.NewFromConfig(root).AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"), RoleSessionName: aws.String("ann")})
		if err != nil {
			t.Fatal(err)
		}
		fan = static{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}
	})
	as("one secret", func(root aws.Config) {
		if err := who(root); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	})
	as("another secret", func(root aws.Config) {
		if code(who(root)) != "InvalidClientTokenId" {
			t.Errorf("with the database alone: %v", who(root))
		}
	})
}
