package runtime

import (
	"math"
	"math/rand/v2"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.RandomUniformLike: drawn(func(c *Call, r *rand.Rand) float64 {
			return c.Float("low") + (c.Float("high")-c.Float("low"))*r.Float64()
		}),
		ir.RandomNormalLike: drawn(func(c *Call, r *rand.Rand) float64 { return c.Float("mean") + c.Float("scale")*r.NormFloat64() }),
		ir.Multinomial:      multinomial,
	})
}

// source is the node's random numbers: by its seed, or by one that Options.Seed and the node's number make.
func (c *Call) source() *rand.Rand {
	seed := c.Seed()
	if c.Has("seed") {
		seed = math.Float64bits(c.Float("seed"))
	}
	return rand.New(rand.NewPCG(seed, 2))
}

func drawn(f func(c *Call, r *rand.Rand) float64) kernel {
	return func(c *Call) error {
		r := c.source()
		y := New(c.Results[0].Type.Elem, c.X(0).Shape...)
		for i := range y.Len() {
			y.SetFloat(i, f(c, r))
		}
		return c.Return(y)
	}
}

// multinomial draws classes by the running sum of their probabilities.
func multinomial(c *Call) error {
	x, r := c.X(0), c.source()
	n, classes, samples := x.Shape[0], x.Shape[1], c.Int("sample_size")
	y := New(c.Results[0].Type.Elem, n, samples)
	for b := range n {
		row := x.F[b*classes : (b+1)*classes]
		top, sum := math.Inf(-1), 0.0
		for _, l := range row {
			top = max(top, l)
		}
		for _, l := range row {
			sum += math.Exp(l - top)
		}
		for s := range samples {
			left, pick := r.Float64()*sum, classes-1
			for k, l := range row {
				if left -= math.Exp(l - top); left < 0 {
					pick = k
					break
				}
			}
			y.I[b*samples+s] = int64(pick)
		}
	}
	return c.Return(y)
}
