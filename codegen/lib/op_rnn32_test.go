package lib

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// A recurrentForm is what recurrent operators can be asked for.
type recurrentForm struct {
	op                                               string
	seq, batch, input, hidden, dirs                  int
	batchFirst, backward, bias, lens, states, option bool // option: peepholes, or linear_before_reset
	coupled, relu                                    bool
	clip                                             float64
}

var recurrentForms = []recurrentForm{
	{seq: 3, batch: 2, input: 4, hidden: 5, dirs: 1},
	{seq: 1, batch: 1, input: 128, hidden: 128, dirs: 1, bias: true, states: true},
	{seq: 5, batch: 3, input: 7, hidden: 33, dirs: 2, bias: true, states: true, option: true},
	{seq: 6, batch: 4, input: 1, hidden: 40, dirs: 2, lens: true, states: true, option: true, coupled: true},
	{seq: 6, batch: 4, input: 9, hidden: 64, dirs: 1, backward: true, lens: true, bias: true, batchFirst: true},
	{seq: 4, batch: 5, input: 31, hidden: 32, dirs: 2, batchFirst: true, bias: true, clip: 0.25, option: true, states: true},
	{seq: 7, batch: 1, input: 8, hidden: 16, dirs: 1, batchFirst: true, relu: true, bias: true},
	{seq: 2, batch: 100, input: 3, hidden: 96, dirs: 2, bias: true, clip: 0.5},
	{seq: 250, batch: 1, input: 6, hidden: 20, dirs: 2, bias: true},
	{seq: 3, batch: 2, input: 600, hidden: 530, dirs: 2, bias: true, option: true},
	{seq: 3, batch: 3, input: 20, hidden: 500, dirs: 2, lens: true, states: true, coupled: true},
	{seq: 0, batch: 2, input: 3, hidden: 4, dirs: 2, states: true},
	{seq: 3, batch: 0, input: 3, hidden: 4, dirs: 1},
	{seq: 3, batch: 2, input: 0, hidden: 4, dirs: 1, bias: true},
}

// A recurrentTrial is the arguments of a form.
type recurrentTrial struct {
	recurrentForm
	s               recurrent[float32]
	packedW         []float32
	packedR         []float32
	c0, lastC, peep []float32
	steps           []int32
	kernels         gateKernels
}

func newRecurrentTrial(t testing.TB, f recurrentForm) *recurrentTrial {
	gates := map[string]int{"rnn": 1, "gru": 3, "lstm": 4}[f.op]
	states, seed := f.dirs*f.batch*f.hidden, uint64(0)
	some := func(n int) []float32 {
		seed++
		return random(t, n, seed)
	}
	trial := &recurrentTrial{recurrentForm: f, s: recurrent[float32]{out: garbage(t, f.seq*states), last: garbage(t, states),
		in: some(f.seq * f.batch * f.input), w: some(f.dirs * gates * f.hidden * f.input), r: some(f.dirs * gates * f.hidden * f.hidden),
		seq: f.seq, batch: f.batch, input: f.input, hidden: f.hidden, dirs: f.dirs, batchFirst: f.batchFirst, backward: f.backward, clip: f.clip}}
	s := &trial.s
	for _, x := range [][]float32{s.w, s.r} {
		for i := range x {
			x[i] /= float32(math.Sqrt(float64(f.hidden)))
		}
	}
	trial.packedW, trial.packedR = guarded(t, PackedGatesLen(f.dirs*gates, f.hidden, f.input)), guarded(t, PackedGatesLen(f.dirs*gates, f.hidden, f.hidden))
	PackGates(trial.packedW, s.w, f.dirs*gates, f.hidden, f.input)
	PackGates(trial.packedR, s.r, f.dirs*gates, f.hidden, f.hidden)
	if f.bias {
		s.b = some(2 * f.dirs * gates * f.hidden)
	}
	if f.states {
		s.h0, trial.c0 = some(states), some(states)
	}
	if f.op == "lstm" {
		trial.lastC = garbage(t, states)
		if f.option {
			trial.peep = some(3 * f.dirs * f.hidden)
		}
	}
	for n := range f.batch {
		if f.lens {
			trial.steps = append(trial.steps, int32((n*5+2)%(f.seq+1)))
		}
	}
	trial.choose()
	return trial
}

// choose chooses the activations, of which a second direction has others.
func (trial *recurrentTrial) choose() {
	sigmoid, tanh, relu := activation{f: actSigmoid}, activation{f: actTanh}, activation{f: actRelu}
	first := []activation{sigmoid, tanh, tanh}
	trial.kernels = gateKernels{sigmoid32, tanh32, tanh32, tanh32, sigmoid32, tanh32}
	if trial.relu {
		first, trial.kernels[1] = []activation{sigmoid, relu, tanh}, relu32
	}
	places := map[string]int{"rnn": 1, "gru": 2, "lstm": 3}[trial.op]
	trial.s.acts = append(slices.Clone(first[:places]), []activation{tanh, sigmoid, tanh}[:places]...)
}

// results are those of the portable function, or of the one by kernels.
func (trial *recurrentTrial) results(c *ctx) [][]float32 {
	s := trial.s
	if c != nil {
		s.w, s.r = trial.packedW, trial.packedR
	}
	switch {
	case trial.op == "rnn" && c == nil:
		rnn(s, trial.steps)
	case trial.op == "rnn":
		rnn32(c, s, trial.kernels, trial.steps)
	case trial.op == "gru" && c == nil:
		gru(s, trial.steps, trial.option)
	case trial.op == "gru":
		gru32(c, s, trial.kernels, trial.steps, trial.option)
	case c == nil:
		lstm(s, trial.steps, trial.c0, trial.lastC, trial.peep, trial.coupled)
	default:
		lstm32(c, s, trial.kernels, trial.steps, trial.c0, trial.lastC, trial.peep, trial.coupled)
	}
	return [][]float32{slices.Clone(s.out), slices.Clone(s.last), slices.Clone(trial.lastC)}
}

// eachRecurrent calls f with a trial of each form of each operator.
func eachRecurrent(t *testing.T, f func(t *testing.T, trial *recurrentTrial)) {
	for _, op := range []string{"rnn", "gru", "lstm"} {
		for i, form := range recurrentForms {
			t.Run(fmt.Sprint(op, i), func(t *testing.T) {
				form.op = op
				f(t, newRecurrentTrial(t, form))
			})
		}
	}
}

func TestRecurrent32(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		threads := []*ctx{newCtx(1), newCtx(2), newCtx(4)}
		eachRecurrent(t, func(t *testing.T, trial *recurrentTrial) {
			want := trial.results(nil)
			one := trial.results(threads[0])
			for k := range want {
				for i, w := range want[k] {
					if d := math.Abs(float64(one[k][i] - w)); !(d <= 2e-5) {
						t.Fatalf("result %d: element %d is %g, not %g", k, i, one[k][i], w)
					}
				}
			}
			for _, c := range threads[1:] {
				if got := trial.results(c); !slices.EqualFunc(got, one, slices.Equal) {
					t.Errorf("other bits on %d threads", c.threads)
				}
			}
		})
		for _, c := range threads {
			c.close()
		}
	})
}

// What nobody wants is nil.
func TestRecurrentUnwanted(t *testing.T) {
	c := newCtx(1)
	eachRecurrent(t, func(t *testing.T, trial *recurrentTrial) {
		trial.s.out, trial.s.last, trial.lastC = nil, nil, nil
		trial.results(c)
	})
}

func TestRecurrentAllocatesNothing(t *testing.T) {
	c := newCtx(1)
	trial := newRecurrentTrial(t, recurrentForm{op: "lstm", seq: 4, batch: 2, input: 5, hidden: 40, dirs: 2, lens: true, bias: true})
	s := trial.s
	s.w, s.r = trial.packedW, trial.packedR
	if n := testing.AllocsPerRun(10, func() { lstm32(c, s, trial.kernels, trial.steps, nil, nil, nil, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
