package lib

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// int8Blocks are weights of a few bits in blocks, packed for rows in int8, and the numbers they stand for.
type int8Blocks struct {
	packed []uint32
	w      []float64
}

func newInt8Blocks(t testing.TB, bits, k, n, block int, zeros bool) int8Blocks {
	q, scale, zero := randomBlocks(bits, k, n, block, zeros)
	f := int8Blocks{packed: reinterpret[uint32](guarded(t, packedBlockedInt8Len(bits, k, n, block))), w: make([]float64, k*n)}
	for p := range k {
		for j := range n {
			b := p/block*n + j
			f.w[p*n+j] = (float64(q[p*n+j]) - float64(zero[b])) * float64(scale[b])
		}
	}
	clear(f.packed)
	if !zeros {
		zero = nil
	}
	PackBlockedInt8(bits, f.packed, q, scale, zero, k, n, block)
	return f
}

// roundedBlocks is x[m, k] as products see it.
func roundedBlocks(x []float32, m, k, ldx, block int) []float64 {
	out := make([]float64, m*k)
	part := make([]uint32, block/4+int8BlockOutside)
	for i := range m {
		for p := 0; p < k; p += block {
			from := x[i*ldx+p:][:min(block, k-p)]
			quantizeBlockGo(part, from)
			scale := float64(math.Float32frombits(part[len(part)-1]))
			for e := range from {
				out[i*k+p+e] = scale * float64(int8(part[1+e/4]>>(8*(e%4))))
			}
		}
	}
	return out
}

// TestGemmBlockedInt8 compares with the product of the numbers that rows and weights stand for.
func TestGemmBlockedInt8(t *testing.T) {
	formats := map[int]wordFormat{2: twoBitsInt8, 4: fourBitsInt8, 8: eightBitsInt8}
	one, three := newCtx(1), newCtx(3)
	defer three.close()
	for _, s := range [][4]int{
		{1, 1, 1, 16}, {1, 64, 32, 32}, {1, 90, 300, 32}, {1, 1030, 290, 64}, {2, 520, 128, 16}, {3, 33, 70, 16}, {4, 100, 31, 32}, {5, 0, 33, 16},
		{6, 520, 33, 128}, {23, 90, 64, 64}, {37, 1030, 64, 32}, {250, 48, 100, 16}, {7, 7, 2100, 256}, {13, 600, 64, 256}, {26, 4096, 32, 32},
	} {
		m, k, n, block := s[0], s[1], s[2], s[3]
		for form := range 24 {
			width := []int{2, 4, 8}[form/8]
			f := newInt8Blocks(t, width, k, n, block, form&1 != 0)
			x := random(t, m*(k+3), 1)
			rows := roundedBlocks(x, m, k, k+3, block)
			var bias, r []float32
			var act func(y, x []float32)
			if form&2 != 0 {
				bias, r = random(t, n, 2), random(t, m*n, 3)
			}
			if form&4 != 0 {
				act = relu32
			}
			want, bound := make([]float64, m*n), 0.0
			for i := range m {
				for j := range n {
					sum, size := 0.0, 1.0
					for p := range k {
						v := rows[i*k+p] * f.w[p*n+j]
						sum, size = sum+v, size+math.Abs(v)
					}
					if bias != nil {
						sum += float64(bias[j])
					}
					if act != nil {
						sum = max(sum, 0)
					}
					if r != nil {
						sum += float64(r[i*n+j])
					}
					want[i*n+j], bound = sum, max(bound, size)
				}
			}
			eachWordISA(t, func(t *testing.T) {
				name := fmt.Sprintf("%v, form %d", s, form)
				run := func(c *ctx) []float32 {
					y := garbage(t, m*(n+5))
					gemmBlockedInt8(c, formats[width], block, y, n+5, x, k+3, f.packed, bias, r, n, act, m, k, n)
					out := make([]float32, 0, m*n)
					for i := range m {
						out = append(out, y[i*(n+5):][:n]...)
						for _, v := range y[i*(n+5)+n:][:5] {
							if v == v {
								t.Fatalf("%s: wrote beyond row %d", name, i)
							}
						}
					}
					return out
				}
				y := run(one)
				near(t, name, y, want, 4*eps*bound)
				sameBits(t, name+", three threads", run(three), y)
			})
		}
	}
}

// TestQuantizeBlocks compares blocks as every instruction set writes them with the portable ones, and checks what they stand for.
func TestQuantizeBlocks(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, x := range map[string][]float32{
		"none": {}, "zero": make([]float32, 256), "random": random(t, 512, 3), "tiny": slices.Repeat([]float32{1e-44, -1e-44}, 128),
		"huge": slices.Repeat([]float32{math.MaxFloat32, -math.MaxFloat32, 1, 0}, 64), "ties": slices.Repeat([]float32{127, .5, 1.5, -2.5, -.5, 126.5, -126.5, 0}, 32),
		"infinite": slices.Repeat([]float32{inf, 1}, 128), "minus infinite": slices.Repeat([]float32{1, -inf}, 128), "nan": slices.Repeat([]float32{1, 2, 3, nan}, 64),
	} {
		for _, block := range []int{16, 32, 48, 128, 256} {
			blocks, size := len(x)/block, block/4+int8BlockOutside
			want := make([]uint32, blocks*size)
			quantizeBlocksGo(want, x, blocks, block)
			for i := range blocks {
				part, from := want[i*size:(i+1)*size], x[i*block:(i+1)*block]
				scale, sum := float64(math.Float32frombits(part[size-1])), int32(0)
				for p, v := range from {
					q := int8(part[1+p/4] >> (8 * (p % 4)))
					sum += int32(q)
					if d := math.Abs(float64(q)*scale - float64(v)); !(d <= 0.5001*scale) && scale == scale {
						t.Errorf("%s: element %d of %d is %g, stands for %g; the scale is %g", name, p, block, v, float64(q)*scale, scale)
					}
				}
				if int32(part[0]) != -sum {
					t.Errorf("%s: %d goes with the sum %d", name, int32(part[0]), sum)
				}
				if finite := !slices.ContainsFunc(from, func(v float32) bool { return v-v != 0 }); finite != (scale == scale) {
					t.Errorf("%s: the scale is %g", name, scale)
				}
			}
			eachISA(t, func(t *testing.T) {
				got, from := words(t, len(want)), guarded(t, len(x))
				copy(from, x)
				quantizeBlocks(got, from, blocks, block)
				for i, w := range want {
					scale := i/size*size + size - 1
					spoiled := func(words []uint32) bool { v := math.Float32frombits(words[scale]); return v != v }
					if spoiled(want) != spoiled(got) || !spoiled(want) && got[i] != w {
						t.Fatalf("%s: word %d of blocks of %d is %#x, want %#x", name, i, block, got[i], w)
					}
				}
			})
		}
	}
}

func BenchmarkGemmBlockedInt8(b *testing.B) {
	const k, n, block = 2048, 2048, 32
	fours, eights := newInt8Blocks(b, 4, k, n, block, true), newInt8Blocks(b, 8, k, n, block, true)
	for _, m := range []int{1, 2, 4, 16, 128} {
		x, y := random(b, m*k, 1), make([]float32, m*n)
		c := newCtx(1)
		run := map[string]func(){
			"four":  func() { gemmBlockedInt8(c, fourBitsInt8, block, y, n, x, k, fours.packed, nil, nil, 0, nil, m, k, n) },
			"eight": func() { gemmBlockedInt8(c, eightBitsInt8, block, y, n, x, k, eights.packed, nil, nil, 0, nil, m, k, n) },
		}
		for _, name := range []string{"four", "eight"} {
			b.Run(fmt.Sprintf("%s/%dx%dx%d", name, m, k, n), func(b *testing.B) {
				for b.Loop() {
					run[name]()
				}
				gflops(b, float64(2*m*k*n))
			})
		}
	}
}
