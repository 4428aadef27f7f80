package db

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// MakeFolder makes a folder that only its owner may enter, and those above it where they are missing, and has their
// names on disk when it returns. Without that a power cut may take a new folder with everything that was synced inside.
func MakeFolder(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return &os.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil: // perhaps made by somebody who was killed before the name was on disk
		return SyncFolder(filepath.Dir(dir))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := MakeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncFolder(filepath.Dir(dir))
}

// SyncFolder has the names in a folder on disk when it returns: those made, and those taken away.
func SyncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // NTFS keeps names in its journal, and folders cannot be opened
	}
	f, err := os.Open(dir) // #nosec G304 -- the operator's own folder
	if errors.Is(err, fs.ErrPermission) {
		return nil // not ours, so nothing of ours is new in it
	}
	if err != nil {
		return err
	}
	err = f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that does not know this has no better way
	}
	return errors.Join(err, f.Close())
}

// makeFile makes a SQLite database's file and folder, for nobody else to read, unless they are there. SQLite gives its
// other files (-wal, -shm) the mode of the first. A file that is there is not opened: closing it again would take away
// the locks that this process holds on it (SQLite, "How To Corrupt An SQLite Database File", 2.2).
func makeFile(path string) error {
	if err := MakeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- the operator's own file
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, fs.ErrExist):
		err = errors.Join(private(path), private(path+"-wal"), private(path+"-shm"))
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// private takes away what others may do with a file, if there is one.
func private(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows" {
		return err
	}
	err = os.Chmod(path, info.Mode().Perm()&0o700)
	if errors.Is(err, fs.ErrPermission) {
		return nil // somebody else's file that we may use: they decide
	}
	return err
}
