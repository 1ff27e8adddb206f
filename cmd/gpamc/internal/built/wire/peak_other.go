//go:build !unix

package wire

import "runtime"

// peak is the memory that the Go runtime has taken from the system, in bytes: what the process had at most, but for mapped files.
func peak() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
