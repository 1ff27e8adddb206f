package wire

import (
	"os"
	"strconv"
	"strings"
)

// peak is the most memory that the process has had in use, in bytes, 0 where the system does not say. Getrusage does not know it: there
// a process begins with what the one had that started it.
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(size), " kB"), 10, 64)
			return n * 1024
		}
	}
	return 0
}
