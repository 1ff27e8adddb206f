package lib

// halfCols is the width of half a panel.
const halfCols = panelCols / 2

// fewCols is up to how many columns are better computed one by one.
const fewCols = 3

// lastPanel is narrow without a bias for the n < 32 columns of the last panel
// of a matrix, with no more work than they need, which shows where there are
// hardly more panels. At most mBlock rows and kBlock steps, those of one row
// of x side by side.
func lastPanel(y []float32, ldy int, x []float32, ldx int, w, add []float32, ldadd, m, k, n int, end ending) {
	few := n % halfCols
	if few > fewCols {
		few = 0
	}
	for j := n - few; j < n; j++ {
		var column [kBlock]float32
		var sums [mBlock]float32
		for p := range column[:k] {
			column[p] = w[p*panelCols+j]
		}
		dots(sums[:m], 0, column[:k], 0, x, ldx, 1, m, k)
		for i, v := range sums[:m] {
			if add != nil {
				v += add[i*ldadd+j]
			}
			y[i*ldy+j] = end.of(v, i)
		}
	}
	switch n -= few; {
	case n == halfCols:
		halfMul(y, ldy, x, ldx, w, add, ldadd, m, k, end)
	case n > halfCols:
		narrow(y, ldy, x, ldx, 1, w, nil, add, ldadd, m, k, n, end)
	case n > 0:
		var tile [tileRows * halfCols]float32
		for i := 0; i < m; i += tileRows {
			rows := min(tileRows, m-i)
			clear(tile[:])
			if add != nil {
				for r := range rows {
					copy(tile[r*halfCols:][:n], add[(i+r)*ldadd:])
				}
			}
			halfMul(tile[:], halfCols, x[i*ldx:], ldx, w, tile[:], halfCols, rows, k, end.from(i))
			for r := range rows {
				copy(y[(i+r)*ldy:][:n], tile[r*halfCols:])
			}
		}
	}
}
