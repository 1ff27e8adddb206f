package lib

// panelCols is the width of a panel, the unit of a packed matrix. A matrix
// [k, n] is packed as ceil(n/32) panels, one after the other, each holding k
// rows of 32 columns; the last is filled up with zeros. All instruction sets
// read this one layout.
const panelCols = 32

// packedLen is the number of floats of a packed matrix [k, n].
func packedLen(k, n int) int {
	return k * roundUp(n, panelCols)
}

// roundUp is the smallest multiple of to that is not below n.
func roundUp(n, to int) int {
	return (n + to - 1) / to * to
}

// packB packs the matrix w[k, n], whose element (p, j) is w[p*sk+j*sn], into
// dst, which has packedLen(k, n) floats.
func packB(dst, w []float32, k, n, sk, sn int) {
	for j := 0; j < n && k > 0; j += panelCols {
		packPanel(dst[j*k:(j+panelCols)*k], w[j*sn:], k, min(panelCols, n-j), sk, sn)
	}
}

// packPanel packs up to 32 columns w[k, n] into the panel dst.
func packPanel(dst, w []float32, k, n, sk, sn int) {
	if n < panelCols {
		clear(dst[:k*panelCols])
	}
	switch {
	case sn == 1:
		for p := range k {
			copy(dst[p*panelCols:p*panelCols+n], w[p*sk:])
		}
	case sk == 1:
		packColumns(dst, w, k, n, sn)
	default:
		for p := range k {
			for j := range n {
				dst[p*panelCols+j] = w[p*sk+j*sn]
			}
		}
	}
}

// packTurned packs the weights w[features, channels, places] of a convolution as
// a matrix [places, channels, features], with corners behind where dst has room.
func packTurned(dst, w []float32, features, channels, places int) {
	k := channels * places
	size := packedLen(k, features)
	clear(dst[:size])
	for f := range features {
		panel := dst[f/panelCols*panelCols*k+f%panelCols:]
		for c := range channels {
			for p, v := range w[(f*channels+c)*places:][:places] {
				panel[(p*channels+c)*panelCols] = v
			}
		}
	}
	if len(dst) > size {
		corners(dst[size:], k, features, leastFeature, func(j int) []float32 { return dst[j*k:][:k*panelCols] })
	}
}

// packColumnsGo is packPanel for columns that lie each in one piece: column j
// is w[j*ld : j*ld+k].
func packColumnsGo(dst, w []float32, k, n, ld int) {
	for j := range n {
		for p, x := range w[j*ld : j*ld+k] {
			dst[p*panelCols+j] = x
		}
	}
}
