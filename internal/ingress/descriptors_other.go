//go:build !unix

package ingress

// Descriptors is a number that systems without such a limit can do.
func Descriptors() (int, error) { return 16384, nil }
