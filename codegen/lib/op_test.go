package lib

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The operators are compared with definitions by the index: slow, but each says at once what it means.

// coordinates calls f with every index of a shape, in order, and its number.
func coordinates(shape []int, f func(p int, at []int)) {
	at := make([]int, len(shape))
	for p := range size(shape) {
		f(p, at)
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
	}
}

// offset is the number of an index; indices of axes of size 1 count as 0, and those of axes that shape lacks are passed over.
func offset(shape, at []int) int {
	p := 0
	for i, d := range shape {
		k := at[len(at)-len(shape)+i]
		if d == 1 {
			k = 0
		}
		p = p*d + k
	}
	return p
}

func counting[T number](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(i%97) - T(n%5)
	}
	return x
}

func drawShape(t *rapid.T, least int) []int {
	return rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 1, 2, 3, 5}), least, 4).Draw(t, "shape")
}

// drawPart is a shape that can be broadcast to another.
func drawPart(t *rapid.T, shape []int) []int {
	part := slices.Clone(shape[rapid.IntRange(0, len(shape)).Draw(t, "drop"):])
	for i := range part {
		if rapid.Bool().Draw(t, "one") {
			part[i] = 1
		}
	}
	return part
}

func TestBroadcasting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sy := drawShape(t, 0)
		sa, sb, sc := drawPart(t, sy), drawPart(t, sy), drawPart(t, sy)
		a, b := counting[int32](size(sa)), counting[int32](size(sb))
		c := make([]bool, size(sc))
		for i := range c {
			c[i] = i%3 == 0
		}
		y, z, e := make([]int32, size(sy)), make([]int32, size(sy)), make([]int32, size(sy))
		apply2(y, a, b, sy, sa, sb, sub)
		choose(z, c, a, b, sy, sc, sa, sb)
		expand(e, a, sy, sa)
		coordinates(sy, func(p int, at []int) {
			u, v := a[offset(sa, at)], b[offset(sb, at)]
			w := v
			if c[offset(sc, at)] {
				w = u
			}
			if y[p] != u-v || z[p] != w || e[p] != u {
				t.Fatalf("%v of %v and %v: %v: %d %d %d", sy, sa, sb, at, y[p], z[p], e[p])
			}
		})
	})
}

func TestTransposeAndTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sx := drawShape(t, 1)
		perm := make([]int, len(sx))
		for i := range perm {
			perm[i] = i
		}
		perm = rapid.Permutation(perm).Draw(t, "perm")
		sy, st := make([]int, len(sx)), make([]int, len(sx))
		for i, p := range perm {
			sy[i] = sx[p]
			st[i] = sx[i] * rapid.IntRange(0, 3).Draw(t, "repeat")
		}
		x := counting[int64](size(sx))
		y, z := make([]int64, size(sy)), make([]int64, size(st))
		transpose(y, x, sx, perm)
		tile(z, x, st, sx)
		coordinates(sy, func(p int, at []int) {
			from := make([]int, len(at))
			for i, k := range perm {
				from[k] = at[i]
			}
			if y[p] != x[offset(sx, from)] {
				t.Fatalf("transpose %v %v at %v: %d", sx, perm, at, y[p])
			}
		})
		coordinates(st, func(p int, at []int) {
			from := make([]int, len(at))
			for i := range at {
				from[i] = at[i] % sx[i]
			}
			if z[p] != x[offset(sx, from)] {
				t.Fatalf("tile %v to %v at %v: %d", sx, st, at, z[p])
			}
		})
	})
}

func TestSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sx := drawShape(t, 1)
		bound := rapid.IntRange(-7, 7)
		var starts, ends, steps []int64
		var picks [][]int
		sy := make([]int, len(sx))
		for _, n := range sx {
			from, to, by := bound.Draw(t, "start"), bound.Draw(t, "end"), rapid.SampledFrom([]int{-3, -2, -1, 1, 2, 3}).Draw(t, "step")
			starts, ends, steps = append(starts, int64(from)), append(ends, int64(to)), append(steps, int64(by))
			picks = append(picks, pythonSlice(n, from, to, by))
		}
		for i := range sy {
			if sy[i] = sliceSize(sx[i], i, len(sx), starts, ends, []int(nil), steps); sy[i] != len(picks[i]) {
				t.Fatalf("%d from %d to %d by %d: %d elements, want %v", sx[i], starts[i], ends[i], steps[i], sy[i], picks[i])
			}
		}
		x := counting[float32](size(sx))
		y := make([]float32, size(sy))
		slice(y, x, sy, sx, starts, []int(nil), steps)
		coordinates(sy, func(p int, at []int) {
			from := make([]int, len(at))
			for i := range at {
				from[i] = picks[i][at[i]]
			}
			if y[p] != x[offset(sx, from)] {
				t.Fatalf("slice of %v at %v: %g", sx, at, y[p])
			}
		})
	})
}

// pythonSlice is list(range(n))[from:to:by].
func pythonSlice(n, from, to, by int) (out []int) {
	if from < 0 {
		from += n
	}
	if to < 0 {
		to += n
	}
	if by > 0 {
		for i := max(from, 0); i < min(to, n); i += by {
			out = append(out, i)
		}
		return out
	}
	for i := min(from, n-1); i > max(to, -1) && i >= 0; i += by {
		out = append(out, i)
	}
	return out
}

func TestReduce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sx := drawShape(t, 1)
		axes := rapid.SliceOfDistinct(rapid.IntRange(0, len(sx)-1), rapid.ID[int]).Draw(t, "axes")
		sy := slices.Clone(sx)
		for i := range sy {
			if len(axes) == 0 || slices.Contains(axes, i) {
				sy[i] = 1
			}
		}
		x := counting[float32](size(sx))
		sum, top := make([]float64, size(sy)), make([]float32, size(sy))
		for i := range top {
			top[i] = float32(math.Inf(-1))
		}
		coordinates(sx, func(p int, at []int) {
			q := offset(sy, at)
			sum[q] += float64(x[p])
			top[q] = max(top[q], x[p])
		})
		y, z := make([]float32, size(sy)), make([]float32, size(sy))
		reduce(y, x, sx, axes, 0.0, sumUp, plain)
		reduce(z, x, sx, axes, lowest[float32](), keepLargest, asIs)
		for i := range y {
			if y[i] != float32(sum[i]) || z[i] != top[i] {
				t.Fatalf("%v over %v: %g and %g, want %g and %g", sx, axes, y[i], z[i], sum[i], top[i])
			}
		}
		for a := range sx {
			if n := reducedSize(sx[a], a, len(sx), axes); n != sy[a] {
				t.Fatalf("axis %d of %v over %v: %d", a, sx, axes, n)
			}
		}
	})
}

func TestPad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sx := rapid.SliceOfN(rapid.IntRange(1, 5), 1, 3).Draw(t, "shape")
		pads := make([]int64, 2*len(sx))
		sy := slices.Clone(sx)
		for i := range sx {
			pads[i] = int64(rapid.IntRange(-1, 4).Draw(t, "before"))
			pads[len(sx)+i] = int64(rapid.IntRange(max(-1, -sx[i]-int(pads[i])), 4).Draw(t, "after"))
			sy[i] = padSize(sx[i], i, len(sx), pads, []int(nil))
		}
		x := counting[int16](size(sx))
		y, z := make([]int16, size(sy)), make([]int16, size(sy))
		pad(y, x, sy, sx, pads, []int(nil), []int16{77})
		padBy(z, x, sy, sx, pads, []int(nil), reflectIndex)
		coordinates(sy, func(p int, at []int) {
			from, inside := make([]int, len(at)), true
			mirrored := make([]int, len(at))
			for i := range at {
				from[i] = at[i] - int(pads[i])
				inside = inside && from[i] >= 0 && from[i] < sx[i]
				mirrored[i] = bounce(from[i], sx[i])
			}
			want := int16(77)
			if inside {
				want = x[offset(sx, from)]
			}
			if y[p] != want || z[p] != x[offset(sx, mirrored)] {
				t.Fatalf("%v with %v at %v: %d and %d, want %d and %d", sx, pads, at, y[p], z[p], want, x[offset(sx, mirrored)])
			}
		})
	})
}

// bounce walks from 0 to i, turning round at both ends of n elements.
func bounce(i, n int) int {
	at, step := 0, 1
	for range max(i, -i) {
		if at+step < 0 || at+step >= n {
			step = -step
		}
		if n > 1 {
			at += step
		}
	}
	return at
}

func TestGatherAndScatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sx := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 3).Draw(t, "shape")
		axis := rapid.IntRange(-len(sx), len(sx)-1).Draw(t, "axis")
		k := (axis + len(sx)) % len(sx)
		si := slices.Clone(sx)
		for i := range si {
			si[i] = rapid.IntRange(0, sx[i]).Draw(t, "count")
		}
		index := make([]int32, size(si))
		for i := range index {
			index[i] = int32(rapid.IntRange(-sx[k], sx[k]-1).Draw(t, "index"))
		}
		x := counting[int64](size(sx))
		y, z, want := make([]int64, size(si)), make([]int64, size(sx)), slices.Clone(x)
		gatherElements(y, x, index, si, sx, axis)
		scatterElements(z, x, index, counting[int64](len(index)), si, sx, axis, add)
		coordinates(si, func(p int, at []int) {
			from := slices.Clone(at)
			from[k] = (int(index[p]) + sx[k]) % sx[k]
			if y[p] != x[offset(sx, from)] {
				t.Fatalf("gather %v along %d at %v: %d", sx, axis, at, y[p])
			}
			want[offset(sx, from)] += counting[int64](len(index))[p]
		})
		if !slices.Equal(z, want) {
			t.Fatalf("scatter %v along %d: %v, want %v", sx, axis, z, want)
		}
	})
}

func TestGatherND(t *testing.T) {
	x := counting[float64](2 * 3 * 4)
	y := make([]float64, 2*2*4)
	gatherND(y, x, []int64{0, 2, 1, -1}, []int{2, 2, 1}, []int{2, 3, 4}, 1)
	for i, row := range []int{0, 2, 4, 5} {
		if !slices.Equal(y[i*4:(i+1)*4], x[row*4:(row+1)*4]) {
			t.Errorf("tuple %d: %v, want row %d", i, y[i*4:(i+1)*4], row)
		}
	}
	defer func() {
		if _, ok := recover().(inputError); !ok {
			t.Error("an index out of range is no input error")
		}
	}()
	gather(y, x, []int64{3}, []int{2, 3, 4}, 1)
}

func TestTopOfTooFew(t *testing.T) {
	defer func() {
		if _, ok := recover().(inputError); !ok {
			t.Error("the best 3 of 2 elements are no input error")
		}
	}()
	topK(make([]float32, 3), nil, []float32{1, 2}, []int{2}, 0, 3, true)
}

func TestOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Int8Range(-3, 3), 1, 12).Draw(t, "x")
		k := rapid.IntRange(0, len(x)).Draw(t, "k")
		order := make([]int64, len(x))
		for i := range order {
			order[i] = int64(i)
		}
		slices.SortStableFunc(order, func(i, j int64) int { return int(x[j]) - int(x[i]) })
		y, index := make([]int8, k), make([]int64, k)
		topK(y, index, x, []int{1, len(x)}, 1, k, true)
		if !slices.Equal(index, order[:k]) {
			t.Fatalf("the best %d of %v are %v, want %v", k, x, index, order[:k])
		}
		best := make([]int64, 1)
		argReduce(best, x, []int{len(x)}, 0, greater, false)
		if best[0] != order[0] {
			t.Fatalf("the best of %v is %d", x, best[0])
		}
		n := unique(nil, nil, nil, nil, x, []int{len(x)}, 0, true, compareInt8)
		u, inverse, count := make([]int8, n), make([]int64, len(x)), make([]int64, n)
		unique(u, nil, inverse, count, x, []int{len(x)}, 0, true, compareInt8)
		if !slices.IsSorted(u) || len(slices.Compact(slices.Clone(u))) != n {
			t.Fatalf("the different ones of %v are %v", x, u)
		}
		for i, k := range inverse {
			if u[k] != x[i] {
				t.Fatalf("element %d of %v is not number %d of %v", i, x, k, u)
			}
			count[k]--
		}
		if slices.ContainsFunc(count, func(c int64) bool { return c != 0 }) {
			t.Fatalf("the counts of %v are off by %v", x, count)
		}
	})
}

func compareInt8(a, b int8) int { return int(a) - int(b) }

// TestNoAllocation checks the operators that transformers use.
func TestNoAllocation(t *testing.T) {
	x, y := make([]float32, 2*3*4), make([]float32, 2*3*4)
	keep := make([]bool, 24)
	d := 3 // a size that is known at run time only
	for name, f := range map[string]func(){
		"apply2":    func() { apply2(y, x, x, []int{2, d, 4}, []int{2, d, 4}, []int{d, 1}, add) },
		"choose":    func() { choose(y, keep, x, x, []int{2, d, 4}, []int{d, 4}, []int{2, d, 4}, []int{1}) },
		"transpose": func() { transpose(y, x, []int{2, d, 4}, []int{0, 2, 1}) },
		"gather":    func() { gather(y, x, []int64{0, 1}, []int{2, d, 4}, 0) },
		"reduce":    func() { reduce(y, x, []int{2, d, 4}, []int{-1}, 0.0, sumUp, average) },
		"slice":     func() { slice(y, x, []int{2, 1, 4}, []int{2, d, 4}, []int{1}, []int{1}, []int{1}) },
		"cumulate":  func() { cumulate(y, x, []int{2, d, 4}, 1, false, false, 0.0, sumUp) },
		"pad":       func() { pad(y, x, []int{2, d, 4}, []int{2, d, 3}, []int64{0, 0, 0, 0, 0, 1}, []int(nil), x[:1]) },
		"multiply":  func() { multiply[float64](y, x, x, []int{2, d, 4}, []int{4, 2}) },
		"softmax":   func() { softmaxAlong(y, x, []int{2, d, 4}, 1) },
	} {
		if n := testing.AllocsPerRun(10, f); n != 0 {
			t.Errorf("%s allocates %g times", name, n)
		}
	}
}

func BenchmarkOperators(b *testing.B) {
	const n = 1 << 16
	x, y := counting[float32](n), make([]float32, n)
	row := counting[float32](256)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"apply2", func() { apply2(y, x, row, []int{256, 256}, []int{256, 256}, []int{256}, mul) }},
		{"reduce-last", func() { reduce(y, x, []int{256, 256}, []int{1}, 0.0, sumUp, plain) }},
		{"reduce-first", func() { reduce(y, x, []int{256, 256}, []int{0}, 0.0, sumUp, plain) }},
		{"transpose", func() { transpose(y, x, []int{256, 256}, []int{1, 0}) }},
		{"cast-f16", func() { apply(make([]float16, n), x, f32ToF16) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * n)
			for b.Loop() {
				c.f()
			}
		})
	}
}

// TestPadRow compares rows, also those that lose elements, with the index of each element.
func TestPadRow(t *testing.T) {
	for name, index := range map[string]func(i, n int) int{"reflect": reflectIndex, "edge": edgeIndex, "wrap": wrapIndex} {
		for n := 1; n < 6; n++ {
			for before := -7; before < 8; before++ {
				x, y := counting[int32](n), make([]int32, 9)
				padRow(y, x, before, index)
				for p, v := range y {
					if want := x[index(p-before, n)]; v != want {
						t.Errorf("%s of %d elements behind %d: element %d is %d, not %d", name, n, before, p, v, want)
					}
				}
			}
		}
	}
}
