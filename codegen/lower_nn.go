package codegen

import (
	"fmt"
	"strings"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.MatMul: func(e *emitter, n *ir.Node) error {
		acc := accumulator(n.TypeAt(0).Elem)
		return code(numbers, "multiply["+acc+"](y, x0, x1, shape(x0), shape(x1))")(e, n)
	},
	ir.Einsum:     lowerEinsum,
	ir.Relu:       code(numbers, "apply(y, x0, relu)"),
	ir.Sigmoid:    code(floats, "apply(y, x0, sigmoid)"),
	ir.Softmax:    code(floats, "softmaxAlong(y, x0, shape(x0), @axis)"),
	ir.LogSoftmax: code(floats, "logSoftmaxAlong(y, x0, shape(x0), @axis)"),

	ir.Conv:          sliding(numbers, (*emitter).windows, "convolve[ACC](y, x0, x1, x2, shape(y), shape(x0), SLIDING, @group)"),
	ir.ConvTranspose: sliding(numbers, (*emitter).transposedWindows, "convolveBack[ACC](y, x0, x1, x2, shape(y), shape(x0), SLIDING, @group)"),
	ir.DeformConv:    lowerDeformConv,
	ir.MaxPool:       sliding(numbers, (*emitter).windows, "maxPool(y, y1, x0, shape(y), shape(x0), SLIDING, bool(@storage_order))"),
	ir.AveragePool: sliding(numbers, (*emitter).windows,
		"poolWindows(y, x0, shape(y), shape(x0), SLIDING, bool(@count_include_pad), ACC(0), sumUp, average)"),
	ir.LpPool:    sliding(floats, (*emitter).windows, "lpPool(y, x0, shape(y), shape(x0), SLIDING, @p)"),
	ir.MaxUnpool: lowerMaxUnpool,
})

// Of float32, convolutions are products of matrices or go, as poolings do, over a copy with the padding around it.
var _ = register(fast, map[*ir.Op]lowering{
	ir.Conv:          lowerConv32,
	ir.ConvTranspose: sliding32((*emitter).transposedWindows, "convBack32(CTX, y, x0, x1, x2, shape(y), shape(x0), SLIDING, @group)"),
	ir.MaxPool:       sliding32((*emitter).windows, "maxPool32(CTX, y, x0, shape(y), shape(x0), SLIDING)"),
	ir.AveragePool:   sliding32((*emitter).windows, "averagePool32(CTX, y, x0, shape(y), shape(x0), SLIDING, bool(@count_include_pad))"),
})

// sliding calls a function: SLIDING is how the kernel slides, ACC the type in which elements are added up, CTX the session's threads.
func sliding(c class, windows func(*emitter, *ir.Node) (string, error), call string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if err := checkNode(n, c); err != nil {
			return err
		}
		s, err := windows(e, n)
		if err != nil {
			return err
		}
		return code(c, strings.NewReplacer("SLIDING", s, "ACC", accumulator(n.TypeAt(0).Elem), "CTX", e.Ctx()).Replace(call))(e, n)
	}
}

// sliding32 is sliding for float32 alone.
func sliding32(windows func(*emitter, *ir.Node) (string, error), call string) lowering {
	return func(e *emitter, n *ir.Node) error {
		if err := f32(n); err != nil {
			return err
		}
		return sliding(numbers, windows, call)(e, n)
	}
}

// slidingOf is windows as a literal of package lib's type sliding, the axes that are not there before the others.
func (e *emitter) slidingOf(ws []ir.Window) (string, error) {
	if len(ws) > 3 {
		return "", fmt.Errorf("%d spatial axes", len(ws))
	}
	var kernel, stride, dilation, before, after [3]string
	for i := range kernel {
		kernel[i], stride[i], dilation[i], before[i], after[i] = "1", "1", "1", "0", "0"
	}
	for i, w := range ws {
		a := 3 - len(ws) + i
		kernel[a], stride[a], dilation[a] = e.Dim(w.Kernel), fmt.Sprint(w.Stride), fmt.Sprint(w.Dilation)
		before[a], after[a] = e.Dim(w.Before), e.Dim(w.After)
	}
	array := func(s [3]string) string { return "[3]int{" + strings.Join(s[:], ", ") + "}" }
	return fmt.Sprintf("sliding{kernel: %s, stride: %s, dilation: %s, before: %s, after: %s}",
		array(kernel), array(stride), array(dilation), array(before), array(after)), nil
}

// windows says how the node's kernel slides, as a literal.
func (e *emitter) windows(n *ir.Node) (string, error) {
	ws, err := n.Windows(n.TypeAt(0).Shape[2:], n.KernelShape(n.TypeAt(1)))
	if err != nil {
		return "", err
	}
	return e.slidingOf(ws)
}

// transposedWindows is windows for ConvTranspose.
func (e *emitter) transposedWindows(n *ir.Node) (string, error) {
	ws, err := n.TransposedWindows(n.TypeAt(0).Shape[2:], n.KernelShape(n.TypeAt(1)))
	if err != nil {
		return "", err
	}
	return e.slidingOf(ws)
}

func lowerDeformConv(e *emitter, n *ir.Node) error {
	if n.TypeAt(0).Rank() != 4 {
		return fmt.Errorf("%s is no batch of images", n.TypeAt(0))
	}
	return sliding(floats, (*emitter).windows, "deform(y, x0, x1, x2, x3, x4, shape(y), shape(x0), SLIDING, @group, @offset_group)")(e, n)
}

func lowerMaxUnpool(e *emitter, n *ir.Node) error {
	if err := checkNode(n, anyElem); err != nil {
		return err
	}
	if n.TypeAt(0).Rank() > 5 || n.TypeAt(0).Rank() < 3 {
		return fmt.Errorf("%s: one to three spatial axes are wanted", n.TypeAt(0))
	}
	if e.Has(n, 2) {
		e.checkAxes(n, n.Args[2], n.Out().Type.Rank())
	}
	e.DefineFresh(n, 0, func(axis int) string { return e.At(n.Args[2], axis) })
	// The indices count in the tensor that was pooled, whatever size output_shape then asks for.
	from := n.Out().Type.Shape
	if kernel := n.Ints("kernel_shape"); e.Has(n, 2) && kernel != nil {
		from = append([]ir.Dim{}, n.TypeAt(0).Shape...)
		for i := range kernel {
			stride, pads := int64(1), int64(0)
			if s := n.Ints("strides"); s != nil {
				stride = s[i]
			}
			if p := n.Ints("pads"); p != nil {
				pads = p[i] + p[len(kernel)+i]
			}
			from[2+i] = from[2+i].Sub(ir.N(1)).Mul(ir.N(int(stride))).Add(ir.N(int(kernel[i] - pads)))
		}
	}
	e.Call("unpool", e.Y(n, 0), e.X(n, 0), e.X(n, 1), e.Dims(from), e.Shape(n.Out()))
	return nil
}

// lowerEinsum gives each letter a loop: those of the result, then the others, which are summed over.
func lowerEinsum(e *emitter, n *ir.Node) error {
	if err := checkNode(n, numbers); err != nil {
		return err
	}
	if len(n.Args) > 4 {
		return fmt.Errorf("%d operands, more than 4", len(n.Args))
	}
	terms, result, err := ir.EinsumTerms(n.Str("equation"), len(n.Args))
	if err != nil {
		return err
	}
	sizes := map[string]ir.Dim{}
	labels := make([][]string, len(terms))
	for i, term := range terms {
		labels[i] = einsumLabels(term, n.TypeAt(i).Rank())
		for k, l := range labels[i] {
			if d, ok := sizes[l]; !ok || d.Is(1) {
				sizes[l] = n.TypeAt(i).Shape[k]
			}
		}
	}
	out := einsumLabels(result, n.Out().Type.Rank())
	var sum []string
	seen := map[string]bool{}
	for _, l := range out {
		seen[l] = true
	}
	for _, ls := range labels {
		for _, l := range ls {
			if !seen[l] {
				seen[l] = true
				sum = append(sum, l)
			}
		}
	}
	if len(out)+len(sum) > maxRank {
		return fmt.Errorf("equation %q has more than %d letters", n.Str("equation"), maxRank)
	}
	loops := append(append([]string{}, out...), sum...)
	xs, steps := make([]string, len(terms)), make([]string, len(terms))
	for i := range terms {
		xs[i], steps[i] = e.X(n, i), e.einsumStrides(n.TypeAt(i), labels[i], loops)
	}
	e.Call("einsum["+accumulator(n.TypeAt(0).Elem)+"]", e.Y(n, 0), "[][]"+e.Elem(n.Args[0])+"{"+strings.Join(xs, ", ")+"}",
		e.labelled(sizes, out), e.labelled(sizes, sum), "[]layout{"+strings.Join(steps, ", ")+"}")
	return nil
}

// einsumLabels are the letters of a term, the axes of an ellipsis numbered from the last one.
func einsumLabels(term string, rank int) (labels []string) {
	for _, r := range term {
		if r != '.' {
			labels = append(labels, string(r))
			continue
		}
		for k := rank - (len(term) - 1); k > 0; k-- {
			labels = append(labels, fmt.Sprint(k))
		}
	}
	return labels
}

func (e *emitter) labelled(sizes map[string]ir.Dim, labels []string) string {
	ds := make([]ir.Dim, len(labels))
	for i, l := range labels {
		ds[i] = sizes[l]
	}
	return e.Dims(ds)
}

// einsumStrides are the distances of t's elements along the loops; a letter that appears twice walks along the diagonal.
func (e *emitter) einsumStrides(t ir.Type, labels, loops []string) string {
	own := contiguous(t.Shape)
	text := make([]string, len(loops))
	for i, loop := range loops {
		d := ir.N(0)
		for k, l := range labels {
			if l == loop && !t.Shape[k].Is(1) {
				d = d.Add(own[k])
			}
		}
		text[i] = e.Dim(d)
	}
	return "{" + strings.Join(text, ", ") + "}"
}
