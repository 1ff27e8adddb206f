package lib

import "math"

// An activation is one of the functions that follow, with its parameters.
type activation struct {
	f           func(x, alpha, beta float64) float64
	alpha, beta float64
}

func (a activation) of(x float64) float64 { return a.f(x, a.alpha, a.beta) }

func actAffine(x, alpha, beta float64) float64     { return alpha*x + beta }
func actRelu(x, _, _ float64) float64              { return max(x, 0) }
func actTanh(x, _, _ float64) float64              { return math.Tanh(x) }
func actSigmoid(x, _, _ float64) float64           { return 1 / (1 + math.Exp(-x)) }
func actScaledTanh(x, alpha, beta float64) float64 { return alpha * math.Tanh(beta*x) }
func actSoftsign(x, _, _ float64) float64          { return x / (1 + math.Abs(x)) }
func actSoftplus(x, _, _ float64) float64          { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func actHardSigmoid(x, alpha, beta float64) float64 { return min(max(alpha*x+beta, 0), 1) }

func actLeakyRelu(x, alpha, _ float64) float64 {
	if x < 0 {
		return alpha * x
	}
	return x
}

func actThresholdedRelu(x, alpha, _ float64) float64 {
	if x > alpha {
		return x
	}
	return 0
}

func actElu(x, alpha, _ float64) float64 {
	if x < 0 {
		return alpha * math.Expm1(x)
	}
	return x
}

// A recurrent is the arguments that the recurrent operators share. Absent
// tensors are nil.
//
//	in     [seq, batch, input]
//	w      [dirs, gates·hidden, input]
//	r      [dirs, gates·hidden, hidden]
//	b      [dirs, 2·gates·hidden], those of w, then those of r
//	h0     [dirs, batch, hidden]
//	out    [seq, dirs, batch, hidden]
//	last   [dirs, batch, hidden]
//
// With batchFirst in is [batch, seq, input], out [batch, seq, dirs, hidden], and
// h0 and last are [batch, dirs, hidden]. Each direction has its own activations;
// with backward the first one goes from the end, as a second one always does.
type recurrent[T float] struct {
	out, last, in, w, r, b, h0      []T
	seq, batch, input, hidden, dirs int
	batchFirst, backward            bool
	clip                            float64 // 0 for none
	acts                            []activation
}

// state is where the state of one direction and batch element begins.
func (s *recurrent[T]) state(dir, n int) int {
	if s.batchFirst {
		return (n*s.dirs + dir) * s.hidden
	}
	return (dir*s.batch + n) * s.hidden
}

// at is where the input and the output of step t of batch element n begin.
func (s *recurrent[T]) at(t, dir, n int) (x, y int) {
	if s.batchFirst {
		return (n*s.seq + t) * s.input, ((n*s.seq+t)*s.dirs + dir) * s.hidden
	}
	return (t*s.batch + n) * s.input, ((t*s.dirs+dir)*s.batch + n) * s.hidden
}

// run calls step for each step of each sequence with the part of x; step
// renews h, which run stores. begin tells of a new sequence, end of its end.
func run[T float, L integer](s *recurrent[T], lens []L, begin func(dir, n int, h []float64), step func(dir int, x []T, h []float64), end func(dir, n int)) {
	clear(s.out)
	h := make([]float64, s.hidden)
	for dir := range s.dirs {
		for n := range s.batch {
			count := s.seq
			if lens != nil {
				count = int(lens[n])
			}
			first := s.state(dir, n)
			clear(h)
			if s.h0 != nil {
				for i := range h {
					h[i] = float64(s.h0[first+i])
				}
			}
			begin(dir, n, h)
			for k := range count {
				t := k
				if s.backward || dir == 1 {
					t = count - 1 - k
				}
				from, to := s.at(t, dir, n)
				step(dir, s.in[from:from+s.input], h)
				if s.out != nil {
					store(s.out[to:], h)
				}
			}
			if s.last != nil {
				store(s.last[first:], h)
			}
			end(dir, n)
		}
	}
}

// store rounds x to y.
func store[T float](y []T, x []float64) {
	for i, v := range x {
		y[i] = T(v)
	}
}

// gate is row k of gate g of w·x + r·h with its biases, of direction dir; the
// two products apart.
func (s *recurrent[T]) gate(dir, gates, g, k int, x []T, h []float64) (wx, rh float64) {
	row := dir*gates*s.hidden + g*s.hidden + k
	for i, v := range s.w[row*s.input : (row+1)*s.input] {
		wx += float64(v) * float64(x[i])
	}
	for i, v := range s.r[row*s.hidden : (row+1)*s.hidden] {
		rh += float64(v) * h[i]
	}
	if s.b != nil {
		bias := s.b[2*dir*gates*s.hidden:]
		wx += float64(bias[g*s.hidden+k])
		rh += float64(bias[(gates+g)*s.hidden+k])
	}
	return wx, rh
}

func (s *recurrent[T]) clipped(x float64) float64 {
	if s.clip > 0 {
		return min(max(x, -s.clip), s.clip)
	}
	return x
}

func nothing(int, int, []float64) {}

func noEnd(int, int) {}

// rnn is h' = f(w·x + r·h).
func rnn[T float, L integer](s recurrent[T], lens []L) {
	next := make([]float64, s.hidden)
	run(&s, lens, nothing, func(dir int, x []T, h []float64) {
		for k := range next {
			wx, rh := s.gate(dir, 1, 0, k, x, h)
			next[k] = s.acts[dir].of(s.clipped(wx + rh))
		}
		copy(h, next)
	}, noEnd)
}

// gru is h' = (1-z)·n + z·h with the gates z, r and n, where r applies to h, or
// with linear to its product.
func gru[T float, L integer](s recurrent[T], lens []L, linear bool) {
	z, r := make([]float64, s.hidden), make([]float64, s.hidden)
	reset, next := make([]float64, s.hidden), make([]float64, s.hidden)
	run(&s, lens, nothing, func(dir int, x []T, h []float64) {
		f, g := s.acts[2*dir], s.acts[2*dir+1]
		for k := range z {
			wx, rh := s.gate(dir, 3, 0, k, x, h)
			z[k] = f.of(s.clipped(wx + rh))
			wx, rh = s.gate(dir, 3, 1, k, x, h)
			r[k] = f.of(s.clipped(wx + rh))
			reset[k] = r[k] * h[k]
		}
		for k := range next {
			var n float64
			if linear {
				wx, rh := s.gate(dir, 3, 2, k, x, h)
				n = wx + r[k]*rh
			} else {
				wx, rh := s.gate(dir, 3, 2, k, x, reset)
				n = wx + rh
			}
			next[k] = (1-z[k])*g.of(s.clipped(n)) + z[k]*h[k]
		}
		copy(h, next)
	}, noEnd)
}

// lstm has the gates i, o, f, c: c' = f·c + i·g(c), h' = o·h(c'). The peepholes
// [dirs, 3·hidden] of i, o and f may be nil; so may c0 and lastC, the states c
// at both ends. With coupled f is 1-i.
func lstm[T float, L integer](s recurrent[T], lens []L, c0, lastC, peepholes []T, coupled bool) {
	c, next := make([]float64, s.hidden), make([]float64, s.hidden)
	peep := func(dir, gate, k int, c float64) float64 {
		if peepholes == nil {
			return 0
		}
		return float64(peepholes[(dir*3+gate)*s.hidden+k]) * c
	}
	run(&s, lens, func(dir, n int, _ []float64) {
		clear(c)
		if c0 != nil {
			for k := range c {
				c[k] = float64(c0[s.state(dir, n)+k])
			}
		}
	}, func(dir int, x []T, h []float64) {
		acts := s.acts[3*dir : 3*dir+3]
		for k := range next {
			var sum [4]float64
			for g := range sum {
				wx, rh := s.gate(dir, 4, g, k, x, h)
				sum[g] = wx + rh
			}
			i := acts[0].of(s.clipped(sum[0] + peep(dir, 0, k, c[k])))
			f := 1 - i
			if !coupled {
				f = acts[0].of(s.clipped(sum[2] + peep(dir, 2, k, c[k])))
			}
			c[k] = f*c[k] + i*acts[1].of(s.clipped(sum[3]))
			o := acts[0].of(s.clipped(sum[1] + peep(dir, 1, k, c[k])))
			next[k] = o * acts[2].of(c[k])
		}
		copy(h, next)
	}, func(dir, n int) {
		if lastC != nil {
			store(lastC[s.state(dir, n):], c)
		}
	})
}
