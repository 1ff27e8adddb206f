package lib

// A recurrence is the recurrent operators in float32. What x gives to all gates
// is a product of many rows, some steps at once; what is left for a step is the
// product of the states with r, a row for each batch element.
//
// Each gate has columns of its own that fill whole panels, so that the states
// and gates of one element of the batch are vectors without tails: in memory
// hidden is rounded up to width. w and r are packed by packGates.
//
//	c0, lastC  [dirs, batch, hidden] as h0, or nil
//	peepholes  [dirs, 3·hidden] of i, o and f, or nil
//	acts       those of each direction, one after the other
type recurrence struct {
	recurrent[float32]
	c0, lastC, peepholes []float32
	acts                 gateKernels

	gates, phases int
	cell          func(t *recurrence, d *direction, c gateCut, n int)
	coupled       bool // lstm
	linear        bool // gru
	low, high     [1]float32

	width   int // hidden in whole panels
	lens    []int
	both    [2]direction
	scratch []float32

	// What part is about: steps of each direction, or columns of one step.
	steps, done   int
	columns       bool
	dir, k, phase int
}

// gateKernels are the activations of two directions, three places for each.
type gateKernels [6]func(y, x []float32)

// A direction is what one direction of a recurrence works on.
//
//	w, r          packed [input, gates·width] and [hidden, gates·width]
//	wBias, rBias  [gates·width]
//	peep          [3·width]
//	x             [rows, input], the inputs of some steps in the order of time
//	sums          [rows, gates·width], what they give to the gates
//	gates         [batch, gates·width]
//	h, next, c    [batch, width], the states
//	reset         [batch, width], what gru multiplies with r
type direction struct {
	w, r, wBias, rBias, peep, x, sums []float32
	gates, h, next, c, reset          []float32
	acts                              []func(y, x []float32)
}

// recurrentRows is how many rows of x are multiplied at once: enough for w not
// to be read for each step, few enough for their sums to stay in cache.
const recurrentRows = 8 * tileRows

// rnn32 is rnn by kernels.
func rnn32[L integer](c *ctx, s recurrent[float32], acts gateKernels, lens []L) {
	t := recurrenceOf(c, s, acts, lens)
	t.gates, t.phases, t.cell = 1, 1, rnnCell
	t.run(c)
}

// gru32 is gru by kernels.
func gru32[L integer](c *ctx, s recurrent[float32], acts gateKernels, lens []L, linear bool) {
	t := recurrenceOf(c, s, acts, lens)
	t.gates, t.phases, t.cell, t.linear = 3, 2, gruCell, linear
	if linear {
		t.phases = 1
	}
	t.run(c)
}

// lstm32 is lstm by kernels.
func lstm32[L integer](c *ctx, s recurrent[float32], acts gateKernels, lens []L, c0, lastC, peepholes []float32, coupled bool) {
	t := recurrenceOf(c, s, acts, lens)
	t.gates, t.phases, t.cell, t.coupled = 4, 1, lstmCell, coupled
	t.c0, t.lastC, t.peepholes = c0, lastC, peepholes
	t.run(c)
}

// recurrenceOf is the recurrence that c keeps, with these arguments.
func recurrenceOf[L integer](c *ctx, s recurrent[float32], acts gateKernels, lens []L) *recurrence {
	t := task[recurrence](c)
	*t = recurrence{recurrent: s, acts: acts, lens: t.lens[:0], scratch: t.scratch, width: roundUp(s.hidden, panelCols)}
	t.low[0], t.high[0] = float32(-s.clip), float32(s.clip)
	for _, n := range lens {
		t.lens = append(t.lens, int(n))
	}
	return t
}

func (t *recurrence) run(c *ctx) {
	if t.batch > 0 && t.hidden > 0 {
		if len(t.lens) > 0 {
			clear(t.out)
		}
		rows := max(recurrentRows/t.batch, 1)
		t.layOut(min(rows, t.seq))
		for t.done = 0; t.done < t.seq; t.done += t.steps {
			t.steps = min(rows, t.seq-t.done)
			t.advance(c)
		}
		t.end()
	}
	*t = recurrence{lens: t.lens, scratch: t.scratch}
}

// advance does the next steps of all directions.
func (t *recurrence) advance(c *ctx) {
	cols := t.gates * t.width
	for dir := range t.dirs {
		d := &t.both[dir]
		gemm(c, d.sums, cols, t.inputs(dir), t.input, d.w, d.wBias, nil, 0, nil, t.steps*t.batch, t.input, cols)
	}
	panels, work := t.width/panelCols, mulWork(t.batch, t.hidden, cols)
	if t.columns = c.threads > 1 && work >= 2*mulGrain; !t.columns {
		c.split(t.dirs, 1, t)
		return
	}
	for t.dir = range t.dirs {
		for t.k = range t.steps {
			for t.phase = range t.phases {
				c.split(panels, max(panels*mulGrain/work, 1), t)
			}
			t.finish(t.dir, t.k)
		}
	}
}

// part does a phase of one step for some panels of each gate, or all steps of
// some directions.
func (t *recurrence) part(_ *worker, lo, hi int) {
	if t.columns {
		t.step(t.dir, gateCut{t.k, t.phase, lo * panelCols, hi * panelCols})
		return
	}
	for dir := lo; dir < hi; dir++ {
		for k := range t.steps {
			for phase := range t.phases {
				t.step(dir, gateCut{k, phase, 0, t.width})
			}
			t.finish(dir, k)
		}
	}
}

// layOut gives the directions their memory for so many steps at once, and the
// states at their beginning.
func (t *recurrence) layOut(steps int) {
	cols, states := t.gates*t.width, t.batch*t.width
	rows := steps * t.batch
	cleared := t.dirs * (2*cols + 3*t.width + 4*states)
	t.scratch = grow(t.scratch, cleared+t.dirs*(rows*(cols+roundUp(t.input, panelCols))+t.batch*cols))
	clear(t.scratch[:cleared])
	left := t.scratch
	take := func(n int) []float32 {
		x := left[:n]
		left = left[n:]
		return x
	}
	for dir := range t.dirs {
		d := &t.both[dir]
		d.w, d.r = t.w[dir*t.input*cols:(dir+1)*t.input*cols], t.r[dir*t.hidden*cols:(dir+1)*t.hidden*cols]
		d.wBias, d.rBias, d.peep = take(cols), take(cols), take(3*t.width)
		d.h, d.next, d.c, d.reset = take(states), take(states), take(states), take(states)
		d.acts = t.acts[dir*len(t.acts)/2:]
		t.begin(dir, d)
	}
	for dir := range t.dirs {
		d := &t.both[dir]
		d.sums, d.x, d.gates = take(rows*cols), take(rows*roundUp(t.input, panelCols)), take(t.batch*cols)
	}
}

// begin brings the parameters of a direction and its first states to its memory.
func (t *recurrence) begin(dir int, d *direction) {
	if t.b != nil {
		n := t.gates * t.hidden
		t.widen(d.wBias, t.b[2*dir*n:(2*dir+1)*n])
		t.widen(d.rBias, t.b[(2*dir+1)*n:(2*dir+2)*n])
	}
	if t.peepholes != nil {
		t.widen(d.peep, t.peepholes[dir*3*t.hidden:(dir+1)*3*t.hidden])
	}
	for n := range t.batch {
		first := t.state(dir, n)
		if t.h0 != nil {
			copy(d.h[n*t.width:], t.h0[first:first+t.hidden])
		}
		if t.c0 != nil {
			copy(d.c[n*t.width:], t.c0[first:first+t.hidden])
		}
	}
}

// widen copies rows of hidden elements into rows of width.
func (t *recurrence) widen(y, x []float32) {
	for ; len(x) > 0; x, y = x[t.hidden:], y[t.width:] {
		copy(y, x[:t.hidden])
	}
}

// end stores the last states.
func (t *recurrence) end() {
	for dir := range t.dirs {
		d := &t.both[dir]
		for n := range t.batch {
			first, from := t.state(dir, n), n*t.width
			if t.last != nil {
				copy(t.last[first:first+t.hidden], d.h[from:])
			}
			if t.lastC != nil {
				copy(t.lastC[first:first+t.hidden], d.c[from:])
			}
		}
	}
}

// count is the number of steps of a batch element.
func (t *recurrence) count(n int) int {
	if len(t.lens) > 0 {
		return t.lens[n]
	}
	return t.seq
}

// time is where in the sequence of batch element n a direction is at step k,
// below 0 where it has come to its end.
func (t *recurrence) time(dir, k, n int) int {
	count := t.count(n)
	switch {
	case k >= count:
		return -1
	case t.backward || dir == 1:
		return count - 1 - k
	}
	return k
}

// inputs is the rows of x for the next steps, copied where they do not lie as
// they are needed.
func (t *recurrence) inputs(dir int) []float32 {
	if !t.backward && dir == 0 && len(t.lens) == 0 && (!t.batchFirst || t.batch == 1) {
		return t.in[t.done*t.batch*t.input:]
	}
	x := t.both[dir].x
	for k := range t.steps {
		for n := range t.batch {
			row := x[(k*t.batch+n)*t.input:][:t.input]
			if at := t.time(dir, t.done+k, n); at >= 0 {
				from, _ := t.at(at, dir, n)
				copy(row, t.in[from:])
			} else {
				clear(row)
			}
		}
	}
	return x
}

// A gateCut is a phase of step k of those done at once, for the columns lo to hi of
// all gates.
type gateCut struct{ k, phase, lo, hi int }

// of is the columns of row n of x [batch, width].
func (c gateCut) of(x []float32, width, n int) []float32 { return x[n*width+c.lo : n*width+c.hi] }

// columnsOf is the columns of gate g of row n of x [rows, gates·width].
func (t *recurrence) columnsOf(x []float32, c gateCut, n, g int) []float32 {
	return c.of(x, t.width, n*t.gates+g)
}

func (t *recurrence) step(dir int, c gateCut) {
	d := &t.both[dir]
	switch {
	case c.phase == 1: // gru's last gate
		t.multiply(d, d.reset, d.sums, c, 2, 3)
	case t.linear:
		t.multiply(d, d.h, d.sums, c, 0, 2)
		t.multiply(d, d.h, nil, c, 2, 3)
	case t.phases == 2:
		t.multiply(d, d.h, d.sums, c, 0, 2)
	default:
		t.multiply(d, d.h, d.sums, c, 0, t.gates)
	}
	for n := range t.batch {
		if t.done+c.k < t.count(n) {
			t.cell(t, d, c, n)
		} else {
			copy(c.of(d.next, t.width, n), c.of(d.h, t.width, n))
		}
	}
}

// multiply makes the gates from to end of h·r, with its bias and the sums of
// the step or, where these are nil, without.
func (t *recurrence) multiply(d *direction, h, sums []float32, c gateCut, from, end int) {
	cols := t.gates * t.width
	m := gemmTask{y: d.gates, x: h, w: d.r, bias: d.rBias, m: t.batch, k: t.hidden, n: cols, ldy: cols, ldx: t.width, sx: 1, ldr: cols}
	if sums != nil {
		m.r = sums[c.k*t.batch*cols:]
	}
	if c.lo == 0 && c.hi == t.width {
		m.block(nil, 0, t.batch, from*t.width, end*t.width)
		return
	}
	for g := from; g < end; g++ {
		m.block(nil, 0, t.batch, g*t.width+c.lo, g*t.width+c.hi)
	}
}

func rnnCell(t *recurrence, d *direction, c gateCut, n int) {
	x := t.columnsOf(d.gates, c, n, 0)
	t.bound(x)
	d.acts[0](c.of(d.next, t.width, n), x)
}

func gruCell(t *recurrence, d *direction, c gateCut, n int) {
	z, r, x := t.columnsOf(d.gates, c, n, 0), t.columnsOf(d.gates, c, n, 1), t.columnsOf(d.gates, c, n, 2)
	h, next := c.of(d.h, t.width, n), c.of(d.next, t.width, n)
	if c.phase == 0 {
		t.bound(z)
		t.bound(r)
		d.acts[0](z, z)
		d.acts[0](r, r)
		if !t.linear {
			mul32(c.of(d.reset, t.width, n), r, h)
			return
		}
		mul32(x, r, x)
		add32(x, x, t.columnsOf(d.sums, c, c.k*t.batch+n, 2))
	}
	t.bound(x)
	d.acts[1](x, x)
	sub32(next, h, x)
	mul32(next, z, next)
	add32(next, x, next)
}

func lstmCell(t *recurrence, d *direction, c gateCut, n int) {
	i, o, f := t.columnsOf(d.gates, c, n, 0), t.columnsOf(d.gates, c, n, 1), t.columnsOf(d.gates, c, n, 2)
	x, s, next := t.columnsOf(d.gates, c, n, 3), c.of(d.c, t.width, n), c.of(d.next, t.width, n)
	t.peep(d, c, i, s, next, 0)
	t.bound(i)
	d.acts[0](i, i)
	if t.coupled {
		sub32(f, one32[:], i)
	} else {
		t.peep(d, c, f, s, next, 2)
		t.bound(f)
		d.acts[0](f, f)
	}
	t.bound(x)
	d.acts[1](x, x)
	mul32(s, f, s)
	mul32(x, i, x)
	add32(s, s, x)
	t.peep(d, c, o, s, next, 1)
	t.bound(o)
	d.acts[0](o, o)
	d.acts[2](next, s)
	mul32(next, o, next)
}

var one32 = [1]float32{1}

// peep adds to a gate what it sees of the state s, by way of room.
func (t *recurrence) peep(d *direction, c gateCut, gate, s, room []float32, k int) {
	if t.peepholes != nil {
		mul32(room, c.of(d.peep, t.width, k), s)
		add32(gate, gate, room)
	}
}

// bound clips x.
func (t *recurrence) bound(x []float32) {
	if t.clip > 0 {
		max32(x, x, t.low[:])
		min32(x, x, t.high[:])
	}
}

// finish stores what step k has made of the states, which from then on are it.
func (t *recurrence) finish(dir, k int) {
	d := &t.both[dir]
	d.h, d.next = d.next, d.h
	if t.out == nil {
		return
	}
	for n := range t.batch {
		if at := t.time(dir, t.done+k, n); at >= 0 {
			_, to := t.at(at, dir, n)
			copy(t.out[to:to+t.hidden], d.h[n*t.width:])
		}
	}
}
