package engine_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/engine/modeltest"
	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// provocation is a way to get one exception out of every operation that has it: an engine with limits or after some
// misfortune, and inputs that are tried one after the other.
type provocation struct {
	exception string
	limits    quota.Limits
	after     func(s *scene)
	inputs    func(s *scene, o *modeltest.Operation) iter.Seq[map[string]any]
}

func provocations() []provocation {
	once := quota.Limits{Buckets: []quota.Bucket{{Name: "all", Scope: quota.Account, Rate: 1, Per: time.Hour}}}
	full := quota.Limits{Resources: map[quota.Resource]int{}}
	for _, r := range []quota.Resource{quota.AppInstances, quota.Users, quota.Admins, quota.Endpoints, quota.Channels, quota.MembershipsPerChannel,
		quota.MembershipsPerUser, quota.Moderators, quota.ChannelFlows, quota.FlowProcessors, quota.ElasticChannels} {
		full.Resources[r] = 1
	}
	return []provocation{
		{exception: "BadRequestException", inputs: (*scene).forbiddenByTheModel},
		{exception: "UnauthorizedClientException", inputs: (*scene).bySomebodyUnknown},
		{exception: "ForbiddenException", inputs: (*scene).denied},
		{exception: "NotFoundException", inputs: (*scene).aboutNothing},
		{exception: "ConflictException", after: (*scene).answers, inputs: (*scene).twice},
		{exception: "ResourceLimitExceededException", limits: full, inputs: (*scene).onceMore},
		{exception: "ThrottledClientException", limits: once, after: (*scene).oneCall, inputs: (*scene).asItShould},
		{exception: "ServiceUnavailableException", after: (*scene).closing, inputs: (*scene).asItShould},
		{exception: "ServiceFailureException", after: (*scene).tablesAreGone, inputs: (*scene).asItShould},
	}
}

// answered are the (operation, exception) pairs that came.
type answered struct {
	mu   sync.Mutex
	seen map[string]bool
}

// TestEveryOperationAnswersItsModelledExceptions provokes every modelled exception of every operation through the SDK
// and expects its type. What the engine never answers is in testdata/unanswered.txt, each with the reason.
func TestEveryOperationAnswersItsModelledExceptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scene.db")
	set := newScene(t, "sqlite:"+file)
	set.ok(set.e.Close(t.Context()))
	got := &answered{seen: map[string]bool{}}
	t.Run("provocations", func(t *testing.T) {
		for _, p := range provocations() {
			t.Run(p.exception, func(t *testing.T) {
				t.Parallel()
				p.provoke(set.copied(t, file, p.limits), got)
			})
		}
	})
	var missing []string
	for _, o := range modeltest.Operations() {
		for _, e := range o.ErrorNames() {
			if pair := o.Key() + " " + e; !got.seen[pair] {
				missing = append(missing, pair)
			}
		}
	}
	sameAsReasons(t, "testdata/unanswered.txt", missing)
}

// A database that fails: the tables of PostgreSQL are renamed as those of SQLite are above, and the same operations answer.
func TestAFailingPostgreSQLIsAServiceFailure(t *testing.T) {
	t.Parallel()
	s := newScene(t, dbtest.PostgresURL(t))
	got := &answered{seen: map[string]bool{}}
	for _, p := range provocations() {
		if p.exception == "ServiceFailureException" {
			p.provoke(s, got)
		}
	}
	text, err := os.ReadFile("testdata/unanswered.txt")
	s.ok(err)
	for _, o := range modeltest.Operations() {
		pair := o.Key() + " ServiceFailureException"
		if never := strings.Contains(string(text), pair+":"); got.seen[pair] == never {
			t.Errorf("%s: answered %v", pair, got.seen[pair])
		}
	}
}

// provoke tries an operation's inputs until the exception comes, typed.
func (p provocation) provoke(s *scene, got *answered) {
	if p.after != nil {
		p.after(s)
	}
	for _, o := range endingLast() {
		if !slices.Contains(o.ErrorNames(), p.exception) {
			continue
		}
		var last error
		for input := range p.inputs(s, o) {
			_, err := s.invoke(s.Context(), o, input)
			if errors.Is(err, errNoInput) {
				continue // the type already forbids it
			}
			if last = err; !typed[o.Service+"."+p.exception](err) {
				continue
			}
			var e smithy.APIError
			if !errors.As(err, &e) || e.ErrorCode() != p.exception || e.ErrorMessage() == "" {
				s.Errorf("%s: %v", o.Key(), err)
			}
			got.mu.Lock()
			got.seen[o.Key()+" "+p.exception] = true
			got.mu.Unlock()
			last = nil
			break
		}
		if last != nil {
			s.Logf("%s: at last %v", o.Key(), last)
		}
	}
}

// endingLast is every operation, those last that take away what others need.
func endingLast() []*modeltest.Operation {
	rank := func(o *modeltest.Operation) int {
		switch {
		case o.Name == "DeleteAppInstance":
			return 3
		case o.Name == "DeleteChannel", o.Name == "DeleteAppInstanceUser":
			return 2
		case strings.HasPrefix(o.Name, "De"), strings.HasPrefix(o.Name, "Dis"), o.Name == "CreateChannelBan": // DescribeX does no harm there
			return 1
		}
		return 0
	}
	all := modeltest.Operations()
	slices.SortStableFunc(all, func(a, b *modeltest.Operation) int { return rank(a) - rank(b) })
	return all
}

// sameAsReasons compares pairs with a file that has a reason for each: "pair: reason". GOLDEN=write keeps the reasons.
func sameAsReasons(t *testing.T, golden string, pairs []string) {
	t.Helper()
	reasons := map[string]string{}
	text, err := os.ReadFile(golden)
	if err != nil && os.Getenv("GOLDEN") != "write" {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		pair, reason, _ := strings.Cut(strings.TrimSpace(line), ":")
		if reasons[pair] = strings.TrimSpace(reason); reasons[pair] == "" {
			t.Errorf("%s: no reason for %q", golden, pair)
		}
	}
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, "%s: %s\n", p, reasons[p])
	}
	sameAsGolden(t, golden, b.String(), "\n")
}
