//go:build linux || darwin

package app

import (
	"fmt"
	"syscall"

	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
)

// Room on the disk: a full one stops every write, and a show's history and the databases' logs need some.
const (
	roomLook = 2 << 30
	roomBad  = 200 << 20
)

// diskCheck looks how much room the data folder's disk has.
func diskCheck(folder string) (doctor.Check, bool) {
	var f syscall.Statfs_t
	if err := syscall.Statfs(folder, &f); err != nil {
		return doctor.Check{}, false
	}
	free := f.Bavail * uint64(f.Bsize) // #nosec G115 -- the kernel's block size is positive
	c := doctor.Check{Name: "disk", Verdict: doctor.Fine, Text: fmt.Sprintf("%.1f GB are free for %s", float64(free)/(1<<30), folder)}
	switch {
	case free < roomBad:
		c.Verdict = doctor.Bad
	case free < roomLook:
		c.Verdict = doctor.Look
	default:
		return c, true
	}
	c.ToDo = "make room: exported histories and the databases' logs grow during a show"
	return c, true
}
