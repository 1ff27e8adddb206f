//go:build arm64 && !purego

package lib

import (
	"os"
	"runtime"
)

// isaNEON is the one instruction set of arm64, which has it always.
const isaNEON = isaPortable + 1

// chooseISA is NEON, unless GPAMC_ISA=portable asks for less.
func chooseISA() int {
	if os.Getenv("GPAMC_ISA") == "portable" {
		return isaPortable
	}
	return isaNEON
}

// pause lets another goroutine run while this one spins.
func pause() { runtime.Gosched() }
