package crash_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stagedoor/stagedoor/engine"
)

// at is where the engine keeps its data on a disk: in a folder that it has to make.
const at = "data/chat/engine.db"

// onDisk runs f with the disk mounted, and takes it away afterwards.
func onDisk(t *testing.T, d *disk, f func(folder string)) {
	t.Helper()
	folder := t.TempDir()
	unmount, err := d.mount(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	}()
	f(folder)
}

// copied writes a disk into a real folder, and if that fails a test, into the folder that -artifacts keeps.
func copied(t *testing.T, d *disk) (folder string) {
	t.Helper()
	quick := "" // a disk in memory, where there is one: what is left is only read, and nothing more can happen to it
	if _, err := os.Stat("/dev/shm"); err == nil {
		quick = "/dev/shm"
	}
	folder, err := os.MkdirTemp(quick, "stagedoor-crash-")
	if err == nil {
		err = d.copyTo(folder)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// Every life ends at a system call that was to change or sync a file, and leaves four disks: that of a mere kill, and
// three that a power cut at the same moment may leave. All four are compared with the ledger; one of them is the disk of
// the next life.
func TestPowerCutsLoseNothingThatWasAcknowledged(t *testing.T) {
	needFUSE(t)
	c := newCampaign(t, 1)
	var d *disk
	for life := range max(share(t, 2, 3)/len(cuts), 1) {
		if life%season == 0 {
			d = c.stageOnDisk()
		}
		d = c.powerCut(d)
		if t.Failed() {
			return
		}
	}
}

// stageOnDisk makes the stage and puts it on a disk.
func (c *campaign) stageOnDisk() *disk {
	c.Helper()
	file := filepath.Join(c.TempDir(), "engine.db")
	c.prepare("sqlite:" + file)
	text, err := os.ReadFile(file)
	if err != nil {
		c.Fatal(err)
	}
	d := newDisk()
	folder := d.add(d.add(d.root, "data", 0o700, true), "chat", 0o700, true)
	d.add(folder, "engine.db", 0o600, false).write(0, text)
	return d.after(killed, nil)
}

var cuts = []cut{killed, dropped, paged, torn}

// powerCut lives one life on a disk and returns the one of the next.
func (c *campaign) powerCut(d *disk) *disk {
	c.Helper()
	n := 1 + c.rnd.IntN(40) // while it starts, or in its first commits
	if c.rnd.IntN(4) != 0 {
		n = 1 + c.rnd.IntN(800)
	}
	d.rearm(n)
	return c.endOn(d, fmt.Sprintf("at call %d", n))
}

// endOn lives one life on a disk until that stops, looks at what may be left of it, and returns one of these disks.
func (c *campaign) endOn(d *disk, when string) *disk {
	c.Helper()
	left := make([]*disk, len(cuts))
	onDisk(c.T, d, func(folder string) {
		c.live("sqlite:"+filepath.Join(folder, at), d.stop, func() {
			for i, cut := range cuts {
				left[i] = d.after(cut, c.rnd)
			}
			close(d.gone)
		})
	})
	next := c.rnd.IntN(len(cuts))
	for i, cut := range cuts {
		folder := copied(c.T, left[i])
		if !c.compare("sqlite:"+filepath.Join(folder, at), when+", "+string(cut), i == next) {
			c.show(left[i])
		}
		_ = os.RemoveAll(folder)
	}
	return left[next]
}

// A disk that fails now and then, and again after a while without failures, costs answers and not messages: an error says
// that the change was not made or may not have been, and who repeats it with its token gets it once. SQLite must not take
// a second fsync for the proof of what the first could not write.
func TestADiskThatFailsLosesNothingThatWasAcknowledged(t *testing.T) {
	needFUSE(t)
	c := newCampaign(t, 4)
	d := c.stageOnDisk()
	for range max(share(t, 1, 6)/len(cuts), 1) {
		d.rearm(500 + c.rnd.IntN(1000))
		failures, silence := 0, c.ledger.order.Load()
		d.sick = func() bool { // once people talk, in every other hundred calls
			fails := c.ledger.order.Load() > silence && d.ops/100%2 == 1 && c.rnd.IntN(20) == 0
			if fails {
				failures++
			}
			return fails
		}
		d = c.endOn(d, "sick disk")
		c.Logf("%d calls failed", failures)
		if t.Failed() {
			return
		}
	}
}

// Found by asking what SQLite makes of it: a checkpoint that copies a part of the log notes what it has copied before that
// is on disk, and only the one that copies the rest syncs the database. When that sync fails, the system forgets the
// copies, the next checkpoint copies only the rest once more, and the log, the only place where it all still is, begins
// anew. A power cut then takes hundreds of messages.
func TestAFailedSyncOfTheDatabaseLosesNothingThatWasAcknowledged(t *testing.T) {
	needFUSE(t)
	lives := share(t, 1, 200)
	if lives == 0 {
		t.Skip("these lives are long: make crash")
	}
	c := newCampaign(t, 5)
	for range lives {
		d := c.stageOnDisk()
		d.rearm(40_000) // the log would begin anew twice
		file, failures := d.root.names["data"].names["chat"].names["engine.db"], 0
		d.sickSync = func(n *node) bool {
			fails := n == file && failures == 0
			if fails {
				failures++
			}
			return fails
		}
		c.endOn(d, "failed sync of the database")
		c.Logf("%d syncs failed", failures)
	}
}

// Found by asking what a power cut leaves of a new installation: the folders that the engine had made were not synced
// into theirs, so that everything was gone, whatever had been committed inside. What the engine's process says when it
// first answers, its root key, is the first thing that anybody relies on.
func TestTheFirstStartIsOnDiskOnceItAnswers(t *testing.T) {
	needFUSE(t)
	c := newCampaign(t, 2)
	answered := 0
	for life := range max(share(t, 1, 6)/len(cuts), 2) {
		d := newDisk()
		if life%2 == 0 {
			d.rearm(1 + c.rnd.IntN(250)) // a start takes about as many
		}
		var said hello
		var ok bool
		left := make([]*disk, len(cuts))
		onDisk(t, d, func(folder string) {
			p := birth(t, engine.Config{Database: "sqlite:" + filepath.Join(folder, at)})
			said, ok = p.hello(t, d.stop)
			p.strike(t)
			for i, cut := range cuts {
				left[i] = d.after(cut, c.rnd)
			}
			close(d.gone)
			p.kill(t)
		})
		c.kills++
		if ok {
			answered++
		}
		for i, cut := range cuts {
			c.startsAgain(left[i], cut, said, ok)
		}
	}
	t.Logf("%d of them had answered", answered)
}

// show keeps a disk for people to look at (go test -artifacts).
func (c *campaign) show(d *disk) {
	folder, err := os.MkdirTemp(c.ArtifactDir(), "left-")
	if err == nil {
		err = d.copyTo(folder)
	}
	c.Log("what was left: ", folder, err)
}

// startsAgain opens what is left of a first start. The key of an engine that had answered is its key for ever.
func (c *campaign) startsAgain(d *disk, what cut, said hello, answered bool) {
	c.Helper()
	folder := copied(c.T, d)
	defer func() { _ = os.RemoveAll(folder) }()
	e, err := engine.New(c.Context(), engine.Config{Database: "sqlite:" + filepath.Join(folder, at)})
	if err != nil {
		c.Errorf("%s: %v", what, err)
		return
	}
	if key := e.Credentials(); answered && key.AccessKeyID != said.KeyID {
		c.Errorf("%s: the root key was %s and is %s", what, said.KeyID, key.AccessKeyID)
	}
	c.close(e)
	c.looks++
}
