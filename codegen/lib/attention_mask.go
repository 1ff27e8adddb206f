package lib

import "math"

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

// span is the keys before a limit that queries of a head see, from where a chunk
// may begin.
func (t *attentionTask) span(limit int) (from, to int) {
	from, _ = t.sees(0)
	_, to = t.sees(t.queries - 1)
	return from / t.align * t.align, min(to, limit)
}

// seen is how many keys a query sees, about.
func (t *attentionTask) seen() int {
	seen := t.keys
	if t.causal {
		seen -= t.queries / 2
	}
	if t.window > 0 {
		seen = min(seen, 2*t.window)
	}
	return seen
}

// slanted tells whether each row sees one key more than the row before.
func (t *attentionTask) slanted() bool { return t.causal && t.queries > 1 }

// forbids tells whether keep makes scores -Inf, biased whether there is
// something to add to scores.
func (t *attentionTask) forbids() bool { return t.keep.x != nil && t.fill == 0 }
func (t *attentionTask) biased() bool  { return t.bias.x != nil || t.forbids() }

// negligible is how far below others a bias has to be for its key not to count:
// much further than scores are apart, and nearer than the numbers that stand
// for -Inf in masks, some 1e9 and more.
const negligible = 1e8

// limit is how many keys count for the queries of key head h, where a mask
// cuts off the last for all of them: as padding is.
func (t *attentionTask) limit(scratch []float32, b, h int) int {
	var row []float32
	switch {
	case t.keep.x != nil && t.fill != 0:
		return t.keys
	case t.oneBias:
		row = scratch[t.m : t.m+t.keys]
	case t.bias.x != nil && (t.queries == 1 || t.bias.query == 0) && (t.group == 1 || t.bias.head == 0) && !t.forbids():
		at := b*t.bias.batch + h*t.group*t.bias.head
		row = t.bias.x[at : at+t.keys]
	default:
		return t.keys
	}
	n, top := t.keys, rowMax(row)
	if math.IsInf(float64(top), -1) {
		return 0
	}
	for n > 0 && row[n-1] < top-negligible {
		n--
	}
	return n
}

// apart tells whether soften has to go through the rows of a chunk, which
// begins at a key, one by one.
func (k *attentionBlock) apart(at int, by score) bool {
	first, _ := k.sees(0)
	if k.queries > 1 {
		first, _ = k.sees(k.i + k.n - 1)
	}
	ownBias := k.keep.x != nil || k.bias.x != nil && k.bias.key == 0
	return by.cap != 0 || k.keep.x != nil && k.fill != 0 || ownBias && !k.oneBias || first > at
}

// rate is what expRows multiplies scores with.
func (k *attentionBlock) rate(e int) float32 {
	by := k.branches[e].score
	switch {
	case k.biased() || k.keep.x != nil:
		return 1
	case by.cap != 0:
		return by.cap
	case !(by.scale > 0):
		return 1
	}
	return by.scale
}

// softRow is soften for row r: x is its scores of cols keys from the key at.
func (k *attentionBlock) softRow(x []float32, e, r, at, cols int, was, top, sum []float32) {
	head, query := k.row(r)
	first, end := k.sees(query)
	first, end = max(first, at), min(end, at+cols)
	if first >= end {
		clear(x[:cols])
		top[0] = was[0]
		return
	}
	clear(x[:first-at])
	x, cols = x[first-at:], cols-(first-at)
	seen := x[:end-first]
	by := k.branches[e].score
	scale := by.scale
	if by.cap != 0 {
		axpby(seen, seen, scale/by.cap, 0)
		tanh32(seen, seen)
		scale = by.cap
	}
	add := k.scratch[k.m+first:]
	if !k.oneBias {
		add = k.rowBias(k.scratch[k.m:], first, end, k.b, head, query)
	}
	if k.keep.x != nil && !k.forbids() {
		if add != nil {
			add = add[:len(seen)]
		}
		scaleAddMax(seen, add, scale)
		k.forbid(seen, first, k.b, head, query, k.fill)
		add, scale = nil, 1
	} else if add == nil && !(scale > 0) {
		axpby(seen, seen, scale, 0)
		scale = 1
	}
	expRows(x, 0, add, 0, was, top, sum, 1, cols, len(seen), 0, scale)
}

// rowBias is bias and keep of one query for the keys first to end, nil where
// there is neither. It is in tmp, unless the bias is there already in one piece.
func (t *attentionTask) rowBias(tmp []float32, first, end, b, h, query int) []float32 {
	row := tmp[first:end]
	forbids := t.forbids()
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
