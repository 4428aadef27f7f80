//go:build !linux && !darwin

package app

import "github.com/stagedoor/stagedoor/internal/readiness"

// diskCheck knows nothing about disks here.
func diskCheck(string) (readiness.Check, bool) { return readiness.Check{}, false }
