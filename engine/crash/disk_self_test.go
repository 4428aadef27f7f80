package crash_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// The disk is the judge of all power cuts, so it is judged first: what was synced stays, what was not may be lost, in
// whole pages or in sectors, and nothing appears that was never written.
func TestTheDiskKeepsWhatWasSyncedAndLosesTheRest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	old, fresh := bytes.Repeat([]byte("o"), 4*pageSize), bytes.Repeat([]byte("n"), 4*pageSize)
	seen := map[cut]map[string]bool{killed: {}, dropped: {}, paged: {}, torn: {}}
	for range 200 {
		d := newDisk()
		folder := d.add(d.root, "folder", 0o700, true)
		d.root.sync()
		file := d.add(folder, "file", 0o600, false)
		file.write(0, old)
		folder.sync()
		file.sync()
		file.write(0, fresh)
		d.add(folder, "nameless", 0o600, false)
		for c := range seen {
			left := d.after(c, rnd).root.names["folder"]
			kept := left.names["file"]
			if len(kept.data) != len(old) {
				t.Fatalf("%s: %d bytes", c, len(kept.data))
			}
			grain := sectorSize
			if c == paged {
				grain = pageSize
			}
			shape := ""
			for at := 0; at < len(old); at += grain {
				switch got := kept.data[at : at+grain]; {
				case bytes.Equal(got, old[:grain]), bytes.Equal(got, fresh[:grain]):
					shape += string(got[:1])
				default:
					t.Fatalf("%s: %q was never written", c, got)
				}
			}
			seen[c][shape] = true
			if _, named := left.names["nameless"]; named && c == dropped || !named && c == killed {
				t.Errorf("%s: a name that was not synced is there: %v", c, named)
			}
		}
	}
	if len(seen[killed]) != 1 || len(seen[dropped]) != 1 || len(seen[paged]) != 16 || len(seen[torn]) < 100 {
		t.Errorf("shapes seen: %d, %d, %d, %d", len(seen[killed]), len(seen[dropped]), len(seen[paged]), len(seen[torn]))
	}
}

// A file that was cut short and not synced may have either length, and its bytes are those of one moment or another.
func TestTheDiskMayForgetANewSize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	sizes := map[int]bool{}
	for range 100 {
		d := newDisk()
		file := d.add(d.root, "file", 0o600, false)
		d.root.sync()
		file.write(0, bytes.Repeat([]byte("x"), 2*pageSize))
		file.sync()
		file.resize(10)
		file.write(10, []byte("y"))
		left := d.after(paged, rnd).root.names["file"].data
		sizes[len(left)] = true
		if len(left) == 2*pageSize && bytes.ContainsRune(left, 0) {
			t.Fatal("what was synced is gone, although the file was not cut")
		}
	}
	for _, size := range []int{2 * pageSize, 10, 11} {
		if !sizes[size] {
			t.Errorf("never %d bytes: %v", size, sizes)
		}
	}
}
