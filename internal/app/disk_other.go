//go:build !linux && !darwin

package app

import "github.com/stagedoor/stagedoor/internal/readiness/doctor"

// diskCheck knows nothing about disks here.
func diskCheck(string) (doctor.Check, bool) { return doctor.Check{}, false }
