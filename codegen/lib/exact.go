package lib

// The functions of this file have the form of those in vector.go. They are
// exact, or rounded once: all variants give the same bits.

// abs32Go is |x|.
func abs32Go(y, x []float32) { apply(y, x, absolute) }

// neg32Go is -x.
func neg32Go(y, x []float32) { apply(y, x, neg) }

// reciprocal32Go is 1/x.
func reciprocal32Go(y, x []float32) { apply(y, x, reciprocal) }

// sqrt32Go is √x, NaN of what is less than 0.
func sqrt32Go(y, x []float32) { apply(y, x, sqrt) }

// floor32Go is the next whole number that is not greater.
func floor32Go(y, x []float32) { apply(y, x, floor) }

// ceil32Go is the next whole number that is not less.
func ceil32Go(y, x []float32) { apply(y, x, ceil) }

// round32Go is the nearest whole number, of two the even one.
func round32Go(y, x []float32) { apply(y, x, round) }
