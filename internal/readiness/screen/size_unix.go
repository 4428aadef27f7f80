//go:build linux || darwin

package screen

import (
	"io"
	"os"
	"syscall"
	"unsafe"
)

// size asks a terminal how many columns and rows it has; 0 if it does not say.
func size(w io.Writer) (columns, rows int) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, 0
	}
	var s struct{ rows, columns, _, _ uint16 } // struct winsize, see ioctl_tty(2)
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, 0
	}
	failed := syscall.Errno(0)
	err = conn.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&s))) // #nosec G103 -- the call takes a pointer
	})
	if err != nil || failed != 0 {
		return 0, 0
	}
	return int(s.columns), int(s.rows)
}
