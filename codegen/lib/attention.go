package lib

import "math"

// heads is a tensor [batch, head, row, column] that lies anywhere in a buffer,
// with the columns of a row next to each other: element (b, h, i, e) is
// x[b*batch+h*head+i*row+e]. Splitting and merging heads, and a buffer that
// holds queries, keys and values together, are thus only other distances; a
// distance of 0 broadcasts.
type heads struct {
	x                []float32
	batch, head, row int
}

// bias is what is added to scores: to that of query i and key j of head h,
// x[b*batch+h*head+i*query+j*key]. The zero bias adds nothing. key is 1 or 0.
type bias struct {
	x                       []float32
	batch, head, query, key int
}

// keep says which keys a query may attend to, laid out as a bias is. Where it
// is false the score becomes the fill of the attentionShape. The zero keep
// allows all.
type keep struct {
	x                       []bool
	batch, head, query, key int
}

// A score says how a score comes from a query and a key: s = scale·q·k, then
// cap·tanh(s/cap) where cap is not 0; then come bias and keep.
type score struct {
	scale, cap float32
}

// attentionShape is the sizes of an attention and what its queries see. Head h
// of q meets head h/(heads/kvHeads) of k and v. Query i stands at the key
// i+offset: with causal it sees none beyond that, with a window only keys that
// are less than so many away.
type attentionShape struct {
	batch, heads, kvHeads int
	queries, keys         int
	d, dv                 int // columns of q and k, of v and y
	causal                bool
	offset                int
	window                int     // 0 is no limit
	fill                  float32 // where keep is false; 0 stands for -Inf
	sink                  heads   // one column: a further score, to which no value belongs
}

// A branch is one softmax of an attention: y = gain·softmax(scores)·v. gain has
// one column.
type branch struct {
	q, k, v heads
	gain    heads // the zero value is 1
	score   score
}

// attention is y = softmax(scale·q·kᵀ + bias, where keep)·v for each batch and
// head; a query that may attend to nothing gives 0.
//
//	y [batch, heads, queries, dv]
//	q [batch, heads, queries, d]
//	k [batch, kvHeads, keys, d]
//	v [batch, kvHeads, keys, dv]
func attention(c *ctx, y, q, k, v heads, by score, add bias, where keep, s attentionShape) {
	attend(c, attentionTask{attentionShape: s, y: y, bias: add, keep: where,
		branches: [2]branch{{q: q, k: k, v: v, score: by}}, count: 1})
}

// dualAttention is the difference of two attentions with one bias and keep:
// y = p.gain·softmax(p.q·p.kᵀ)·p.v - n.gain·softmax(n.q·n.kᵀ)·n.v. The branches
// may share k, v or both, which are then packed once.
func dualAttention(c *ctx, y heads, p, n branch, add bias, where keep, s attentionShape) {
	attend(c, attentionTask{attentionShape: s, y: y, bias: add, keep: where,
		branches: [2]branch{p, n}, count: 2})
}

// attentionRows is how many queries of a head go together: their scores stay
// in cache between the two products.
const attentionRows = 2 * tileRows

// directRows is how many queries, of all branches, may share a key head for it
// to be faster to read k and v where they are, once for each, than to pack them.
const directRows = 2

// attend cuts the work: first by key head and batch, each of which packs its k
// and v, and where these are fewer than the threads also by queries.
func attend(c *ctx, args attentionTask) {
	t := task[attentionTask](c)
	*t = args
	t.group = t.heads / t.kvHeads
	t.layOut()
	c.reserve(t.floats)
	units := max(t.batch*t.kvHeads, 1)
	work := mulWork(t.group*t.queries, t.d+t.dv, t.keys) * t.count
	t.cuts = max(1, min(cutsPerThread*c.threads/units, work/mulGrain, (t.rows()+attentionRows-1)/attentionRows))
	if c.threads == 1 {
		t.cuts = 1
	}
	c.split(t.batch*t.kvHeads*t.cuts, mulGrain*t.cuts/max(work, 1)+1, t)
	*t = attentionTask{}
}

// attentionTask is the arguments of attention and dualAttention, and where in
// a worker's scratch the pieces lie.
type attentionTask struct {
	attentionShape
	y           heads
	bias        bias
	keep        keep
	branches    [2]branch
	count       int // of branches
	group, cuts int

	wide, deep int // keys and dv, rounded up to panels
	k, v       [2]int
	s, o, m    int // scores, output of one branch, bias of one query
	floats     int

	oneBias bool // all queries of a key head have the bias at m
	direct  bool // k and v are read where they are
}

func (t *attentionTask) layOut() {
	t.wide, t.deep = roundUp(t.keys, panelCols), roundUp(t.dv, panelCols)
	t.direct = t.group*t.queries*t.count <= directRows
	for i := range t.count {
		if t.direct {
			break
		}
		t.k[i], t.v[i] = t.k[0], t.v[0]
		if i == 0 || !sameHeads(t.branches[i].k, t.branches[0].k) {
			t.k[i], t.floats = t.floats, t.floats+t.wide*t.d
		}
		if i == 0 || !sameHeads(t.branches[i].v, t.branches[0].v) {
			t.v[i], t.floats = t.floats, t.floats+t.deep*t.keys
		}
	}
	t.s, t.floats = t.floats, t.floats+t.wide*attentionRows
	t.o, t.floats = t.floats, t.floats+t.deep*attentionRows
	t.m, t.floats = t.floats, t.floats+t.wide
	t.oneBias = t.keep.x != nil && t.fill == 0 || t.bias.x != nil && t.bias.key == 0
	if t.queries > 1 && t.bias.query+t.keep.query != 0 || t.group > 1 && t.bias.head+t.keep.head != 0 {
		t.oneBias = false
	}
}

func sameHeads(a, b heads) bool {
	return len(a.x) == len(b.x) && (len(a.x) == 0 || &a.x[0] == &b.x[0]) &&
		a.batch == b.batch && a.head == b.head && a.row == b.row
}

// rows is how many rows of q a key head has in one piece: the queries of one
// head, or where there is but one query, all heads of the group.
func (t *attentionTask) rows() int {
	if t.queries == 1 {
		return t.group
	}
	return t.queries
}

func (t *attentionTask) part(w *worker, lo, hi int) {
	packed := -1
	for u := lo; u < hi; u++ {
		pair, cut := u/t.cuts, u%t.cuts
		b, h := pair/t.kvHeads, pair%t.kvHeads
		if packed != pair {
			t.pack(w.scratch, b, h)
			packed = pair
		}
		tiles := (t.rows() + tileRows - 1) / tileRows
		first, last := tiles*cut/t.cuts*tileRows, min(tiles*(cut+1)/t.cuts*tileRows, t.rows())
		for g := 0; g*t.rows() < t.group*t.queries; g++ {
			for i := first; i < last; i += attentionRows {
				t.block(w.scratch, b, h*t.group+g, i, min(attentionRows, last-i))
			}
		}
	}
}

// pack brings k, transposed, and v of key head h into panels, and the bias of
// its queries together if they have but one.
func (t *attentionTask) pack(scratch []float32, b, h int) {
	for i, br := range t.branches[:t.count] {
		if t.keys == 0 || t.direct {
			break
		}
		if i == 0 || t.k[i] != t.k[0] {
			packB(scratch[t.k[i]:], br.k.x[b*br.k.batch+h*br.k.head:], t.d, t.keys, 1, br.k.row)
		}
		if i == 0 || t.v[i] != t.v[0] {
			packB(scratch[t.v[i]:], br.v.x[b*br.v.batch+h*br.v.head:], t.keys, t.dv, br.v.row, 1)
		}
	}
	if t.oneBias {
		t.rowBias(scratch[t.m:], 0, t.keys, b, h*t.group, 0)
	}
}

// block computes n rows of y from row i of head h. Where there is one query a
// head, the rows are the heads of a group.
func (t *attentionTask) block(scratch []float32, b, h, i, n int) {
	down := func(a heads) (from, step int) {
		if t.queries == 1 {
			return b*a.batch + (h+i)*a.head, a.head
		}
		return b*a.batch + h*a.head + i*a.row, a.row
	}
	from, keys := t.sees(0)
	if t.queries > 1 {
		from, _ = t.sees(i)
		_, keys = t.sees(i + n - 1)
	}
	from = from / panelCols * panelCols
	s, o := scratch[t.s:], scratch[t.o:]
	y0, yStep := down(t.y)
	for e, br := range t.branches[:t.count] {
		q0, qStep := down(br.q)
		t.scores(scratch, e, br.q.x[q0:], qStep, b, h/t.group, n, from, keys)
		var over [attentionRows]float32 // gain over the sum of the row
		for r := range n {
			head, query := h, i+r
			if t.queries == 1 {
				head, query = h+i+r, 0
			}
			over[r] = t.softmaxRow(s[r*t.wide:r*t.wide+keys], from, scratch[t.m:], b, head, query, br.score)
			if over[r] != 0 && br.gain.x != nil {
				over[r] *= br.gain.x[b*br.gain.batch+head*br.gain.head+query*br.gain.row]
			}
		}
		t.values(scratch, e, b, h/t.group, n, from, keys)
		for r := range n {
			t.store(t.y.x[y0+r*yStep:y0+r*yStep+t.dv], o[r*t.deep:], over[r], e)
		}
	}
}

// scores multiplies n rows of q with the keys of key head g.
func (t *attentionTask) scores(scratch []float32, e int, q []float32, qStep, b, g, n, from, keys int) {
	s := scratch[t.s:]
	if k := t.branches[e].k; t.direct && keys > from {
		for r := range n {
			dots(s[r*t.wide+from:r*t.wide+keys], q[r*qStep:r*qStep+t.d], k.x[b*k.batch+g*k.head+from*k.row:], k.row)
		}
		return
	}
	for j := from; j < keys; j += panelCols {
		panelMul(s[j:], t.wide, q, qStep, 1, scratch[t.k[e]+j*t.d:], nil, nil, 0, n, t.d)
	}
}

// values multiplies n rows of exponentials with the values of key head g.
func (t *attentionTask) values(scratch []float32, e, b, g, n, from, keys int) {
	s, o := scratch[t.s+from:], scratch[t.o:]
	if v := t.branches[e].v; t.direct && keys > from {
		for r := range n {
			mix(o[r*t.deep:r*t.deep+t.dv], s[r*t.wide:r*t.wide+keys-from], v.x[b*v.batch+g*v.head+from*v.row:], v.row)
		}
		return
	}
	for j := 0; j < t.dv && keys > from; j += panelCols {
		panelMul(o[j:], t.deep, s, t.wide, 1, scratch[t.v[e]+j*t.keys+from*panelCols:], nil, nil, 0, n, keys-from)
	}
}

// dotsGo is s[j] = q·k[j], row j of k being k[j*ld : j*ld+len(q)].
func dotsGo(s, q, k []float32, ld int) {
	for j := range s {
		var sum float32
		for e, x := range k[j*ld : j*ld+len(q)] {
			sum += q[e] * x
		}
		s[j] = sum
	}
}

// mixGo is y = Σ p[j]·v[j], row j of v being v[j*ld : j*ld+len(y)].
func mixGo(y, p, v []float32, ld int) {
	clear(y)
	for j, w := range p {
		for e, x := range v[j*ld : j*ld+len(y)] {
			y[e] += w * x
		}
	}
}

// store brings one row of branch e into y. A row without keys has over 0, and
// then what is in o means nothing.
func (t *attentionTask) store(y, o []float32, over float32, e int) {
	switch {
	case over == 0 && e == 0:
		clear(y)
	case over == 0:
	case e == 0:
		axpby(y, o[:len(y)], over, 0)
	default:
		axpby(y, o[:len(y)], -over, 1)
	}
}

// sees is the range of keys that a query sees.
func (t *attentionTask) sees(query int) (from, to int) {
	to = t.keys
	if at := query + t.offset; t.causal {
		to = max(0, min(to, at+1))
	} else if t.window > 0 {
		to = max(0, min(to, at+t.window))
	}
	if t.window > 0 {
		from = min(to, max(0, query+t.offset-t.window+1))
	}
	return from, to
}

// softmaxRow turns the products x of one query with the first keys into
// exp(score-max), and gives the reciprocal of their sum, or 0 where there is
// nothing to attend to. Before the key from there is nothing in x. tmp has room
// for a row.
func (t *attentionTask) softmaxRow(x []float32, from int, tmp []float32, b, h, query int, by score) float32 {
	first, end := t.sees(query)
	clear(x[from:first])
	clear(x[end:])
	x = x[first:end]
	scale := by.scale
	if by.cap != 0 {
		axpby(x, x, scale/by.cap, 0)
		tanh32(x, x)
		scale = by.cap
	}
	add := tmp[first:end]
	if !t.oneBias {
		add = t.rowBias(tmp, first, end, b, h, query)
	}
	top := scaleAddMax(x, add, scale)
	if t.fill != 0 && t.keep.x != nil {
		t.forbid(x, first, b, h, query, t.fill)
		top = rowMax(x)
	}
	if t.sink.x == nil {
		return inverse(expSum(x, x, top))
	}
	sink := t.sink.x[b*t.sink.batch+h*t.sink.head+query*t.sink.row]
	top = max(top, sink)
	sum := expSum(x, x, top)
	if sink > -math.MaxFloat32 {
		sum += float32(math.Exp(float64(sink - top)))
	}
	return inverse(sum)
}

// inverse is 1/x, and 0 for 0.
func inverse(x float32) float32 {
	if x == 0 {
		return 0
	}
	return 1 / x
}

// rowBias is bias and keep of one query for the keys first to end, nil where
// there is neither. It is in tmp, unless the bias is there already in one piece.
func (t *attentionTask) rowBias(tmp []float32, first, end, b, h, query int) []float32 {
	row := tmp[first:end]
	forbids := t.keep.x != nil && t.fill == 0
	switch {
	case t.bias.x == nil && !forbids:
		return nil
	case t.bias.x == nil:
		clear(row)
	default:
		at := t.bias.x[b*t.bias.batch+h*t.bias.head+query*t.bias.query:]
		switch {
		case t.bias.key == 1 && !forbids:
			return at[first:end]
		case t.bias.key == 1:
			copy(row, at[first:])
		default:
			for j := range row {
				row[j] = at[0]
			}
		}
	}
	if forbids {
		t.forbid(row, first, b, h, query, float32(math.Inf(-1)))
	}
	return row
}

// forbid makes fill of the x, of the keys from first, that keep forbids.
func (t *attentionTask) forbid(x []float32, first, b, h, query int, fill float32) {
	at := t.keep.x[b*t.keep.batch+h*t.keep.head+query*t.keep.query:]
	switch {
	case t.keep.key == 1:
		fillUnless(x, at[first:], fill)
	case !at[0]:
		for j := range x {
			x[j] = fill
		}
	}
}

// fillUnlessGo makes x[j] fill where keep[j] is false.
func fillUnlessGo(x []float32, keep []bool, fill float32) {
	for j := range x {
		if !keep[j] {
			x[j] = fill
		}
	}
}
