package lib

import "math"

// Products with weights of four bits. Each column of w is cut into blocks of so
// many rows, which have a scale and a zero point each: an element stands for
// (q - zero)·scale.

// foursHead is the words of a block of a panel before its rows: the scales of
// its columns, then their zero points, a byte each.
const foursHead = panelCols + panelCols/4

// foursRow is the words of a row of a panel. Byte j is the elements of columns
// j, in its lower half, and 16+j.
const foursRow = panelCols / 8

// foursPanel is the words of a panel of k rows.
func foursPanel(k, block int) int { return (k+block-1)/block*foursHead + k*foursRow }

// packedFoursLen is the number of words of a packed matrix [k, n].
func packedFoursLen(k, n, block int) int {
	return foursPanel(k, block) * (roundUp(n, panelCols) / panelCols)
}

// gemmFours is gemm for weights of four bits. A few rows are multiplied with them
// as they are; for more, what is needed of them is widened on the way, so that
// the result is that of gemm for the numbers they stand for, to the bit.
//
//	w [k, n], packed by PackFours for blocks of block rows
func gemmFours(c *ctx, block int, y []float32, ldy int, x []float32, ldx int, w []uint32, bias, r []float32, ldr int,
	act func(y, x []float32), m, k, n int) {
	if m == 0 || n == 0 {
		return
	}
	t := task[foursTask](c)
	*t = foursTask{gemmTask: gemmTask{y: y, x: x, bias: bias, r: r, act: act, m: m, k: k, n: n, ldy: ldy, ldx: ldx, sx: 1, ldr: ldr,
		rowCuts: 1, colCuts: 1}, packed: w, block: block}
	if c.threads > 1 {
		parts := min(cutsPerThread*c.threads, mulWork(m, k, n)/mulGrain)
		t.rowCuts, t.colCuts = cutGrid(parts, c.threads, (m+tileRows-1)/tileRows, (n+panelCols-1)/panelCols)
	}
	c.reserve(kBlock * panelCols)
	c.split(t.rowCuts*t.colCuts, 1, t)
	*t = foursTask{}
}

// foursTask is the arguments of gemmFours.
type foursTask struct {
	gemmTask
	packed []uint32
	block  int // rows that have a scale in common
}

// part does the parts lo to hi of the grid.
func (t *foursTask) part(w *worker, lo, hi int) {
	tiles, panels := (t.m+tileRows-1)/tileRows, (t.n+panelCols-1)/panelCols
	for u := lo; u < hi; u++ {
		i, j := u/t.colCuts, u%t.colCuts
		t.product(w.scratch, min(tiles*i/t.rowCuts*tileRows, t.m), min(tiles*(i+1)/t.rowCuts*tileRows, t.m),
			min(panels*j/t.colCuts*panelCols, t.n), min(panels*(j+1)/t.colCuts*panelCols, t.n))
	}
}

// product computes y[i0:i1, j0:j1]; j0 begins a panel. It widens the steps of
// one cut of k of one panel at a time.
func (t *foursTask) product(scratch []float32, i0, i1, j0, j1 int) {
	if i0 == i1 {
		return
	}
	if i1-i0 <= fewRows {
		t.few(scratch, i0, i1-i0, j0, j1)
		return
	}
	for j := j0; j < j1; j += panelCols {
		cols := min(j1-j, panelCols)
		g := gemmTask{y: t.y[j:], ldy: t.ldy, w: scratch, ldx: t.ldx, sx: 1, m: t.m, n: cols}
		if t.bias != nil {
			g.bias = t.bias[j:]
		}
		if t.r != nil && t.act == nil {
			g.r, g.ldr = t.r[j:], t.ldr
		}
		for p := 0; ; {
			if g.k = kDepth(t.k, t.k-p); g.k == 0 {
				g.ldx = 0
			} else {
				t.widen(scratch, p, g.k, j)
				g.x = t.x[p:]
			}
			g.block(i0, i1, 0, cols)
			if p += g.k; p >= t.k {
				break
			}
			g.bias, g.r, g.ldr = nil, g.y, g.ldy
		}
		if t.act != nil {
			t.activate(i0, i1-i0, j, cols)
		}
	}
}

// fewRows is up to how many rows of x it is faster to multiply with w as it is
// stored, in registers, four rows at a time.
const fewRows = tileRows

// few is product for so many rows: the elements of a block are added up before
// its scale and zero points come in.
func (t *foursTask) few(scratch []float32, i, rows, j0, j1 int) {
	tile := scratch[:fewRows*panelCols]
	size := foursPanel(t.k, t.block)
	for j := j0; j < j1; j += panelCols {
		cols := min(panelCols, j1-j)
		if t.k > 0 {
			mulFours(tile, t.x[i*t.ldx:][:(rows-1)*t.ldx+t.k], t.packed[j/panelCols*size:][:size], rows, t.k, t.block, t.ldx)
		} else {
			clear(tile)
		}
		for e := range rows {
			y, sums := t.y[(i+e)*t.ldy+j:][:cols], tile[e*panelCols:][:cols]
			if t.bias != nil {
				add32(sums, sums, t.bias[j:j+cols])
			}
			if t.r != nil && t.act == nil {
				add32(y, sums, t.r[(i+e)*t.ldr+j:][:cols])
			} else {
				copy(y, sums)
			}
		}
		if t.act != nil {
			t.activate(i, rows, j, cols)
		}
	}
}

// widen writes rows p to p+depth of the panel that begins at column j.
func (t *foursTask) widen(dst []float32, p, depth, j int) {
	size := foursPanel(t.k, t.block)
	panel := t.packed[j/panelCols*size:][:size]
	for depth > 0 {
		block, row := panel[p/t.block*(foursHead+t.block*foursRow):], p%t.block
		rows := min(t.block-row, depth)
		widenFours(dst, block[foursHead+row*foursRow:], block, rows)
		dst, p, depth = dst[rows*panelCols:], p+rows, depth-rows
	}
}

// blockOf is the scales and zero points of the block that begins at head.
func blockOf(head []uint32) (scale, zero [panelCols]float32) {
	for j := range scale {
		scale[j], zero[j] = math.Float32frombits(head[j]), float32(head[panelCols+j/4]>>(j%4*8)&0xff)
	}
	return scale, zero
}

// widenRow is the numbers that the row q of a block stands for.
func widenRow(row []float32, q []uint32, scale, zero *[panelCols]float32) {
	row = row[:panelCols]
	for j, w := range q[:foursRow] {
		for b := range 4 {
			k := 4*j + b
			row[k] = (float32(w>>(8*b)&15) - zero[k]) * scale[k]
			row[k+halfCols] = (float32(w>>(8*b+4)&15) - zero[k+halfCols]) * scale[k+halfCols]
		}
	}
}

// widenFoursGo writes so many rows q of the block that begins at head as rows of
// a panel.
func widenFoursGo(dst []float32, q, head []uint32, rows int) {
	scale, zero := blockOf(head)
	for p := range rows {
		widenRow(dst[p*panelCols:], q[p*foursRow:], &scale, &zero)
	}
}

// mulFoursGo sets y[m, 32] to x[m, k] times the panel at head, block by block:
// (x·q - zero·Σx)·scale.
func mulFoursGo(y, x []float32, head []uint32, m, k, block, ldx int) {
	clear(y[:m*panelCols])
	one := [panelCols]float32{}
	for j := range one {
		one[j] = 1
	}
	var q, none [panelCols]float32
	for at := 0; at < k; at += block {
		scale, zero := blockOf(head)
		rows := min(block, k-at)
		for i := range m {
			var sums [panelCols]float32
			all := float32(0)
			for p, v := range x[i*ldx+at:][:rows] {
				widenRow(q[:], head[foursHead+p*foursRow:], &one, &none)
				for j := range sums {
					sums[j] += v * q[j]
				}
				all += v
			}
			for j, v := range sums {
				y[i*panelCols+j] += (v - zero[j]*all) * scale[j]
			}
		}
		head = head[foursHead+rows*foursRow:]
	}
}
