package session_test

import (
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/session"
)

// overNetConn is the test whose hubs do without bare descriptors.
const overNetConn = "TestTheSameOverNetConn"

// portable says which links the hub of a test has.
func portable(t testing.TB) func(*session.Config) {
	return func(c *session.Config) { c.Portable = strings.HasPrefix(t.Name(), overNetConn+"/") }
}

// Where the system has no epoll, and behind TLS that ends in this process, bytes travel over net.Conn. Whoever listens
// must not notice: all tests in which sockets matter are run once more.
func TestTheSameOverNetConn(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"order":             TestMembersHearEveryLineInOrder,
		"joining":           TestWhoJoinsHearsItAndWhoIsRemovedHearsThatAndNoMore,
		"ban":               TestABannedUserIsRemovedAndHearsNothingMore,
		"deleted user":      TestADeletedUserIsSentAwayForGood,
		"targeted":          TestATargetedLineIsHeardByItsSenderAndTargetOnly,
		"deleted channel":   TestADeletedChannelIsToldOnceAndOver,
		"credentials":       TestOnlyValidCredentialsOfThatUserOpenASession,
		"eleventh":          TestTheEleventhConnectionOfAUserIsThrottled,
		"control frames":    TestClientsMaySendControlFramesOnly,
		"what was said":     TestADrainDoesNotOvertakeWhatHappenedBefore,
		"open after a ban":  TestABanLeavesTheSessionOpen,
		"drain":             TestDrainSendsEverybodyAwayOverTheGivenTime,
		"replaced":          TestASessionThatReplacedItselfHearsEverything,
		"kick":              TestAKickedUserIsSentAwayOnEveryDeviceAndNobodyElse,
		"recipients":        TestEveryEventReachesExactlyThoseItIsFor,
		"prefetch":          TestBetweenPrefetchAndLiveFramesNothingIsMissingOrDoubled,
		"compression":       TestWhoOffersCompressionHearsTheSameAsEverybody,
		"large prefetch":    TestAPrefetchLargerThanTheQueueArrives,
		"slow reader":       TestASlowReaderIsSentAwayAndNobodyElseWaitsForIt,
		"broken frames":     TestFramesThatBreakTheProtocolEndTheConnectionBeforeTheyAreRead,
		"silent at the end": TestAPeerThatDoesNotAnswerDoesNotHoldTheEndUp,
		"descriptors":       TestNoDescriptorIsLeftBehind,
		"request over":      TestTheRequestIsOverBeforeThePrefetchIsRead,
		"early":             TestWhoSendsBeforeTheAnswerHarmsNobodyElse,
	} {
		t.Run(name, test)
	}
}
