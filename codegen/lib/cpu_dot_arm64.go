//go:build arm64 && !purego

package lib

import (
	"os"
	"runtime"
)

// hasDot tells of the instructions SDOT and UDOT.
var hasDot = detectDot()

// detectDot knows of every Mac, and asks Linux, which tells each process what
// its processor has. Elsewhere the instructions are not used.
func detectDot() bool {
	switch runtime.GOOS {
	case "darwin":
		return true
	case "linux", "android":
		aux, err := os.ReadFile("/proc/self/auxv")
		return err == nil && dotInAux(aux)
	}
	return false
}

// dotInAux looks for HWCAP_ASIMDDP among pairs of a kind and a value, of eight
// bytes each.
func dotInAux(aux []byte) bool {
	const hwcap, asimddp = "\x10\x00\x00\x00\x00\x00\x00\x00", 20
	for ; len(aux) >= 16; aux = aux[16:] {
		if string(aux[:8]) == hwcap {
			return aux[8+asimddp/8]>>(asimddp%8)&1 != 0
		}
	}
	return false
}
