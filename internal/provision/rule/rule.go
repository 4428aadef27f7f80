// Package rule says, without looking at anything, what the provisioner decides for a show: which app instance it gets, how
// many admins act there, how many people join in one call. The provisioner acts by it, and a forecast asks it what the
// provisioner will do.
//
// An event gets an app instance of its own while the account has plenty: its accounts are then made beside those of other
// events, the provider counts them per app instance, and one call removes them all. Where app instances become scarce, only
// large shows still get one; the others share the installation's own (docs/adr/0015-placement.md).
package rule

import "time"

const (
	// Large is how many tickets a show must exceed to get one of the last app instances, and more than one admin.
	Large = 1000
	// LastCall is how long before its doors a show is placed at the latest, even if it is not known yet how large it gets.
	LastCall = 24 * time.Hour
	// MaxAdmins is how many admin accounts an app instance has at most.
	MaxAdmins = 4
	// AllAdmins are the ledger's subjects of all of them, for questions.
	AllAdmins = "('', 'admin-2', 'admin-3', 'admin-4')"
	// FullBatch is how many memberships one call makes: as many as the provider takes (chime.MaxBatch).
	FullBatch = 100

	// plenty is up to which part of the account's app instances every show gets one.
	plenty = 0.7
	// usualInstances is how many app instances an account may have where the preset does not say (Amazon Chime SDK
	// endpoints and quotas). An engine of our own has no such limit, but a process has descriptors and disks.
	usualInstances = 100
	// doorBatch is how many people at a show with open doors wait together before their memberships are made. A full batch
	// would cost 4 % fewer calls and let the first of them wait ten seconds at 10/s.
	doorBatch = 20
	// atDoor is how long before its doors a show counts as open: who buys now comes in minutes.
	atDoor = 10 * time.Minute
)

// Place is which app instance a show gets.
type Place int

// The places. A show that waits gets none yet: it may grow until LastCall.
const (
	Wait Place = iota
	Own
	Shared
)

// PlaceOf chooses for a show with so many tickets when used app instances of most are taken, the shared one among them.
func PlaceOf(doors, now time.Time, tickets, used, most int) Place {
	scarce := used >= int(plenty*float64(most))
	switch {
	case !scarce, tickets > Large && used < most:
		return Own
	case used < most && doors.After(now.Add(LastCall)):
		return Wait
	default:
		return Shared
	}
}

// Instances is how many app instances the account may have, from the ceiling that a preset says; 0: it says none.
func Instances(ceiling int) int {
	if ceiling > 0 {
		return ceiling
	}
	return usualInstances
}

// Admins is how many accounts act in an app instance, for a show with so many tickets, where bearers are worth having
// (pace.Preset). Many channels share those of the shared one.
func Admins(place Place, tickets, bearers int) int {
	switch {
	case bearers < 2:
		return 1
	case place == Shared:
		return min(2*bearers, MaxAdmins)
	case tickets > Large:
		return min(bearers, MaxAdmins)
	}
	return 1
}

// AtDoor reports whether people are coming in, or will in minutes: such a show comes before the others.
func AtDoor(doors, now time.Time) bool { return !doors.After(now.Add(atDoor)) }

// Batch is how many people wait for each other before their memberships are made in one call.
func Batch(doors, now time.Time) int {
	if AtDoor(doors, now) {
		return doorBatch
	}
	return FullBatch
}
