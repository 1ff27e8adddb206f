package runtime

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

func init() {
	register(map[*ir.Op]kernel{
		ir.RNN:  func(c *Call) error { return c.recur(1, rnnStep) },
		ir.GRU:  func(c *Call) error { return c.recur(3, gruStep) },
		ir.LSTM: func(c *Call) error { return c.recur(4, lstmStep) },
	})
}

// A recurrence is one direction of a recurrent operator.
type recurrence struct {
	c            *Call
	w, r, b, p   []float64 // weights [gates·hidden, input] and [gates·hidden, hidden], biases [2·gates·hidden] and peepholes [3·hidden] or nil
	hidden       int
	gates        int
	f            []func(float64) float64
	clip         float64
	h, cell      []float64 // the state of one sequence
	afterReset   bool      // linear_before_reset
	coupledGates bool      // input_forget
}

// recur runs step over each sequence of the batch, in each direction.
func (c *Call) recur(gates int, step func(r *recurrence, x []float64)) error {
	x, w, r := c.X(0), c.X(1), c.X(2)
	seq, batch, input, hidden, dirs := x.Shape[0], x.Shape[1], x.Shape[2], r.Shape[2], r.Shape[0]
	batchFirst := c.Int("layout") != 0
	if batchFirst {
		seq, batch = batch, seq
	}
	if w.Shape[1] != gates*hidden || r.Shape[1] != gates*hidden || w.Shape[2] != input {
		return fmt.Errorf("weights %s and %s do not fit %s and %d gates of %d", w.Type(), r.Type(), x.Type(), gates, hidden)
	}
	state := []int{dirs, batch, hidden}
	if batchFirst {
		state = []int{batch, dirs, hidden}
	}
	for i, shape := range [][]int{1: {dirs, gates * hidden, input}, 3: {dirs, 2 * gates * hidden}, 4: {batch}, 5: state, 6: state, 7: {dirs, 3 * hidden}} {
		if t := c.X(i); shape != nil && t != nil && !slices.Equal(t.Shape, shape) {
			return fmt.Errorf("argument %d is %s for %s and %d gates of %d in %d directions", i, t.Type(), x.Type(), gates, hidden, dirs)
		}
	}
	y, last, cells := New(x.Elem, seq, dirs, batch, hidden), New(x.Elem, dirs, batch, hidden), New(x.Elem, dirs, batch, hidden)
	if batchFirst {
		y, last, cells = New(x.Elem, batch, seq, dirs, hidden), New(x.Elem, batch, dirs, hidden), New(x.Elem, batch, dirs, hidden)
	}
	for d := range dirs {
		rec, err := c.direction(d, gates)
		if err != nil {
			return err
		}
		for b := range batch {
			at := d*batch + b // among the states
			if batchFirst {
				at = b*dirs + d
			}
			rec.h, rec.cell = initial(c.X(5), at, hidden), make([]float64, hidden)
			if gates == 4 {
				rec.cell = initial(c.X(6), at, hidden)
			}
			steps := seq
			if lens := c.X(4); lens != nil {
				steps = min(lens.Int(b), seq)
			}
			for s := range steps {
				t := s
				if d == 1 || c.Str("direction") == "reverse" {
					t = steps - 1 - s
				}
				in, out := (t*batch+b)*input, ((t*dirs+d)*batch+b)*hidden
				if batchFirst {
					in, out = (b*seq+t)*input, ((b*seq+t)*dirs+d)*hidden
				}
				step(rec, x.F[in:in+input])
				roundFloats(x.Elem, rec.h)
				roundFloats(x.Elem, rec.cell)
				copy(y.F[out:], rec.h)
			}
			copy(last.F[at*hidden:], rec.h)
			copy(cells.F[at*hidden:], rec.cell)
		}
	}
	return c.Return(y, last, cells)
}

func initial(t *Tensor, at, hidden int) []float64 {
	h := make([]float64, hidden)
	if t != nil {
		copy(h, t.F[at*hidden:(at+1)*hidden])
	}
	return h
}

// direction takes direction d's share of the weights, and its functions.
func (c *Call) direction(d, gates int) (*recurrence, error) {
	share := func(i int) []float64 {
		t := c.X(i)
		if t == nil {
			return nil
		}
		n := t.Len() / t.Shape[0]
		return t.F[d*n : (d+1)*n]
	}
	r := &recurrence{c: c, w: share(1), r: share(2), b: share(3), gates: gates, clip: c.Float("clip"), hidden: c.X(2).Shape[2]}
	names := []string{"Tanh"}
	switch gates {
	case 3:
		names = []string{"Sigmoid", "Tanh"}
		r.afterReset = c.Int("linear_before_reset") != 0
	case 4:
		names = []string{"Sigmoid", "Tanh", "Tanh"}
		r.p = share(7)
		r.coupledGates = c.Int("input_forget") != 0
	}
	first := d * len(names) // among the activations that the node lists
	if list := c.StrList("activations"); len(list) >= first+len(names) {
		names = list[first : first+len(names)]
	}
	for i, name := range names {
		f, err := c.activation(name, first+i)
		if err != nil {
			return nil, err
		}
		r.f = append(r.f, f)
	}
	return r, nil
}

// activation is the function of that name, number i of the node's.
func (c *Call) activation(name string, i int) (func(float64) float64, error) {
	param := func(list string, def float64) float64 {
		if l := c.FloatList(list); i < len(l) {
			return l[i]
		}
		return def
	}
	alpha := func(def float64) float64 { return param("activation_alpha", def) }
	beta := func(def float64) float64 { return param("activation_beta", def) }
	switch strings.ToLower(name) {
	case "relu":
		return func(x float64) float64 { return max(x, 0) }, nil
	case "tanh":
		return math.Tanh, nil
	case "sigmoid":
		return sigmoid, nil
	case "affine":
		a, b := alpha(1), beta(0)
		return func(x float64) float64 { return a*x + b }, nil
	case "leakyrelu":
		a := alpha(0.01)
		return func(x float64) float64 { return max(x, 0) + a*min(x, 0) }, nil
	case "thresholdedrelu":
		a := alpha(1)
		return func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}, nil
	case "scaledtanh":
		a, b := alpha(1), beta(1)
		return func(x float64) float64 { return a * math.Tanh(b*x) }, nil
	case "hardsigmoid":
		a, b := alpha(0.2), beta(0.5)
		return func(x float64) float64 { return min(max(a*x+b, 0), 1) }, nil
	case "elu":
		a := alpha(1)
		return func(x float64) float64 { return max(x, 0) + a*(math.Exp(min(x, 0))-1) }, nil
	case "softsign":
		return func(x float64) float64 { return x / (1 + math.Abs(x)) }, nil
	case "softplus":
		return func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, nil
	}
	return nil, fmt.Errorf("no activation %q", name)
}

// fromInput and fromState are a gate's share of x and of h, biases included.
func (r *recurrence) fromInput(x []float64, gate, i int) float64 {
	return r.product(r.w, x, gate*r.hidden+i, 0)
}

func (r *recurrence) fromState(h []float64, gate, i int) float64 {
	return r.product(r.r, h, gate*r.hidden+i, r.gates*r.hidden)
}

func (r *recurrence) product(w, x []float64, row, bias int) float64 {
	sum := 0.0
	if r.b != nil {
		sum = r.b[bias+row]
	}
	for k, v := range x {
		sum += w[row*len(x)+k] * v
	}
	return sum
}

// cut limits x to the clip attribute's threshold.
func (r *recurrence) cut(x float64) float64 {
	if r.clip > 0 {
		return min(max(x, -r.clip), r.clip)
	}
	return x
}

func rnnStep(r *recurrence, x []float64) {
	next := make([]float64, r.hidden)
	for i := range next {
		next[i] = r.f[0](r.cut(r.fromInput(x, 0, i) + r.fromState(r.h, 0, i)))
	}
	r.h = next
}

func gruStep(r *recurrence, x []float64) {
	gate := func(g, i int) float64 { return r.f[0](r.cut(r.fromInput(x, g, i) + r.fromState(r.h, g, i))) }
	reset := make([]float64, r.hidden)
	kept := make([]float64, r.hidden) // what of h the reset gate lets through
	for i := range reset {
		reset[i] = gate(1, i)
		kept[i] = reset[i] * r.h[i]
	}
	next := make([]float64, r.hidden)
	for i := range next {
		z := gate(0, i)
		state := 0.0
		if r.afterReset {
			state = reset[i] * r.fromState(r.h, 2, i)
		} else {
			state = r.fromState(kept, 2, i)
		}
		next[i] = (1-z)*r.f[1](r.cut(r.fromInput(x, 2, i)+state)) + z*r.h[i]
	}
	r.h = next
}

func lstmStep(r *recurrence, x []float64) {
	peep := func(g, i int, cell float64) float64 {
		if r.p == nil {
			return 0
		}
		return r.p[g*r.hidden+i] * cell
	}
	sum := func(g, i int) float64 { return r.fromInput(x, g, i) + r.fromState(r.h, g, i) }
	next, cells := make([]float64, r.hidden), make([]float64, r.hidden)
	for i := range next {
		in := r.f[0](r.cut(sum(0, i) + peep(0, i, r.cell[i])))
		forget := 1 - in
		if !r.coupledGates {
			forget = r.f[0](r.cut(sum(2, i) + peep(2, i, r.cell[i])))
		}
		cells[i] = forget*r.cell[i] + in*r.f[1](r.cut(sum(3, i)))
		out := r.f[0](r.cut(sum(1, i) + peep(1, i, cells[i])))
		next[i] = out * r.f[2](cells[i])
	}
	r.h, r.cell = next, cells
}
