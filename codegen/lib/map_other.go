//go:build !unix

package lib

import (
	"io"
	"os"
)

// mapFile reads a file whole, on systems where it is not mapped.
func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := aligned(int(st.Size()))
	_, err = io.ReadFull(f, b)
	return b, err
}
