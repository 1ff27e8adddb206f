package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestFixColumns(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachFixed(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 5, 6, 7, 12, 32, 64, 95, 96, 288, 384} {
			size := wordSteps(n, fixedUnit)*fixedWords*panelCols + fixedColumns
			w, got, want := random(t, n*panelCols, uint64(n)), words(t, size), words(t, size)
			for i := range w {
				w[i] *= float32(math.Exp2(float64(i%panelCols) - 16))
				if i%panelCols == 3 {
					w[i] = 0
				}
			}
			same := func(what string, columns func(c int) bool) {
				t.Helper()
				fine := fixColumns(got, w, n)
				if want := fixColumnsGo(want, w, n); fine != want {
					t.Fatalf("%d rows, %s: fine %v, want %v", n, what, fine, want)
				}
				for i, v := range want {
					if i >= size-panelCols && !pairs || !columns(i%panelCols) {
						continue
					}
					if got[i] != v {
						t.Fatalf("%d rows, %s: word %d of %d is %#x, want %#x", n, what, i, size, got[i], v)
					}
				}
			}
			same("random", func(int) bool { return true })
			for _, odd := range []float32{nan, inf, -inf, 1e30, 1e-30, 1e15, 1e-15} {
				was := w[0]
				w[0] = odd
				same(fmt.Sprint(odd), func(c int) bool { return c > 0 })
				w[0] = was
			}
			if n < 200 {
				continue
			}
			w[3*panelCols+5] = 1000 * w[4*panelCols+5]
			same("one far larger", func(int) bool { return true })
			if fixColumns(got, w, n) {
				t.Errorf("%d rows are fine of which one is far larger", n)
			}
		}
	})
}

func TestFixRows(t *testing.T) {
	eachFixed(t, func(t *testing.T) {
		for n := 1; n < 300; n += 1 + n/20 {
			for _, both := range []bool{false, true} {
				const rows = 3
				steps := wordSteps(n, fixedUnit) * fixedWords
				ldd, ld := fixedHead+roundUp(n, fixedAlign)/2, n+3
				x, a, b, back := random(t, (rows-1)*ld+n, 1), []float32{512, 8192, -64}, []float32{-256, 4096, 128}, random(t, rows, 2)
				var u []float32
				if both {
					u = random(t, len(x), 3)
				}
				got, want := words(t, rows*ldd), words(t, rows*ldd)
				fixRows(got, ldd, x, u, ld, a, b, back, rows, n)
				fixRowsGo(want, ldd, x, u, ld, a, b, back, rows, n)
				same := func(what string, got []uint32, ld int) {
					t.Helper()
					for r := range rows {
						for i := range fixedHead + steps {
							if g, w := got[r*ld+i], want[r*ldd+i]; g != w && (i == 0 || i >= fixedHead || i == 1 && pairs) {
								t.Fatalf("%d columns, both %v, %s: word %d of row %d is %#x, want %#x", n, both, what, i, r, g, w)
							}
						}
					}
				}
				same("elsewhere", got, ldd)
				// Where x lay, with as much room behind a row as an attention leaves.
				wide := roundUp(n, fixedAlign) + 16
				here := garbage(t, rows*wide)
				for r := range rows {
					copy(here[r*wide:][:n], x[r*ld:])
				}
				if both {
					there := garbage(t, rows*wide)
					for r := range rows {
						copy(there[r*wide:][:n], u[r*ld:])
					}
					u = there
				}
				fixRows(reinterpret[uint32](here), wide, here, u, wide, a, b, back, rows, n)
				same("in place", reinterpret[uint32](here), wide)
			}
		}
	})
}

func TestRowSquares(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 8, 9, 16, 31, 64, 100} {
			const rows = 4
			ld := n + 2
			x, got := random(t, (rows-1)*ld+n, 1), garbage(t, rows)
			rowSquares(got, x, ld, rows, n)
			for r := range rows {
				near(t, fmt.Sprint(n), got[r:], []float64{squares(x[r*ld:][:n])}, 4*eps*float64(n))
			}
		}
	})
}

func TestNormScale(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		v := float32(math.Exp2(200*r.Float64() - 100))
		scale, back, ok := normScale(v)
		if norm := math.Sqrt(float64(v)) * float64(scale); !ok || scale*back != 1 || norm < 1<<13 || norm >= 1<<14 {
			t.Fatalf("squares of %g: norm %g, %g times %g, ok %v", v, norm, scale, back, ok)
		}
	}
	for _, v := range []float64{1e-32, 1e32, 1e-45, math.Inf(1), math.NaN()} {
		if _, _, ok := normScale(float32(v)); ok {
			t.Errorf("squares of %g are ok", v)
		}
	}
	if scale, back, ok := normScale(0); !ok || scale != 1 || back != 1 {
		t.Errorf("a row of 0: %g, %g, %v", scale, back, ok)
	}
}

// fixedBound is how far from what it is to be an element may be that averages values
// of at most 1.
const fixedBound = 0x1p-10

func TestAttentionFixed(t *testing.T) {
	one, four := newCtx(1), newCtx(4)
	defer four.close()
	cases := pairedCases(t)
	var want [][]float64
	for i := range cases {
		cases[i].s.format = fixedAttention{}
		want = append(want, cases[i].reference())
	}
	eachFixed(t, func(t *testing.T) {
		for i, a := range cases {
			if !a.laidOut().inFormat {
				t.Fatalf("%s is not done in fixed point", a.name)
			}
			y := a.run(t, one)
			near(t, a.name, y, want[i], fixedBound*a.scale)
			sameBits(t, a.name+", four threads", a.run(t, four), y)
			a.s.ends = maskEnds
			near(t, a.name+", ends", a.run(t, one), want[i], fixedBound*a.scale)
		}
	})
}

// TestAttentionFixedError compares errors with those of queries, keys and values
// that are bfloat16.
func TestAttentionFixedError(t *testing.T) {
	c := newCtx(1)
	for _, mean := range []float64{0, 0.5} {
		for _, keys := range []int{200, 600} {
			for _, scale := range []float32{0.1, 1, 5} {
				for _, dual := range []bool{false, true} {
					s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 60, keys: keys, d: 64, dv: 64, format: fixedAttention{}}
					a := newAttentionCase(t, fmt.Sprintf("%d keys, mean %g, scores of %g, dual %v", keys, mean, scale, dual), s, dual)
					r := rand.New(rand.NewPCG(3, 4))
					each := func(change func(v float32) float32) {
						for _, h := range []heads{a.p.q, a.n.q, a.p.k, a.p.v} {
							for i, v := range h.x {
								h.x[i] = change(v)
							}
						}
					}
					each(func(float32) float32 { return float32(r.NormFloat64() + mean) })
					a.p.score.scale, a.n.score.scale = scale/8, scale/8
					a.p.gain, a.n.gain = heads{}, heads{x: []float32{0.5}}
					want := a.reference()
					rootError := func(y func(i int) float64) (sum float64) {
						for i, v := range want {
							sum += (y(i) - v) * (y(i) - v)
						}
						return math.Sqrt(sum / float64(len(want)))
					}
					var got []float64
					eachFixed(t, func(t *testing.T) {
						y := a.run(t, c)
						got = append(got, rootError(func(i int) float64 { return float64(y[i]) }))
					})
					each(func(v float32) float32 { return bf16ToF32(f32ToBF16(v)) })
					rounded := a.reference()
					most := rootError(func(i int) float64 { return rounded[i] }) / 2
					for _, v := range got {
						if !(v < most) {
							t.Errorf("%s: errors of %g, half of those of bfloat16 is %g", a.name, v, most)
						}
					}
				}
			}
		}
	}
}

// TestAttentionFixedOdd has heads and blocks that cannot be in fixed point, among
// others that can.
func TestAttentionFixedOdd(t *testing.T) {
	one := newCtx(1)
	s := attentionShape{batch: 1, heads: 4, kvHeads: 2, queries: 130, keys: 200, d: 42, dv: 40, format: fixedAttention{}}
	for _, dual := range []bool{false, true} {
		for _, kind := range []string{"key", "value", "query", "gain"} {
			a := newAttentionCase(t, fmt.Sprintf("%s dual %v", kind, dual), s, dual)
			usual := a.scale
			switch kind {
			case "key": // of the second head, which hardly any query meets
				a.p.k.x[77*a.p.k.row+a.p.k.head+3] = -1e5
			case "value":
				a.p.v.x[77*a.p.v.row+a.p.v.head+3] = 1e5
				a.scale *= 1e5
			case "query":
				a.p.q.x[60*a.p.q.row+5] = 1e20
			case "gain":
				if dual {
					a.n.gain = heads{x: []float32{1e-34}}
					a.p.gain = heads{x: []float32{-1e-33}}
				}
			}
			want := a.reference()
			eachFixed(t, func(t *testing.T) {
				for i, v := range a.run(t, one) {
					bound := fixedBound * usual
					if i/(s.dv*s.queries) >= 2 {
						bound *= a.scale / usual
					}
					near(t, fmt.Sprint(a.name, " element ", i), []float32{v}, want[i:i+1], bound)
				}
			})
		}
	}
}

// TestAttentionFixedSums has sums, and pairs of elements, that are as large as they
// can be. Weights of both branches are the same, and are added.
func TestAttentionFixedSums(t *testing.T) {
	c := newCtx(1)
	for _, keys := range []int{96, 192, 288, 384} { // which are one part
		for _, one := range []bool{false, true} {
			s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 60, keys: keys, d: 64, dv: 40, format: fixedAttention{}}
			for _, dual := range []bool{false, true} {
				a := newAttentionCase(t, fmt.Sprintf("%d keys, one %v, dual %v", keys, one, dual), s, dual)
				clear(a.p.q.x)
				// Norms just below the largest.
				gain := math.Sqrt(float64(keys)/2) * math.Exp2(31./2-14)
				if !one {
					for i := range a.p.v.x {
						a.p.v.x[i] = -0.999 * fixedNorm / float32(math.Sqrt(float64(keys))) / 2048
					}
				} else {
					const key, partner = 9, 11
					gain = 2
					a.bias = bias{make([]float32, keys), 0, 0, 0, 1}
					a.bias.x[key] = 40
					for i := range a.p.v.x {
						if a.p.v.x[i] = 0.04; i/a.p.v.row == partner {
							a.p.v.x[i] = 0x1.fffp0
						}
					}
				}
				if dual {
					a.n.q, a.p.gain, a.n.gain = a.p.q, heads{x: []float32{float32(0.999 * gain)}}, heads{x: []float32{float32(-0.999 * gain)}}
				}
				want := a.reference()
				eachFixed(t, func(t *testing.T) { near(t, a.name, a.run(t, c), want, 2e-3*math.Abs(want[0])) })
			}
		}
	}
}

func TestAttentionFixedDoesNotAllocate(t *testing.T) {
	c := newCtx(2)
	defer c.close()
	a := newAttentionCase(t, "", attentionShape{batch: 1, heads: 2, kvHeads: 2, queries: 130, keys: 130, d: 40, dv: 40, format: fixedAttention{}}, true)
	y := packedHeads(t, 1, 2, 130, 40, 9)
	eachFixed(t, func(t *testing.T) {
		step := func() { dualAttention(c, y, a.p, a.n, a.bias, a.keep, a.s) }
		step()
		if n := testing.AllocsPerRun(10, step); n != 0 {
			t.Errorf("%v allocations in a step that has none", n)
		}
	})
}
