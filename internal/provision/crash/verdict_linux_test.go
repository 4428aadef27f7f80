package crash_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// settle lets one provisioner live until all is as it shall be, asks it to stop, and judges.
func (w *world) settle() {
	w.Helper()
	began := time.Now()
	w.provider.Play(provisiontest.Plan{}) // everybody is dead: nobody asks meanwhile
	p := w.birth(nil)
	var off []string
	if !w.reached(patience, func() bool { off = w.differences(); return len(off) == 0 || !p.alive() }) {
		w.Errorf("after %v of peace:\n%s", patience, strings.Join(off, "\n"))
	}
	w.poll(patience, p.name+" leads", func() bool { return p.hasLed() || !p.alive() })
	took := time.Since(began)
	w.leave(p)
	if off := w.differences(); len(off) > 0 {
		w.Errorf("after the last provisioner stopped:\n%s", strings.Join(off, "\n"))
	}
	w.judge()
	calls := w.provider.Calls()
	w.Logf("%d killed at a system call, %d by the clock; settled in %v; %d calls, at most %d in a sliding second", w.killed[atCall], w.killed[byClock],
		took.Round(time.Millisecond), len(calls), provisiontest.MostInAnySecond(calls))
}

// farewell is how long a provisioner that is asked to stop waits for answers at most, less what it needs to record them.
const farewell = 2500 * time.Millisecond

// leave asks a process to stop and checks that it leaves nothing behind.
func (w *world) leave(p *process) {
	w.Helper()
	led, _ := p.leads()
	asked := time.Now()
	p.asked = true
	p.signal(syscall.SIGTERM)
	p.gone()
	if c := p.cause(); c != byItself {
		w.Errorf("%s was asked to stop and ended %s", p.name, c)
	}
	if led == 0 {
		return
	}
	answers := time.Since(asked) < farewell // else they came too late, and the next leader repeats the calls
	if busy := w.rows(fmt.Sprintf("SELECT event_id, subject, kind FROM resource WHERE busy AND epoch = %d", led)); len(busy) > 0 && answers {
		w.Errorf("%s stopped in peace and left without an outcome: %v", p.name, busy)
	}
	if held := w.rows(fmt.Sprintf("SELECT holder FROM lease WHERE name = 'provision' AND epoch = %d AND holder <> ''", led)); len(held) > 0 {
		w.Errorf("%s stopped in peace and kept the lease", p.name)
	}
}

// differences says what the provider's books, the ledger and the events have else than the tickets want.
func (w *world) differences() []string {
	w.Helper()
	var off []string
	say := func(format string, args ...any) { off = append(off, fmt.Sprintf(format, args...)) }
	installation := "stagedoor-" + strings.Join(w.rows("SELECT id FROM installation"), "")
	accounts, channels := map[string]string{}, map[string]int{}
	for _, in := range w.provider.Everything() {
		if in.Stranger {
			continue
		}
		place, ours := strings.CutPrefix(in.Name, installation)
		if show := w.shows[id.Event(strings.TrimPrefix(place, "-"))]; !ours || (place != "" && (show == nil || show.archived)) {
			say("orphan: app instance %q", in.Name)
		}
		for user, name := range in.Users {
			if slices.Contains(in.Admins, user) {
				continue
			}
			if _, twice := accounts[user]; twice {
				say("twice: account %s", user)
			}
			accounts[user] = name
		}
		for channel, c := range in.Channels {
			channels[channel]++
			admin := func(user string) bool { return slices.Contains(in.Admins, user) }
			c.Members, c.Moderators = slices.DeleteFunc(c.Members, admin), slices.DeleteFunc(c.Moderators, admin)
			off = append(off, w.compareChannel(id.Event(channel), c)...)
		}
	}
	for _, e := range w.running() {
		if n := channels[string(e)]; n != 1 {
			say("%d channels of %s", n, e)
		}
		for t, p := range w.shows[e].people {
			user := id.ChatUser(p.role, t)
			name, there := accounts[user]
			delete(accounts, user)
			switch {
			case there && !p.valid:
				say("orphan: account %s was returned", user)
			case p.valid && !there:
				say("missing: account %s", user)
			case p.valid && name != p.name(t):
				say("account %s is called %q, want %q", user, name, p.name(t))
			}
		}
	}
	for user := range accounts {
		say("orphan: account %s", user)
	}
	return append(off, w.compareLedger()...)
}

// compareChannel compares who is in a channel with who shall be.
func (w *world) compareChannel(e id.Event, c provisiontest.Channel) []string {
	show := w.shows[e]
	if show == nil || show.archived {
		return []string{fmt.Sprintf("orphan: channel %s", e)}
	}
	var members, moderators []string
	for t, p := range show.people {
		if p.valid && !p.banned {
			members = append(members, id.ChatUser(p.role, t))
			if p.role == id.Moderator {
				moderators = append(moderators, id.ChatUser(p.role, t))
			}
		}
	}
	slices.Sort(members)
	slices.Sort(moderators)
	var off []string
	if !slices.Equal(c.Members, members) {
		off = append(off, fmt.Sprintf("%s: %d members, want %d", e, len(c.Members), len(members)))
	}
	if !slices.Equal(c.Moderators, moderators) {
		off = append(off, fmt.Sprintf("%s: moderators %v, want %v", e, c.Moderators, moderators))
	}
	return off
}

// compareLedger says what the ledger does not know yet.
func (w *world) compareLedger() []string {
	var off []string
	if n := w.unfinished(); n > 0 {
		off = append(off, fmt.Sprintf("%d ledger rows are unfinished", n))
	}
	for _, e := range slices.Sorted(maps.Keys(w.shows)) {
		if !w.shows[e].archived {
			continue
		}
		n, err := db.Value[int](context.Background(), w.db, "SELECT count(*) FROM resource WHERE event_id = $1", e)
		if err != nil || n > 0 {
			off = append(off, fmt.Sprintf("the ledger remembers %d rows of %s %v", n, e, err))
		}
		state, err := db.Value[string](context.Background(), w.db, "SELECT state FROM event WHERE id = $1", e)
		if err != nil || state != "purged" {
			off = append(off, fmt.Sprintf("%s is %s %v", e, state, err))
		}
	}
	return off
}

// judge looks at all that ever happened.
func (w *world) judge() {
	w.Helper()
	if twice := w.provider.Twice(); len(twice) > 0 {
		w.Errorf("made twice: %v", twice)
	}
	if harmed := w.provider.Harmed(); len(harmed) > 0 {
		w.Errorf("strangers' things were touched: %v", harmed)
	}
	if stale := w.rows("SELECT what FROM crash_audit"); len(stale) > 0 {
		w.Errorf("commits of an epoch that does not lead: %v", stale)
	}
	if swept := w.rows("SELECT what FROM crash_swept"); len(swept) > len(w.forgiven) { // a call that came too late may leave something
		w.Errorf("the sweep had to put right: %v", swept)
	}
	made, calls := 0, w.provider.Calls()
	led := map[string]bool{}
	for _, p := range w.processes {
		led[p.name] = p.hasLed()
	}
	for _, c := range calls {
		if c.Op == "CreateAppInstance" && c.Effect == provisiontest.Made {
			made++
		}
		if !led[c.Who] {
			w.Errorf("call %d, %s, is of %s, which never led", c.N, c.Op, c.Who)
		}
	}
	places := len(w.shows)
	if w.crowded {
		places = 1
	}
	if made > places {
		w.Errorf("%d app instances were made for %d places", made, places)
	}
	w.judgePace(slices.DeleteFunc(calls, func(c provisiontest.Call) bool { return w.forgiven[c.N] }))
}

// slack is how much earlier than a second after the first the call may arrive that is one more than a limit allows. Of a machine with
// two processors and twenty provisioners the first may have been late on its way when it was killed: that nobody knows.
const slack = 50 * time.Millisecond

// judgePace checks by arrival that no sliding second, less slack, has more calls than the limits allow.
func (w *world) judgePace(calls []provisiontest.Call) {
	w.Helper()
	limits := provisiontest.LimitsOf(w.pace)
	for i := 10; w.pace == "case" && i < len(calls); i++ {
		w.campaign.arrived(calls[i].At.Sub(calls[i-10].At))
	}
	var judged []provisiontest.Call
	for _, c := range calls {
		if !w.campaign.stalled(c.At) {
			c.At = calls[0].At.Add(time.Duration(float64(c.At.Sub(calls[0].At)) * float64(time.Second) / float64(time.Second-slack)))
			judged = append(judged, c)
		}
	}
	if over := provisiontest.Overruns(limits, judged); len(over) > 0 {
		w.Errorf("in a second less %v: %s", slack, strings.Join(over, "\n"))
	}
}
