package provisiontest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	identity "github.com/aws/aws-sdk-go-v2/service/chimesdkidentity"
	messaging "github.com/aws/aws-sdk-go-v2/service/chimesdkmessaging"

	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// house is a provider with one app instance and an admin in it.
type house struct {
	*story
	*testing.T
	p        *provisiontest.Provider
	a, admin string
}

func newHouse(t *testing.T) *house {
	p := provisiontest.New()
	h := &house{story: newStory(t.Context(), "", aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, p.WireOf("me", nil)), T: t, p: p}
	out, err := h.id.CreateAppInstance(t.Context(), &identity.CreateAppInstanceInput{Name: aws.String("house")})
	h.ok(err)
	h.a = *out.AppInstanceArn
	h.admin = h.a + "/user/admin"
	h.ok(h.user("admin", "Admin"))
	_, err = h.id.CreateAppInstanceAdmin(t.Context(), &identity.CreateAppInstanceAdminInput{AppInstanceArn: &h.a, AppInstanceAdminArn: &h.admin})
	h.ok(err)
	return h
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) user(id, name string) error {
	_, err := h.id.CreateAppInstanceUser(h.ctx, &identity.CreateAppInstanceUserInput{AppInstanceArn: &h.a, AppInstanceUserId: &id, Name: &name})
	return err
}

func (h *house) channel(id string) string {
	_, err := h.msg.CreateChannel(h.ctx, &messaging.CreateChannelInput{AppInstanceArn: &h.a, ChimeBearer: &h.admin, ChannelId: &id, Name: aws.String("Show")})
	h.ok(err)
	return h.a + "/channel/" + id
}

// ending is how the last call ended, in the words of story.note.
func (h *house) ending(err error) string {
	h.note("call", err)
	return strings.TrimPrefix(h.told[len(h.told)-1], "call: ")
}

func TestLimitsAreExactInEverySlidingSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.p.Limits = provisiontest.LimitsOf("aws-us-east-1")
		pause := time.NewTimer(time.Minute)
		<-pause.C
		began, passed := len(h.p.Calls()), 0
		for i := range 60 { // 20 a second for three seconds
			if h.user(fmt.Sprint("u", i), "U") == nil {
				passed++
			}
			pause.Reset(50 * time.Millisecond)
			<-pause.C
		}
		if passed != 30 {
			t.Errorf("%d of 60 calls passed, 10 a second should", passed)
		}
		calls := h.p.Calls()[began:]
		if c := calls[15]; c.Status != http.StatusTooManyRequests || c.Code != "Throttled" || c.Effect != provisiontest.Nothing || c.Who != "me" {
			t.Errorf("%+v", c)
		}
		over := provisiontest.Overruns(h.p.Limits, calls)
		if len(over) != 1 || !strings.HasPrefix(over[0], "user writes: 20 calls in a second for app instance") {
			t.Errorf("overruns: %v", over)
		}
		if over := provisiontest.Overruns(h.p.Limits, slices.DeleteFunc(calls, func(c provisiontest.Call) bool { return c.Status == 429 })); len(over) > 0 {
			t.Errorf("what passed is too much: %v", over)
		}
		if half := provisiontest.Slower(h.p.Limits, 2); half[1].PerSecond != 5 || h.p.Limits[1].PerSecond != 10 {
			t.Errorf("half of the limits: %v", half)
		}
	})
}

func TestBucketsOfDifferentThingsDoNotMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var channels []string
		for i := range 3 {
			channels = append(channels, h.channel(fmt.Sprint("c", i)))
		}
		h.p.Limits = provisiontest.LimitsOf("aws-us-east-1")
		batch := func(c string) string {
			_, err := h.msg.BatchCreateChannelMembership(h.ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &c, ChimeBearer: &h.admin, MemberArns: []string{h.admin}})
			return h.ending(err)
		}
		for _, c := range channels {
			if e := batch(c); e != "ok" {
				t.Error(e)
			}
		}
		if e := batch(channels[0]); e != "429 ThrottledClientException" {
			t.Error(e)
		}
	})
}

func TestPagesStayRightWhileThingsComeAndGo(t *testing.T) {
	h := newHouse(t)
	for i := range 120 {
		h.ok(h.user(fmt.Sprint("u", i), "U"))
	}
	var seen []string
	var next *string
	for pages := 0; ; pages++ {
		out, err := h.id.ListAppInstanceUsers(h.ctx, &identity.ListAppInstanceUsersInput{AppInstanceArn: &h.a, NextToken: next})
		h.ok(err)
		for _, u := range out.AppInstanceUsers {
			seen = append(seen, (*u.AppInstanceUserArn)[strings.LastIndex(*u.AppInstanceUserArn, "/")+1:])
		}
		if next = out.NextToken; next == nil {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
		if pages == 0 {
			for _, gone := range []string{"u3", "u60", "u119"} {
				if !h.p.Forget(h.a + "/user/" + gone) {
					t.Errorf("%s was not there", gone)
				}
			}
			h.ok(h.user("new", "New"))
		}
	}
	if len(seen) != 120 || !slices.Contains(seen, "new") || slices.Contains(seen, "u60") || slices.Contains(seen, "u119") {
		t.Errorf("%d users: %v", len(seen), seen)
	}
}

func TestQuotasAndForgettingAndStrangers(t *testing.T) {
	h := newHouse(t)
	c := h.channel("c")
	stranger := h.p.Stranger(h.a, "user", "somebody", "Some Body")
	theirs := h.p.Stranger("", "", "", "theirs")
	h.p.Quotas = provisiontest.Quotas{Users: 3, Members: 2, Instances: 2, Admins: 1}
	h.ok(h.user("u1", "U"))
	if e := h.ending(h.user("u2", "U")); e != "400 ResourceLimitExceededException" {
		t.Error(e)
	}
	_, err := h.id.CreateAppInstance(h.ctx, &identity.CreateAppInstanceInput{Name: aws.String("third")})
	if e := h.ending(err); e != "400 ResourceLimitExceededException" {
		t.Error(e)
	}
	batch := func(who ...string) error {
		_, err := h.msg.BatchCreateChannelMembership(h.ctx, &messaging.BatchCreateChannelMembershipInput{ChannelArn: &c, ChimeBearer: &h.admin, MemberArns: who})
		return err
	}
	if e := h.ending(batch(h.a+"/user/u1", stranger)); e != "400 ResourceLimitExceededException" {
		t.Error(e)
	}
	h.ok(batch(h.a + "/user/u1"))
	if !h.p.Forget(c, h.a+"/user/u1") {
		t.Error("u1 was no member")
	}
	if m, _ := h.p.Members("c"); len(m) != 0 || len(h.p.Harmed()) != 0 {
		t.Errorf("members %v, harmed %v", m, h.p.Harmed())
	}
	_, err = h.id.DeleteAppInstanceUser(h.ctx, &identity.DeleteAppInstanceUserInput{AppInstanceUserArn: &stranger})
	h.ok(err)
	_, err = h.id.DeleteAppInstance(h.ctx, &identity.DeleteAppInstanceInput{AppInstanceArn: &theirs})
	h.ok(err)
	if harmed := h.p.Harmed(); !slices.Equal(harmed, []string{stranger, theirs}) {
		t.Errorf("harmed %v", harmed)
	}
}

func TestRequestTokensAreForgottenAfterTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.p.TokenLife = 10 * time.Minute
		create := func() {
			_, err := h.id.CreateAppInstance(h.ctx, &identity.CreateAppInstanceInput{Name: aws.String("x"), ClientRequestToken: aws.String("t")})
			h.ok(err)
		}
		create()
		create()
		if n := h.p.Instances(); n != 2 {
			t.Errorf("%d app instances", n)
		}
		timer := time.NewTimer(10 * time.Minute)
		<-timer.C
		create()
		if twice := h.p.Twice(); h.p.Instances() != 3 || !slices.Equal(twice, []string{"x"}) {
			t.Errorf("%d app instances, twice %v", h.p.Instances(), twice)
		}
	})
}

// A create with the token of what was made and removed before is written down, whatever is answered.
func TestTheTokenOfWhatIsGoneIsNoticed(t *testing.T) {
	h := newHouse(t)
	create := func(id string) {
		_, err := h.msg.CreateChannel(h.ctx, &messaging.CreateChannelInput{AppInstanceArn: &h.a, ChimeBearer: &h.admin, ChannelId: &id,
			Name: aws.String("Show"), ClientRequestToken: aws.String("token of " + id)})
		h.ok(err)
	}
	create("one")
	create("two")
	create("one")
	if again := h.p.Reused(); len(again) > 0 {
		t.Errorf("%v, and nothing is gone", again)
	}
	_, err := h.msg.DeleteChannel(h.ctx, &messaging.DeleteChannelInput{ChannelArn: aws.String(h.a + "/channel/one"), ChimeBearer: &h.admin})
	h.ok(err)
	create("two")
	create("one")
	if again := h.p.Reused(); !slices.Equal(again, []string{"CreateChannel token of one"}) {
		t.Errorf("%v", again)
	}
}

// The same seed is the same weather, whatever the order in which calls arrive.
func TestAPlanDoesNotDependOnTheOrderOfCalls(t *testing.T) {
	fate := func(ids []string, parallel bool) (out string) {
		h := newHouse(t)
		h.p.Play(provisiontest.Plan{Seed: 3, Throttle: 0.2, Fail: 0.1, FailDone: 0.2, Patience: 5})
		var all sync.WaitGroup
		for _, id := range ids {
			create := func() {
				for h.user(id, "U") != nil {
				}
			}
			if parallel {
				all.Go(create)
			} else {
				create()
			}
		}
		all.Wait()
		tries := map[string]string{}
		for _, c := range h.p.Calls() {
			tries[c.User] += fmt.Sprint(" ", c.Status, c.Effect)
		}
		return fmt.Sprint(tries)
	}
	ids := strings.Split("abcdefghijklmnopqrst", "")
	first := fate(ids, false)
	slices.Reverse(ids)
	if again := fate(ids, true); again != first {
		t.Errorf("%s\nis not\n%s", again, first)
	}
	if !strings.Contains(first, "429") || !strings.Contains(first, "500made") {
		t.Errorf("nothing happened: %s", first)
	}
}
