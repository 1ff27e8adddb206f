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

// split does the items 0 to n of t, cut evenly into more parts than there are
// threads, and returns when all are done: whichever thread is free takes the
// next part. No part has fewer than grain items, so that little work stays on
// the calling goroutine.
func (c *ctx) split(n, grain int, t parter) {
	cuts := min(cutsPerThread*c.threads, n/max(grain, 1))
	if c.pool == nil || cuts <= 1 {
		t.part(c.workers[0], 0, n)
		return
	}
	c.pool.run(n, cuts, t, c.workers[0])
}

// cutsPerThread is a compromise: with few parts one slow thread holds up all,
// with many they get small.
const cutsPerThread = 4

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
	// state is the number of the round, times 1<<32, plus the parts of it that
	// nobody has taken. Who takes one compares and swaps both at once, so that
	// a goroutine that comes late cannot take a part of a round it has not seen.
	state   atomic.Uint64
	undone  atomic.Int32 // parts of the round that are not finished
	stopped atomic.Bool
	task    parter // what the round is about; read by those who took a part
	n, cuts int
	starts  []*gate // where the goroutines wait for parts
	done    *gate   // where run waits for the goroutines
}

const (
	oneRound  = 1 << 32
	partsMask = oneRound - 1
)

func newPool(workers []*worker) *pool {
	p := &pool{done: newGate()}
	for _, w := range workers[1:] {
		g := newGate()
		p.starts = append(p.starts, g)
		go p.serve(w, g)
	}
	return p
}

// serve takes parts until the pool is stopped.
func (p *pool) serve(w *worker, start *gate) {
	for {
		start.wait(func() bool { return p.state.Load()&partsMask != 0 || p.stopped.Load() })
		if p.stopped.Load() {
			return
		}
		p.take(w)
	}
}

// take does parts of the round until none is left.
func (p *pool) take(w *worker) {
	for {
		s := p.state.Load()
		left := int(s & partsMask)
		if left == 0 {
			return
		}
		if !p.state.CompareAndSwap(s, s-1) {
			continue
		}
		i := p.cuts - left
		p.task.part(w, p.n*i/p.cuts, p.n*(i+1)/p.cuts)
		if p.undone.Add(-1) == 0 {
			p.done.release()
		}
	}
}

// run does one round, with w for the calling goroutine. It does not wait for
// goroutines that have not even begun.
func (p *pool) run(n, cuts int, t parter, w *worker) {
	p.task, p.n, p.cuts = t, n, cuts
	p.undone.Store(int32(cuts))
	p.state.Store((p.state.Load()/oneRound+1)*oneRound + uint64(cuts))
	for _, g := range p.starts {
		g.release()
	}
	p.take(w)
	p.done.wait(func() bool { return p.undone.Load() == 0 })
	p.task = nil // whatever it refers to is the session's
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
