package lib

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSmallFloats rounds numbers to each small type and looks for a nearer one among all bit patterns.
func TestSmallFloats(t *testing.T) {
	for _, c := range []struct {
		name string
		bits int
		f    smallFloat
	}{
		{"e4m3fn", 8, formatE4M3FN()}, {"e4m3fnuz", 8, formatE4M3FNUZ()}, {"e5m2", 8, formatE5M2()},
		{"e5m2fnuz", 8, formatE5M2FNUZ()}, {"e2m1", 4, formatE2M1()},
	} {
		top := c.f.decode(c.f.top())
		r := rand.New(rand.NewPCG(1, 2))
		for b := range 1 << c.bits {
			v := c.f.decode(uint8(b))
			if v == v && !math.IsInf(v, 0) && int(c.f.encode(v, true)) != b {
				t.Errorf("%s: %#x is %g, which becomes %#x", c.name, b, v, c.f.encode(v, true))
			}
		}
		for range 2000 {
			x := r.NormFloat64() * math.Ldexp(top, -r.IntN(12)) / 2
			got := c.f.decode(c.f.encode(x, true))
			for b := range 1 << c.bits {
				v := c.f.decode(uint8(b))
				nearer := math.Abs(v-x) < math.Abs(got-x)
				tie := math.Abs(v-x) == math.Abs(got-x) && v != got && b&1 == 0 && c.f.encode(x, true)&1 == 1
				if !math.IsInf(v, 0) && (nearer || tie) {
					t.Fatalf("%s: %g becomes %g instead of %g", c.name, x, got, v)
				}
			}
		}
	}
}

func TestSmallFloatsBeyond(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name     string
		got      uint8
		want     uint8
		saturate bool
	}{
		{"e4m3fn inf saturated", formatE4M3FN().encode(inf, true), 0x7e, true},
		{"e4m3fn inf", formatE4M3FN().encode(inf, false), 0x7f, false},
		{"e4m3fn -1000", formatE4M3FN().encode(-1000, false), 0xff, false},
		{"e4m3fnuz inf", formatE4M3FNUZ().encode(inf, false), 0x80, false},
		{"e4m3fnuz -0", formatE4M3FNUZ().encode(math.Copysign(0, -1), true), 0, true},
		{"e5m2 inf", formatE5M2().encode(inf, false), 0x7c, false},
		{"e5m2 inf saturated", formatE5M2().encode(inf, true), 0x7b, true},
		{"e5m2 NaN", formatE5M2().encode(math.NaN(), true), 0x7f, true},
		{"e2m1 100", formatE2M1().encode(100, false), 7, false},
		{"e8m0 3", uint8(toF8E8M0(3, true)), 129, true},
		{"e8m0 up 2.5", uint8(toF8E8M0Up(2.5, true)), 129, true},
		{"e8m0 up 2", uint8(toF8E8M0Up(2, true)), 128, true},
		{"e8m0 down 3.9", uint8(toF8E8M0Down(3.9, true)), 128, true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, c.got, c.want)
		}
	}
}

// TestHalf walks over all halves, and over what lies beside the middle of two.
func TestHalf(t *testing.T) {
	for b := range 1 << 16 {
		h := float16(b)
		v := fromF16(h)
		if v != v {
			if w := toF16(v); fromF16(w) == fromF16(w) {
				t.Fatalf("NaN %#x becomes %#x", b, w)
			}
			continue
		}
		if toF16(v) != h || f32ToF16(float32(v)) != h {
			t.Fatalf("%#x is %g, which becomes %#x and %#x", b, v, toF16(v), f32ToF16(float32(v)))
		}
		if next := fromF16(h + 1); next == next && !math.IsInf(next, 0) && !math.IsInf(v, 0) && b&0x7fff != 0x7fff {
			middle := (v + next) / 2
			even := h + h&1
			if toF16(middle) != even || toF16(math.Nextafter(middle, v)) != h || toF16(math.Nextafter(middle, next)) != h+1 {
				t.Fatalf("between %g and %g: %#x %#x %#x", v, next, toF16(math.Nextafter(middle, v)), toF16(middle), toF16(math.Nextafter(middle, next)))
			}
		}
	}
}

func TestBrainFloat(t *testing.T) {
	for b := range 1 << 16 {
		h := bfloat16(b)
		v := fromBF16(h)
		if v != v {
			continue
		}
		if toBF16(v) != h {
			t.Fatalf("%#x is %g, which becomes %#x", b, v, toBF16(v))
		}
		if next := fromBF16(h + 1); next == next && !math.IsInf(next, 0) && !math.IsInf(v, 0) && b&0x7fff != 0x7fff {
			middle := (v + next) / 2
			if toBF16(middle) != h+h&1 || toBF16(math.Nextafter(middle, v)) != h || toBF16(math.Nextafter(middle, next)) != h+1 {
				t.Fatalf("between %g and %g: %#x", v, next, toBF16(middle))
			}
		}
	}
}

func TestScalarFunctions(t *testing.T) {
	nan := math.NaN()
	same := func(a, b float64) bool { return a == b && math.Signbit(a) == math.Signbit(b) || a != a && b != b }
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"modulo -7 3", float64(modulo[int8](-7, 3)), 2},
		{"modulo 7 -3", float64(modulo[int32](7, -3)), -2},
		{"modulo 200 7", float64(modulo[uint8](200, 7)), 4},
		{"remainder -7 3", float64(remainder[int64](-7, 3)), -1},
		{"floorMod -7.5 2", floorMod(-7.5, 2), 0.5},
		{"fmod -7.5 2", fmod(-7.5, 2), -1.5},
		{"quotient -7 2", float64(quotient[int16](-7, 2)), -3},
		{"pow 3 41 wraps", float64(pow[int64, int64](3, 41)), float64(int64(-420491770248316829))},
		{"pow 2 10", float64(pow[int32, float32](2, 10)), 1024},
		{"absolute -0", absolute(math.Copysign(0, -1)), 0},
		{"absolute NaN", absolute(nan), nan},
		{"sign NaN", sign(nan), nan},
		{"sign -3", float64(sign[int8](-3)), -1},
		{"round 2.5", round(2.5), 2},
		{"largest NaN", largest(1, nan), nan},
		{"lowest int8", float64(lowest[int8]()), -128},
		{"lowest uint16", float64(lowest[uint16]()), 0},
		{"highest uint16", float64(highest[uint16]()), 65535},
		{"highest int64", float64(highest[int64]()), math.MaxInt64},
		{"lowest float32", float64(lowest[float32]()), math.Inf(-1)},
		{"toInteger 300", float64(toInteger[int8](300)), 44},
		{"toInteger 2^63", float64(toInteger[uint64](1 << 63)), 1 << 63},
		{"toInt4 9", float64(toInt4(9)), -7},
		{"clampInteger 300", float64(clampInteger[uint8](300, true)), 255},
		{"clampInteger -300", float64(clampInteger[int8](-300, true)), -128},
		{"reflect -1 of 4", float64(reflectIndex(-1, 4)), 1},
		{"reflect 4 of 4", float64(reflectIndex(4, 4)), 2},
		{"wrap -1 of 4", float64(wrapIndex(-1, 4)), 3},
		{"counted 5 by 2", float64(counted(5, 2)), 3},
	} {
		if !same(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestStrings(t *testing.T) {
	y := make([]string, 5)
	spell(y, []float32{0.1, 3, float32(math.Inf(1)), float32(math.NaN()), -1e20}, fromNumber, 32)
	for i, want := range []string{"0.1", "3", "INF", "NaN", "-1e+20"} {
		if y[i] != want {
			t.Errorf("%q, want %q", y[i], want)
		}
	}
	z := make([]int64, 3)
	parseInteger(z, []string{"9007199254740993", " -4", "2.9"})
	if z != nil && (z[0] != 9007199254740993 || z[1] != -4 || z[2] != 2) {
		t.Errorf("integers from strings: %v", z)
	}
	if parseNumber("-INF") != math.Inf(-1) || parseNumber("0.25") != 0.25 {
		t.Error("numbers from strings")
	}
	defer func() {
		if _, ok := recover().(inputError); !ok {
			t.Error("no input error for what is no number")
		}
	}()
	parseNumber("seven")
}
