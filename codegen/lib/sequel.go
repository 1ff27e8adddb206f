package lib

import "math"

// A sequel is what a convolution does with its sums before it stores them: a
// residual is added, and then they are brought between limits. None of the
// arguments is the result.
type sequel struct {
	add         []float32 // the residual, of the shape of the result, or nil
	least, most []float32 // the limits, of one element, or nil

	limits [2]float32 // as kernels read them
}

// zero is the least that Relu gives.
var zero [1]float32

// bounds is the limits, nil if there are none.
func (s *sequel) bounds() []float32 {
	if s.least == nil && s.most == nil {
		return nil
	}
	s.limits = [2]float32{float32(math.Inf(-1)), float32(math.Inf(1))}
	copy(s.limits[:1], s.least)
	copy(s.limits[1:], s.most)
	return s.limits[:]
}

// do is the sequel for y, what is from element at of the result on.
func (s *sequel) do(y []float32, at int) {
	if s.add != nil {
		add32(y, y, s.add[at:][:len(y)])
	}
	if s.least != nil {
		max32(y, y, s.least[:1])
	}
	if s.most != nil {
		min32(y, y, s.most[:1])
	}
}
