package analyze

import (
	"fmt"
	"math"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/runtime"
	"gonum.org/v1/gonum/mat"
)

// An attention is one evaluation of an Attention or DualAttention node: y = a∘P+·v+ - b∘P-·v- + c∘v+.
type attention struct {
	node    *ir.Node
	shape   []int // of y: [.., H, Lq, Dv]
	plus    *branch
	minus   *branch         // nil for Attention
	a, b, c *runtime.Tensor // broadcast to [.., H, Lq, 1]; nil is 1, 0 and 0
}

// A branch is one softmax(S)·v. P, its probabilities, is [.., Hb, Lq, Lk], where a negative branch may have fewer heads than y.
type branch struct {
	q, k, v *runtime.Tensor // as the node has them
	p       *runtime.Tensor
	scale   float64
	slope   *runtime.Tensor // of each logit by q·k·scale, which a cap lessens and a filled mask takes away; nil is 1
}

// newAttention evaluates the branches of n; arg gives the values of its arguments, nil for absent ones.
func newAttention(n *ir.Node, arg func(name string) *runtime.Tensor) (*attention, error) {
	t := &attention{node: n}
	attrs := func(scale string) ir.Attrs {
		return ir.Attrs{"scale": n.Float(scale), "softcap": n.Float("softcap"), "causal": n.Str("causal"), "window": n.Int("window"),
			"fill": n.Float("fill")}
	}
	or := func(name, other string) *runtime.Tensor {
		if x := arg(name); x != nil {
			return x
		}
		return arg(other)
	}
	var err error
	if n.Op == ir.Attention {
		t.plus = &branch{q: wide(arg("q")), k: wide(arg("k")), v: wide(arg("v"))}
		err = t.plus.evaluate(attrs("scale"), arg)
	} else {
		t.a, t.b, t.c = wide(arg("a")), wide(arg("b")), wide(arg("c"))
		t.plus = &branch{q: wide(arg("qp")), k: wide(arg("kp")), v: wide(arg("vp"))}
		t.minus = &branch{q: wide(arg("qn")), k: wide(or("kn", "kp")), v: wide(or("vn", "vp"))}
		if err = t.plus.evaluate(attrs("scale_p"), arg); err == nil {
			err = t.minus.evaluate(attrs("scale_n"), arg)
		}
	}
	if err != nil {
		return nil, err
	}
	t.shape = t.plus.product().Shape
	return t, nil
}

func (b *branch) evaluate(attrs ir.Attrs, arg func(name string) *runtime.Tensor) error {
	for name, x := range map[string]*runtime.Tensor{"queries": b.q, "keys": b.k, "values": b.v} {
		if x.Len() == 0 {
			return fmt.Errorf("no %s: %s", name, x.Type())
		}
	}
	b.scale = attrs["scale"].(float64)
	s, err := apply1(ir.Scores, attrs, b.q, b.k, wide(arg("mask")), wide(arg("bias")))
	if err != nil {
		return err
	}
	if b.p, err = apply1(ir.MaskedSoftmax, nil, s, wide(arg("sink"))); err != nil {
		return err
	}
	return b.slopes(attrs["softcap"].(float64), arg("mask"))
}

func (b *branch) slopes(limit float64, mask *runtime.Tensor) error {
	filled := mask != nil && mask.Elem == ir.Bool
	if limit == 0 && !filled {
		return nil
	}
	b.slope = zeros(b.p.Shape)
	for i := range b.slope.F {
		b.slope.F[i] = 1
	}
	if limit != 0 {
		capped, err := apply1(ir.Scores, ir.Attrs{"scale": b.scale, "softcap": limit}, b.q, b.k)
		if err != nil {
			return err
		}
		for i, j := range sources(capped.Shape, b.p.Shape) {
			x := capped.F[j] / limit
			b.slope.F[i] = 1 - x*x
		}
	}
	if filled {
		for i, j := range sources(mask.Shape, b.p.Shape) {
			b.slope.F[i] *= float64(mask.I[j])
		}
	}
	return nil
}

// last2 are the sizes of the matrices that t is made of.
func last2(shape []int) (rows, cols int) { return shape[len(shape)-2], shape[len(shape)-1] }

// headCount is the dimension before the last two, 1 if there is none.
func headCount(shape []int) int {
	if len(shape) > 2 {
		return shape[len(shape)-3]
	}
	return 1
}

// matrices says which matrix of a tensor of shape goes with each of one of shape full, whose heads are a multiple of its own.
func matrices(shape, full []int) []int {
	heads, own := headCount(full), headCount(shape)
	lead, ownLead := leading(full), leading(shape)
	var out []int
	for _, j := range sources(ownLead, lead) {
		for h := range heads {
			out = append(out, j*own+h*own/heads)
		}
	}
	return out
}

// leading are the dimensions before heads and matrices.
func leading(shape []int) []int { return shape[:max(len(shape)-3, 0)] }

// matrix is matrix i of t; both have the same elements.
func matrix(t *runtime.Tensor, i int) *mat.Dense {
	rows, cols := last2(t.Shape)
	return mat.NewDense(rows, cols, t.F[i*rows*cols:(i+1)*rows*cols])
}

// product is P·v.
func (b *branch) product() *runtime.Tensor {
	_, dv := last2(b.v.Shape)
	y := zeros(append(append([]int{}, b.p.Shape[:len(b.p.Shape)-1]...), dv))
	for i, v := range matrices(b.v.Shape, b.p.Shape) {
		matrix(y, i).Mul(matrix(b.p, i), matrix(b.v, v))
	}
	return y
}

// A branchGradient is what a loss does to a branch: the gradients of its logits (S, after mask and cap), queries, keys and values.
type branchGradient struct{ s, q, k, v *runtime.Tensor }

// gradient is that for do, the gradient of P·v:
//
//	dv = Pᵀ·do   dS = P∘(G - rowsum(P∘G)), G = do·vᵀ   dq = scale·(slope∘dS)·k   dk = scale·(slope∘dS)ᵀ·q
func (b *branch) gradient(do *runtime.Tensor) *branchGradient {
	g := &branchGradient{zeros(b.p.Shape), zeros(b.q.Shape), zeros(b.k.Shape), zeros(b.v.Shape)}
	qs, ks, vs := matrices(b.q.Shape, b.p.Shape), matrices(b.k.Shape, b.p.Shape), matrices(b.v.Shape, b.p.Shape)
	lq, lk := last2(b.p.Shape)
	for i := range qs {
		p, y := matrix(b.p, i), matrix(do, i)
		var dv, big mat.Dense
		dv.Mul(p.T(), y)
		add(matrix(g.v, vs[i]), &dv)
		big.Mul(y, matrix(b.v, vs[i]).T())
		ds := matrix(g.s, i)
		for r := range lq {
			row, pr := big.RawRowView(r), p.RawRowView(r)
			sum := 0.0
			for c, x := range row {
				sum += pr[c] * x
			}
			for c, x := range row {
				ds.Set(r, c, pr[c]*(x-sum))
			}
		}
		dz := mat.NewDense(lq, lk, nil)
		dz.Scale(b.scale, ds)
		if b.slope != nil {
			dz.MulElem(dz, matrix(b.slope, i))
		}
		var dq, dk mat.Dense
		dq.Mul(dz, matrix(b.k, ks[i]))
		dk.Mul(dz.T(), matrix(b.q, qs[i]))
		add(matrix(g.q, qs[i]), &dq)
		add(matrix(g.k, ks[i]), &dk)
	}
	return g
}

func add(to, x *mat.Dense) { to.Add(to, x) }

// A gradient is what a loss does to an attention; minus is nil for Attention, and so are a, b and c where the node has none.
type gradient struct {
	plus, minus *branchGradient
	a, b, c     *runtime.Tensor
	own         *runtime.Tensor // what plus.v gets beside, by way of c∘v
}

// gradient is that for dy, the gradient of y (GPAM, section on gradients, with a = 1+λ+ and b = λ-):
//
//	do+ = a∘dy   do- = -b∘dy   da = <dy, P+·v+>   db = -<dy, P-·v->   dc = <dy, v+>
func (t *attention) gradient(dy *runtime.Tensor) *gradient {
	g := &gradient{plus: t.plus.gradient(t.weighted(t.a, dy, t.plus, 1))}
	if t.a != nil {
		g.a = t.rowDots(dy, t.plus.product(), 1, t.a.Shape)
	}
	if t.minus != nil {
		g.minus = t.minus.gradient(t.weighted(t.b, dy, t.minus, -1))
		g.b = t.rowDots(dy, t.minus.product(), -1, t.b.Shape)
	}
	if t.c != nil {
		t.ownGradient(g, dy)
	}
	return g
}

// weighted is sign·w∘dy, summed over the heads that share one of the branch's.
func (t *attention) weighted(w, dy *runtime.Tensor, b *branch, sign float64) *runtime.Tensor {
	out := zeros(append(append([]int{}, b.p.Shape[:len(b.p.Shape)-1]...), t.shape[len(t.shape)-1]))
	rows, cols := last2(t.shape)
	weights := t.perRow(w)
	for i, j := range matrices(out.Shape, t.shape) {
		for r := range rows {
			x := sign * weights[i*rows+r]
			for c := range cols {
				out.F[(j*rows+r)*cols+c] += x * dy.F[(i*rows+r)*cols+c]
			}
		}
	}
	return out
}

// perRow is a weight for each row of y.
func (t *attention) perRow(w *runtime.Tensor) []float64 {
	rows := append(append([]int{}, t.shape[:len(t.shape)-1]...), 1)
	out := make([]float64, 0, len(t.shape))
	if w == nil {
		for range zeros(rows).F {
			out = append(out, 1)
		}
		return out
	}
	for _, j := range sources(w.Shape, rows) {
		out = append(out, w.F[j])
	}
	return out
}

// rowDots is sign·<dy, y> of each row, summed to the shape of the rows' weight.
func (t *attention) rowDots(dy, y *runtime.Tensor, sign float64, shape []int) *runtime.Tensor {
	rows, cols := last2(t.shape)
	out := zeros(append(append([]int{}, t.shape[:len(t.shape)-1]...), 1))
	for i, j := range matrices(y.Shape, t.shape) {
		for r := range rows {
			for c := range cols {
				out.F[i*rows+r] += sign * dy.F[(i*rows+r)*cols+c] * y.F[(j*rows+r)*cols+c]
			}
		}
	}
	return reduceTo(out, shape)
}

// ownOffset is the position among the keys of the first query's own.
func (t *attention) ownOffset() int {
	lq, lk := last2(t.plus.p.Shape)
	if t.node.Str("causal") == "cache" {
		return lk - lq
	}
	return 0
}

// ownGradient adds the gradients by way of c∘v.
func (t *attention) ownGradient(g *gradient, dy *runtime.Tensor) {
	rows, cols := last2(t.shape)
	keys, _ := last2(t.plus.v.Shape)
	weights, first := t.perRow(t.c), t.ownOffset()
	dc := zeros(append(append([]int{}, t.shape[:len(t.shape)-1]...), 1))
	g.own = zeros(t.plus.v.Shape)
	for i, j := range matrices(t.plus.v.Shape, t.shape) {
		for r := range rows {
			for c := range cols {
				from, to := (i*rows+r)*cols+c, (j*keys+first+r)*cols+c
				g.own.F[to] += weights[i*rows+r] * dy.F[from]
				dc.F[i*rows+r] += dy.F[from] * t.plus.v.F[to]
			}
		}
	}
	g.c = reduceTo(dc, t.c.Shape)
}

// norm is the Frobenius norm, 0 for nil.
func norm(t *runtime.Tensor) float64 {
	if t == nil {
		return 0
	}
	sum := 0.0
	for _, x := range t.F {
		sum += x * x
	}
	return math.Sqrt(sum)
}
