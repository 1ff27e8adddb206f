//go:build amd64 && !purego

package lib

import "testing"

// TestSplit compares what becomes of bytes with what they are, between guards.
func TestSplit(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		if isa == isaPortable {
			return
		}
		for n := range 23 {
			x, got, want := words(t, n), words(t, 2*n), make([]uint32, 2*n)
			for i := range x {
				x[i] = uint32(i+1) * 0x9e3779b1
			}
			splitRow(got, x)
			splitRowGo(want, x)
			sameWords(t, "row", got, want)
		}
		for rows := 1; rows < 5; rows++ {
			tail := (2 + rows%2) * panelCols
			w, got := words(t, rows*panelCols+tail), words(t, 2*rows*panelCols+tail)
			want := make([]uint32, len(got))
			for i := range w {
				w[i] = uint32(i+1) * 0x9e3779b1
			}
			for i, word := range w[:rows*panelCols] {
				at := i/panelCols*2*panelCols + i%panelCols
				signed := func(shift int) uint32 { return uint32(uint16(int16(int8(word >> shift)))) }
				want[at], want[at+panelCols] = signed(0)|signed(16)<<16, signed(8)|signed(24)<<16
			}
			copy(want[2*rows*panelCols:], w[rows*panelCols:])
			splitPanel(got, w, tail)
			sameWords(t, "panel", got, want)
		}
	})
}

// TestWide proves that products are done in 16 bits where nothing better is there, and only there.
func TestWide(t *testing.T) {
	eachWordISA(t, func(t *testing.T) {
		c, x := newCtx(1), make([]uint32, wideMin*apart(100))
		for _, f := range []wordFormat{symmetric, shifted} {
			if g, _ := f.widened(c, x, wideMin, wideLeast); (g.make != nil) != (isa == isaAVX2 && !hasAVXVNNI) {
				t.Errorf("instruction set %d, AVX-VNNI %v: %v", isa, hasAVXVNNI, g.make != nil)
			}
			if g, _ := f.widened(c, x, wideMin-1, wideLeast); g.make != nil {
				t.Error("few rows are widened")
			}
		}
	})
}
