//go:build amd64 && !purego

package lib

func expRows(s []float32, ld int, bias []float32, ldBias int, was, top, sum []float32, rows, cols, seen, step int, scale float32) {
	switch {
	case rows == 0 || cols == 0 || isa == isaPortable:
		expRowsGo(s, ld, bias, ldBias, was, top, sum, rows, cols, seen, step, scale)
	case isa == isaAVX512:
		expRowsAVX512(&s[0], first(bias), &was[0], &top[0], &sum[0], rows, cols, seen, step, ld, ldBias, scale)
	default:
		expRowsAVX2(&s[0], first(bias), &was[0], &top[0], &sum[0], rows, cols, seen, step, ld, ldBias, scale)
	}
}

//go:noescape
func expRowsAVX512(s, bias, was, top, sum *float32, rows, cols, seen, step, ld, ldBias int, scale float32)

//go:noescape
func expRowsAVX2(s, bias, was, top, sum *float32, rows, cols, seen, step, ld, ldBias int, scale float32)

func blendRows(s, u []float32, ld int, a, b []float32, rows, cols int) {
	switch {
	case rows == 0 || cols == 0 || isa == isaPortable:
		blendRowsGo(s, u, ld, a, b, rows, cols)
	case isa == isaAVX512:
		blendRowsAVX512(&s[0], first(u), &a[0], first(b), rows, cols, ld)
	default:
		blendRowsAVX2(&s[0], first(u), &a[0], first(b), rows, cols, ld)
	}
}

//go:noescape
func blendRowsAVX512(s, u, a, b *float32, rows, cols, ld int)

//go:noescape
func blendRowsAVX2(s, u, a, b *float32, rows, cols, ld int)
