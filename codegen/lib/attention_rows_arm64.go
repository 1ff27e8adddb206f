//go:build arm64 && !purego

package lib

func expRows(s []float32, ld int, bias []float32, ldBias int, was, top, sum []float32, rows, cols, seen, step int, scale float32) {
	if rows == 0 || cols == 0 || isa == isaPortable {
		expRowsGo(s, ld, bias, ldBias, was, top, sum, rows, cols, seen, step, scale)
		return
	}
	expRowsNEON(&s[0], first(bias), &was[0], &top[0], &sum[0], rows, cols, seen, step, ld, ldBias, scale)
}

//go:noescape
func expRowsNEON(s, bias, was, top, sum *float32, rows, cols, seen, step, ld, ldBias int, scale float32)

func blendRows(s, u []float32, ld int, a, b []float32, rows, cols int) {
	if rows == 0 || cols == 0 || isa == isaPortable {
		blendRowsGo(s, u, ld, a, b, rows, cols)
		return
	}
	blendRowsNEON(&s[0], first(u), &a[0], first(b), rows, cols, ld)
}

//go:noescape
func blendRowsNEON(s, u, a, b *float32, rows, cols, ld int)
