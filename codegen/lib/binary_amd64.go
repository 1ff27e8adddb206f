//go:build amd64 && !purego

package lib

func add32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		add32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		add32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		add32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func add32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func add32AVX2(y, a, b *float32, n, aStep, bStep int)

func sub32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		sub32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		sub32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		sub32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func sub32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func sub32AVX2(y, a, b *float32, n, aStep, bStep int)

func mul32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		mul32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		mul32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		mul32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func mul32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func mul32AVX2(y, a, b *float32, n, aStep, bStep int)

func div32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		div32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		div32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		div32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func div32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func div32AVX2(y, a, b *float32, n, aStep, bStep int)

func max32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		max32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		max32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		max32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func max32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func max32AVX2(y, a, b *float32, n, aStep, bStep int)

func min32(y, a, b []float32) {
	if len(y) == 0 || isa == isaPortable {
		min32Go(y, a, b)
		return
	}
	var av, bv [16]float32
	ap, as := operand(a, len(y), &av)
	bp, bs := operand(b, len(y), &bv)
	if isa == isaAVX512 {
		min32AVX512(&y[0], ap, bp, len(y), as, bs)
	} else {
		min32AVX2(&y[0], ap, bp, len(y), as, bs)
	}
}

//go:noescape
func min32AVX512(y, a, b *float32, n, aStep, bStep int)

//go:noescape
func min32AVX2(y, a, b *float32, n, aStep, bStep int)
