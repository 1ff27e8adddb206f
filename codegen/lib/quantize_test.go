package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// bytesOf is n bytes up to a guard.
func bytesOf[T int8 | uint8](t testing.TB, n int) []T {
	if n == 0 {
		return nil
	}
	x := garbage(t, (n+3)/4)
	all := unsafe.Slice((*T)(unsafe.Pointer(&x[0])), 4*len(x))
	return all[len(all)-n:]
}

func randomBytes[T int8 | uint8](t testing.TB, n int, seed uint64) []T {
	r := rand.New(rand.NewPCG(seed, 9))
	x := bytesOf[T](t, n)
	for i := range x {
		x[i] = T(r.Uint32())
	}
	return x
}

func TestQuantizeBytes(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 31, 32, 33, 64, 100, 1000} {
			x := random(t, n, uint64(n))
			for i := range x {
				if i%3 == 0 {
					x[i] = float32(i%7) / 2 // ties, and beyond the range for small scales
				}
			}
			for _, special := range [][]float32{nil, {nan}, {inf}, {-inf, math.MaxFloat32}, {math.MaxFloat32, -math.MaxFloat32, 0}} {
				if len(special) > n {
					continue
				}
				copy(x[n/2-len(special)/2:], special)
				for _, c := range [][3]int32{{0, 0, 255}, {128, 0, 255}, {255, 0, 255}, {0, -128, 127}, {-5, -128, 127}} {
					for _, scale := range []float32{1, .01, 1e-38, 0, nan} {
						got, want := bytesOf[uint8](t, n), make([]uint8, n)
						quantizeBytes(got, x, scale, c[0], c[1], c[2])
						quantizeBytesGo(want, x, scale, c[0], c[1], c[2])
						if !slices.Equal(got, want) {
							t.Fatalf("%d of %v with %g, scale %g: %v, want %v", n, c, special, scale, got, want)
						}
					}
				}
			}
		}
	})
}

// TestDynamicQuantize compares with ONNX's formula, written down once more.
func TestDynamicQuantize(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	cases := map[string][]float32{"none": {}, "zero": {0, 0}, "one": {3}, "negative": {-3, -1, -2}, "spoiled": {1, float32(math.NaN())}}
	for _, n := range []int{33, quantizeGrain, 2*quantizeGrain + 7} {
		cases[fmt.Sprint(n)] = append(random(t, n, 3), 1.7)
	}
	eachISA(t, func(t *testing.T) {
		for name, x := range cases {
			lo, hi := min(0, slices.Min(append([]float32{0}, x...))), max(0, slices.Max(append([]float32{0}, x...)))
			scale := (hi - lo) / 255
			if scale == 0 {
				scale = 1
			}
			zero := math.RoundToEven(float64(-lo / scale))
			for _, c := range []*ctx{one, three} {
				y, s, z := bytesOf[uint8](t, len(x)), []float32{0}, []uint8{9}
				dynamicQuantize(c, y, s, z, x)
				if name == "spoiled" {
					if s[0] == s[0] {
						t.Errorf("the scale of what is not finite is %g", s[0])
					}
					continue
				}
				if s[0] != scale || float64(z[0]) != zero {
					t.Fatalf("%s: scale %g and zero point %d, want %g and %g", name, s[0], z[0], scale, zero)
				}
				for i, v := range x {
					if want := min(max(math.RoundToEven(float64(v/scale))+zero, 0), 255); float64(y[i]) != want {
						t.Fatalf("%s: element %d is %d, want %g", name, i, y[i], want)
					}
				}
			}
		}
	})
}

// packedBytes is weights as the compiler packs them.
func packedBytes(t testing.TB, w []int8, scale []float32, zero []int8, k, n int) []uint32 {
	dst := words(t, PackedBytesLen(k, n, zero != nil))
	clear(dst)
	PackBytes(dst, reinterpret[byte](w), scale, reinterpret[byte](zero), k, n)
	return dst
}

func TestGemmQuantized(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	eachWordISA(t, func(t *testing.T) {
		for i, s := range wordShapes() {
			for _, shift := range []bool{false, true} {
				if i%2 == 0 {
					testQuantized(t, one, three, s, []uint8{uint8(31 * i)}[:i%4/2], i%3, shift)
				} else {
					testQuantized(t, one, three, s, []int8{int8(31 * i)}[:i%4/2], i%3, shift)
				}
			}
		}
	})
}

// testQuantized compares, bit for bit, with sums of whole numbers that are scaled behind. zero is empty for none.
func testQuantized[T int8 | uint8](t *testing.T, one, three *ctx, s [3]int, zero []T, pad int, shift bool) {
	m, k, n := s[0], s[1], s[2]
	x, w := randomBytes[T](t, max(0, m*(k+pad)-pad), 1), randomBytes[int8](t, k*n, 2)
	scales, bias, r := random(t, n, 3), random(t, n, 4), random(t, m*n, 5)
	zeros, f := make([]int8, n), symmetric
	if shift {
		zeros, f = randomBytes[int8](t, n, 6), shifted
	}
	zeroPoint := int32(0)
	if len(zero) == 0 {
		zero = nil
	} else {
		zeroPoint = int32(zero[0])
	}
	scale := []float32{0.037}
	want := make([]float32, m*n)
	for i := range m {
		for j := range n {
			sum := int32(0)
			for p := range k {
				sum += (int32(x[i*(k+pad)+p]) - zeroPoint) * (int32(w[p*n+j]) - int32(zeros[j]))
			}
			y := float32(float32(sum) * float32(scale[0]*scales[j]))
			want[i*n+j] = float32(y+bias[j]) + r[i*n+j]
		}
	}
	if !shift {
		zeros = nil
	}
	packed := packedBytes(t, w, scales, zeros, k, n)
	for _, c := range []*ctx{one, three} {
		y := garbage(t, m*n)
		gemmQuantized(c, f, y, n, x, k+pad, scale, zero, packed, bias, r, n, nil, m, k, n)
		sameBits(t, fmt.Sprintf("%v, zero point %d, columns shifted: %v", s, zeroPoint, shift), y, want)
	}
}

func TestDequantizeAll(t *testing.T) {
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	signed, plain := randomBytes[int8](t, 3*quantizeGrain+5, 1), randomBytes[uint8](t, 3*quantizeGrain+5, 2)
	for _, c := range []*ctx{one, three} {
		y := garbage(t, len(signed))
		dequantizeAll(c, y, signed, []float32{.3}, []int8{-2})
		for i, q := range signed {
			if want := float32(int32(q)+2) * .3; y[i] != want {
				t.Fatalf("element %d, %d, is %g, want %g", i, q, y[i], want)
			}
		}
		dequantizeAll(c, y, plain, []float32{.3}, nil)
		for i, q := range plain {
			if want := float32(q) * .3; y[i] != want {
				t.Fatalf("element %d, %d, is %g, want %g", i, q, y[i], want)
			}
		}
	}
}

func TestQuantizedDoesNotAllocate(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	x, y, q := random(t, 128*130, 1), make([]float32, 128*130), make([]uint8, 128*130)
	scale, zero := make([]float32, 1), make([]uint8, 1)
	w := packedBytes(t, randomBytes[int8](t, 130*130, 2), make([]float32, 130), nil, 130, 130)
	step := func() {
		dynamicQuantize(c, q, scale, zero, x)
		dequantizeAll(c, y, q, scale, zero)
		quantizeAll(c, q, x, scale, zero)
		gemmQuantized(c, symmetric, y, 130, q, 130, scale, zero, w, x, nil, 0, gelu32, 128, 130, 130)
	}
	step()
	if n := testing.AllocsPerRun(10, step); n != 0 {
		t.Errorf("%v allocations in a step that has none", n)
	}
}
