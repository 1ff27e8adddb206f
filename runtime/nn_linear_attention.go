package runtime

import (
	"fmt"
	"math"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{ir.LinearAttention: linearAttention})
}

// linearAttention runs the recurrence for each key head of each batch, in float64, and reads it for the query heads that share it.
func linearAttention(c *Call) error {
	q, k, v, past, decay, beta := c.X(0), c.X(1), c.X(2), c.X(3), c.X(4), c.X(5)
	hq, hkv := c.Int("q_num_heads"), c.Int("kv_num_heads")
	batch, steps := q.Shape[0], q.Shape[1]
	dk, dv := q.Shape[2]/hq, v.Shape[2]/hkv
	if k.Shape[2] != hkv*dk || decay != nil && decay.Shape[2] != hkv && decay.Shape[2] != hkv*dk || beta != nil && beta.Shape[2] != hkv && beta.Shape[2] != 1 {
		return fmt.Errorf("%s, %s, %s do not fit %d and %d heads", q.Type(), k.Type(), v.Type(), hq, hkv)
	}
	for i, shape := range [][]int{1: {batch, steps, k.Shape[2]}, 2: {batch, steps, v.Shape[2]}, 3: {batch, hkv, dk, dv}} {
		if t := c.X(i); shape != nil && t != nil && !slices.Equal(t.Shape, shape) {
			return fmt.Errorf("argument %d is %s with queries %s and %d heads of keys", i, t.Type(), q.Type(), hkv)
		}
	}
	scale := c.Float("scale")
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(dk))
	}
	y, present := New(q.Elem, batch, steps, hq*dv), New(q.Elem, batch, hkv, dk, dv)
	if past != nil {
		present.Elem = past.Elem
	}
	for bh := range batch * hkv {
		b, h := bh/hkv, bh%hkv
		state := present.F[bh*dk*dv : (bh+1)*dk*dv]
		if past != nil {
			copy(state, past.F[bh*dk*dv:])
		}
		for t := range steps {
			row := b*steps + t
			if decay != nil {
				fade(state, decay.F[row*decay.Shape[2]:][:decay.Shape[2]], h, hkv, dk, dv)
			}
			value := append([]float64{}, v.F[(row*hkv+h)*dv:][:dv]...)
			key := k.F[(row*hkv+h)*dk:][:dk]
			if beta != nil {
				rate := beta.F[row*beta.Shape[2]+h%beta.Shape[2]]
				correct(value, state, key, rate)
			}
			for i, x := range key {
				for j, z := range value {
					state[i*dv+j] += x * z
				}
			}
			for g := h * (hq / hkv); g < (h+1)*(hq/hkv); g++ {
				out := y.F[(row*hq+g)*dv:][:dv]
				for i, x := range q.F[(row*hq+g)*dk:][:dk] {
					for j := range out {
						out[j] += scale * x * state[i*dv+j]
					}
				}
			}
		}
	}
	return c.Return(y, present)
}

// fade multiplies each row of the state by the exponential of the head's decay: one number, or one for each row.
func fade(state, decay []float64, head, heads, dk, dv int) {
	for i := range dk {
		g := decay[head]
		if len(decay) != heads {
			g = decay[head*dk+i]
		}
		for j := range dv {
			state[i*dv+j] *= math.Exp(g)
		}
	}
}

// correct replaces value by rate times what the state does not yet give for key.
func correct(value, state, key []float64, rate float64) {
	for j := range value {
		got := 0.0
		for i, x := range key {
			got += state[i*len(value)+j] * x
		}
		value[j] = rate * (value[j] - got)
	}
}
