//go:build amd64 && !purego

package lib

func relu32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		relu32Go(y, x)
	case isa == isaAVX512:
		relu32AVX512(&y[0], &x[0], len(y))
	default:
		relu32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func relu32AVX512(y, x *float32, n int)

//go:noescape
func relu32AVX2(y, x *float32, n int)

func exp32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		exp32Go(y, x)
	case isa == isaAVX512:
		exp32AVX512(&y[0], &x[0], len(y))
	default:
		exp32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func exp32AVX512(y, x *float32, n int)

//go:noescape
func exp32AVX2(y, x *float32, n int)

func log32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		log32Go(y, x)
	case isa == isaAVX512:
		log32AVX512(&y[0], &x[0], len(y))
	default:
		log32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func log32AVX512(y, x *float32, n int)

//go:noescape
func log32AVX2(y, x *float32, n int)

func erf32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		erf32Go(y, x)
	case isa == isaAVX512:
		erf32AVX512(&y[0], &x[0], len(y))
	default:
		erf32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func erf32AVX512(y, x *float32, n int)

//go:noescape
func erf32AVX2(y, x *float32, n int)

func tanh32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		tanh32Go(y, x)
	case isa == isaAVX512:
		tanh32AVX512(&y[0], &x[0], len(y))
	default:
		tanh32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func tanh32AVX512(y, x *float32, n int)

//go:noescape
func tanh32AVX2(y, x *float32, n int)

func sigmoid32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		sigmoid32Go(y, x)
	case isa == isaAVX512:
		sigmoid32AVX512(&y[0], &x[0], len(y))
	default:
		sigmoid32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func sigmoid32AVX512(y, x *float32, n int)

//go:noescape
func sigmoid32AVX2(y, x *float32, n int)

func silu32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		silu32Go(y, x)
	case isa == isaAVX512:
		silu32AVX512(&y[0], &x[0], len(y))
	default:
		silu32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func silu32AVX512(y, x *float32, n int)

//go:noescape
func silu32AVX2(y, x *float32, n int)

func gelu32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		gelu32Go(y, x)
	case isa == isaAVX512:
		gelu32AVX512(&y[0], &x[0], len(y))
	default:
		gelu32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func gelu32AVX512(y, x *float32, n int)

//go:noescape
func gelu32AVX2(y, x *float32, n int)

func geluTanh32(y, x []float32) {
	switch {
	case len(y) == 0 || isa == isaPortable:
		geluTanh32Go(y, x)
	case isa == isaAVX512:
		geluTanh32AVX512(&y[0], &x[0], len(y))
	default:
		geluTanh32AVX2(&y[0], &x[0], len(y))
	}
}

//go:noescape
func geluTanh32AVX512(y, x *float32, n int)

//go:noescape
func geluTanh32AVX2(y, x *float32, n int)
