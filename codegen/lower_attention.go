package codegen

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

// attentionArgs are the arguments that both attention kernels share.
type attentionArgs struct {
	y, bias, keep, shape string
	ends                 bool // whether a mask may leave different keys to each query
	batch, heads         ir.Dim
}

// rank4 sees [heads, rows, columns] as a batch of one.
func rank4(x view) view {
	for len(x.dims) < 4 {
		x.dims = append([]ir.Dim{ir.N(1)}, x.dims...)
		x.strides = append([]ir.Dim{ir.N(0)}, x.strides...)
	}
	return x
}

// headsOf is argument k as the kernels' heads.
func (e *emitter) headsOf(n *ir.Node, k int) string { return e.headsLiteral(e.view(n, k)) }

func (e *emitter) headsLiteral(x view) string {
	x = rank4(x)
	return fmt.Sprintf("heads{%s, %s, %s, %s}", e.from(x), e.Dim(x.strides[0]), e.Dim(x.strides[1]), e.Dim(x.strides[2]))
}

// broadcast4 are the distances of v's elements along the axes of [batch, heads, rows, columns].
func (e *emitter) broadcast4(v *ir.Value, shape [4]ir.Dim) ([]string, error) {
	own := rank4(view{dims: v.Type.Shape, strides: contiguous(v.Type.Shape)})
	if len(own.dims) > 4 {
		return nil, errShape
	}
	out := make([]string, 4)
	for i, d := range own.dims {
		switch {
		case d.Is(1):
			out[i] = "0"
		case d.Equal(shape[i]):
			out[i] = e.Dim(own.strides[i])
		case shape[i].IsConst() && d.IsConst():
			return nil, errShape
		default: // the run decides whether it is broadcast
			out[i] = fmt.Sprintf("batchStride(%s, %s, %s)", e.Dim(d), e.Dim(shape[i]), e.Dim(own.strides[i]))
		}
	}
	return out, nil
}

// attention collects what the kernels need to know, for queries, keys and values at the arguments 0, 1 and 2.
func (e *emitter) attention(n *ir.Node) (a attentionArgs, err error) {
	for _, v := range n.Args {
		if v != nil && v.Type.Elem != ir.F32 && v.Type.Elem != ir.Bool {
			return a, errElem
		}
	}
	q, k, v := n.Args[0].Type.Shape, n.Args[1].Type.Shape, n.Args[2].Type.Shape
	if len(q) != len(k) || len(q) != len(v) || len(q) != 3 && len(q) != 4 {
		return a, errShape
	}
	four := func(s []ir.Dim) []ir.Dim { return rank4(view{dims: s, strides: s}).dims }
	q, k, v = four(q), four(k), four(v)
	kv, share := k[1], "" // of the two the one with more heads
	if n, ok := divides(k[1], v[1]); ok && !n.Is(1) {
		share = ", vShare: " + e.Dim(n)
	} else if n, ok := divides(v[1], k[1]); ok && !n.Is(1) {
		kv, share = v[1], ", kShare: "+e.Dim(n)
	} else if !ok {
		return a, errShape
	}
	if _, ok := divides(q[1], kv); !ok || !q[0].Equal(k[0]) || !q[0].Equal(v[0]) {
		return a, errShape
	}
	a.batch, a.heads = q[0], q[1]
	fields := fmt.Sprintf("batch: %s, heads: %s, kvHeads: %s, queries: %s, keys: %s, d: %s, dv: %s",
		e.Dim(q[0]), e.Dim(q[1]), e.Dim(kv), e.Dim(q[2]), e.agreed(v[2], k[2]), e.agreed(k[3], q[3]), e.Dim(v[3])) + share
	switch n.Str("causal") {
	case "self":
		fields += ", causal: true"
	case "cache":
		fields += ", causal: true, offset: " + e.Dim(k[2].Sub(q[2]))
	}
	if w := n.Int("window"); w != 0 {
		fields += fmt.Sprintf(", window: %d", w)
	}
	if err := e.masks(n, &a, [4]ir.Dim{q[0], q[1], q[2], k[2]}); err != nil {
		return a, err
	}
	if a.ends {
		fields += ", ends: maskEnds"
	}
	if e.g.opts.Precision != Float32 {
		fields += ", format: fixedAttention{}"
	}
	if a.keep != "keep{}" && !math.IsInf(n.Float("fill"), -1) {
		fields += ", fill: " + floatLiteral(n.Float("fill"))
	}
	if sink := n.Arg("sink"); sink != nil {
		steps, err := e.broadcast4(sink, [4]ir.Dim{q[0], q[1], q[2], ir.N(1)})
		if err != nil {
			return a, err
		}
		fields += fmt.Sprintf(", sink: heads{%s, %s}", e.Val(sink), strings.Join(steps[:3], ", "))
	}
	a.shape = "attentionShape{" + fields + "}"
	a.y = e.headsLiteral(e.stored(n.Out()))
	e.Y(n, 0)
	return a, nil
}

// stored is a result in the layout in which it is stored.
func (e *emitter) stored(v *ir.Value) view {
	return e.g.plans[e.fn].stored(v)
}

// masks are the kernels' bias, floats that are added, and keep, booleans.
func (e *emitter) masks(n *ir.Node, a *attentionArgs, scores [4]ir.Dim) error {
	a.bias, a.keep = "bias{}", "keep{}"
	for _, name := range []string{"mask", "bias"} {
		v := n.Arg(name)
		if v == nil {
			continue
		}
		steps, err := e.broadcast4(v, scores)
		if err != nil {
			return err
		}
		text := fmt.Sprintf("{%s, %s}", e.Val(v), strings.Join(steps, ", "))
		a.ends = a.ends || steps[2] != "0" && steps[3] != "0"
		switch {
		case v.Type.Elem == ir.Bool && n.Float("fill") == 0:
			return errors.New("a mask that fills with 0") // which the kernel takes for -Inf
		case v.Type.Elem == ir.Bool:
			a.keep = "keep" + text
		case a.bias != "bias{}":
			return errors.New("both a mask of floats and a bias")
		default:
			a.bias = "bias" + text
		}
	}
	return nil
}

func scoreLiteral(n *ir.Node, scale string) string {
	if limit := n.Float("softcap"); limit != 0 {
		return fmt.Sprintf("score{scale: %s, cap: %s}", floatLiteral(n.Float(scale)), floatLiteral(limit))
	}
	return fmt.Sprintf("score{scale: %s}", floatLiteral(n.Float(scale)))
}

func lowerAttention(e *emitter, n *ir.Node) error {
	a, err := e.attention(n)
	if err != nil {
		return err
	}
	e.Call("attention", e.Ctx(), a.y, "\n"+e.headsOf(n, 0), e.headsOf(n, 1), e.headsOf(n, 2),
		"\n"+scoreLiteral(n, "scale"), a.bias, a.keep, "\n"+a.shape)
	return nil
}

func lowerDualAttention(e *emitter, n *ir.Node) error {
	if n.Arg("c") != nil {
		return errors.New("a term of own values")
	}
	if !ir.EqualDims(n.Arg("qn").Type.Shape, n.Arg("qp").Type.Shape) {
		return errShape
	}
	for i, v := range []*ir.Value{n.Arg("kn"), n.Arg("vn")} {
		if v != nil && !ir.EqualDims(v.Type.Shape, n.Args[1+i].Type.Shape) {
			return errShape
		}
	}
	a, err := e.attention(n)
	if err != nil {
		return err
	}
	q := rank4(view{dims: n.TypeAt(0).Shape, strides: n.TypeAt(0).Shape}).dims
	branch := func(q4 [3]int, gain *ir.Value, scale string) (string, error) {
		steps, err := e.broadcast4(gain, [4]ir.Dim{q[0], q[1], q[2], ir.N(1)})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("branch{\nq: %s,\nk: %s,\nv: %s,\ngain: heads{%s, %s},\nscore: %s}", e.headsOf(n, q4[0]), e.headsOf(n, q4[1]),
			e.headsOf(n, q4[2]), e.Val(gain), strings.Join(steps[:3], ", "), scoreLiteral(n, scale)), nil
	}
	p, err := branch([3]int{0, 1, 2}, n.Arg("a"), "scale_p")
	if err != nil {
		return err
	}
	negative := [3]int{3, 1, 2}
	for i := range 2 {
		if e.Has(n, 4+i) {
			negative[1+i] = 4 + i
		}
	}
	m, err := branch(negative, n.Arg("b"), "scale_n")
	if err != nil {
		return err
	}
	e.Call("dualAttention", e.Ctx(), a.y, p, m, "\n"+a.bias, a.keep, "\n"+a.shape)
	return nil
}
