//go:build amd64 && !purego

package lib

func abs32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		abs32Go(y, x)
	case isa == isaAVX512:
		abs32AVX512(&y[0], &x[0], len(y))
	default:
		abs32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func abs32AVX512(y, x *float32, n int)

//go:noescape
func abs32AVX2(y, x *float32, n int)

func neg32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		neg32Go(y, x)
	case isa == isaAVX512:
		neg32AVX512(&y[0], &x[0], len(y))
	default:
		neg32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func neg32AVX512(y, x *float32, n int)

//go:noescape
func neg32AVX2(y, x *float32, n int)

func reciprocal32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		reciprocal32Go(y, x)
	case isa == isaAVX512:
		reciprocal32AVX512(&y[0], &x[0], len(y))
	default:
		reciprocal32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func reciprocal32AVX512(y, x *float32, n int)

//go:noescape
func reciprocal32AVX2(y, x *float32, n int)

func sqrt32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		sqrt32Go(y, x)
	case isa == isaAVX512:
		sqrt32AVX512(&y[0], &x[0], len(y))
	default:
		sqrt32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func sqrt32AVX512(y, x *float32, n int)

//go:noescape
func sqrt32AVX2(y, x *float32, n int)

func floor32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		floor32Go(y, x)
	case isa == isaAVX512:
		floor32AVX512(&y[0], &x[0], len(y))
	default:
		floor32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func floor32AVX512(y, x *float32, n int)

//go:noescape
func floor32AVX2(y, x *float32, n int)

func ceil32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		ceil32Go(y, x)
	case isa == isaAVX512:
		ceil32AVX512(&y[0], &x[0], len(y))
	default:
		ceil32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func ceil32AVX512(y, x *float32, n int)

//go:noescape
func ceil32AVX2(y, x *float32, n int)

func round32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		round32Go(y, x)
	case isa == isaAVX512:
		round32AVX512(&y[0], &x[0], len(y))
	default:
		round32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func round32AVX512(y, x *float32, n int)

//go:noescape
func round32AVX2(y, x *float32, n int)
