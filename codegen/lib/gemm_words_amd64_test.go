//go:build amd64 && !purego

package lib

import "testing"

// eachWordISA is eachISA, and AVX2 and AVX-512 once more without what came later.
func eachWordISA(t *testing.T, f func(t *testing.T)) {
	eachISA(t, func(t *testing.T) {
		f(t)
		if isa == isaAVX2 && hasAVXVNNI || isa == isaAVX512 && (hasBF16 || hasVNNI) {
			bf16, vnni, avxvnni := hasBF16, hasVNNI, hasAVXVNNI
			defer func() { hasBF16, hasVNNI, hasAVXVNNI = bf16, vnni, avxvnni }()
			hasBF16, hasVNNI, hasAVXVNNI = false, false, false
			t.Run("without extensions", f)
		}
	})
}

// TestRoundPairs compares what VCVTNE2PS2BF16 rounds to its twin, but for
// numbers so small that the instruction takes them for 0.
func TestRoundPairs(t *testing.T) {
	if !hasBF16 {
		t.Log("the processor has no AVX512-BF16; nothing to compare")
		return
	}
	for _, n := range []int{0, 1, 2, 31, 32, 33, 64, 97, 1000} {
		x := roundingCases(t, n, false)
		got, want := words(t, (n+1)/2), make([]uint32, (n+1)/2)
		roundPairs(got, x)
		roundPairsGo(want, x)
		sameBF16(t, got, want, 2)
	}
}
