//go:build arm64 && !purego

package lib

func relu32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		relu32Go(y, x)
		return
	}
	relu32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func relu32NEON(y, x *float32, n int)

func exp32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		exp32Go(y, x)
		return
	}
	exp32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func exp32NEON(y, x *float32, n int)

func log32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		log32Go(y, x)
		return
	}
	log32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func log32NEON(y, x *float32, n int)

func erf32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		erf32Go(y, x)
		return
	}
	erf32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func erf32NEON(y, x *float32, n int)

func tanh32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		tanh32Go(y, x)
		return
	}
	tanh32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func tanh32NEON(y, x *float32, n int)

func sigmoid32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		sigmoid32Go(y, x)
		return
	}
	sigmoid32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func sigmoid32NEON(y, x *float32, n int)

func silu32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		silu32Go(y, x)
		return
	}
	silu32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func silu32NEON(y, x *float32, n int)

func gelu32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		gelu32Go(y, x)
		return
	}
	gelu32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func gelu32NEON(y, x *float32, n int)

func geluTanh32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		geluTanh32Go(y, x)
		return
	}
	geluTanh32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func geluTanh32NEON(y, x *float32, n int)
