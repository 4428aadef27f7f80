package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	idtypes "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity/types"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/engine/quota"
)

// limited is a world under limits. It is made without them: only then is an engine with limits put on its database. Calls
// keep their places for an hour, so that no test depends on how many a machine makes in a second.
func limited(t *testing.T, preset string) *world {
	t.Helper()
	database := "sqlite:" + t.TempDir() + "/engine.db"
	w := newWorldIn(t, database)
	w.ok(w.e.Close(t.Context()))
	limits, err := quota.Preset(preset)
	w.ok(err)
	for i := range limits.Buckets {
		limits.Buckets[i].Per = time.Hour
	}
	w.e, err = engine.New(t.Context(), engine.Config{Database: database, Limits: limits})
	w.ok(err)
	server := httptest.NewServer(w.e)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		w.ok(w.e.Close(ctx))
		server.Close()
	})
	c := w.e.Credentials()
	w.url = server.URL
	w.id, w.msg = w.clients(aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey})
	return w
}

// until counts how often f succeeds before it fails; it must fail as an AWS SDK sees a throttled call.
func until[E error](w *world, f func() error) int {
	w.Helper()
	for n := range 1000 {
		err := f()
		if err == nil {
			continue
		}
		is[E](w, err)
		var r *smithyhttp.ResponseError
		var a smithy.APIError
		if !errors.As(err, &r) || r.HTTPStatusCode() != 429 || !errors.As(err, &a) || a.ErrorMessage() != "Rate exceeded" {
			w.Errorf("throttled by %v", err)
		}
		return n
	}
	w.Error("never throttled")
	return -1
}

func TestTheCaseThrottlesWhateverTheAccountDoes(t *testing.T) {
	t.Parallel()
	w := limited(t, "case")
	for i := range 4 {
		w.send(w.ann, w.channel, fmt.Sprint(i))
	}
	w.user("new")
	if conn := w.connect(w.ann); conn == nil {
		t.Error("no session")
	}
	if n := until[*types.ThrottledClientException](w, func() error {
		_, err := w.msg.ListChannelMessages(t.Context(), &messaging.ListChannelMessagesInput{ChannelArn: &w.channel, ChimeBearer: &w.bob})
		return err
	}); n != 4 {
		t.Errorf("%d calls more, want 4", n)
	}
	if n := until[*idtypes.ThrottledClientException](w, func() error {
		_, err := w.id.ListAppInstances(t.Context(), &identity.ListAppInstancesInput{})
		return err
	}); n != 0 {
		t.Errorf("%d calls of the other service", n)
	}
	c := w.e.Credentials()
	client := sts.NewFromConfig(config(w.url, aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}))
	_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/Fan"), RoleSessionName: aws.String("test")})
	var r *smithyhttp.ResponseError
	var a smithy.APIError
	if !errors.As(err, &r) || r.HTTPStatusCode() != 400 || !errors.As(err, &a) || a.ErrorCode() != "Throttling" || a.ErrorMessage() != "Rate exceeded" {
		t.Errorf("STS: %v", err)
	}
}

func TestNobodyUsesUpTheLimitOfAnother(t *testing.T) {
	t.Parallel()
	w := limited(t, "aws-us-east-1")
	send := func(who, channel string) func() error {
		return func() error { _, err := w.msg.SendChannelMessage(t.Context(), line(who, channel, "x")); return err }
	}
	if n := until[*types.ThrottledClientException](w, send(w.ann, w.channel)); n != 10 {
		t.Errorf("ann sends %d", n)
	}
	if n := until[*types.ThrottledClientException](w, send(w.bob, w.channel)); n != 10 {
		t.Errorf("bob sends %d", n)
	}
	// A call that a user may not make counts for nobody but that user, and one without authority for nobody at all.
	_, stranger := w.assume(`{"Statement":[{"Effect":"Allow","Action":"chime:*","Resource":"` + w.eve + `"}]}`)
	for range 40 {
		_, err := stranger.SendChannelMessage(t.Context(), line(w.mod, w.channel, "x"))
		if code(err) != "AccessDeniedException" {
			t.Fatal(err)
		}
	}
	if n := until[*types.ThrottledClientException](w, send(w.mod, w.channel)); n != 10 { // the channel's 30 are used up with these
		t.Errorf("mod sends %d", n)
	}
	if n := until[*types.ThrottledClientException](w, send(w.admin, w.channel)); n != 0 {
		t.Errorf("admin sends %d", n)
	}
	// The channel refused, so the admin's own limit is whole: one takes from all buckets or from none.
	if n := until[*types.ThrottledClientException](w, func() error {
		_, err := w.msg.DescribeChannel(t.Context(), &messaging.DescribeChannelInput{ChannelArn: &w.channel, ChimeBearer: &w.admin})
		return err
	}); n != 10 {
		t.Errorf("admin looks %d times", n)
	}
}

func TestTheRightOneOfSeveralBucketsRefuses(t *testing.T) {
	t.Parallel()
	w := limited(t, "aws-us-east-1")
	members := []string{w.user("u1"), w.user("u2")}
	batch := func() error {
		_, err := w.msg.BatchCreateChannelMembership(t.Context(), &messaging.BatchCreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.admin, MemberArns: members})
		return err
	}
	if n := until[*types.ThrottledClientException](w, batch); n != 1 {
		t.Errorf("%d batches", n)
	}
	if n := until[*types.ThrottledClientException](w, func() error {
		_, err := w.msg.CreateChannelMembership(t.Context(), &messaging.CreateChannelMembershipInput{ChannelArn: &w.channel, ChimeBearer: &w.admin, MemberArn: &w.eve, Type: "DEFAULT"})
		if code(err) == "ConflictException" {
			return nil
		}
		return err
	}); n != 9 {
		t.Errorf("admin makes %d memberships besides", n)
	}
	made := 0
	if n := until[*idtypes.ThrottledClientException](w, func() error {
		made++
		_, err := w.id.CreateAppInstanceUser(t.Context(), &identity.CreateAppInstanceUserInput{AppInstanceArn: &w.app,
			AppInstanceUserId: aws.String(fmt.Sprint("more", made)), Name: aws.String("x")})
		return err
	}); n != 8 {
		t.Errorf("%d users besides the two", n)
	}
	other, err := w.id.CreateAppInstance(t.Context(), &identity.CreateAppInstanceInput{Name: aws.String("other")})
	w.ok(err)
	if _, err := w.id.CreateAppInstanceUser(t.Context(), &identity.CreateAppInstanceUserInput{AppInstanceArn: other.AppInstanceArn,
		AppInstanceUserId: aws.String("x"), Name: aws.String("x")}); err != nil {
		t.Error("another app instance has its own limit:", err)
	}
}

func TestASessionMoreThanOnceASecondIsRefusedBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	w := limited(t, "aws-eu-central-1")
	w.connect(w.ann)
	r := w.presigned(w.ann)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	res, body := w.do(r)
	if res.StatusCode != 429 || res.Header.Get("X-Amzn-Errortype") != "ThrottledClientException" || body != `{"Code":"Throttled","Message":"Rate exceeded"}`+"\n" {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
	w.connect(w.bob)
}
