package lib

import "math"

// A linearHeads is the sizes of linearAttention: key and value heads are of dk
// and dv elements and serve heads/groups query heads each; decay and beta have
// so many numbers a step.
type linearHeads struct {
	batch, steps, heads, groups, dk, dv int
	decay, beta                         int
	scale                               float64
}

// linearAttention keeps for each key head a state [dk, dv] that fades by
// exp(decay) and to which each step adds key·value, the value being with beta
// what the state does not give yet for the key; y is what queries read from it.
//
//	q       [batch, steps, heads·dk]
//	k, v    [batch, steps, groups·dk], [batch, steps, groups·dv]
//	past    [batch, groups, dk, dv], or nil for 0
//	decay   [batch, steps, groups or groups·dk], or nil
//	beta    [batch, steps, groups or 1], or nil
//	y       [batch, steps, heads·dv]
//	present like past
func linearAttention[T, S float](y []T, present []S, q, k, v []T, past []S, decay, beta []T, s linearHeads) {
	state, value := make([]float64, s.dk*s.dv), make([]float64, s.dv)
	for bg := range s.batch * s.groups {
		b, g := bg/s.groups, bg%s.groups
		clear(state)
		if past != nil {
			for i := range state {
				state[i] = float64(past[bg*len(state)+i])
			}
		}
		for t := range s.steps {
			row := b*s.steps + t
			if decay != nil {
				s.fade(state, func(i int) float64 { return float64(decay[row*s.decay+i]) }, g)
			}
			for j := range value {
				value[j] = float64(v[(row*s.groups+g)*s.dv+j])
			}
			key := k[(row*s.groups+g)*s.dk:][:s.dk]
			if beta != nil {
				correct(value, state, key, float64(beta[row*s.beta+g%s.beta]))
			}
			for i, x := range key {
				for j, z := range value {
					state[i*s.dv+j] += float64(x) * z
				}
			}
			for h := g * (s.heads / s.groups); h < (g+1)*(s.heads/s.groups); h++ {
				query := q[(row*s.heads+h)*s.dk:][:s.dk]
				for j := range s.dv {
					var sum float64
					for i, x := range query {
						sum += float64(x) * state[i*s.dv+j]
					}
					y[(row*s.heads+h)*s.dv+j] = T(s.scale * sum)
				}
			}
		}
		if present != nil {
			store(present[bg*len(state):], state)
		}
	}
}

// fade multiplies each row of the state by the exponential of the decay of head
// g: one number, or one for each row.
func (s *linearHeads) fade(state []float64, decay func(i int) float64, g int) {
	for i := range s.dk {
		at := g
		if s.decay != s.groups {
			at = g*s.dk + i
		}
		f := math.Exp(decay(at))
		for j := range s.dv {
			state[i*s.dv+j] *= f
		}
	}
}

// correct replaces value by rate times what the state does not give yet for
// key.
func correct[T float](value, state []float64, key []T, rate float64) {
	for j := range value {
		var got float64
		for i, x := range key {
			got += state[i*len(value)+j] * float64(x)
		}
		value[j] = rate * (value[j] - got)
	}
}
