package lib

import "math"

// Products by pairs. Of each three steps over k one is multiplied and added as
// ever, and the other two are a pair, whose products come from one:
//
//	x₁w₁ + x₂w₂ = (x₁ + w₂)(x₂ + w₁) - x₁x₂ - w₁w₂
//
// That is S. Winograd's inner product of 1968. The last two terms, the corners,
// are the same in a whole row or in a whole column: they are added up before,
// those of the weights when the package is made, and taken away in the end.
// What remains is two multiplications and two additions for three steps, where
// the processor would else do three multiplications with an addition in each.
// It pays where adders stand beside the multipliers and have nothing to do.
//
// Rounding stays what it was as long as x and w are of one size, since there are
// fewer sums in which it could add up: so rows of x are brought to the size of
// w, by a power of two, which costs no bit. Every second pair has the signs
//
//	x₁w₁ + x₂w₂ = (x₁ - w₂)(w₁ - x₂) + x₁x₂ + w₁w₂
//
// lest corners grow with k where elements have a mean.
const (
	pairedUnit   = 6               // steps that make two pairs
	pairedTurn   = 48              // k is cut at multiples of this alone
	pairedBlock  = 288             // the most steps that are added up before their corners are taken away
	pairedTile   = 10              // rows of a tile
	pairedHigh   = 13 * pairedTile // of a block of x, which stays in the second level cache
	pairedStrip  = 24 * panelCols  // columns that one pass over a block of x does
	pairedMin    = 32              // rows from which on it pays
	pairedLeast  = 96              // and steps
	pairedCopied = 60              // rows from which on it pays to align weights
	pairedRoom   = 1 << 21         // elements of x that are scaled at a time
	leastColumn  = 1. / 8          // of the size of all weights, for a column to be done by pairs
)

// pairedDepth is how many of the left last of k steps are added up next.
func pairedDepth(k, left int) int {
	parts := (k + pairedBlock - 1) / pairedBlock
	return min(left, roundUp((k+parts-1)/parts, pairedTurn))
}

// pairedParts is how many times that is.
func pairedParts(k int) int {
	depth := pairedDepth(k, k)
	return (k + depth - 1) / depth
}

// cornersLen is the length of the corners of weights [k, n]: of all columns for
// each part of k, and one more vector, which begins with the weights' size. It
// is 0 where pairs do not pay.
func cornersLen(k, n int) int {
	if k < pairedLeast || n < panelCols {
		return 0
	}
	return pairedParts(k)*roundUp(n, panelCols) + panelCols/2
}

// linearLen is the length of packed weights [k, n], with their corners if they
// have some.
func linearLen(k, n int) int {
	return packedLen(k, n) + cornersLen(k, n)
}

// corners writes the corners of the weights [k, n], of which panel gives that
// which begins at a column. Those of a panel that must not be done by pairs are
// NaN, as one with a column whose size is less than that part of the size of all.
func corners(dst []float32, k, n int, least float64, panel func(j int) []float32) {
	width, sum := roundUp(n, panelCols), 0.0
	for j := 0; j < n; j += panelCols {
		sum += squares(panel(j))
	}
	size := powerOf(sum / float64(k*n))
	for j := 0; j < n; j += panelCols {
		w := panel(j)
		paired := n-j >= panelCols
		for c := 0; c < panelCols && paired; c++ {
			paired = pairable(w[c:], panelCols, k, size, least)
		}
		for p, part := 0, 0; p < k; part++ {
			depth := pairedDepth(k, k-p)
			for c := range panelCols {
				dst[part*width+j+c] = float32(math.NaN())
				if paired {
					dst[part*width+j+c] = corner(w[p*panelCols+c:], panelCols, depth)
				}
			}
			p += depth
		}
	}
	clear(dst[pairedParts(k)*width:])
	dst[pairedParts(k)*width] = size
}

// powerOf is the power of two nearest to the root of a mean square, 0 if that
// is too far from 1 to be squared safely.
func powerOf(mean float64) float32 {
	if !(mean > 0x1p-80 && mean < 0x1p80) {
		return 0
	}
	exponent := int(math.Float64bits(mean)>>52) - 1023 // rounded down
	return math.Float32frombits(uint32((exponent+1)>>1+127) << 23)
}

// pairable tells whether k weights that are step apart have about the size of
// the whole matrix, at least that part of it, or their sums would lose bits, and
// whether it looks as if they were not meant to select: products of 0 are exact,
// pairs are not.
func pairable(w []float32, step, k int, size float32, least float64) bool {
	const (
		most  = 8 // times the size
		zeros = 2 // one of so many elements
	)
	if size == 0 {
		return false
	}
	var sum float64
	none, whole := 0, 0
	for p := range k {
		v := float64(w[p*step])
		sum += v * v
		if v == 0 {
			none++
		}
		if v == math.Trunc(v) {
			whole++
		}
	}
	root := math.Sqrt(sum/float64(k)) / float64(size)
	return root > least && root < most && none <= k/zeros && whole < k
}

// corner is the corner of k weights that are step apart.
func corner(w []float32, step, k int) float32 {
	var sum float64
	for p := 0; p+pairedUnit <= k; p += pairedUnit {
		at := func(i int) float64 { return float64(w[(p+i)*step]) }
		sum += at(1)*at(2) - at(4)*at(5)
	}
	return float32(sum)
}

// rowMomentsGo is the sum of the squares of x, and its corner.
func rowMomentsGo(x []float32) (squares, corner float32) {
	for _, v := range x {
		squares += v * v
	}
	for ; len(x) >= pairedUnit; x = x[pairedUnit:] {
		corner += x[1]*x[2] - x[4]*x[5]
	}
	return squares, corner
}

// pairedMulGo is y = add + bias + (s - corners)·times + plus for one panel, where s
// is the sums by pairs, between the limits.
//
//	y       [m, 32], row i at y[i*ldy]
//	x       [m, k], row i at x[i*ldx]
//	w       [k, 32]
//	bias    [32], or nil
//	corners [32]
//	ends    [m, 2], times and plus of each row
//	add     [m, 32], row i at add[i*ldadd], or nil; may be y
//	limits  [2], or nil
func pairedMulGo(y []float32, ldy int, x []float32, ldx int, w, bias, corners, ends, add, limits []float32, ldadd, m, k int) {
	least, most := limitsOr(limits)
	for i := range m {
		var s [panelCols]float32
		row, p := x[i*ldx:][:k], 0
		for ; p+pairedUnit <= k; p += pairedUnit {
			a, b := row[p:][:pairedUnit], w[p*panelCols:][:pairedUnit*panelCols]
			for c := range s {
				at := func(i int) float32 { return b[i*panelCols+c] }
				s[c] += a[0] * at(0)
				s[c] += (a[1] + at(2)) * (at(1) + a[2])
				s[c] += a[3] * at(3)
				s[c] += (a[4] - at(5)) * (at(4) - a[5])
			}
		}
		for ; p < k; p++ {
			for c := range s {
				s[c] += row[p] * w[p*panelCols+c]
			}
		}
		for c := range s {
			v := (s[c]-corners[c])*ends[2*i] + ends[2*i+1]
			if bias != nil {
				v += bias[c]
			}
			if add != nil {
				v += add[i*ldadd+c]
			}
			y[i*ldy+c] = min(max(v, least), most)
		}
	}
}

// narrowPaired is pairedMul without a bias for the n < 32 columns that the last
// panel of a matrix may have.
func narrowPaired(y []float32, ldy int, x []float32, ldx int, w, corners, ends, add, limits []float32, ldadd, m, k, n int) {
	var tile [pairedTile * panelCols]float32
	for i := 0; i < m; i += pairedTile {
		rows := min(pairedTile, m-i)
		var more []float32
		if add != nil {
			more = tile[:]
			for r := range rows {
				copy(tile[r*panelCols:][:n], add[(i+r)*ldadd:])
			}
		}
		pairedMul(tile[:], panelCols, x[i*ldx:], ldx, w, nil, corners, ends[2*i:], more, limits, nil, panelCols, rows, k)
		for r := range rows {
			copy(y[(i+r)*ldy:][:n], tile[r*panelCols:])
		}
	}
}

// A pairing is what a product by pairs has beside its rows and weights.
type pairing struct {
	*pairedRows
	corners []float32 // [parts of k, width]
	width   int       // the columns, rounded up
}

// of is the corners of the panel at column j in the part of k that begins at
// step p, and the ends of the rows from i on. There are none if the panel is not
// done by pairs.
func (t *pairing) of(i, j, p, k int) (corners, ends []float32) {
	if t.pairedRows == nil {
		return nil, nil
	}
	part := p / pairedDepth(k, k)
	if corners = t.corners[part*t.width+j:][:panelCols]; corners[0] != corners[0] {
		return nil, nil
	}
	return corners, t.ends[2*(part*t.m+i):]
}

// paired tells whether a product of m rows is done by pairs: one whose weights
// have corners, if the processor gains by it.
func paired(corners []float32, m int) bool {
	return pairs && m >= pairedMin && len(corners) > 0 && corners[len(corners)-panelCols/2] != 0
}

// byPairs has all rows of g computed by run, so many at a time that what they
// are scaled to stays in a cache.
func byPairs(c *ctx, g gemmTask, corners []float32, run func(some gemmTask)) {
	rows, parts, width := task[pairedRows](c), pairedParts(g.k), roundUp(g.n, panelCols)
	rows.size, rows.k, rows.ldx, rows.lds = corners[parts*width], g.k, g.ldx, apart(g.k)
	high := max(pairedRoom/rows.lds/pairedHigh, 1) * pairedHigh
	rows.reserve(min(high, g.m)*rows.lds, min(high, g.m)*2*parts)
	for i := 0; i < g.m; i += high {
		some := g
		some.m, some.y, some.x = min(high, g.m-i), g.y[i*g.ldy:], g.x[i*g.ldx:]
		if g.r != nil {
			some.r = g.r[i*g.ldr:]
		}
		rows.x, rows.m = some.x, some.m
		rows.odd.Store(false)
		c.split(some.m, 1+rowsGrain/g.k, rows)
		if !rows.odd.Load() {
			some.pairing = pairing{rows, corners, width}
		}
		run(some)
	}
	rows.x = nil
}
