package lib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestRowSpread(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, n := range []int{1, 15, 16, 17, 64, 100} {
			const rows = 5
			ld := n + 3
			x := random(t, (rows-1)*ld+n, 1)
			clear(x[2*ld : 2*ld+n])
			low, high, all := math.Inf(1), 0.0, 0.0
			for r := range rows {
				s := squares(x[r*ld:][:n])
				if r != 2 {
					low = min(low, s)
				}
				high = max(high, s)
				all += s
			}
			least, most, sum := rowSpread(x, ld, rows, n)
			near(t, fmt.Sprint(n), []float32{least, most, sum}, []float64{low, high, all}, 4*eps*float64(n))
			clear(x)
			if least, most, sum := rowSpread(x, ld, rows, n); !math.IsInf(float64(least), 1) || most != 0 || sum != 0 {
				t.Errorf("zeros of %d: %g %g %g", n, least, most, sum)
			}
			x[ld] = float32(math.NaN())
			if _, _, sum := rowSpread(x, ld, rows, n); sum == sum {
				t.Errorf("one of %d is NaN: the sum is %g", n, sum)
			}
		}
	})
}

func TestColumnCorners(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, units := range []int{1, 2, 17} {
			w, got := random(t, units*pairedUnit*panelCols, 1), garbage(t, panelCols)
			columnCorners(got, w, units)
			for c := range panelCols {
				near(t, fmt.Sprint(units, c), got[c:], []float64{float64(corner(w[c:], panelCols, units*pairedUnit))}, 4*eps*float64(units))
			}
		}
	})
}

func TestPackCorners(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for _, units := range []int{1, 2, 17} {
			for _, n := range []int{1, 31, 32} {
				steps, ld := units*pairedUnit, n+3
				w := random(t, (steps-1)*ld+n, 1)
				panel, want, corners := garbage(t, steps*panelCols), garbage(t, steps*panelCols), garbage(t, units*panelCols)
				packCorners(panel, corners, w, units, n, ld)
				packPanel(want, w, steps, n, ld, 1)
				what := fmt.Sprint(units, " units of ", n)
				sameBits(t, what, panel, want)
				for i, v := range corners {
					u, c := i/panelCols, i%panelCols
					near(t, what, []float32{v}, []float64{float64(corner(want[c:], panelCols, (u+1)*pairedUnit))}, 4*eps*float64(units))
				}
			}
		}
	})
}

func TestBlendCorners(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for cols := 1; cols < 3*pairedTurn; cols++ {
			for _, both := range []bool{false, true} {
				const rows = 3
				room := roundUp(cols, cacheLine/4)
				ld := room + 2
				was, a, b := random(t, (rows-1)*ld+room, 1), random(t, rows, 2), random(t, rows, 3)
				s, ends := garbage(t, len(was)), random(t, 2*rows, 4)
				var u []float32
				if both {
					u = garbage(t, len(s))
				}
				for r := range rows {
					copy(s[r*ld:][:cols], was[r*ld:])
					if both {
						copy(u[r*ld:][:cols], was[(rows-1-r)*ld:])
					}
				}
				blendCorners(s, u, ld, a, b, ends, rows, cols)
				what := fmt.Sprint(cols, " both ", both)
				for r := range rows {
					for j := range cols {
						want := float64(was[r*ld+j]) * float64(a[r])
						if both {
							want += float64(was[(rows-1-r)*ld+j]) * float64(b[r])
						}
						near(t, what, s[r*ld+j:], []float64{want}, 2*eps)
					}
					near(t, what+", corner", ends[2*r+1:], []float64{-float64(ends[2*r]) * rowPairs(s[r*ld:][:cols])}, 2*eps*math.Sqrt(float64(cols)))
					for j := room; j < ld && r+1 < rows; j++ {
						if v := s[r*ld+j]; v == v {
							t.Fatalf("%s: wrote %g behind row %d", what, v, r)
						}
					}
				}
			}
		}
	})
}

func TestScaleCorners(t *testing.T) {
	eachPaired(t, func(t *testing.T) {
		for cols := 1; cols < 3*pairedTurn; cols++ {
			const rows = 4
			room := roundUp(cols, cacheLine/4)
			ldx, ldy := cols+1, room+2
			x, y, ends := random(t, (rows-1)*ldx+cols, 1), garbage(t, (rows-1)*ldy+room), garbage(t, 2*rows)
			clear(x[ldx : ldx+cols])
			for j := range cols {
				x[2*ldx+j] *= 0x1p-30
				x[3*ldx+j] *= 0x1.8p31
			}
			const size = 0x1p3
			if !scaleCorners(y, ldy, x, ldx, ends, rows, cols, size) {
				t.Fatalf("%d columns are odd", cols)
			}
			for r := range rows {
				what := fmt.Sprint(cols, " row ", r)
				scale := 1.0
				if back := ends[2*r]; (back == 0) != (r == 1) {
					t.Fatalf("%s: goes back by %g", what, back)
				} else if back != 0 {
					scale = 1 / float64(back)
					root := math.Sqrt(squares(x[r*ldx:][:cols])/float64(cols)) * scale / size
					if m, _ := math.Frexp(scale); m != 0.5 || root < 0.7 || root > 1.42 {
						t.Fatalf("%s: scaled by %g to %g", what, scale, root)
					}
				}
				near(t, what, y[r*ldy:], times(x[r*ldx:][:cols], float32(scale)), 0)
				corner := float64(ends[2*r]) * rowPairs(y[r*ldy:][:cols])
				near(t, what+", corner", ends[2*r+1:], []float64{-corner}, 16*eps*size*size*float64(ends[2*r])*math.Sqrt(float64(cols)))
				for j := room; j < ldy && r+1 < rows; j++ {
					if v := y[r*ldy+j]; v == v {
						t.Fatalf("%s: wrote %g behind it", what, v)
					}
				}
			}
			for _, odd := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e25, 1e15} {
				x[len(x)-1] = float32(odd)
				if scaleCorners(y, ldy, x, ldx, ends, rows, cols, size) {
					t.Fatalf("%d columns, one of %g: not odd", cols, odd)
				}
			}
		}
	})
}

// rowPairs is the corner of a row.
func rowPairs(x []float32) (sum float64) {
	for ; len(x) >= pairedUnit; x = x[pairedUnit:] {
		sum += float64(x[1])*float64(x[2]) - float64(x[4])*float64(x[5])
	}
	return sum
}

// laidOut is how the case may be done.
func (a attentionCase) laidOut() attentionTask {
	task := attentionTask{attentionShape: a.s, branches: [2]branch{a.p, a.n}, count: 1, group: a.s.heads / a.s.kvHeads}
	if a.n.q.x != nil {
		task.count = 2
	}
	task.layOut()
	return task
}

// pairedCases is attentions that are large enough to be done by pairs.
func pairedCases(t testing.TB) []attentionCase {
	var all []attentionCase
	add := func(name string, s attentionShape, change func(*attentionCase)) {
		for _, dual := range []bool{false, true} {
			a := newAttentionCase(t, fmt.Sprintf("%s %+v dual %v", name, s, dual), s, dual)
			if change != nil {
				change(&a)
			}
			all = append(all, a)
		}
	}
	shape := func(queries, keys, d, dv int) attentionShape {
		return attentionShape{batch: 2, heads: 4, kvHeads: 2, queries: queries, keys: keys, d: d, dv: dv, offset: keys - queries}
	}
	one := func(queries, keys, d, dv int) attentionShape {
		s := shape(queries, keys, d, dv)
		s.batch, s.heads, s.kvHeads = 1, 1, 1
		return s
	}
	for i, keys := range []int{64, 95, 96, 97, 129, 250, 300} {
		for j, queries := range []int{50, 51, 70, 97, 101} {
			s := one(queries, keys, 0, 1+(11*i+30*j)%97)
			seen := keys
			if s.causal = (i+j)%2 == 0 && queries <= keys; s.causal {
				seen -= queries / 2
			}
			s.d = max(pairedCols, pairedWork/seen+1) + (7*i+j)%43
			add("", s, nil)
		}
	}
	add("heads", shape(60, 128, 64, 64), nil)
	add("heads with tails", shape(57, 231, 37, 35), nil)
	add("fewer heads of keys", attentionShape{batch: 2, heads: 4, kvHeads: 4, kShare: 2, queries: 60, keys: 130, d: 64, dv: 16}, nil)
	add("fewer heads of values", attentionShape{batch: 2, heads: 4, kvHeads: 2, vShare: 2, queries: 60, keys: 130, d: 64, dv: 16}, nil)
	decode := shape(1, 256, 32, 32)
	decode.heads, decode.kvHeads = 110, 2
	add("heads instead of queries", decode, func(a *attentionCase) { a.p.gain = heads{} })
	for _, keys := range []int{576, 577, 1100, 1200} {
		s := one(53, keys, 33, 40)
		add("long", s, nil)
		s.causal = true
		add("long", s, nil)
		for _, s.window = range []int{130, 300, 600} {
			add("window", s, nil)
		}
		s.causal = false
		add("window", s, nil)
	}
	add("longest", one(50, longKeys+1, 32, 8), nil)
	const queries, keys = 55, 130
	some := shape(queries, keys, 64, 32)
	add("bias", some, func(a *attentionCase) {
		a.bias = bias{random(t, 2*4*queries*keys, 9), 4 * queries * keys, queries * keys, keys, 1}
	})
	add("keep, and nothing for some", some, func(a *attentionCase) {
		a.keep = keep{make([]bool, queries*keys), 0, 0, keys, 1}
		for j := range a.keep.x {
			a.keep.x[j] = j%7 == 3 && j/keys != 11
		}
	})
	add("padding of all", some, func(a *attentionCase) { a.keep = keep{make([]bool, 2*keys), keys, 0, 0, 1} })
	add("filled with a number", some, func(a *attentionCase) {
		a.s.fill = -2
		a.keep = keep{make([]bool, keys), 0, 0, 0, 1}
		for j := range a.keep.x {
			a.keep.x[j] = j%3 != 0
		}
	})
	add("sink, capped", some, func(a *attentionCase) {
		a.s.sink = heads{[]float32{3, -1, 0.5, float32(math.Inf(-1))}, 0, 1, 0}
		a.p.score.cap, a.n.score.cap = 0.5, 2
	})
	add("scales that are not positive", some, func(a *attentionCase) { a.p.score.scale, a.n.score.scale = -0.5, 0 })
	add("own keys and values", some, func(a *attentionCase) {
		a.n.k, a.n.v = packedHeads(t, 2, 2, keys, 64, 11), packedHeads(t, 2, 2, keys, 32, 12)
	})
	add("gains of 0", some, func(a *attentionCase) {
		if a.n.q.x != nil {
			a.p.gain, a.n.gain = heads{x: []float32{0}}, heads{x: []float32{0}}
		}
	})
	add("queries and keys of other sizes", some, func(a *attentionCase) {
		for i := range a.p.q.x {
			a.p.q.x[i] *= float32(int(1) << (i / a.p.q.row % 23))
		}
		for i := range a.p.k.x {
			a.p.k.x[i] /= 1 << 20
		}
	})
	add("queries, keys and values of 0", some, func(a *attentionCase) {
		clear(a.p.q.x[3*a.p.q.row : 7*a.p.q.row])
		clear(a.p.k.x[90*a.p.k.row : 100*a.p.k.row])
		clear(a.p.v.x[90*a.p.v.row : 100*a.p.v.row])
	})
	return all
}

func TestAttentionPaired(t *testing.T) {
	one, four := newCtx(1), newCtx(4)
	defer four.close()
	cases := pairedCases(t)
	var want [][]float64
	for _, a := range cases {
		want = append(want, a.reference())
	}
	eachPaired(t, func(t *testing.T) {
		for i, a := range cases {
			if !a.laidOut().paired {
				t.Fatalf("%s is not done by pairs", a.name)
			}
			y := a.run(t, one)
			near(t, a.name, y, want[i], 32*eps*a.scale)
			sameBits(t, a.name+", four threads", a.run(t, four), y)
			a.s.ends = maskEnds
			near(t, a.name+", ends", a.run(t, one), want[i], 32*eps*a.scale)
		}
	})
}

// TestAttentionGarbage puts something where a mask hides it: what is seen comes out
// as without.
func TestAttentionGarbage(t *testing.T) {
	one := newCtx(1)
	const queries, keys, seen = 64, 700, 520
	for _, dual := range []bool{false, true} {
		for _, kind := range []string{"bias", "own bias", "causal", "keep"} {
			s := attentionShape{batch: 1, heads: 2, kvHeads: 2, queries: queries, keys: keys, d: 40, dv: 40}
			a := newAttentionCase(t, fmt.Sprintf("%s dual %v", kind, dual), s, dual)
			switch kind {
			case "bias", "own bias":
				a.bias = bias{make([]float32, queries*keys), 0, 0, keys, 1}
				for i := range a.bias.x {
					if i%keys >= seen || kind == "own bias" && i%keys == 3 {
						a.bias.x[i] = -1e9
					}
				}
				if kind == "bias" {
					a.bias.query = 0
				}
			case "causal":
				a.s.causal, a.s.offset = true, seen-queries
			case "keep":
				a.keep = keep{make([]bool, keys), 0, 0, 0, 1}
				for j := range seen {
					a.keep.x[j] = j != 3
				}
			}
			want := a.reference()
			for _, garbage := range []float32{0, 100, 1e4, 1e6} {
				for row := range keys {
					if row >= seen || row == 3 && !a.s.causal && kind != "bias" {
						for e := range 2 * s.d {
							a.p.k.x[row*a.p.k.row+e] = garbage * float32(e%3-1)
							a.p.v.x[row*a.p.v.row+e] = garbage
						}
					}
				}
				what := fmt.Sprint(a.name, " garbage ", garbage)
				eachPaired(t, func(t *testing.T) { near(t, what, a.run(t, one), want, 32*eps*a.scale) })
				a.s.format = fixedAttention{}
				eachFixed(t, func(t *testing.T) { near(t, what, a.run(t, one), want, fixedBound*a.scale) })
				a.s.format = nil
			}
		}
	}
}

// TestAttentionPairedRounding compares the rounding by pairs with that of others.
func TestAttentionPairedRounding(t *testing.T) {
	c := newCtx(1)
	for _, mean := range []float64{0, 0.5} {
		for _, keys := range []int{200, 600} {
			for _, scale := range []float32{0.1, 1, 5} {
				for _, dual := range []bool{false, true} {
					s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 60, keys: keys, d: 64, dv: 64}
					a := newAttentionCase(t, fmt.Sprintf("%d keys, mean %g, scores of %g, dual %v", keys, mean, scale, dual), s, dual)
					r := rand.New(rand.NewPCG(3, 4))
					for _, h := range []heads{a.p.q, a.n.q, a.p.k, a.p.v} {
						for i := range h.x {
							h.x[i] = float32(r.NormFloat64() + mean)
						}
					}
					a.p.score.scale, a.n.score.scale = scale/8, scale/8
					a.p.gain, a.n.gain = heads{}, heads{x: []float32{0.5}}
					want := a.reference()
					a.roundsLike(t, c, want, 1.3)
				}
			}
		}
	}
}

// TestAttentionPairedFew has rows of a few weights, next to each other, and next to nothing else.
func TestAttentionPairedFew(t *testing.T) {
	c := newCtx(1)
	for _, keys := range []int{500, 1300} {
		for _, few := range []int{1, 2, 3, 8} {
			const queries = 60
			s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: queries, keys: keys, d: 64, dv: 64}
			a := newAttentionCase(t, fmt.Sprintf("%d of %d keys", few, keys), s, false)
			clear(a.p.q.x)
			a.bias = bias{make([]float32, queries*keys), 0, 0, keys, 1}
			for i := range a.bias.x {
				if r, j := i/keys, i%keys; j < r || j >= r+few {
					a.bias.x[i] = -14
				}
			}
			a.roundsLike(t, c, a.reference(), 3)
		}
	}
}

// roundsLike fails where errors by pairs are more than most times what they are else.
func (a attentionCase) roundsLike(t *testing.T, c *ctx, want []float64, most float64) {
	t.Helper()
	eachPaired(t, func(t *testing.T) {
		var sum [2]float64
		for way := range sum {
			pairs = way == 1
			for i, v := range a.run(t, c) {
				sum[way] += (float64(v) - want[i]) * (float64(v) - want[i])
			}
		}
		if ratio := math.Sqrt(sum[1] / sum[0]); !(ratio < most) {
			t.Errorf("%s: by pairs it is %.2f times as far off as else", a.name, ratio)
		}
	})
}

// TestAttentionNaN compares where NaN comes out with what it is step by step.
func TestAttentionNaN(t *testing.T) {
	one := newCtx(1)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	s := attentionShape{batch: 1, heads: 1, kvHeads: 1, queries: 60, keys: 200, d: 42, dv: 40}
	for _, dual := range []bool{false, true} {
		for _, bad := range []float32{nan, inf, -inf, 1e30, 1e-30} {
			for _, where := range []string{"q", "k", "v", "gain", "bias"} {
				a := newAttentionCase(t, fmt.Sprintf("%g in %s dual %v", bad, where, dual), s, dual)
				a.bias = bias{make([]float32, s.queries*s.keys), 0, 0, s.keys, 1}
				a.p.gain = heads{make([]float32, s.queries), 0, 0, 1}
				for i := range a.p.gain.x {
					a.p.gain.x[i] = 1
				}
				map[string][]float32{"q": a.p.q.x, "k": a.p.k.x, "v": a.p.v.x, "gain": a.p.gain.x, "bias": a.bias.x}[where][5] = bad
				var plain []float32
				func() {
					had := pairs
					defer func() { pairs = had }()
					pairs = false
					plain = a.run(t, one)
				}()
				same := func(t *testing.T) {
					for i, v := range a.run(t, one) {
						if (v != v) != (plain[i] != plain[i]) || math.IsInf(float64(v), 0) != math.IsInf(float64(plain[i]), 0) {
							t.Fatalf("%s: element %d is %g, step by step %g", a.name, i, v, plain[i])
						}
					}
				}
				eachPaired(t, same)
				a.s.format = fixedAttention{}
				eachFixed(t, same)
			}
		}
	}
}
