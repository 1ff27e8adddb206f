//go:build arm64 && !purego

package lib

func abs32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		abs32Go(y, x)
		return
	}
	abs32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func abs32NEON(y, x *float32, n int)

func neg32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		neg32Go(y, x)
		return
	}
	neg32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func neg32NEON(y, x *float32, n int)

func reciprocal32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		reciprocal32Go(y, x)
		return
	}
	reciprocal32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func reciprocal32NEON(y, x *float32, n int)

func sqrt32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		sqrt32Go(y, x)
		return
	}
	sqrt32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func sqrt32NEON(y, x *float32, n int)

func floor32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		floor32Go(y, x)
		return
	}
	floor32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func floor32NEON(y, x *float32, n int)

func ceil32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		ceil32Go(y, x)
		return
	}
	ceil32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func ceil32NEON(y, x *float32, n int)

func round32(y, x []float32) {
	if len(y) == 0 || isa == isaPortable {
		round32Go(y, x)
		return
	}
	round32NEON(&y[0], &x[0], len(y))
}

//go:noescape
func round32NEON(y, x *float32, n int)
