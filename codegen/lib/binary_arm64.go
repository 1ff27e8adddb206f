//go:build arm64 && !purego

package lib

func add32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		add32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	add32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func add32NEON(y, a, b *float32, n, aStep, bStep int)

func sub32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		sub32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	sub32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func sub32NEON(y, a, b *float32, n, aStep, bStep int)

func mul32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		mul32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	mul32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func mul32NEON(y, a, b *float32, n, aStep, bStep int)

func div32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		div32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	div32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func div32NEON(y, a, b *float32, n, aStep, bStep int)

func max32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		max32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	max32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func max32NEON(y, a, b *float32, n, aStep, bStep int)

func min32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		min32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	min32NEON(&y[0], ap, bp, len(y), as, bs)
}

//go:noescape
func min32NEON(y, a, b *float32, n, aStep, bStep int)
