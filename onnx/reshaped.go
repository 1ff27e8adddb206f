package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gpamc/gpamc/ir"
)

// scalePerChannel repeats the scale and bias that GroupNormalization had per group for each channel of the group.
func scalePerChannel(n *node) error {
	x := n.input(0)
	groups, ok := n.attrs["num_groups"].(int64)
	if x == nil || !ok || x.Type.Rank() < 2 || groups < 1 {
		return errors.New("it needs num_groups and an input of known rank")
	}
	each, ok := x.Type.Shape[1].Div(ir.N(int(groups)))
	if !ok {
		return fmt.Errorf("%s channels cannot be divided into %d groups", x.Type.Shape[1], groups)
	}
	for i := 1; i <= 2; i++ {
		if n.input(i) == nil {
			return errors.New("an input is missing")
		}
		column, err := n.vector(groups, 1)
		if err != nil {
			return err
		}
		v, err := n.new("Reshape", nil, n.args[i], column)
		if err != nil {
			return err
		}
		if v, err = n.new("Expand", nil, v, n.b.Dims(ir.N(int(groups)), each)); err != nil {
			return err
		}
		flat, err := n.vector(-1)
		if err != nil {
			return err
		}
		if n.args[i], err = n.new("Reshape", nil, v, flat); err != nil {
			return err
		}
	}
	return nil
}

// flattened is what the softmaxes did before opset 13: they made a matrix of their input, all from axis on being one row.
func flattened(n *node) error {
	axis, x := n.takeInt("axis", 1), n.input(0)
	if x == nil {
		return errors.New("its input is missing")
	}
	rank := x.Type.Rank()
	if axis == -1 || rank >= 0 && int(axis) == rank-1 {
		n.attrs["axis"] = int64(-1)
		return nil
	}
	rows, err := n.new("Flatten", ir.Attrs{"axis": axis}, x)
	if err != nil {
		return err
	}
	y, err := n.new(n.op, ir.Attrs{"axis": int64(-1)}, rows)
	if err != nil {
		return err
	}
	shape, err := n.new("Shape", nil, x)
	if err != nil {
		return err
	}
	y, err = n.new("Reshape", nil, y, shape)
	n.results = []*ir.Value{y}
	return err
}

func padInputs(n *node) error {
	value, _ := n.take("value").(float64)
	if err := intsInput("pads", 1)(n); err != nil || value == 0 {
		return err
	}
	v, err := n.scalarLike(n.input(0), value)
	if err == nil {
		n.setInput(2, v)
	}
	return err
}

func sliceInputs(n *node) error {
	for i, name := range []string{"starts", "ends", "axes"} {
		if err := intsInput(name, i+1)(n); err != nil {
			return err
		}
	}
	return nil
}

// equalParts says into how many parts a Split without sizes divides.
func equalParts(n *node) error {
	if n.input(1) == nil && n.attrs["num_outputs"] == nil {
		n.attrs["num_outputs"] = int64(len(n.used))
		n.outputs = len(n.used)
	}
	return nil
}

func topCount(n *node) error {
	k, ok := n.take("k").(int64)
	if !ok {
		return errors.New(`attribute "k" is missing`)
	}
	v, err := n.vector(k)
	if err == nil {
		n.setInput(1, v)
	}
	return err
}

// scalesPerAxis is the first form of Upsample, for images only.
func scalesPerAxis(n *node) error {
	width, ok1 := n.take("width_scale").(float64)
	height, ok2 := n.take("height_scale").(float64)
	if !ok1 || !ok2 {
		return errors.New(`attributes "width_scale" and "height_scale" are missing`)
	}
	n.attrs["scales"] = []float64{1, 1, height, width}
	return renamed("mode", map[string]string{"bilinear": "linear"})(n)
}

func scalesInput(n *node) error {
	scales, ok := n.take("scales").([]float64)
	if !ok {
		return errors.New(`attribute "scales" is missing`)
	}
	v, err := n.new("Const", ir.Attrs{"value": ir.Floats(ir.F32, []int{len(scales)}, scales...)})
	if err == nil {
		n.setInput(1, v)
	}
	return err
}

// scalarInputs makes scalars of inputs that are vectors of one element, which many runtimes take for scalars.
func scalarInputs(n *node) error {
	for i, a := range n.args {
		if a == nil || a.Type.Rank() != 1 || !a.Type.Shape[0].Is(1) {
			continue
		}
		first, err := n.vector(0)
		if err == nil {
			n.args[i], err = n.new("Squeeze", nil, a, first)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asymmetric gives a Resize of opset 10 the coordinates that it had, and a place for regions of interest. To enlarge, nearest was
// the one below; to shrink, the one above. What may do both does the one after the other.
func asymmetric(n *node) error {
	scales := n.input(1)
	n.args = []*ir.Value{n.input(0), nil, scales}
	n.attrs["coordinate_transformation_mode"] = "asymmetric"
	if mode, ok := n.attrs["mode"].(string); ok && mode != "nearest" || scales == nil {
		return nil
	}
	n.attrs["nearest_mode"] = "floor"
	if d := n.data(scales); d != nil && d.Elem == ir.F32 {
		axes := indices(d.Len())
		if !slices.ContainsFunc(axes, func(i int) bool { return d.Float(i) < 1 }) {
			return nil
		}
		if !slices.ContainsFunc(axes, func(i int) bool { return d.Float(i) > 1 }) {
			n.attrs["nearest_mode"] = "ceil"
			return nil
		}
	}
	shrink, err := n.bounded("Min", scales)
	if err != nil {
		return err
	}
	attrs := maps.Clone(n.attrs)
	attrs["nearest_mode"] = "ceil"
	if n.args[0], err = n.new("Resize", attrs, n.args[0], nil, shrink); err == nil {
		n.args[2], err = n.bounded("Max", scales)
	}
	return err
}

// pixelMiddles takes the half pixel that tf_half_pixel_for_nn did not subtract, until opset 12 and in converted models, into the way to
// round.
func pixelMiddles(n *node) error {
	if n.attrs["coordinate_transformation_mode"] != "tf_half_pixel_for_nn" {
		return nil
	}
	nearest, _ := n.attrs["nearest_mode"].(string)
	mode, _ := n.attrs["mode"].(string)
	to := map[string]string{"": "ceil", "round_prefer_floor": "ceil", "floor": "round_prefer_ceil"}[nearest]
	if mode != "" && mode != "nearest" || to == "" {
		return fmt.Errorf("coordinate_transformation_mode tf_half_pixel_for_nn with mode %q and nearest_mode %q is not supported", mode, nearest)
	}
	n.attrs["coordinate_transformation_mode"], n.attrs["nearest_mode"] = "half_pixel", to
	return nil
}

// bounded is op of scales and 1.
func (n *node) bounded(op string, scales *ir.Value) (*ir.Value, error) {
	d := n.data(scales)
	if d == nil || d.Elem != ir.F32 {
		one, err := n.new("Const", ir.Attrs{"value": ir.Scalar(ir.F32, 1)})
		if err != nil {
			return nil, err
		}
		return n.new(op, nil, scales, one)
	}
	bound := ir.NewData(ir.F32, d.Shape...)
	for i := range d.Len() {
		if x := d.Float(i); op == "Min" {
			bound.SetFloat(i, min(x, 1))
		} else {
			bound.SetFloat(i, max(x, 1))
		}
	}
	return n.new("Const", ir.Attrs{"value": bound})
}

func indices(n int) []int {
	is := make([]int, n)
	for i := range is {
		is[i] = i
	}
	return is
}

// resizeInputs removes the empty tensors by which Resize says that an input is absent, and makes constants of the others that it can:
// scales decide the shape of the result.
func resizeInputs(n *node) error {
	if err := pixelMiddles(n); err != nil {
		return err
	}
	for i := 1; i < len(n.args); i++ {
		a := n.args[i]
		if a == nil {
			continue
		}
		if a.Type.Rank() == 1 && a.Type.Shape[0].Is(0) {
			n.args[i] = nil
		} else if d := n.data(a); d != nil && a.Const() == nil {
			var err error
			if n.args[i], err = n.new("Const", ir.Attrs{"value": d}); err != nil {
				return err
			}
		}
	}
	return nil
}

// data is the tensor that v is known to be, constant or weight.
func (n *node) data(v *ir.Value) *ir.Data {
	if v.Is(ir.Weight) {
		return n.im.prog.Weights[v.Def.Str("name")]
	}
	return v.Const()
}
