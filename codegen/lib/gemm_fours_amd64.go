//go:build amd64 && !purego

package lib

func widenFours(dst []float32, q, head []uint32, rows int) {
	switch {
	case rows == 0:
	case isa == isaPortable:
		widenFoursGo(dst, q, head, rows)
	case isa == isaAVX512:
		widenFoursAVX512(&dst[:rows*panelCols][0], &q[:rows*foursRow][0], &head[:foursHead][0], rows)
	default:
		widenFoursAVX2(&dst[:rows*panelCols][0], &q[:rows*foursRow][0], &head[:foursHead][0], rows)
	}
}

func mulFours(y, x []float32, head []uint32, m, k, block, ldx int) {
	switch isa {
	case isaPortable:
		mulFoursGo(y, x, head, m, k, block, ldx)
	case isaAVX512:
		mulFoursAVX512(&y[0], &x[0], &head[0], m, k, block, ldx)
	default:
		mulFoursAVX2(&y[0], &x[0], &head[0], m, k, block, ldx)
	}
}

//go:noescape
func mulFoursAVX512(y, x *float32, head *uint32, m, k, block, ldx int)

//go:noescape
func mulFoursAVX2(y, x *float32, head *uint32, m, k, block, ldx int)

//go:noescape
func widenFoursAVX512(dst *float32, q, head *uint32, rows int)

//go:noescape
func widenFoursAVX2(dst *float32, q, head *uint32, rows int)
