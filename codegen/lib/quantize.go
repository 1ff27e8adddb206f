package lib

import "math"

// quantizeGrain is how many elements are quantised at a time.
const quantizeGrain = 1 << 13

// dynamicQuantize makes bytes of x with the scale and the zero point that just
// hold its elements and 0. Where an element is not finite, the scale is NaN.
//
//	y, x        of one length
//	scale, zero [1]
func dynamicQuantize(c *ctx, y []uint8, scale []float32, zero []uint8, x []float32) {
	t := task[rangeTask](c)
	chunks := (len(x) + quantizeGrain - 1) / quantizeGrain
	if len(t.found) < chunks {
		t.found = make([][3]float32, chunks)
	}
	t.x = x
	c.split(chunks, 1, t)
	t.x = nil
	var lo, hi, spoiled float32
	for _, r := range t.found[:chunks] {
		lo, hi, spoiled = min(lo, r[0]), max(hi, r[1]), spoiled+r[2]
	}
	scale[0], zero[0] = (hi-lo)/math.MaxUint8, 0
	if scale[0] == 0 {
		scale[0] = 1
	}
	if spoiled != 0 {
		scale[0] = float32(math.NaN())
		clear(y)
		return
	}
	zero[0] = uint8(math.RoundToEven(float64(min(max(-lo/scale[0], 0), math.MaxUint8))))
	quantizeAll(c, y, x, scale, zero)
}

// rangeTask finds the range of each part of x; found stays with the ctx.
type rangeTask struct {
	x     []float32
	found [][3]float32
}

func (t *rangeTask) part(_ *worker, lo, hi int) {
	for i := lo; i < hi; i++ {
		r := &t.found[i]
		r[0], r[1], r[2] = rowRange(t.x[i*quantizeGrain : min((i+1)*quantizeGrain, len(t.x))])
	}
}

// quantizeAll is x/scale, rounded to the nearest, ties to even, plus zero, and
// no less or more than bytes of the type hold; what is no number is 0.
//
//	scale, zero [1]; zero may be nil for 0
func quantizeAll[T int8 | uint8](c *ctx, y []T, x []float32, scale []float32, zero []T) {
	t := task[quantizeTask](c)
	*t = quantizeTask{y: reinterpret[uint8](y), x: x, scale: scale[0], hi: math.MaxUint8}
	if T(0)-1 < 0 {
		t.lo, t.hi = math.MinInt8, math.MaxInt8
	}
	if zero != nil {
		t.zero = int32(zero[0])
	}
	c.split((len(x)+quantizeGrain-1)/quantizeGrain, 1, t)
	*t = quantizeTask{}
}

type quantizeTask struct {
	y            []uint8
	x            []float32
	scale        float32
	zero, lo, hi int32
}

func (t *quantizeTask) part(_ *worker, lo, hi int) {
	for i := lo * quantizeGrain; i < min(hi*quantizeGrain, len(t.x)); i += quantizeGrain {
		end := min(i+quantizeGrain, len(t.x))
		quantizeBytes(t.y[i:end], t.x[i:end], t.scale, t.zero, t.lo, t.hi)
	}
}

// quantizeBytesGo is the twin of the assembly kernels of quantizeBytes, which
// have only numbers: x/scale, rounded, plus zero, from lo to hi.
func quantizeBytesGo(y []uint8, x []float32, scale float32, zero, lo, hi int32) {
	for i, v := range x {
		q := math.RoundToEven(float64(v / scale))
		if q != q {
			q = 0
		}
		y[i] = uint8(int32(min(max(q+float64(zero), float64(lo)), float64(hi))))
	}
}

// dequantizeAll is (x - zero)·scale.
//
//	scale, zero [1]; zero may be nil for 0
func dequantizeAll[T int8 | uint8](c *ctx, y []float32, x []T, scale []float32, zero []T) {
	t := task[dequantizeTask[T]](c)
	*t = dequantizeTask[T]{y: y, x: x, scale: scale[0]}
	if zero != nil {
		t.zero = int32(zero[0])
	}
	c.split(len(x), quantizeGrain, t)
	*t = dequantizeTask[T]{}
}

type dequantizeTask[T int8 | uint8] struct {
	y     []float32
	x     []T
	scale float32
	zero  int32
}

func (t *dequantizeTask[T]) part(_ *worker, lo, hi int) {
	y, zero, scale := t.y[lo:hi], t.zero, t.scale
	for i, q := range t.x[lo:hi] {
		y[i] = float32(int32(q)-zero) * scale
	}
}
