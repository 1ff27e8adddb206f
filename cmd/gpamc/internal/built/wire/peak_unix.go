//go:build unix && !linux

package wire

import (
	"runtime"
	"syscall"
)

// peak is the most memory that the process has had in use, in bytes.
func peak() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss) // there in bytes, elsewhere in KiB
	}
	return int64(u.Maxrss) * 1024
}
