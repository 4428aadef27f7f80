package readiness

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/arn"
	"github.com/stagedoor/stagedoor/internal/id"
)

// Status is what people may know about the provisioning, of all processes together.
type Status struct {
	Leader         *Leader   `json:"leader" doc:"Who makes things; null while nobody does. Whether others stand by is not known."`
	CallsPerSecond float64   `json:"callsPerSecond" doc:"Measured over the last ten seconds."`
	Limit          string    `json:"limit" doc:"The provider's limits for people, e.g. 10/s."`
	Paused         bool      `json:"paused" doc:"People have stopped the provisioner."`
	Drained        bool      `json:"drained" doc:"Paused, and nothing is on its way any more."`
	InFlight       int       `json:"inFlight" doc:"Calls to the provider whose answers are not recorded yet."`
	Places         Places    `json:"places" doc:"App instances at the provider."`
	Rates          []Rate    `json:"rates" nullable:"false" doc:"The buckets that were used lately."`
	Events         []Event   `json:"events" nullable:"false" doc:"By doors; archived ones until they are purged."`
	Failures       []Failure `json:"failures" nullable:"false" doc:"The first hundred."`
	Alarms         []Alarm   `json:"alarms" nullable:"false"`
	AskedAt        time.Time `json:"askedAt" doc:"When this was true; with very many tickets some time ago."`
}

// Leader is who holds the lease.
type Leader struct {
	Holder     string  `json:"holder"`
	Epoch      int64   `json:"epoch"`
	AgeSeconds float64 `json:"ageSeconds" doc:"Since its last sign of life."`
}

// Places counts app instances.
type Places struct {
	Used int `json:"used" doc:"Ours, the shared one included."`
	Most int `json:"most" doc:"The account's quota; 0: none."`
}

// Rate is one bucket of the provider's limits as it is used now.
type Rate struct {
	Bucket    string  `json:"bucket"`
	Of        string  `json:"of" doc:"The app instance, channel or bearer it is for; empty for the whole account."`
	Limit     float64 `json:"limit" doc:"Calls a second that the provider documents; 0: no limit."`
	Rate      float64 `json:"rate" doc:"Calls a second that are made at most now."`
	Used      int     `json:"used" doc:"Calls in the last second."`
	Throttled bool    `json:"throttled" doc:"The provider allows less than it documents."`
}

// State says how far an event's chat is.
type State string

// The states of an event's chat.
const (
	StateNone     State = "none"     // nothing is wanted
	StateMaking   State = "making"   // some of what is wanted is not made yet, or not even planned
	StateReady    State = "ready"    // all is made
	StateFailing  State = "failing"  // some is set aside: people should look at Failures
	StateDeleting State = "deleting" // the show is archived
	StateGone     State = "gone"     // nothing is left at the provider
)

// Event counts an event's resources: the channel, accounts, memberships, moderator roles, and its own app instance.
type Event struct {
	EventID      id.Event   `json:"eventId"`
	Name         string     `json:"name"`
	Slug         string     `json:"slug"`
	TimeZone     string     `json:"timeZone"`
	DoorsAt      time.Time  `json:"doorsAt"`
	Made         int        `json:"made"`
	ToMake       int        `json:"toMake"`
	ToDelete     int        `json:"toDelete"`
	Failed       int        `json:"failed"`
	Wanted       int        `json:"wanted"`
	Unplanned    int        `json:"unplanned" doc:"Valid tickets that the provisioner has not looked at yet; their resources are in toMake and wanted."`
	ReadyAt      *time.Time `json:"readyAt" doc:"Estimate; null when there is nothing to make or nobody makes it."`
	SlackSeconds *float64   `json:"slackSeconds" doc:"From readyAt to doors; negative is too late."`
	State        State      `json:"state" enum:"none,making,ready,failing,deleting,gone"`
	Place        *Place     `json:"place" doc:"null until one is chosen, with the first ticket."`
	CallsLeft    []Calls    `json:"callsLeft" nullable:"false" doc:"Calls to the provider that are left, the scarcest bucket first."`
	Bound        string     `json:"bound" doc:"The bucket that decides when the event is ready; empty if none does."`
	Warnings     []string   `json:"warnings" nullable:"false" doc:"Quotas of the provider that the event does not fit into, in plain words."`
}

// Place is the app instance that an event's resources are in.
type Place struct {
	Own         bool    `json:"own" doc:"An app instance of the event's own; else it shares the installation's."`
	InstanceARN arn.ARN `json:"instanceArn" doc:"Empty until it is made."`
}

// Calls are calls that one bucket counts.
type Calls struct {
	Bucket    string  `json:"bucket"`
	Calls     int     `json:"calls"`
	PerSecond float64 `json:"perSecond" doc:"As fast as the bucket lets them through now; 0: no limit."`
	Seconds   float64 `json:"seconds" doc:"What they take if nothing else uses the bucket."`
}

// Failure is one resource that could not be made or deleted.
type Failure struct {
	EventID   id.Event   `json:"eventId"`
	Kind      string     `json:"kind"`
	Subject   string     `json:"subject" doc:"The ticket; empty for the event's own."`
	Attempts  int        `json:"attempts"`
	Error     string     `json:"error"`
	NextTryAt *time.Time `json:"nextTryAt"`
}

// Cause is why an alarm was raised.
type Cause string

// The causes.
const (
	CauseLate   Cause = "late"   // the slack is below the threshold
	CauseFailed Cause = "failed" // resources are set aside
	CauseNobody Cause = "nobody" // there is work and nobody leads
	CausePaused Cause = "paused" // paused, and doors are near
)

// Alarm is something that people should know before doors.
type Alarm struct {
	EventID id.Event  `json:"eventId" doc:"Empty: it concerns all."`
	Cause   Cause     `json:"cause" enum:"late,failed,nobody,paused"`
	Text    string    `json:"text" doc:"One sentence."`
	ToDo    string    `json:"toDo" doc:"What helps."`
	Since   time.Time `json:"since"`
}
