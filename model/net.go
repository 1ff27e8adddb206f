package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// A net is a program that is being built from the layers of a transformer. The same functions build it for weights that there are
// and for weights that are to be made: those note what they ask for in wants.
type net struct {
	c     *Config
	p     *ir.Program
	b     *ir.Builder
	have  map[string]*ir.Data // nil while weights are to be made
	wants []want              // in the order of use
	nodes map[string]*ir.Value
	wrong []error
	lacks []string

	cached  bool // whether attentions look at tokens of earlier runs as well
	present []named
}

// A named value is one that becomes a result.
type named struct {
	name  string
	value *ir.Value
}

// A want is a tensor that the model needs: its name, its shape, and how to make one up.
type want struct {
	name  string
	shape []int
	fill  fill
}

// A fill makes a tensor up: normally distributed numbers. Neutral, where there is one, is the number that leaves a model as it was
// without the tensor.
type fill struct {
	mean, std float64
	neutral   *float64
}

var (
	aroundOne  = fill{mean: 1, std: 0.1}
	aroundZero = fill{std: 0.1}
)

// perInput keeps the size of what a matrix is multiplied by.
func perInput(in int) fill { return fill{std: 1 / math.Sqrt(float64(in))} }

func newNet(c *Config, have map[string]*ir.Data) *net {
	f := ir.NewFunc(c.Family)
	return &net{c: c, p: ir.NewProgram(f), b: ir.NewBuilder(f), have: have, nodes: map[string]*ir.Value{}}
}

// err is all that is wrong with the weights, the missing ones in one message.
func (n *net) err() error {
	if len(n.lacks) == 0 {
		return errors.Join(n.wrong...)
	}
	verb := "tensors are"
	if len(n.lacks) == 1 {
		verb = "tensor is"
	}
	missing := fmt.Errorf("%d %s missing:\n\t%s", len(n.lacks), verb, strings.Join(n.lacks, "\n\t"))
	return errors.Join(append([]error{missing}, n.wrong...)...)
}

// root is prefix where the checkpoint's names begin so, and "" where they do not, as in checkpoints of the model without a head. anchor
// is a name that all checkpoints have.
func (n *net) root(prefix, anchor string, bare bool) string {
	_, with := n.find(prefix + anchor)
	_, without := n.find(anchor)
	switch {
	case n.have != nil && with:
		return prefix
	case n.have != nil && without, bare:
		return ""
	}
	return prefix
}

// find looks a tensor up, under the names that it had in older checkpoints, too.
func (n *net) find(name string) (string, bool) {
	old := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
	for _, s := range []string{name, old} {
		if n.have[s] != nil {
			return s, true
		}
	}
	return name, false
}

// has reports whether there is such a weight; one that is to be made always is.
func (n *net) has(name string) bool {
	_, ok := n.find(name)
	return ok || n.have == nil
}

// weight is a tensor of the checkpoint as 32-bit floats.
func (n *net) weight(name string, f fill, shape ...int) *ir.Value {
	return n.wide(n.stored(name, f, shape...))
}

// wide is x as 32-bit floats. What only moves elements comes before it: then the passes can do that to the weights themselves, and what
// is looked up is all that is converted.
func (n *net) wide(x *ir.Value) *ir.Value {
	if x.Type.Elem == ir.F32 {
		return x
	}
	return n.b.New(ir.Cast, ir.Attrs{"to": ir.F32}, x)
}

// stored is a tensor of the checkpoint with the elements that it has there.
func (n *net) stored(name string, f fill, shape ...int) *ir.Value {
	if v := n.nodes[name]; v != nil {
		return v
	}
	n.wants = append(n.wants, want{name, shape, f})
	t := ir.TN(ir.F32, shape...)
	key, ok := n.find(name)
	if d := n.have[key]; ok {
		switch {
		case !slices.Equal(d.Shape, shape):
			n.wrong = append(n.wrong, fmt.Errorf("tensor %q is %s; %s is wanted", key, d.Type(), ir.TN(d.Elem, shape...)))
		case !d.Elem.IsFloat():
			n.wrong = append(n.wrong, fmt.Errorf("tensor %q is %s; floats are wanted", key, d.Type()))
		default:
			t = d.Type()
			n.p.Weights[key] = d
		}
	} else if n.have != nil {
		n.lacks = append(n.lacks, fmt.Sprintf("%s %v", name, shape))
	}
	v := n.b.New(ir.Weight, ir.Attrs{"name": key, "type": t})
	n.nodes[name] = v
	return v
}

// computed is a tensor that the model has without the checkpoint.
func (n *net) computed(name string, d *ir.Data) *ir.Value {
	n.p.Weights[name] = d
	return n.b.New(ir.Weight, ir.Attrs{"name": name, "type": d.Type()})
}

// input adds a parameter of int64 or float32.
func (n *net) input(name string, e ir.Elem, shape ...ir.Dim) *ir.Value {
	return n.p.Main.Param(name, ir.T(e, shape...))
}

// output adds a result.
func (n *net) output(name string, v *ir.Value) {
	n.p.Main.Results = append(n.p.Main.Results, v)
	n.p.Main.ResultNames = append(n.p.Main.ResultNames, name)
}

// past is how many tokens there were in earlier runs.
func (n *net) past() ir.Dim {
	if n.cached {
		return ir.Sym("past")
	}
	return ir.N(0)
}

// width is the size of x's last axis.
func width(x *ir.Value) int {
	k, _ := x.Type.Shape[x.Type.Rank()-1].Const()
	return k
}

// linear is x·Wᵀ + b, with W [out,in] as torch.nn.Linear keeps it.
func (n *net) linear(x *ir.Value, name string, out int, bias bool) *ir.Value {
	n.b.Name = name
	in := width(x)
	w := n.transposed(n.stored(name+".weight", perInput(in), out, in))
	if !bias {
		return n.b.New(ir.Linear, nil, x, w)
	}
	return n.b.New(ir.Linear, nil, x, w, n.weight(name+".bias", aroundZero, out))
}

// transposed turns the last two axes of w and makes it of 32-bit floats.
func (n *net) transposed(w *ir.Value) *ir.Value {
	perm := []int{1, 0}
	if w.Type.Rank() == 3 {
		perm = []int{0, 2, 1}
	}
	return n.wide(n.b.New(ir.Transpose, ir.Attrs{"perm": perm}, w))
}

// conv1d is x·W + b, with W [in,out] as GPT-2 keeps it.
func (n *net) conv1d(x *ir.Value, name string, out int) *ir.Value {
	n.b.Name = name
	in := width(x)
	w := n.weight(name+".weight", perInput(in), in, out)
	return n.b.New(ir.Linear, nil, x, w, n.weight(name+".bias", aroundZero, out))
}

func (n *net) layerNorm(x *ir.Value, name string) *ir.Value {
	n.b.Name = name
	k := width(x)
	return n.b.New(ir.LayerNormalization, ir.Attrs{"epsilon": n.c.NormEps}, x, n.weight(name+".weight", aroundOne, k),
		n.weight(name+".bias", aroundZero, k))
}

func (n *net) rmsNorm(x *ir.Value, name string) *ir.Value {
	n.b.Name = name
	return n.b.New(ir.RMSNormalization, ir.Attrs{"epsilon": n.c.NormEps}, x, n.weight(name+".weight", aroundOne, width(x)))
}

// embed is the rows of a table that ids name.
func (n *net) embed(ids *ir.Value, name string, rows int) *ir.Value {
	n.b.Name = name
	return n.wide(n.b.New(ir.Gather, nil, n.stored(name+".weight", perInput(n.c.Width), rows, n.c.Width), ids))
}

// positions are the rows of a table from first on, one for each token of x [batch,L,width], which stand behind past others.
func (n *net) positions(x, table *ir.Value, first int, past ir.Dim) *ir.Value {
	length := x.Type.Shape[1]
	if !past.Is(0) {
		at := past.Add(ir.N(first))
		return n.b.New(ir.Gather, nil, table, n.b.New(ir.Range, nil, n.b.Dim(at), n.b.Dim(at.Add(length)), n.b.Dim(ir.N(1))))
	}
	return n.b.New(ir.Slice, nil, table, n.b.Vector(int64(first)), n.b.Dims(length.Add(ir.N(first))), n.b.Vector(0))
}

func (n *net) add(x, y *ir.Value) *ir.Value { return n.b.New(ir.Add, nil, x, y) }

// logits is x times a table of embeddings, for each of its rows.
func (n *net) logits(x *ir.Value, name string, rows int) *ir.Value {
	n.b.Name = name
	return n.b.New(ir.Linear, nil, x, n.transposed(n.stored(name+".weight", perInput(width(x)), rows, width(x))))
}

// first is x's row 0: [batch,L,width] to [batch,width].
func (n *net) first(x *ir.Value) *ir.Value {
	return n.b.New(ir.Gather, ir.Attrs{"axis": 1}, x, n.b.Dim(ir.N(0)))
}

// activations are the functions of hidden_act.
var activations = map[string]func(b *ir.Builder, x *ir.Value) *ir.Value{
	"gelu":              apply(ir.Gelu, nil),
	"gelu_new":          apply(ir.Gelu, ir.Attrs{"approximate": "tanh"}),
	"gelu_pytorch_tanh": apply(ir.Gelu, ir.Attrs{"approximate": "tanh"}),
	"gelu_fast":         apply(ir.Gelu, ir.Attrs{"approximate": "tanh"}),
	"quick_gelu":        apply(ir.Swish, ir.Attrs{"alpha": 1.702}),
	"relu":              apply(ir.Relu, nil),
	"silu":              apply(ir.Swish, nil),
	"swish":             apply(ir.Swish, nil),
	"tanh":              apply(ir.Tanh, nil),
	"sigmoid":           apply(ir.Sigmoid, nil),
}

func apply(op *ir.Op, attrs ir.Attrs) func(b *ir.Builder, x *ir.Value) *ir.Value {
	return func(b *ir.Builder, x *ir.Value) *ir.Value { return b.New(op, attrs, x) }
}

func (n *net) act(x *ir.Value) *ir.Value { return activations[n.c.Act](n.b, x) }

// paddingMask is the input attention_mask, 1 for a token and 0 for padding, as booleans that broadcast to scores.
func (n *net) paddingMask(batch, length ir.Dim) *ir.Value {
	m := n.input("attention_mask", ir.I64, batch, length)
	return n.b.New(ir.Reshape, nil, n.b.New(ir.Cast, ir.Attrs{"to": ir.Bool}, m), n.b.Dims(batch, ir.N(1), ir.N(1), length))
}
