//go:build unix

package ingress

import (
	"fmt"
	"syscall"
)

// Descriptors is how many the process may have open. Go has raised the soft limit to the hard one at the start.
func Descriptors() (int, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	return int(min(l.Cur, 1<<30)), nil
}
