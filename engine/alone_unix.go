//go:build unix

package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// holdFile lets one engine have an SQLite database. Two processes could share the file, but not what they tell sessions,
// nor whose turn it is to run flows and streams: that is what PostgreSQL and its leases are for. The lock ends with the
// process, however it ends. It is no lock on the database's own file, because closing that would end SQLite's locks, too.
func holdFile(database string) (io.Closer, error) {
	path, sqlite := strings.CutPrefix(database, "sqlite:")
	if !sqlite {
		return nil, nil //nolint:nilnil // nothing to hold
	}
	f, err := os.OpenFile(path+"-engine", os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- beside the operator's own database
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- descriptors are small
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another engine is running on %s", path)
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}
