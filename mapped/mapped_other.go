//go:build !unix

package mapped

import (
	"io"
	"os"
)

// File reads a whole file, where it cannot be mapped.
func File(f *os.File, _ int64) ([]byte, error) { return io.ReadAll(f) }
