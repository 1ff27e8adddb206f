package codegen

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

var _ = register(portable, map[*ir.Op]lowering{
	ir.Resize:            lowerResize,
	ir.GridSample:        lowerGridSample,
	ir.RoiAlign:          lowerRoiAlign,
	ir.NonMaxSuppression: lowerNonMaxSuppression,
	ir.DFT:               lowerDFT,
	ir.STFT:              lowerSTFT,
	ir.MelWeightMatrix:   lowerMelWeights,
	ir.LinearAttention:   lowerLinearAttention,
	ir.RandomUniformLike: lowerRandom("drawUniform", "low", "high"),
	ir.RandomNormalLike:  lowerRandom("drawNormal", "mean", "scale"),
	ir.Multinomial:       lowerMultinomial,
	ir.ImageDecoder:      lowerImageDecoder,
})

func lowerImageDecoder(e *emitter, n *ir.Node) error {
	e.takeItem(n.Out(), fmt.Sprintf("decodeImage(%s, %q)", e.X(n, 0), n.Str("pixel_format")))
	return nil
}

// oneOf refuses an attribute that is none of the words.
func oneOf(n *ir.Node, attr string, words ...string) error {
	if !slices.Contains(words, n.Str(attr)) {
		return fmt.Errorf("%s %q", attr, n.Str(attr))
	}
	return nil
}

// Reals is the slice of argument i, floats of Go; one of none where it is absent.
func (e *emitter) Reals(n *ir.Node, i int) (string, error) {
	switch v := n.ArgAt(i); {
	case v == nil:
		return "[]float32(nil)", nil
	case !isFloat(v.Type.Elem):
		return "", fmt.Errorf("argument %d is %s", i, v.Type)
	default:
		return e.Val(v), nil
	}
}

func lowerResize(e *emitter, n *ir.Node) error {
	if err := cmp.Or(knowsResize(n), checkNode(n, numbers)); err != nil {
		return err
	}
	roi := "[]float32(nil)"
	if n.Str("coordinate_transformation_mode") == "tf_crop_and_resize" {
		var err error
		if roi, err = e.Reals(n, 1); err != nil {
			return err
		}
	}
	r, err := e.resizing(n)
	if err != nil {
		return err
	}
	e.Call("resize", e.Y(n, 0), e.X(n, 0), e.Shape(n.Args[0]), roi, r.scales, e.sizes(n), r.axes, r.how)
	return nil
}

// lowerResize32 serves what changes only the last two axes, as far as that can be seen before a run.
func lowerResize32(e *emitter, n *ir.Node) error {
	if err := knowsResize(n); err != nil {
		return err
	}
	if n.TypeAt(0).Elem != ir.F32 || n.Out().Type.Elem != ir.F32 {
		return errElem
	}
	if n.Str("coordinate_transformation_mode") == "tf_crop_and_resize" || n.Int("antialias") != 0 {
		return errShape
	}
	in, out := n.TypeAt(0).Shape, n.Out().Type.Shape
	if len(in) == 0 {
		return errShape
	}
	for i := range max(len(in)-2, 0) {
		from, ok1 := in[i].Const()
		to, ok2 := out[i].Const()
		if ok1 && ok2 && from != to {
			return errShape
		}
	}
	r, err := e.resizing(n)
	if err != nil {
		return err
	}
	e.Call("resize32", e.Ctx(), e.Y(n, 0), e.X(n, 0), e.Shape(n.Args[0]), r.scales, e.sizes(n), r.axes, r.how)
	return nil
}

// knowsResize refuses words that Resize does not have.
func knowsResize(n *ir.Node) error {
	return cmp.Or(
		oneOf(n, "mode", "nearest", "linear", "cubic"),
		oneOf(n, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
		oneOf(n, "keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller"),
		oneOf(n, "coordinate_transformation_mode", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
			"tf_crop_and_resize"))
}

// resizingArgs are arguments that all kernels of Resize take.
type resizingArgs struct{ scales, axes, how string }

// resizing is those of n, whose new dimensions it defines.
func (e *emitter) resizing(n *ir.Node) (resizingArgs, error) {
	scales, err := e.Reals(n, 2)
	if err != nil {
		return resizingArgs{}, err
	}
	axes := "nil"
	if a := n.Ints("axes"); a != nil {
		axes = e.Ints(a)
	}
	e.DefineFresh(n, 0, func(axis int) string {
		return fmt.Sprintf("resizedSize(%d, %s, %s, %s, %s, %q)", axis, e.Shape(n.Args[0]), scales, e.sizes(n), axes, n.Str("keep_aspect_ratio_policy"))
	})
	how := fmt.Sprintf("resizing{mode: %q, nearest: %q, coordinates: %q, policy: %q, cubic: %s, beyond: %s, antialias: %t, within: %t}",
		n.Str("mode"), n.Str("nearest_mode"), n.Str("coordinate_transformation_mode"), n.Str("keep_aspect_ratio_policy"),
		floatLiteral(n.Float("cubic_coeff_a")), floatLiteral(n.Float("extrapolation_value")), n.Int("antialias") != 0, n.Int("exclude_outside") != 0)
	return resizingArgs{scales, axes, how}, nil
}

// sizes is Resize's last argument.
func (e *emitter) sizes(n *ir.Node) string {
	if e.Has(n, 3) {
		return e.Vector(n.Args[3])
	}
	return "[]int(nil)"
}

func lowerGridSample(e *emitter, n *ir.Node) error {
	radius, ok := map[string]int{"nearest": 0, "linear": 1, "bilinear": 1, "cubic": 2, "bicubic": 2}[n.Str("mode")]
	if !ok {
		return fmt.Errorf("mode %q", n.Str("mode"))
	}
	if err := oneOf(n, "padding_mode", "zeros", "border", "reflection"); err != nil {
		return err
	}
	if n.TypeAt(0).Rank() > 5 || !isFloat(n.TypeAt(1).Elem) {
		return fmt.Errorf("%s at the places of %s", n.TypeAt(0), n.TypeAt(1))
	}
	how := fmt.Sprintf("sampler{radius: %d, padding: %q, corners: bool(@align_corners)}", radius, n.Str("padding_mode"))
	return code(numbers, "gridSample(y, x0, x1, shape(y), shape(x0), "+how+")")(e, n)
}

func lowerRoiAlign(e *emitter, n *ir.Node) error {
	if err := oneOf(n, "mode", "avg", "max"); err != nil {
		return err
	}
	if n.TypeAt(1).Elem != n.TypeAt(0).Elem {
		return fmt.Errorf("regions %s of %s", n.TypeAt(1), n.TypeAt(0))
	}
	how := fmt.Sprintf("region{height: @output_height, width: @output_width, samples: @sampling_ratio, scale: @spatial_scale, half: %t, greatest: %t}",
		n.Str("coordinate_transformation_mode") == "half_pixel", n.Str("mode") == "max")
	return code(floats, "roiAlign(y, x0, x1, x2, shape(x0), "+how+")")(e, n)
}

func lowerNonMaxSuppression(e *emitter, n *ir.Node) error {
	given := func(i int) bool { return e.Has(n, i) && !n.TypeAt(i).Size().Is(0) }
	most, overlap, least := "0", "0", "math.Inf(-1)"
	if given(2) {
		most = e.Scalar(n.Args[2])
	}
	if given(3) {
		overlap = "float64(" + e.X(n, 3) + "[0])"
	}
	if given(4) {
		least = "float64(" + e.X(n, 4) + "[0])"
	}
	how := fmt.Sprintf("suppression{most: %s, overlap: %s, least: %s, center: bool(@center_point_box)}", most, overlap, least)
	return counting(floats, "nonMaxSuppression(%s, x0, x1, shape(x0), shape(x1), "+how+")", "y")(e, n)
}

func lowerDFT(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil {
		return err
	}
	axis, size := "-2", "0"
	if e.Has(n, 2) {
		axis = e.Scalar(n.Args[2])
	}
	if e.Has(n, 1) {
		size = e.Scalar(n.Args[1])
	}
	for k, d := range n.Out().Type.Shape {
		names := map[string]bool{}
		d.Names(names)
		if own, _ := n.Fresh(k).Name(); !names[own] {
			continue
		}
		expr := size // of which the dimension may be half
		if d.Equal(n.Fresh(k)) {
			expr = callText("dftSize", []any{k, e.Shape(n.Args[0]), axis, size, n.Int("inverse") != 0, n.Int("onesided") != 0})
		}
		e.Define(n.Fresh(k), expr)
	}
	e.Call("dft", e.Y(n, 0), e.X(n, 0), e.Shape(n.Out()), e.Shape(n.Args[0]), axis, size, n.Int("inverse") != 0, n.Int("onesided") != 0)
	return nil
}

func lowerSTFT(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil {
		return err
	}
	length := e.Dim(n.TypeAt(0).Shape[1])
	size, window := length, "nil"
	switch {
	case e.Has(n, 3):
		size = e.Scalar(n.Args[3])
	case e.Has(n, 2):
		size = e.Size(n.Args[2])
	}
	if e.Has(n, 2) {
		window = e.X(n, 2)
	}
	step := e.Scalar(n.Args[1])
	for k, expr := range map[int]string{1: size, 2: "(" + length + "-" + size + ")/" + step + "+1", 3: step} {
		for _, d := range n.Out().Type.Shape {
			names := map[string]bool{}
			if d.Names(names); names[n.Fresh(k).String()] {
				e.Define(n.Fresh(k), expr)
				break
			}
		}
	}
	out := n.Out().Type.Shape
	e.Call("stft", e.Y(n, 0), e.X(n, 0), window, e.Shape(n.Args[0]), size, step, e.Dim(out[1]), e.Dim(out[2]))
	return nil
}

func lowerMelWeights(e *emitter, n *ir.Node) error {
	if e := n.Out().Type.Elem; !isNumber(e) {
		return fmt.Errorf("elements are %s: a number of Go is wanted", e)
	}
	for _, v := range n.Args[2:] {
		if !isNumber(v.Type.Elem) {
			return fmt.Errorf("an argument is %s", v.Type)
		}
	}
	bins, size := e.Scalar(n.Args[0]), e.Scalar(n.Args[1])
	for k, expr := range []string{size, bins} {
		for _, d := range n.Out().Type.Shape {
			names := map[string]bool{}
			if d.Names(names); names[n.Fresh(k).String()] {
				e.Define(n.Fresh(k), expr)
				break
			}
		}
	}
	e.Call("melWeights", e.Y(n, 0), bins, size, e.Scalar(n.Args[2]), "float64("+e.X(n, 3)+"[0])", "float64("+e.X(n, 4)+"[0])")
	return nil
}

func lowerLinearAttention(e *emitter, n *ir.Node) error {
	if err := checkNode(n, floats); err != nil {
		return err
	}
	state := n.TypeAt(0)
	for i, r := range append(slices.Clone(n.Args), n.Results...) {
		if r == nil {
			continue
		}
		if !isFloat(r.Type.Elem) {
			return fmt.Errorf("a value is %s", r.Type)
		}
		if i == 3 {
			state = r.Type
		}
	}
	heads, groups := n.Int("q_num_heads"), n.Int("kv_num_heads")
	q, v := n.TypeAt(0).Shape, n.TypeAt(2).Shape
	dk, _ := q[2].Div(ir.N(heads))
	dv, _ := v[2].Div(ir.N(groups))
	scale := floatLiteral(n.Float("scale"))
	if n.Float("scale") == 0 {
		scale = "1/math.Sqrt(float64(" + e.Dim(dk) + "))"
	}
	width := func(i int) string {
		if e.Has(n, i) {
			return e.Dim(n.TypeAt(i).Shape[2])
		}
		return "0"
	}
	how := fmt.Sprintf("linearHeads{batch: %s, steps: %s, heads: %d, groups: %d, dk: %s, dv: %s, decay: %s, beta: %s, scale: %s}",
		e.Dim(q[0]), e.Dim(q[1]), heads, groups, e.Dim(dk), e.Dim(dv), width(4), width(5), scale)
	return code(floats, fmt.Sprintf("linearAttention[%s, %s](y, y1, x0, x1, x2, x3, x4, x5, %s)", goType(n.TypeAt(0).Elem), goType(state.Elem), how))(e, n)
}

// seed is the node's own, or its number.
func seed(n *ir.Node) string {
	if n.Has("seed") {
		return "math.Float64bits(" + floatLiteral(n.Float("seed")) + ")"
	}
	return fmt.Sprint(n.ID)
}

func lowerRandom(f, first, second string) lowering {
	return func(e *emitter, n *ir.Node) error {
		round, small, err := fromFloat64(n.Out().Type.Elem, "nearest")
		if err != nil || small {
			return fmt.Errorf("random elements of type %s", n.Out().Type.Elem)
		}
		e.Call(f, e.Y(n, 0), seed(n), n.Float(first), n.Float(second), round)
		return nil
	}
}

func lowerMultinomial(e *emitter, n *ir.Node) error {
	if !isNumber(n.Out().Type.Elem) {
		return fmt.Errorf("classes of type %s", n.Out().Type.Elem)
	}
	s := n.TypeAt(0).Shape
	return code(floats, "drawClasses(y, x0, "+seed(n)+", "+e.Dim(s[0])+", "+e.Dim(s[1])+")")(e, n)
}
