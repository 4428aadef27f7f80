package crash_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// soon is how long a standby may take to lead after its leader was killed: the promise.
	soon = 8 * time.Second
	// watching is how long a provisioner that was just started may take until it has seen the leader.
	watching = time.Second
)

// pair is a world in which two provisioners run, of which one leads.
type pair struct {
	*world
	two []*process
}

// Two provisioners: whenever the leader is killed, asked to stop, or frozen longer than its lease, the other one takes over;
// who wakes up too late writes nothing.
func TestOfTwoProvisionersOneLeads(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes")
	}
	t.Parallel()
	c := newCampaign(t)
	const copies = 5 // of six kinds: each database with and without limits
	share := max(3, kills(t)*16/100/copies)
	t.Run("pairs", func(t *testing.T) { // is over when all are
		for n := range copies {
			k := worldKinds[n%len(worldKinds)]
			t.Run(fmt.Sprintf("%s %s %d", k.kind, k.pace, n), func(t *testing.T) {
				t.Parallel()
				for part := 0; part*season < share && !t.Failed(); part++ {
					t.Run(fmt.Sprint(part), func(t *testing.T) {
						p := &pair{world: newWorld(t, c, k.kind, k.pace, uint64(10_000+100*n+part))}
						p.fates(min(season, share-part*season))
						p.settle()
					})
				}
			})
		}
	})
	c.sayPace(t)
	slices.Sort(c.took)
	if len(c.took) > 0 {
		middle, longest := c.took[len(c.took)/2], c.took[len(c.took)-1]
		t.Logf("%d takeovers: median %v, longest %v; %d times frozen and woken (%d with a lock in its hand), %d calls too late",
			len(c.took), middle.Round(time.Millisecond), longest.Round(time.Millisecond), c.cycles, c.held, c.late)
		if middle > soon { // the longest depends on the machine as well
			t.Errorf("half of the takeovers took longer than %v: %v", soon, c.took)
		}
	}
}

// fates lets things happen to the two until so many were killed: in between the leader is frozen or asked to stop.
func (p *pair) fates(kills int) {
	p.Helper()
	done := 0
	dead := func() int { return p.killed[atCall] + p.killed[byClock] }
	for dead() < kills && !p.Failed() {
		switch done++; done % 6 {
		case 2:
			p.freeze()
		case 4:
			p.stop()
		default:
			p.kill()
		}
	}
	for _, one := range p.two {
		one.kill()
		p.cause(one)
	}
	p.freeLease()
}

// cause notes how a process that is gone has ended.
func (p *pair) cause(one *process) {
	how := one.cause()
	p.killed[how]++
	p.note("%s ended %s (%v) after %v", one.name, how, one.point, time.Since(one.born))
}

// complete buries the dead and starts new ones, which die at a system call if traced, until two are alive.
func (p *pair) complete(traced bool) {
	p.Helper()
	p.two = slices.DeleteFunc(p.two, func(one *process) bool {
		if one.alive() {
			return false
		}
		one.gone()
		p.cause(one)
		return true
	})
	for len(p.two) < 2 {
		var at *point
		if traced && p.rnd.IntN(2) == 0 {
			at = p.campaign.draw(p.kind)
		}
		p.two = append(p.two, p.birth(at))
	}
}

// untraced replaces those that would die at a system call by others, and waits until one of two leads.
func (p *pair) untraced() (leader, standby *process) {
	p.Helper()
	for _, one := range p.two {
		if one.point != nil {
			one.kill()
		}
	}
	return p.roles(false)
}

// roles waits until one of two leads and the other one has had time to see it.
func (p *pair) roles(traced bool) (leader, standby *process) {
	p.Helper()
	p.poll(patience, "one of two leads", func() bool {
		p.complete(traced)
		slices.SortFunc(p.two, func(a, b *process) int {
			x, _ := a.leads()
			y, _ := b.leads()
			return cmp.Compare(y, x)
		})
		epoch, since := p.two[0].leads()
		return epoch > 0 && time.Since(since) > watching && time.Since(p.two[1].born) > watching && p.two[0].alive() && p.two[1].alive()
	})
	return p.two[0], p.two[1]
}

// takeover waits until standby leads, and notes how long after from. It does not if standby dies as well.
func (p *pair) takeover(standby *process, from time.Time, killed bool) {
	p.Helper()
	p.poll(patience, standby.name+" takes over", func() bool { epoch, _ := standby.leads(); return epoch > 0 || !standby.alive() })
	_, at := standby.leads()
	took := at.Sub(from)
	if !standby.alive() {
		return
	}
	p.note("%s took over after %v", standby.name, took)
	if took > soon {
		p.Logf("%s, alive since %v, took over after %v:\n%s\n%s", standby.name, from.Sub(standby.born), took, strings.Join(p.history, "\n"), standby.words())
	}
	if killed {
		p.campaign.mu.Lock()
		p.campaign.took = append(p.campaign.took, took)
		p.campaign.mu.Unlock()
	}
}

// kill ends the leader, or the standby, while there is work.
func (p *pair) kill() {
	p.Helper()
	leader, standby := p.roles(true)
	p.churn()
	select {
	case <-leader.ended:
	case <-time.After(time.Duration(p.rnd.Int64N(int64(time.Second)))):
	}
	if p.rnd.IntN(6) == 0 {
		standby.kill()
		return
	}
	leader.kill()
	p.regret()
	leader.mu.Lock()
	died := leader.died
	leader.mu.Unlock()
	p.takeover(standby, died, true)
}

// stop asks the leader to stop: it finishes what is in flight, and the other one leads at once.
func (p *pair) stop() {
	p.Helper()
	leader, standby := p.untraced()
	p.churn()
	p.rest(time.Second)
	from := time.Now()
	p.note("%s is asked to stop", leader.name)
	p.leave(leader)
	p.two = slices.DeleteFunc(p.two, func(one *process) bool { return one == leader })
	p.takeover(standby, from, false)
}

// awake is how long a leader that woke up too late is watched. It is shorter than a lease: afterwards it might rightly lead
// again, because its successor is frozen meanwhile.
const awake = 1500 * time.Millisecond

// freeze stops the leader until the other one has taken over, stops that one too, and looks whether the first, when it wakes
// up and believes to lead, writes anything. Nothing else moves then, so that any change is its.
func (p *pair) freeze() {
	p.Helper()
	leader, standby := p.untraced()
	p.churn()
	p.rest(700 * time.Millisecond)
	if !p.replace(leader, standby) {
		return
	}
	p.churn()
	p.rest(700 * time.Millisecond)
	standby.signal(syscall.SIGSTOP)
	before := p.still()
	asleep := p.provider.Count()
	woke := time.Now()
	leader.thaw()
	p.reached(awake, func() bool { epoch, _ := leader.leads(); return epoch == 0 })
	p.reached(awake/2, func() bool { return false }) // what is in flight may end
	after, watched := p.everything(), time.Since(woke)
	standby.thaw()
	p.note("%s woke up, %s goes on", leader.name, standby.name)
	if watched < 5*time.Second {
		for table, rows := range after {
			if rows != before[table] && !strings.HasPrefix(table, "pace") { // anybody may book a slot, the moderators do
				p.Errorf("%s woke up too late and changed table %s from\n%s\nto\n%s", leader.name, table, before[table], rows)
			}
		}
	}
	p.tooLate(leader, asleep)
}

// replace freezes the leader until the standby leads. With a lock of the database in its hand nobody can take over before
// it goes on, so it is tried again; false says that it did not work out.
func (p *pair) replace(leader, standby *process) bool {
	p.Helper()
	for range 100 {
		leader.freeze()
		if p.unlocked() {
			p.note("%s is frozen", leader.name)
			// PostgreSQL may have had a statement of its yet to do, and then holds the lock.
			if p.reached(patience/4, func() bool { epoch, _ := standby.leads(); return epoch > 0 }) {
				p.note("%s leads", standby.name)
				return true
			}
		}
		p.campaign.mu.Lock()
		p.campaign.held++
		p.campaign.mu.Unlock()
		leader.thaw()
		p.note("%s goes on: it holds a lock", leader.name)
		p.rest(20 * time.Millisecond)
		if epoch, _ := leader.leads(); epoch == 0 {
			return false
		}
	}
	return false
}

// still waits until nothing changes any more, and returns all there is.
func (p *pair) still() map[string]string {
	p.Helper()
	last := p.everything()
	p.poll(patience, "nothing changes while both are frozen", func() bool {
		p.reached(50*time.Millisecond, func() bool { return false })
		now := p.everything()
		same := fmt.Sprint(now) == fmt.Sprint(last) // maps are printed sorted
		last = now
		return same
	})
	return last
}

// tooLate counts the calls that a leader made after it woke up, and forgives those that it could have been about to send: the
// check before a call and the call cannot be one act. At ten calls a second that is one, without a limit as many as it has
// in the air.
func (p *pair) tooLate(leader *process, asleep int) {
	p.Helper()
	var late []string
	for _, c := range p.provider.Calls()[asleep:] {
		if c.Who == leader.name {
			late = append(late, c.Op)
			p.forgiven[c.N] = true
		}
	}
	p.campaign.mu.Lock()
	p.campaign.cycles++
	p.campaign.late += len(late)
	p.campaign.mu.Unlock()
	most := 1
	if p.pace != "case" {
		most = 16
	}
	if len(late) > most {
		p.Errorf("%s woke up too late and still made %d calls: %s", leader.name, len(late), strings.Join(late, ", "))
	}
}
