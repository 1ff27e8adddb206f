package lib

import (
	"runtime"
	"sync/atomic"
)

// A ctx is what a session hands its kernels: its threads and their scratch
// memory. It belongs to one goroutine at a time; kernels called with it do not
// allocate, apart from scratch that grows when a larger shape comes.
type ctx struct {
	threads int // the calling goroutine included
	workers []*worker
	pool    *pool // nil for one thread
	tasks   []any // one of each type, for task to find
}

// A worker is what one thread of a ctx has for itself.
type worker struct {
	scratch []float32
	// share is the parts that this thread still has to do, from the first up:
	// the number of the round times 1<<32, the first times 1<<16, and the one
	// behind the last. Who takes a part compares and swaps all three at once,
	// so that a goroutine that comes late cannot take a part of a round it has
	// not seen.
	share atomic.Uint64
	_     [4]uint64 // the share of another is not in the same line of cache
}

// left tells whether parts are left in a share.
func left(share uint64) bool { return uint16(share>>16) < uint16(share) }

// next takes the first part that is left to w, or else -1.
func (w *worker) next() int {
	for {
		s := w.share.Load()
		if !left(s) {
			return -1
		}
		if w.share.CompareAndSwap(s, s+1<<16) {
			return int(uint16(s >> 16))
		}
	}
}

// last takes the last part that is left to w, or else -1.
func (w *worker) last() int {
	for {
		s := w.share.Load()
		if !left(s) {
			return -1
		}
		if w.share.CompareAndSwap(s, s-1) {
			return int(uint16(s)) - 1
		}
	}
}

// A parter is work that can be cut: part does the items lo to hi. Which items
// come together must not show in the result, bit for bit, because the cuts
// depend on the number of threads.
type parter interface {
	part(w *worker, lo, hi int)
}

// newCtx starts threads-1 goroutines and allocates everything that dispatching
// needs; threads below 1 count as 1. The goroutines end with close, or some
// time after the ctx is forgotten.
func newCtx(threads int) *ctx {
	c := &ctx{threads: max(threads, 1)}
	for range c.threads {
		c.workers = append(c.workers, new(worker))
	}
	if c.threads > 1 {
		c.pool = newPool(c.workers)
		runtime.AddCleanup(c, (*pool).stop, c.pool)
	}
	return c
}

// close ends the goroutines of c, which from then on works with one thread.
func (c *ctx) close() {
	if c.pool != nil {
		c.pool.stop()
		c.pool = nil
	}
	c.threads = 1
}

// reserve sees to it that every thread has at least n floats of scratch. What
// was in them is lost.
func (c *ctx) reserve(n int) {
	for _, w := range c.workers[:c.threads] {
		if len(w.scratch) < n {
			w.scratch = make([]float32, n)
		}
	}
}

// split does the items 0 to n of t, cut evenly into more parts than there are
// threads, and returns when all are done. Every thread has as many that follow
// each other, so that what one part leaves in its cache, or fetches ahead, is
// for the next; who has done its own takes the last ones of others. No part
// has fewer than grain items, so that little work stays on the calling
// goroutine.
func (c *ctx) split(n, grain int, t parter) {
	cuts := min(cutsPerThread*c.threads, maxCuts, n/max(grain, 1))
	if c.pool == nil || cuts <= 1 {
		t.part(c.workers[0], 0, n)
		return
	}
	c.pool.run(n, cuts, t)
}

// cutsPerThread is a compromise: with few parts one slow thread holds up all,
// with many they get small. maxCuts is what a share has room for.
const (
	cutsPerThread = 4
	maxCuts       = 1<<16 - 1
)

// task is the T that c keeps for its kernels: where a kernel writes down its
// arguments for split, so that they need no allocation at each call.
func task[T any](c *ctx) *T {
	for _, t := range c.tasks {
		if t, ok := t.(*T); ok {
			return t
		}
	}
	t := new(T)
	c.tasks = append(c.tasks, t)
	return t
}

// A pool is the goroutines of a ctx beside the calling one. They do not refer
// to the ctx, so that it can be collected while they wait.
type pool struct {
	workers []*worker    // the first is the calling goroutine's
	starts  []*gate      // where the others wait for parts
	done    *gate        // where run waits for the others
	round   uint64       // how many there have been
	undone  atomic.Int32 // parts of the round that are not finished
	stopped atomic.Bool
	failed  atomic.Pointer[any] // what the first part of the round to panic did so with
	task    parter              // what the round is about; read by those who took a part
	n, cuts int
}

func newPool(workers []*worker) *pool {
	p := &pool{workers: workers, done: newGate()}
	for i := range workers[1:] {
		g := newGate()
		p.starts = append(p.starts, g)
		go p.serve(i+1, g)
	}
	return p
}

// serve does parts as the i-th thread until the pool is stopped.
func (p *pool) serve(i int, start *gate) {
	for {
		start.wait(func() bool { return left(p.workers[i].share.Load()) || p.stopped.Load() })
		if p.stopped.Load() {
			return
		}
		p.take(i)
	}
}

// take does the parts of thread i, and then those that others have left.
func (p *pool) take(i int) {
	for part := p.workers[i].next(); part >= 0; part = p.workers[i].next() {
		p.do(p.workers[i], part)
	}
	for d := 1; d < len(p.workers); d++ {
		other := p.workers[(i+d)%len(p.workers)]
		for part := other.last(); part >= 0; part = other.last() {
			p.do(p.workers[i], part)
		}
	}
}

// do does one part. A panic is kept for run: on a goroutine of the pool it would
// end the program, and on the calling one leave a round that others still do.
func (p *pool) do(w *worker, part int) {
	defer func() {
		if r := recover(); r != nil {
			p.fail(r)
		}
		if p.undone.Add(-1) == 0 {
			p.done.release()
		}
	}()
	p.task.part(w, p.n*part/p.cuts, p.n*(part+1)/p.cuts)
}

func (p *pool) fail(with any) { p.failed.CompareAndSwap(nil, &with) }

// run does one round. It does not wait for goroutines that have not even begun.
// It panics if a part has, after all are done.
func (p *pool) run(n, cuts int, t parter) {
	p.task, p.n, p.cuts = t, n, cuts
	p.undone.Store(int32(cuts))
	p.round++
	for i, w := range p.workers {
		lo, hi := cuts*i/len(p.workers), cuts*(i+1)/len(p.workers)
		w.share.Store(p.round<<32 | uint64(lo)<<16 | uint64(hi))
		if i > 0 && lo < hi {
			p.starts[i-1].release()
		}
	}
	p.take(0)
	p.done.wait(func() bool { return p.undone.Load() == 0 })
	p.task = nil // whatever it refers to is the session's
	if with := p.failed.Swap(nil); with != nil {
		panic(*with)
	}
}

// stop ends the goroutines.
func (p *pool) stop() {
	p.stopped.Store(true)
	for _, g := range p.starts {
		g.release()
	}
}

// spinLimit is how often a gate looks before its goroutine parks: some tens
// of microseconds, longer than the serial steps between two parallel ones and
// much shorter than anybody would notice as a busy processor.
const spinLimit = 1000

// A gate is where one goroutine waits for something that others make true and
// then announce by release.
type gate struct {
	parked atomic.Bool
	wake   chan struct{}
}

func newGate() *gate { return &gate{wake: make(chan struct{}, 1)} }

// wait returns once ready does. Whoever clears parked decides whether a token
// is in the channel: release sends one, wait itself does not.
func (g *gate) wait(ready func() bool) {
	for range spinLimit {
		if ready() {
			return
		}
		pause()
	}
	g.parked.Store(true)
	if ready() && g.parked.CompareAndSwap(true, false) {
		return
	}
	<-g.wake
}

func (g *gate) release() {
	if g.parked.CompareAndSwap(true, false) {
		g.wake <- struct{}{}
	}
}
