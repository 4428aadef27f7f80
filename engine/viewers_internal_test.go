package engine

import "testing"

func TestSessionsLeaveFilesForOthers(t *testing.T) {
	for files, want := range map[int]int{20000: 19600, 1024: 992, 1 << 20: 1<<20 - 512, 30: 1} {
		if got := viewersOf(files); got != want {
			t.Errorf("%d viewers of %d files, want %d", got, files, want)
		}
	}
}
