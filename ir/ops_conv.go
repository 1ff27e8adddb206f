package ir

import "fmt"

// windowAttrs are the attributes of what slides a window over its input.
const windowAttrs = "auto_pad:string=NOTSET dilations:ints? kernel_shape:ints? pads:ints? strides:ints?"

var (
	// Conv is the cross-correlation of x [N,C,D..] with w [M,C/group,K..], plus b[m]:
	// y[n,m,o] = b[m] + Σc,k x[n,c,o·stride+k·dilation-pad]·w[m,c,k], zero outside of x. Integers add up without rounding.
	Conv = define(Op{Name: "Conv", Args: "x w b?", Attrs: windowAttrs + " group:int=1", Infer: inferConv,
		Example: "Conv(x, w, b) pads=[1,1,1,1] strides=[2,1]", Inputs: "x f32[1,4,5,6] w f32[3,4,3,3] b f32[3]"})

	// ConvTranspose is the transpose of Conv as a linear map: each element of x [N,C,D..] adds itself times w [C,M/group,K..] to a window of y.
	ConvTranspose = define(Op{Name: "ConvTranspose", Args: "x w b?",
		Attrs: windowAttrs + " group:int=1 output_padding:ints? output_shape:ints?", Infer: floats(inferConvTranspose, 0),
		Example: "ConvTranspose(x, w) strides=[2,2]", Inputs: "x f32[1,2,3,3] w f32[2,4,3,3]"})

	// DeformConv is Conv (2-d) that reads x at places moved by offset, between the pixels bilinearly, each times mask.
	DeformConv = define(Op{Name: "DeformConv", Args: "x w offset b? mask?",
		Attrs: "dilations:ints? group:int=1 kernel_shape:ints? offset_group:int=1 pads:ints? strides:ints?", Infer: floats(inferConv, 0, 2),
		Example: "DeformConv(x, w, o) kernel_shape=[2,2]", Inputs: "x f32[1,1,3,3] w f32[1,1,2,2] o f32[1,8,2,2]"})

	// MaxPool is the greatest element of each window, and where in x it lies (the padding not counted; storage_order 1: column by column).
	MaxPool = define(Op{Name: "MaxPool", Args: "x", Results: "y indices?", Attrs: windowAttrs + " ceil_mode:int=0 storage_order:int=0", Infer: inferPool,
		Example: "MaxPool(x) kernel_shape=[2,2] strides=[2,2] ceil_mode=1", Inputs: "x f32[1,2,5,5]"})

	// AveragePool is the mean of each window, of the elements in x only unless count_include_pad.
	AveragePool = define(Op{Name: "AveragePool", Args: "x", Attrs: windowAttrs + " ceil_mode:int=0 count_include_pad:int=0", Infer: floats(inferPool, 0),
		Example: "AveragePool(x) kernel_shape=[3,3] pads=[1,1,1,1]", Inputs: "x f32[1,2,5,5]"})

	// LpPool is (Σ|x|^p)^(1/p) over each window.
	LpPool = define(Op{Name: "LpPool", Args: "x", Attrs: windowAttrs + " ceil_mode:int=0 p:int=2", Infer: floats(inferPool, 0),
		Example: "LpPool(x) kernel_shape=[2,2]", Inputs: "x f32[1,2,4,4]"})

	// GlobalAveragePool is the mean of each channel of x [N,C,D..].
	GlobalAveragePool = define(Op{Name: "GlobalAveragePool", Args: "x", Expand: overImage(ReduceMean),
		Example: "GlobalAveragePool(x)", Inputs: "x f32[1,2,4,4]"})

	// GlobalMaxPool is the greatest element of each channel of x [N,C,D..].
	GlobalMaxPool = define(Op{Name: "GlobalMaxPool", Args: "x", Expand: overImage(ReduceMax), Example: "GlobalMaxPool(x)", Inputs: "x f32[1,2,4,4]"})

	// GlobalLpPool is (Σ|x|^p)^(1/p) of each channel of x [N,C,D..].
	GlobalLpPool = define(Op{Name: "GlobalLpPool", Args: "x", Attrs: "p:int=2", Expand: func(b *Builder, n *Node) []*Value {
		x, p := n.Arg("x"), float64(n.Int("p"))
		axes := b.Vector(axesFrom(2, len(ranked(x)))...)
		sum := b.New(ReduceSum, nil, b.New(Pow, nil, b.New(Abs, nil, x), b.like(x, p)), axes)
		return b.New1(Pow, nil, sum, b.like(x, 1/p))
	}, Example: "GlobalLpPool(x) p=3", Inputs: "x f32[1,2,4,4]"})

	// MaxUnpool puts each element of x where indices says, into zeros.
	MaxUnpool = define(Op{Name: "MaxUnpool", Args: "x indices output_shape?", Attrs: "kernel_shape:ints pads:ints? strides:ints?", Infer: inferMaxUnpool,
		Example: "MaxUnpool(x, i64[1,1,1,2]{5,7}) kernel_shape=[2,2] strides=[2,2]", Inputs: "x f32[1,1,1,2]"})
)

// A Window is how a kernel slides along one axis: output o sees the input at o·Stride + k·Dilation - Before for k below Kernel.
type Window struct {
	Stride, Dilation int
	Kernel           Dim
	Before, After    Dim // padding
	Out              Dim
}

// extent is the distance that the kernel spans.
func (w Window) extent() Dim { return w.Kernel.Sub(N(1)).Mul(N(w.Dilation)).Add(N(1)) }

// Windows says how the node's kernel slides over spatial axes of the given sizes.
func (n *Node) Windows(in, kernel []Dim) ([]Window, error) {
	ws, err := n.windowSteps(len(in), kernel)
	if err != nil {
		return nil, err
	}
	auto := n.autoPad()
	ceil := n.Op.HasAttr("ceil_mode") && n.Int("ceil_mode") != 0
	for i := range ws {
		w := &ws[i]
		switch auto {
		case "SAME_UPPER", "SAME_LOWER":
			w.same(in[i], auto == "SAME_LOWER")
		case "VALID", "NOTSET", "":
			w.slide(in[i], ceil)
		default:
			return nil, fmt.Errorf("auto_pad %q", auto)
		}
		if k, ok := w.Out.Const(); ok && k < 0 {
			return nil, fmt.Errorf("a window of %s does not fit into an axis of %s", w.extent(), in[i])
		}
	}
	return ws, nil
}

func (n *Node) autoPad() string {
	if n.Op.HasAttr("auto_pad") {
		return n.Str("auto_pad")
	}
	return "NOTSET"
}

// windowSteps reads kernel, strides, dilations and pads for each of rank axes.
func (n *Node) windowSteps(rank int, kernel []Dim) ([]Window, error) {
	if len(kernel) != rank {
		return nil, fmt.Errorf("a kernel of %d axes for %d", len(kernel), rank)
	}
	list := func(name string, i, size, def int) (int, error) {
		if !n.Op.HasAttr(name) || n.Ints(name) == nil {
			return def, nil
		}
		if v := n.Ints(name); len(v) == size {
			return int(v[i]), nil
		}
		return 0, fmt.Errorf("%s=%v is not of length %d", name, n.Ints(name), size)
	}
	ws := make([]Window, rank)
	for i := range ws {
		w := &ws[i]
		var errs [4]error
		w.Kernel = kernel[i]
		w.Stride, errs[0] = list("strides", i, rank, 1)
		w.Dilation, errs[1] = list("dilations", i, rank, 1)
		if a := n.autoPad(); a == "NOTSET" || a == "" {
			var before, after int
			before, errs[2] = list("pads", i, 2*rank, 0)
			after, errs[3] = list("pads", rank+i, 2*rank, 0)
			w.Before, w.After = N(before), N(after)
		}
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		if k, ok := w.Kernel.Const(); ok && k < 1 || w.Stride < 1 || w.Dilation < 1 {
			return nil, fmt.Errorf("kernel %s, stride %d, dilation %d: each must be positive", w.Kernel, w.Stride, w.Dilation)
		}
	}
	return ws, nil
}

// same makes the output as large as the input over the stride.
func (w *Window) same(in Dim, lower bool) {
	w.Out, _ = in.Add(N(w.Stride - 1)).Div(N(w.Stride))
	w.pad(w.Out.Sub(N(1)).Mul(N(w.Stride)).Add(w.extent()).Sub(in), lower)
}

// pad divides the padding, if it is any; what is odd goes behind, or before.
func (w *Window) pad(total Dim, before bool) {
	total = total.Max(N(0))
	w.Before, _ = total.Div(N(2))
	w.After = total.Sub(w.Before)
	if before {
		w.Before, w.After = w.After, w.Before
	}
}

// slide sets the number of windows that fit into the padded input; with ceil also one that ends behind it, unless it begins in the
// padding behind.
func (w *Window) slide(in Dim, ceil bool) {
	room := in.Add(w.Before).Add(w.After).Sub(w.extent())
	if !ceil {
		q, _ := room.Div(N(w.Stride))
		w.Out = q.Add(N(1))
		return
	}
	q, _ := room.Add(N(w.Stride - 1)).Div(N(w.Stride))
	last, _ := in.Add(w.Before).Sub(N(1)).Div(N(w.Stride))
	w.Out = q.Min(last).Add(N(1))
}

// KernelShape is the spatial size of the kernel: the attribute's, or that of the weights w.
func (n *Node) KernelShape(w Type) []Dim {
	k := n.Ints("kernel_shape")
	if k == nil {
		return w.Shape[2:]
	}
	out := make([]Dim, len(k))
	for i, x := range k {
		out[i] = N(int(x))
	}
	return out
}

// convArgs reports the types of x and w; ok is false when one of them is unranked.
func convArgs(n *Node) (x, w Type, ok bool, err error) {
	x, w = n.TypeAt(0), n.TypeAt(1)
	if _, err := n.tensorAt(0, number); err != nil {
		return x, w, false, err
	}
	if e, err := n.SameElem(0, 1); err != nil || !x.Ranked() || !w.Ranked() {
		return Unranked(e), w, false, err
	}
	if x.Rank() < 3 || x.Rank() != w.Rank() {
		return x, w, false, fmt.Errorf("cannot slide %s over %s: the ranks must be the same, 3 or more", w, x)
	}
	if n.Int("group") < 1 {
		return x, w, false, fmt.Errorf("group=%d", n.Int("group"))
	}
	return x, w, true, nil
}

func inferConv(n *Node) ([]Type, error) {
	x, w, ok, err := convArgs(n)
	if err != nil || !ok {
		return []Type{x}, err
	}
	c, cw := x.Shape[1], w.Shape[1].Mul(N(n.Int("group")))
	if c.IsConst() && cw.IsConst() && !c.Equal(cw) {
		return nil, fmt.Errorf("%s has %s channels; weights %s in %d groups are for %s", x, c, w, n.Int("group"), cw)
	}
	if m, ok := w.Shape[0].Const(); ok && m%n.Int("group") != 0 {
		return nil, fmt.Errorf("%d output channels do not divide into %d groups", m, n.Int("group"))
	}
	return n.slid(x, w, w.Shape[0], n.Windows)
}

// slid is the type of x's images after a convolution to that many channels.
func (n *Node) slid(x, w Type, channels Dim, windows func(in, kernel []Dim) ([]Window, error)) ([]Type, error) {
	shape := []Dim{x.Shape[0], channels}
	ws, err := windows(x.Shape[2:], n.KernelShape(w))
	return []Type{T(x.Elem, append(shape, outDims(ws)...)...)}, err
}

func outDims(ws []Window) []Dim {
	out := make([]Dim, len(ws))
	for i, w := range ws {
		out[i] = w.Out
	}
	return out
}

func inferConvTranspose(n *Node) ([]Type, error) {
	x, w, ok, err := convArgs(n)
	if err != nil || !ok {
		return []Type{x}, err
	}
	if c, cw := x.Shape[1], w.Shape[0]; c.IsConst() && cw.IsConst() && !c.Equal(cw) {
		return nil, fmt.Errorf("%s has %s channels; weights %s are for %s", x, c, w, cw)
	}
	return n.slid(x, w, w.Shape[1].Mul(N(n.Int("group"))), n.TransposedWindows)
}

// TransposedWindows says how ConvTranspose's kernel slides over its output: input i reaches o = i·Stride + k·Dilation - Before.
func (n *Node) TransposedWindows(in, kernel []Dim) ([]Window, error) {
	ws, err := n.windowSteps(len(in), kernel)
	if err != nil {
		return nil, err
	}
	want, extra := n.Ints("output_shape"), n.Ints("output_padding")
	if len(want) == len(in)+2 {
		want = want[2:] // batch and channels, which some exporters add
	}
	if want != nil && len(want) != len(in) || extra != nil && len(extra) != len(in) {
		return nil, fmt.Errorf("output_shape=%v or output_padding=%v is not of length %d", want, extra, len(in))
	}
	auto := n.autoPad()
	for i := range ws {
		w := &ws[i]
		more := 0
		if extra != nil {
			more = int(extra[i])
		}
		full := in[i].Sub(N(1)).Mul(N(w.Stride)).Add(N(more)).Add(w.extent()) // without padding
		switch {
		case want != nil:
			w.Out = N(int(want[i]))
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			w.Out = in[i].Mul(N(w.Stride))
		default:
			w.Out = full.Sub(w.Before).Sub(w.After)
			continue
		}
		w.pad(full.Sub(w.Out), auto != "SAME_UPPER")
	}
	return ws, nil
}

func inferPool(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, number)
	if err != nil {
		return nil, err
	}
	out := x
	if x.Ranked() {
		if x.Rank() < 3 {
			return nil, fmt.Errorf("cannot pool %s: a batch, channels and one axis at least are wanted", x)
		}
		if n.Ints("kernel_shape") == nil {
			return nil, fmt.Errorf("kernel_shape is missing")
		}
		ws, err := n.Windows(x.Shape[2:], n.KernelShape(x))
		if err != nil {
			return nil, err
		}
		out = T(x.Elem, append([]Dim{x.Shape[0], x.Shape[1]}, outDims(ws)...)...)
	}
	return []Type{out, out.With(I64)}[:min(2, max(1, len(n.Results)))], nil
}

// overImage is an expansion that reduces the axes behind the channels.
func overImage(op *Op) func(b *Builder, n *Node) []*Value {
	return func(b *Builder, n *Node) []*Value {
		rank := len(ranked(n.Args[0]))
		if rank < 3 {
			refuse("%s has no axes behind its channels", n.TypeAt(0))
		}
		return b.New1(op, nil, n.Args[0], b.Vector(axesFrom(2, rank)...))
	}
}

func inferMaxUnpool(n *Node) ([]Type, error) {
	x := n.TypeAt(0)
	if s, ok := n.ArgAt(2).SymbolicDims(); ok {
		return []Type{T(x.Elem, s...)}, nil
	}
	if !x.Ranked() || n.ArgAt(2) != nil {
		return []Type{Unranked(x.Elem)}, nil
	}
	if x.Rank() < 3 {
		return nil, fmt.Errorf("cannot unpool %s", x)
	}
	ws, err := n.windowSteps(x.Rank()-2, n.KernelShape(x))
	if err != nil {
		return nil, err
	}
	shape := []Dim{x.Shape[0], x.Shape[1]}
	for i, w := range ws {
		shape = append(shape, x.Shape[2+i].Sub(N(1)).Mul(N(w.Stride)).Add(w.Kernel).Sub(w.Before).Sub(w.After))
	}
	return []Type{T(x.Elem, shape...)}, nil
}
