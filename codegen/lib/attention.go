package lib

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

	kShare, vShare int // where k or v have fewer heads than kvHeads: how many that follow each other share one; 0 is 1

	ends   func(k attentionBlock, from, to int) (int, int) // narrows the keys that a block looks at: maskEnds or nil
	format attentionFormat                                 // of products: fixedAttention, or nil for float32
}

// An attentionFormat does the products of attention in another format than
// float32, those that can be.
type attentionFormat interface {
	cut(t *attentionTask) bool                                        // decides how many queries and keys go together, if it is worth while
	reserve(t *attentionTask)                                         // takes scratch
	pack(t *attentionTask, scratch []float32, from, to int) formatted // makes keys and values of a head from those that packB has packed
	queries(k attentionBlock, e int) bool                             // makes those of a block
	scores(k attentionBlock, e, p int)                                // multiplies the queries with the keys of chunk p
	values(k attentionBlock, e, together, p int, more bool) bool      // makes weights of exponentials, and multiplies them with values
}

// formatted is whether keys and values of a head are in the format, for each
// branch, and which key is the first that is not.
type formatted struct {
	k, v [2]bool
	to   int
}

// shared is the head of k or v that key head h has.
func shared(h, share int) int { return h / max(share, 1) }

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

// attentionRows is how many queries of a head go together, at most: while they
// are multiplied with a panel of keys or values, it stays in cache. They see
// the keys of the last one, so that there are fewer where there are few keys;
// and where there are very many, the scores of fewer take enough room.
const (
	attentionRows = 3 * tileRows
	shortRows     = 2 * tileRows
	shortKeys     = 256
	longRows      = tileRows
	longKeys      = 1 << 14
)

// attentionKeys is how many keys go together: the scores of a block stay in
// cache while they become weights.
const attentionKeys = 16 * panelCols

// directKeys is how many keys go together where k and v are read where they are:
// they stay in the nearest cache while all queries meet them.
const directKeys = 64

// attend cuts the work: first by key head and batch, each of which packs its k
// and v, and where these are fewer than the threads also by blocks of queries.
func attend(c *ctx, args attentionTask) {
	t := task[attentionTask](c)
	*t = args
	t.group = t.heads / t.kvHeads
	t.layOut()
	c.reserve(t.floats)
	units := max(t.batch*t.kvHeads, 1)
	work := mulWork(t.group*t.queries, t.d+t.dv, t.keys) * t.count
	t.cuts = max(1, min(cutsPerThread*c.threads/units, work/mulGrain, t.blocks()))
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

	chunk, wide int    // keys that go together, distance of the rows of their scores
	align       int    // chunks begin at multiples of this
	tall        int    // rows of a block
	k, v        [2]int // packed
	s           [2]int // scores of a block: for each chunk [tall, wide]
	top         [2]int // the state of a softmax before and after each chunk: [chunks+1, tall]
	sum         [2]int // and its sums: [chunks+1, tall]
	m           int    // a bias of all keys
	floats      int

	oneBias bool // all queries of a key head have the bias at m
	direct  bool // k and v are read where they are
	oneV    bool // both branches have the same v, and so one product with it

	paired             bool   // products may be by pairs
	kCorners, vCorners [2]int // of packed keys and values
	q, qEnds           [2]int // queries of a block, scaled, and their ends
	factors            [2]int // what exponentials of a chunk are multiplied with: [tall]
	weightEnds         int    // [tall, 2]
	corner             int    // [32], for a while

	inFormat       bool   // products are in the format
	keyPart        int    // keys whose products with a column of values are added up in one go
	kWords, vWords [2]int // keys and values in the format
	narrow         int    // room for columns that are less than a panel
}

func (t *attentionTask) layOut() {
	wide, deep := roundUp(t.keys, panelCols), roundUp(t.dv, panelCols)
	t.direct = t.group*t.queries*t.count <= directRows()
	t.chunk, t.tall, t.align = min(attentionKeys, wide), attentionRows, panelCols
	if t.keys <= shortKeys {
		t.tall = shortRows
	} else if t.keys > longKeys {
		t.tall = longRows
	}
	if t.inFormat = t.format != nil && t.format.cut(t); t.inFormat {
		t.align = t.keyPart
	} else if t.paired = t.byPairs(); t.paired {
		t.align = pairedAlign
		if t.chunk, t.tall = min(pairedChunk(t.keys), wide), pairedQueries; t.keys > longKeys {
			t.tall = pairedLong
		}
	}
	t.tall = min(t.tall, t.rows())
	if t.direct {
		t.chunk = wide
	}
	t.wide = t.chunk + cacheLine/4 // rows a power of two apart would share a few lines of a cache
	t.oneV = t.count == 1 || sameHeads(t.branches[0].v, t.branches[1].v)
	for i := range t.count {
		if i > 0 && sameHeads(t.branches[i].k, t.branches[0].k) {
			t.k[i] = t.k[0]
		} else if !t.direct {
			t.k[i] = t.take(wide * t.d)
		}
		if i > 0 && t.oneV {
			t.v[i] = t.v[0]
		} else if !t.direct {
			t.v[i] = t.take(deep * t.keys)
		}
		chunks := t.chunks(t.keys)
		t.s[i] = t.s[0]
		if i == 0 || t.oneV {
			t.s[i] = t.take(chunks * t.tall * t.wide)
		}
		t.top[i], t.sum[i] = t.take((chunks+1)*t.tall), t.take((chunks+1)*t.tall)
	}
	switch {
	case t.paired:
		t.layOutPairs()
	case t.inFormat:
		t.format.reserve(t)
	}
	t.m = t.take(max(wide, t.chunk))
	t.oneBias = t.keep.x != nil && t.fill == 0 || t.bias.x != nil && t.bias.key == 0
	if t.queries > 1 && t.bias.query+t.keep.query != 0 || t.group > 1 && t.bias.head+t.keep.head != 0 {
		t.oneBias = false
	}
}

// take reserves so many floats of scratch.
func (t *attentionTask) take(n int) int {
	at := t.floats
	t.floats += roundUp(n, cacheLine/4)
	return at
}

// chunks is how many chunks so many keys are.
func (t *attentionTask) chunks(keys int) int {
	if keys <= 0 {
		return 0
	}
	return (keys + t.chunk - 1) / t.chunk
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

func (t *attentionTask) blocks() int { return (t.rows() + t.tall - 1) / max(t.tall, 1) }

func (t *attentionTask) part(w *worker, lo, hi int) {
	packed, limit, pairs, done := -1, 0, pairedHead{}, formatted{}
	for u := lo; u < hi; u++ {
		pair, cut := u/t.cuts, u%t.cuts
		b, h := pair/t.kvHeads, pair%t.kvHeads
		if packed != pair {
			t.pack(w.scratch, b, h)
			packed, limit = pair, t.limit(w.scratch, b, h)
			if from, to := t.span(limit); from < to && t.paired {
				pairs = t.pair(w.scratch, b, h, from, to)
			} else if from < to && t.inFormat {
				done = t.format.pack(t, w.scratch, from, to)
			}
		}
		first, last := t.blocks()*cut/t.cuts, t.blocks()*(cut+1)/t.cuts
		for g := 0; g*t.rows() < t.group*t.queries; g++ {
			for i := first * t.tall; i < min(last*t.tall, t.rows()); i += t.tall {
				k := attentionBlock{attentionTask: t, scratch: w.scratch, b: b, h: h*t.group + g, kv: h,
					i: i, n: min(t.tall, t.rows()-i), pairs: pairs, done: done}
				k.run(limit)
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
			packB(scratch[t.k[i]:], br.k.x[b*br.k.batch+shared(h, t.kShare)*br.k.head:], t.d, t.keys, 1, br.k.row)
		}
		if i == 0 || !t.oneV {
			v := br.v.x[b*br.v.batch+shared(h, t.vShare)*br.v.head:]
			if t.paired {
				t.packValues(scratch, v, i, br.v.row)
			} else {
				packB(scratch[t.v[i]:], v, t.keys, t.dv, br.v.row, 1)
			}
		}
	}
	if t.oneBias {
		t.rowBias(scratch[t.m:], 0, t.keys, b, h*t.group, 0)
	} else if !t.biased() {
		clear(scratch[t.m : t.m+t.chunk])
	}
}

// directRows is how many queries, of all branches, may share a key head for it
// to be faster to read k and v where they are than to pack them.
func directRows() int {
	if isa == isaPortable {
		return 2
	}
	return 32
}
