//go:build !unix

package model

import (
	"io"
	"os"
)

// mapFile reads a whole file, where it cannot be mapped.
func mapFile(f *os.File, _ int64) ([]byte, error) { return io.ReadAll(f) }
