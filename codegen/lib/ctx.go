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

// split does the items 0 to n of t, cut evenly over the threads, and returns
// when all are done. No thread gets fewer than grain items, so that little
// work stays on the calling goroutine.
func (c *ctx) split(n, grain int, t parter) {
	cuts := min(c.threads, n/max(grain, 1))
	if cuts <= 1 {
		t.part(c.workers[0], 0, n)
		return
	}
	c.pool.run(n, cuts, t, c.workers[0])
}

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
	round   atomic.Uint32 // counts the calls of run; its change is the starting signal
	pending atomic.Int32  // goroutines that have not finished this round
	stopped atomic.Bool
	task    parter
	n, cuts int
	starts  []*gate // where the goroutines wait for a round
	done    *gate   // where run waits for the goroutines
}

func newPool(workers []*worker) *pool {
	p := &pool{done: newGate()}
	for i, w := range workers[1:] {
		g := newGate()
		p.starts = append(p.starts, g)
		go p.serve(i+1, w, g)
	}
	return p
}

// serve does the cut number id of every round until the pool is stopped.
func (p *pool) serve(id int, w *worker, start *gate) {
	for seen := uint32(0); ; seen++ {
		start.wait(func() bool { return p.round.Load() != seen })
		if p.stopped.Load() {
			return
		}
		if id < p.cuts {
			p.task.part(w, p.n*id/p.cuts, p.n*(id+1)/p.cuts)
		}
		if p.pending.Add(-1) == 0 {
			p.done.release()
		}
	}
}

// run does one round, its cut number 0 on the calling goroutine with w.
func (p *pool) run(n, cuts int, t parter, w *worker) {
	p.task, p.n, p.cuts = t, n, cuts
	p.pending.Store(int32(len(p.starts)))
	p.signal()
	t.part(w, 0, n/cuts)
	p.done.wait(func() bool { return p.pending.Load() == 0 })
	p.task = nil // whatever it refers to is the session's
}

// stop ends the goroutines. Only the first call counts.
func (p *pool) stop() {
	if !p.stopped.Swap(true) {
		p.signal()
	}
}

func (p *pool) signal() {
	p.round.Add(1)
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
