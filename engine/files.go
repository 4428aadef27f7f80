package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/stagedoor/stagedoor/engine/iam"
	"github.com/stagedoor/stagedoor/engine/sts"
)

// RolesFile reads Config.Roles from a file (iam.ReadRoles has its form). The error names the file, the role and what is
// wrong with it.
func RolesFile(name string) (roles iam.Roles, err error) {
	f, err := os.Open(name) // #nosec G304 -- the operator's own file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if roles, err = iam.ReadRoles(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return roles, nil
}

// maxKeysFile bounds a file of keys, in bytes.
const maxKeysFile = 1 << 20

// IssuersFile reads Config.Issuers from a file (sts.ReadIssuers has its form). Files of keys that it names are looked for
// in its own folder and nowhere else.
func IssuersFile(name string) (issuers []sts.Issuer, err error) {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	f, err := folder.Open(filepath.Base(name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	issuers, err = sts.ReadIssuers(f, func(keys string) ([]byte, error) {
		k, err := folder.Open(keys)
		if err != nil {
			return nil, err
		}
		defer func() { _ = k.Close() }() // only read
		return io.ReadAll(io.LimitReader(k, maxKeysFile))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return issuers, nil
}
