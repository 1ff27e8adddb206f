package lib

import (
	"bytes"
	"math"
)

// maskEnds narrows the range of keys that the rows of a block see to those that count for any of them: where a mask of its own for each
// query takes out the last keys, or the first, as a causal one does, and one of padding. It is what attentionShape.ends may be.
func maskEnds(k attentionBlock, from, to int) (int, int) {
	first, last := to, from
	for r := k.n - 1; r >= 0 && last < to; r-- {
		if m := k.maskOf(r, from, to); m.counts(last, to) {
			end := to
			for end-last > panelCols {
				if mid := (last + end) / 2; m.counts(mid, end) {
					last = mid
				} else {
					end = mid
				}
			}
			last = end
		}
	}
	for r := 0; r < k.n && first > from; r++ {
		if m := k.maskOf(r, from, to); m.counts(from, first) {
			start := from
			for first-start > panelCols {
				if mid := (start + first) / 2; m.counts(start, mid) {
					first = mid
				} else {
					start = mid
				}
			}
			first = start
		}
	}
	return min(first, last), last
}

// A rowMask is what is added to the scores of a row, and which keys may be attended to; either may be absent.
type rowMask struct {
	bias  []float32
	keep  []byte
	fill  float32 // where keep is 0
	least float32 // what is below does not count
}

// maskOf is the mask of row r, of which the keys from to to are seen by the block. Whether some of them do not count can be told only if
// another does, which is looked for where masks have one: at the query's own position and at both ends of what the row sees.
func (k attentionBlock) maskOf(r, from, to int) (m rowMask) {
	head, query := k.row(r)
	if b := k.bias; b.x != nil && b.key == 1 {
		m.bias = b.x[k.b*b.batch+head*b.head+query*b.query:][:k.keys]
	}
	if p := k.keep; p.x != nil && p.key == 1 {
		m.keep = reinterpret[byte](p.x[k.b*p.batch+head*p.head+query*p.query:][:k.keys])
		if m.fill = k.fill; m.fill == 0 {
			m.fill = float32(math.Inf(-1))
		}
	}
	m.least = float32(math.Inf(-1))
	if a, b := k.sees(query); max(a, from) < min(b, to) {
		a, b = max(a, from), min(b, to)-1
		m.least = max(m.at(a), m.at(b), m.at(min(max(query+k.keys-k.queries, a), b))) - negligible
	}
	return m
}

// at is what the mask makes of a score of 0.
func (m rowMask) at(j int) float32 {
	switch {
	case m.keep != nil && m.keep[j] == 0:
		return m.fill
	case m.bias != nil:
		return m.bias[j]
	}
	return 0
}

// counts reports whether one of the keys from to to may count.
func (m rowMask) counts(from, to int) bool {
	if m.keep != nil && (m.fill >= m.least || bytes.IndexByte(m.keep[from:to], 1) < 0) {
		return m.fill >= m.least
	}
	return m.bias == nil || rowMax(m.bias[from:to]) >= m.least
}
