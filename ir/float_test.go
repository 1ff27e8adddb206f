package ir

import "testing"

func TestHalvesGoRound(t *testing.T) {
	for h := range 1 << 16 {
		x := F16ToFloat(uint16(h))
		if got := FloatToF16(x); got != uint16(h) && x == x {
			t.Fatalf("%#x is %g, which becomes %#x", h, x, got)
		}
		x = BF16ToFloat(uint16(h))
		if got := FloatToBF16(x); got != uint16(h) && x == x {
			t.Fatalf("%#x is %g, which becomes %#x", h, x, got)
		}
	}
}

func TestHalvesRoundToEven(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want uint16
	}{{1, 0x3c00}, {1 + 1./2048, 0x3c00}, {1 + 3./2048, 0x3c02}, {1 + 1.0001/2048, 0x3c01}, {2047.75, 0x6800}, {65519, 0x7bff}, {65520, 0x7c00}, {-0x1p-25, 0x8000}, {0x1.8p-24, 0x0002}} {
		if got := FloatToF16(c.x); got != c.want {
			t.Errorf("%g becomes %#x, want %#x", c.x, got, c.want)
		}
	}
}
