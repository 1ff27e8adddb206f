package ir

import (
	"fmt"
	"math"
)

// Sampling of images at other places than their pixels.
var (
	// Resize samples x anew: axes (all by default) get the sizes, or are scaled. The pixel o of the result is at a place of x that
	// coordinate_transformation_mode tells; mode says how to read between pixels: nearest (rounded by nearest_mode), linear, cubic. With
	// antialias the kernel widens when shrinking, exclude_outside leaves out what is beyond the edge, which else repeats;
	// tf_crop_and_resize takes its window from roi and extrapolation_value outside of x.
	Resize = define(Op{Name: "Resize", Args: "x roi? scales? sizes?", Attrs: "antialias:int=0 axes:ints? coordinate_transformation_mode:string=half_pixel " +
		"cubic_coeff_a:float=-0.75 exclude_outside:int=0 extrapolation_value:float=0 keep_aspect_ratio_policy:string=stretch " +
		"mode:string=nearest nearest_mode:string=round_prefer_floor", Infer: inferResize,
		Example: `Resize(x, _, f32[4]{1,1,2,1.5}) mode="linear"`, Inputs: "x f32[1,2,3,4]"})

	// Upsample is Resize by scales from the corner of the first pixel, nearest rounding down.
	Upsample = define(Op{Name: "Upsample", Args: "x scales", Attrs: "mode:string=nearest", Expand: func(b *Builder, n *Node) []*Value {
		return b.New1(Resize, Attrs{"mode": n.Str("mode"), "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
			n.Arg("x"), nil, n.Arg("scales"))
	}, Example: "Upsample(x, f32[4]{1,1,2,3})", Inputs: "x f32[1,1,2,2]"})

	// GridSample reads x [N,C,D..] at the places of grid [N,O..,r], whose numbers, the last axis of x first, go from -1 at one edge to 1
	// at the other; padding_mode is zeros, border or reflection, mode nearest, linear or cubic.
	GridSample = define(Op{Name: "GridSample", Args: "x grid", Attrs: "align_corners:int=0 mode:string=linear padding_mode:string=zeros", Infer: floats(inferGridSample, 0, 1),
		Example: "GridSample(x, g)", Inputs: "x f32[1,2,4,4] g f32[1,3,5,2]"})

	// AffineGrid is the grid [N,D..,r] of the places of a [N,C,D..] image, size, under the matrices theta [N,r,r+1].
	AffineGrid = define(Op{Name: "AffineGrid", Args: "theta size", Attrs: "align_corners:int=0", Infer: inferAffineGrid, Expand: expandAffineGrid,
		Example: "AffineGrid(t, [2,3,4,5])", Inputs: "t f32[2,2,3]"})

	// RoiAlign pools the regions rois [R,4] (x1 y1 x2 y2) of the images x [N,C,H,W] that batch_indices name to output_height·output_width:
	// each bin averages, or takes the greatest of, sampling_ratio² places read bilinearly.
	RoiAlign = define(Op{Name: "RoiAlign", Args: "x rois batch_indices", Attrs: "coordinate_transformation_mode:string=half_pixel mode:string=avg output_height:int=1 " +
		"output_width:int=1 sampling_ratio:int=0 spatial_scale:float=1", Infer: floats(inferRoiAlign, 0, 1),
		Example: "RoiAlign(x, f32[1,4]{0,0,2,2}, i64[1]{0}) output_height=2 output_width=2", Inputs: "x f32[1,1,4,4]"})

	// NonMaxSuppression picks boxes [N,B,4] by scores [N,C,B], greatest first, that overlap none picked before for the class by more than
	// iou_threshold: rows (batch, class, box). Boxes are y1 x1 y2 x2, or with center_point_box x y width height.
	NonMaxSuppression = define(Op{Name: "NonMaxSuppression", Args: "boxes scores max_output_boxes_per_class? iou_threshold? score_threshold?",
		Attrs: "center_point_box:int=0", Infer: floats(inferNonMaxSuppression, 0, 1),
		Example: "NonMaxSuppression(b, s, i64[]{2}, f32[]{0.5})", Inputs: "b f32[1,4,4] s f32[1,2,4]"})
)

// A Resizing is what becomes of one axis: its size, and by how much it is scaled.
type Resizing struct {
	Out   int
	Scale float64
}

// Resized computes Resize's sizes from those of x; of scales and sizes one is nil.
func (n *Node) Resized(in []int, scales []float64, sizes []int) ([]Resizing, error) {
	out := make([]Resizing, len(in))
	for i, k := range in {
		out[i] = Resizing{k, 1}
	}
	axes, err := n.resizedAxes(len(in))
	if err != nil {
		return nil, err
	}
	if len(scales)+len(sizes) != len(axes) {
		return nil, fmt.Errorf("%d scales and %d sizes for %d axes", len(scales), len(sizes), len(axes))
	}
	for i, a := range axes {
		if scales != nil {
			out[a] = Resizing{int(math.Floor(float64(in[a]) * scales[i])), scales[i]}
		} else {
			out[a] = Resizing{sizes[i], float64(sizes[i]) / float64(in[a])}
		}
	}
	policy := n.Str("keep_aspect_ratio_policy")
	if policy == "stretch" || scales != nil {
		return out, nil
	}
	one := out[axes[0]].Scale
	for _, a := range axes {
		switch s := out[a].Scale; policy {
		case "not_larger":
			one = math.Min(one, s)
		case "not_smaller":
			one = math.Max(one, s)
		default:
			return nil, fmt.Errorf("keep_aspect_ratio_policy %q", policy)
		}
	}
	for _, a := range axes {
		out[a] = Resizing{int(math.Floor(one*float64(in[a]) + 0.5)), one}
	}
	return out, nil
}

func (n *Node) resizedAxes(rank int) ([]int, error) {
	if !n.Has("axes") {
		axes := make([]int, rank)
		for i := range axes {
			axes[i] = i
		}
		return axes, nil
	}
	var axes []int
	for _, a := range n.Ints("axes") {
		k, err := Axis(int(a), rank)
		if err != nil {
			return nil, err
		}
		axes = append(axes, k)
	}
	return axes, nil
}

func inferResize(n *Node) ([]Type, error) {
	x, err := n.tensorAt(0, ordered)
	if err != nil || !x.Ranked() {
		return []Type{x}, err
	}
	scales, sizes := n.Arg("scales"), n.Arg("sizes")
	if empty(scales) == empty(sizes) {
		return nil, fmt.Errorf("one of scales and sizes is wanted")
	}
	axes, err := n.resizedAxes(x.Rank())
	if err != nil {
		return nil, err
	}
	shape := append([]Dim{}, x.Shape...)
	stretch := n.Str("keep_aspect_ratio_policy") == "stretch"
	ds, ok := sizes.SymbolicDims()
	for i, a := range axes {
		s, known := 0.0, false
		if d := scales.Const(); d != nil && i < d.Len() {
			s, known = d.Float(i), true
		}
		k, fixed := shape[a].Const()
		switch {
		case known && fixed:
			shape[a] = N(int(math.Floor(float64(k) * s)))
		case known && s == math.Trunc(s):
			shape[a] = shape[a].Mul(N(int(s)))
		case empty(scales) && ok && stretch && i < len(ds):
			shape[a] = ds[i]
		default:
			shape[a] = n.Fresh(a)
		}
	}
	if in, static := x.Static(); static && ok && !stretch {
		want := make([]int, len(ds))
		for i, d := range ds {
			if want[i], static = d.Const(); !static {
				return []Type{T(x.Elem, shape...)}, nil
			}
		}
		rs, err := n.Resized(in, nil, want)
		if err != nil {
			return nil, err
		}
		for i, r := range rs {
			shape[i] = N(r.Out)
		}
	}
	return []Type{T(x.Elem, shape...)}, nil
}

// empty reports whether v is absent or has no elements, which means the same here.
func empty(v *Value) bool {
	return v == nil || v.Type.Rank() == 1 && v.Type.Shape[0].Is(0)
}

func inferGridSample(n *Node) ([]Type, error) {
	x, g := n.TypeAt(0), n.TypeAt(1)
	if !x.Ranked() || !g.Ranked() {
		return []Type{Unranked(x.Elem)}, nil
	}
	if r := x.Rank(); r < 3 || g.Rank() != r || g.Shape[r-1].IsConst() && !g.Shape[r-1].Is(r-2) {
		return nil, fmt.Errorf("cannot read %s at the places of %s", x, g)
	}
	return []Type{T(x.Elem, append([]Dim{x.Shape[0], x.Shape[1]}, g.Shape[1:g.Rank()-1]...)...)}, nil
}

func inferAffineGrid(n *Node) ([]Type, error) {
	theta, size := n.TypeAt(0), n.Arg("size")
	count, ok := size.Type.Size().Const()
	if !size.Type.Ranked() || !ok {
		return []Type{Unranked(theta.Elem)}, nil
	}
	if count != 4 && count != 5 || size.Type.Rank() != 1 {
		return nil, fmt.Errorf("size is %s: [N,C,H,W] or [N,C,D,H,W] is wanted", size.Type)
	}
	if theta.Ranked() && (theta.Rank() != 3 || theta.Shape[1].IsConst() && !theta.Shape[1].Is(count-2)) {
		return nil, fmt.Errorf("theta is %s for images of %d axes", theta, count-2)
	}
	shape := make([]Dim, count)
	known, _ := size.SymbolicDims()
	for i := range shape {
		if shape[i] = n.Fresh(i); known != nil {
			shape[i] = known[i]
		}
	}
	return []Type{T(theta.Elem, append(append([]Dim{shape[0]}, shape[2:]...), N(count-2))...)}, nil
}

// expandAffineGrid multiplies the places of the pixels, the last axis first and with a 1, by theta.
func expandAffineGrid(b *Builder, n *Node) []*Value {
	theta, size := n.Arg("theta"), n.Arg("size")
	count, ok := size.Type.Size().Const()
	if t := n.Out().Type; !ok && t.Ranked() { // as the model says
		count, ok = t.Rank(), true
	}
	if !size.Type.Ranked() || !ok {
		refuse("the number of axes of the image is not known")
	}
	rank := count - 2
	at := func(from, to int) *Value { return b.New(Slice, nil, size, b.Vector(int64(from)), b.Vector(int64(to))) }
	one, r := b.Vector(1), b.Vector(int64(rank))
	full := b.New(Concat, Attrs{"axis": 0}, at(2, count), one)
	var columns []*Value
	for i := rank - 1; i >= 0; i-- {
		line := b.evenly(b.New(Squeeze, nil, at(2+i, 3+i), b.Vector(0)), theta.Type.Elem, n.Int("align_corners") != 0)
		line = b.New(Unsqueeze, nil, line, b.Vector(axesFrom(1, rank+1-i)...)) // [D,1,1..], the axis in its own place
		columns = append(columns, b.New(Expand, nil, line, full))
	}
	columns = append(columns, b.New(Expand, nil, b.like(theta, 1), full))
	places := b.New(Reshape, nil, b.New(Concat, Attrs{"axis": -1}, columns...), b.Vector(-1, int64(rank+1)))
	grid := b.New(MatMul, nil, places, b.New(Transpose, Attrs{"perm": []int64{0, 2, 1}}, theta))
	return b.New1(Reshape, nil, grid, b.New(Concat, Attrs{"axis": 0}, at(0, 1), at(2, count), r))
}

// evenly is the places, as many as count, from -1 to 1: of the middles of pixels, or from corner to corner.
func (b *Builder) evenly(count *Value, e Elem, corners bool) *Value {
	i := b.cast(b.New(Range, nil, b.Dim(N(0)), count, b.Dim(N(1))), e)
	d := b.cast(count, e)
	if corners {
		step := b.New(Div, nil, b.Scalar(e, 2), b.New(Sub, nil, d, b.Scalar(e, 1)))
		return b.New(Sub, nil, b.New(Mul, nil, i, step), b.Scalar(e, 1))
	}
	twice := b.New(Add, nil, b.New(Mul, nil, i, b.Scalar(e, 2)), b.Scalar(e, 1))
	return b.New(Sub, nil, b.New(Div, nil, twice, d), b.Scalar(e, 1))
}

func inferNonMaxSuppression(n *Node) ([]Type, error) {
	return []Type{T(I64, n.Fresh(0), N(3))}, nil
}

func inferRoiAlign(n *Node) ([]Type, error) {
	x, r := n.TypeAt(0), n.TypeAt(1)
	if !x.Ranked() || !r.Ranked() {
		return []Type{Unranked(x.Elem)}, nil
	}
	if x.Rank() != 4 || r.Rank() != 2 {
		return nil, fmt.Errorf("cannot take the regions %s of %s", r, x)
	}
	return []Type{T(x.Elem, r.Shape[0], x.Shape[1], N(n.Int("output_height")), N(n.Int("output_width")))}, nil
}
