//go:build !unix

package lib

import "testing"

// guarded is n floats; where memory cannot be protected, there is no assembly
// either.
func guarded(_ testing.TB, n int) []float32 { return make([]float32, n) }
