package lib

import "math"

// An attentionBlock is n rows of y, from row i of head h of batch b. Where
// there is one query a head, the rows are the heads of a group.
type attentionBlock struct {
	*attentionTask
	scratch        []float32
	b, h, kv, i, n int
	from, to       int // the keys that its rows see, from being at a panel
	pairs          pairedHead
	done           formatted
}

// run computes the rows, from keys before the limit. The scores of branches that share their values become
// one difference of weights, which is multiplied once.
func (k *attentionBlock) run(limit int) {
	k.from, k.to = k.sees(0)
	if k.queries > 1 {
		k.from, _ = k.sees(k.i)
		_, k.to = k.sees(k.i + k.n - 1)
	}
	k.to = min(k.to, limit)
	if k.ends != nil && k.from < k.to {
		k.from, k.to = k.ends(*k, k.from, k.to)
	}
	if k.from = k.from / k.align * k.align; k.to <= k.from {
		for r := range k.n {
			y, _ := k.at(k.y, r)
			clear(y[:k.dv])
		}
		return
	}
	together := 1
	if k.oneV {
		together = k.count
	}
	for e := 0; e < k.count; e += together {
		k.branch(e, together)
	}
}

// branch adds branch e, with the next one if they are together, to y.
func (k *attentionBlock) branch(e, together int) {
	chunks := k.chunks(k.to - k.from)
	for d := e; d < e+together; d++ {
		k.pairQueries(d)
		k.done.k[d] = k.done.k[d] && k.format.queries(*k, d)
		clear(k.scratch[k.sum[d] : k.sum[d]+k.n])
		for r := range k.n {
			k.scratch[k.top[d]+r] = -math.MaxFloat32
		}
	}
	for p := range chunks {
		for d := e; d < e+together; d++ {
			k.scores(d, p)
			k.soften(d, p)
		}
	}
	for d := e; d < e+together; d++ {
		k.normalise(d, chunks)
	}
	if !k.done.v[e] && k.pairs.v[e] == 0 && k.count == 1 && chunks == 1 && k.dv%(cacheLine/4) == 0 {
		k.values(e, 0, false)
		y, step := k.at(k.y, 0)
		blendRows(y, nil, step, k.scratch[k.top[e]+k.tall:], nil, k.n, k.dv) // which are fewer than the weights
		return
	}
	for p := range chunks {
		if k.done.v[e] && k.format.values(*k, e, together, p, e+p > 0) {
			continue
		}
		if k.pairWeights(e, together, p) {
			k.pairedValues(e, together, p, e+p > 0)
			continue
		}
		s, a := k.chunkOf(e, p), k.scratch[k.top[e]+(p+1)*k.tall:]
		var u, b []float32
		if together > 1 {
			u, b = k.chunkOf(e+1, p), k.scratch[k.top[e+1]+(p+1)*k.tall:]
		}
		blendRows(s, u, k.wide, a, b, k.n, k.cols(p))
		k.values(e, p, e+p > 0)
	}
}

// at is where row r of a begins, and how far from it the next one does.
func (k *attentionBlock) at(a heads, r int) (x []float32, step int) {
	if k.queries == 1 {
		return a.x[k.b*a.batch+(k.h+k.i+r)*a.head:], a.head
	}
	return a.x[k.b*a.batch+k.h*a.head+(k.i+r)*a.row:], a.row
}

// row is which head and query row r is.
func (k *attentionBlock) row(r int) (head, query int) {
	if k.queries == 1 {
		return k.h + k.i + r, 0
	}
	return k.h, k.i + r
}

// chunkOf is the scores of chunk p of branch e.
func (k *attentionBlock) chunkOf(e, p int) []float32 {
	size := k.tall * k.wide
	return k.scratch[k.s[e]+p*size : k.s[e]+(p+1)*size]
}

// first is the first key of chunk p, cols the number of its keys.
func (k *attentionBlock) first(p int) int { return k.from + p*k.chunk }
func (k *attentionBlock) cols(p int) int  { return min(k.chunk, k.to-k.first(p)) }

// scores multiplies the queries with the keys of chunk p.
func (k *attentionBlock) scores(e, p int) {
	switch {
	case k.done.k[e]:
		k.format.scores(*k, e, p)
		return
	case k.pairs.k[e] != 0:
		k.pairedScores(e, p)
		return
	}
	s, at, cols := k.chunkOf(e, p), k.first(p), k.cols(p)
	q, step := k.at(k.branches[e].q, 0)
	if key := k.branches[e].k; k.direct {
		keys := key.x[k.b*key.batch+shared(k.kv, k.kShare)*key.head+at*key.row:]
		for j := 0; j < cols; j += directKeys {
			dots(s[j:], k.wide, q, step, keys[j*key.row:], key.row, k.n, min(directKeys, cols-j), k.d)
		}
		return
	}
	for j := 0; j < cols; j += panelCols {
		keys := k.scratch[k.k[e]+(at+j)*k.d:]
		panelMulNext(s[j:], k.wide, q, step, 1, keys, nil, nil, keys[panelCols*k.d:], 0, k.n, k.d)
	}
}

// soften makes exponentials of the scores of chunk p.
func (k *attentionBlock) soften(e, p int) {
	s, at, cols, by := k.chunkOf(e, p), k.first(p), k.cols(p), k.branches[e].score
	was, top, sum := k.scratch[k.top[e]+p*k.tall:], k.scratch[k.top[e]+(p+1)*k.tall:], k.scratch[k.sum[e]+(p+1)*k.tall:]
	copy(sum[:k.n], k.scratch[k.sum[e]+p*k.tall:])
	if k.apart(at, by) {
		for r := range k.n {
			k.softRow(s[r*k.wide:], e, r, at, cols, was[r:], top[r:], sum[r:])
		}
		return
	}
	var add []float32
	ld := 0
	switch head, query := k.row(0); {
	case k.oneBias:
		add = k.scratch[k.m+at:]
	case k.bias.x != nil:
		add = k.bias.x[k.b*k.bias.batch+head*k.bias.head+query*k.bias.query+at:]
		if ld = k.bias.query; k.queries == 1 {
			ld = k.bias.head
		}
	case !(by.scale > 0):
		add = k.scratch[k.m:]
	}
	seen, step := k.to-at, 0
	if k.queries > 1 && (k.causal || k.window > 0) {
		if seen, step = k.i+k.offset+1-at, 1; !k.causal {
			seen += k.window - 1
		}
	}
	expRows(s, k.wide, add, ld, was, top, sum, k.n, cols, seen, step, by.scale)
}

// normalise makes of the tops of each chunk what its exponentials are to be
// multiplied with: they relate to the largest score known then, not to that of
// the row.
func (k *attentionBlock) normalise(e, chunks int) {
	br, rate := k.branches[e], k.rate(e)
	weights, sum := k.scratch[k.top[e]:k.top[e]+(chunks+1)*k.tall], k.scratch[k.sum[e]+chunks*k.tall:]
	last := weights[chunks*k.tall:]
	var over [pairedQueries]float32
	for r := range k.n {
		head, query := k.row(r)
		total := sum[r]
		if k.sink.x != nil {
			sink := k.sink.x[k.b*k.sink.batch+head*k.sink.head+query*k.sink.row]
			total += float32(math.Exp(float64(sink) - float64(rate)*float64(last[r])))
		}
		over[r] = inverse(total)
		if over[r] != 0 && br.gain.x != nil {
			over[r] *= br.gain.x[k.b*br.gain.batch+head*br.gain.head+query*br.gain.row]
		}
		if e > 0 {
			over[r] = -over[r]
		}
	}
	if chunks > 1 {
		for p := 1; p <= chunks; p++ {
			w := weights[p*k.tall : p*k.tall+k.n]
			for r := range w {
				w[r] = (w[r] - last[r]) * rate
			}
			exp32(w, w)
			mul32(w, w, over[:k.n])
		}
		return
	}
	copy(last, over[:k.n])
}

// inverse is 1/x, and 0 for 0.
func inverse(x float32) float32 {
	if x == 0 {
		return 0
	}
	return 1 / x
}

// values multiplies the weights of chunk p with its values.
func (k *attentionBlock) values(e, p int, more bool) {
	s, at, cols := k.chunkOf(e, p), k.first(p), k.cols(p)
	y, step := k.at(k.y, 0)
	if v := k.branches[e].v; k.direct {
		rows := v.x[k.b*v.batch+shared(k.kv, k.vShare)*v.head+at*v.row:]
		for j := 0; j < cols; j += directKeys {
			add := 0
			if more || j > 0 {
				add = 1
			}
			mix(y, step, s[j:], k.wide, rows[j*v.row:], v.row, k.n, min(directKeys, cols-j), k.dv, add)
		}
		return
	}
	for j := 0; j < k.dv; j += panelCols {
		v, to := k.scratch[k.v[e]+j*k.keys+at*panelCols:], y[j:]
		var next []float32 // the scores that are read after this, to be fetched
		if k.first(p+1) < k.to {
			next = k.chunkOf(min(e+j/panelCols, k.count-1), p+1)
		}
		var add []float32
		if more {
			add = to
		}
		if n := k.dv - j; n < panelCols {
			narrow(to, step, s, k.wide, 1, v, nil, add, step, k.n, cols, n, ending{})
			continue
		}
		panelMulNext(to, step, s, k.wide, 1, v, nil, add, next, step, k.n, cols)
	}
}

// dotsGo is the products of rows of q with n rows of k, all of d elements.
//
//	s [rows, n], row r at s[r*lds]
//	q [rows, d], row r at q[r*ldq]
//	k [n, d], row j at k[j*ld]
func dotsGo(s []float32, lds int, q []float32, ldq int, k []float32, ld, rows, n, d int) {
	for r := range rows {
		for j := range n {
			var sum float32
			for e, x := range k[j*ld : j*ld+d] {
				sum += q[r*ldq+e] * x
			}
			s[r*lds+j] = sum
		}
	}
}

// mixGo is rows of p times n rows of v, or where more is not 0, y plus that.
//
//	y [rows, d], row r at y[r*ldy]
//	p [rows, n], row r at p[r*ldp]
//	v [n, d], row j at v[j*ld]
func mixGo(y []float32, ldy int, p []float32, ldp int, v []float32, ld, rows, n, d, more int) {
	for r := range rows {
		to := y[r*ldy : r*ldy+d]
		if more == 0 {
			clear(to)
		}
		for j, w := range p[r*ldp : r*ldp+n] {
			for e, x := range v[j*ld : j*ld+d] {
				to[e] += w * x
			}
		}
	}
}
