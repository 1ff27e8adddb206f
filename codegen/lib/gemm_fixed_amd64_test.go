//go:build amd64 && !purego

package lib

import "testing"

// eachUnpaired is each way to do fixed point without pairs.
func eachUnpaired(t *testing.T, f func(t *testing.T)) {
	eachISA(t, func(t *testing.T) {
		bf16, avxvnni := hasBF16, hasAVXVNNI
		defer func() { hasBF16, hasAVXVNNI = bf16, avxvnni }()
		hasBF16 = false
		if !fixes() {
			return
		}
		t.Run("without pairs", f)
		if isa == isaAVX2 && hasAVXVNNI {
			hasAVXVNNI = false
			t.Run("nor AVX-VNNI", f)
		}
	})
}
