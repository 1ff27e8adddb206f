//go:build !amd64 || purego

package lib

import "testing"

// eachUnpaired is none: there is no other way.
func eachUnpaired(*testing.T, func(t *testing.T)) {}
