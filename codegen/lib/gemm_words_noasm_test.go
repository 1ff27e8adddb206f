//go:build (!amd64 && !arm64) || purego

package lib

import "testing"

// eachWordISA is eachISA: here every kernel is portable.
func eachWordISA(t *testing.T, f func(t *testing.T)) { eachISA(t, f) }
