package values

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"

	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
)

// A Tolerance is how far a floating-point number may be from the wanted one w: Abs + Rel·|w|, as in NumPy's assert_allclose, and Share of
// the largest that is wanted. NaN agrees with NaN and an infinity with the same one only.
type Tolerance struct{ Abs, Rel, Share float64 }

// Rounding is the share by which sums in float32 may be off: what is small in an output may come from sums of what is large.
const Rounding = 1e-5

// ONNX is the tolerance of ONNX's backend tests that name none.
var ONNX = Tolerance{Abs: 1e-7, Rel: 1e-3}

// Compare says how got differs from want, nil if it does not.
func Compare(got, want onnx.Value, tol Tolerance) error {
	if got.Kind != want.Kind {
		return fmt.Errorf("got %s, want %s", kindName(got), kindName(want))
	}
	if got.Kind == ir.Tensor {
		return compareTensors(got.Tensor, want.Tensor, tol)
	}
	if len(got.Elems) != len(want.Elems) {
		return fmt.Errorf("%s of %d elements, want %d", kindName(got), len(got.Elems), len(want.Elems))
	}
	for i := range got.Elems {
		if err := Compare(got.Elems[i], want.Elems[i], tol); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func kindName(v onnx.Value) string {
	switch {
	case v.Kind == ir.Sequence:
		return "a sequence"
	case v.Kind == ir.Optional:
		return "an optional"
	}
	return "a tensor"
}

// SameType says how the element type and shape of got differ from those of want.
func SameType(got, want *ir.Data) error {
	if got.Elem != want.Elem || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %s, want %s", got.Type(), want.Type())
	}
	return nil
}

func compareTensors(got, want *ir.Data, tol Tolerance) error {
	if err := SameType(got, want); err != nil {
		return err
	}
	if tol.Share > 0 && want.Elem.IsFloat() {
		_, largest := Worst(want, want)
		tol.Abs += tol.Share * largest
	}
	var bad, worst int
	worstOver := math.Inf(-1)
	for i := range want.Len() {
		over := excess(got, want, i, tol)
		if over <= 0 {
			continue
		}
		if bad++; over > worstOver {
			worst, worstOver = i, over
		}
	}
	if bad == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d elements differ; at %v it is %s, want %s", bad, want.Len(), placeOf(worst, want.Shape),
		element(got, worst), element(want, worst))
}

// excess is by how much element i is further off than it may be; at most 0 when it is not.
func excess(got, want *ir.Data, i int, tol Tolerance) float64 {
	if e := want.Elem; e == ir.String || e == ir.I64 || e == ir.U64 {
		if e == ir.String && got.Str[i] == want.Str[i] || e != ir.String && got.Int(i) == want.Int(i) {
			return 0
		}
		if e == ir.String {
			return math.Inf(1)
		}
	}
	var diff, scale float64
	if want.Elem.IsComplex() {
		g, w := got.Complex(i), want.Complex(i)
		if g == w || cmplx.IsNaN(g) && cmplx.IsNaN(w) {
			return 0
		}
		diff, scale = cmplx.Abs(g-w), cmplx.Abs(w)
	} else {
		g, w := got.Float(i), want.Float(i)
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			return 0
		}
		diff, scale = math.Abs(g-w), math.Abs(w)
	}
	if math.IsNaN(diff) || math.IsInf(diff, 0) {
		return math.Inf(1)
	}
	return diff - (tol.Abs + tol.Rel*scale)
}

// Worst is the largest absolute difference between two tensors of one type, and the largest absolute value wanted.
func Worst(got, want *ir.Data) (diff, scale float64) {
	if want.Elem == ir.String {
		return 0, 0
	}
	for i := range want.Len() {
		g, w := got.Complex(i), want.Complex(i)
		if g != w && !(cmplx.IsNaN(g) && cmplx.IsNaN(w)) {
			diff = math.Max(diff, cmplx.Abs(g-w))
		}
		if d := cmplx.Abs(w); !math.IsInf(d, 0) && !math.IsNaN(d) {
			scale = math.Max(scale, d)
		}
	}
	return diff, scale
}

func placeOf(i int, shape []int) []int {
	at := make([]int, len(shape))
	for axis := len(shape) - 1; axis >= 0; axis-- {
		at[axis] = i % shape[axis]
		i /= shape[axis]
	}
	return at
}

func element(d *ir.Data, i int) string {
	switch e := d.Elem; {
	case e == ir.String:
		return fmt.Sprintf("%q", d.Str[i])
	case e.IsComplex():
		return fmt.Sprint(d.Complex(i))
	case e.IsFloat():
		return fmt.Sprintf("%.9g", d.Float(i))
	case e == ir.U64:
		return fmt.Sprint(uint64(d.Int(i)))
	}
	return fmt.Sprint(d.Int(i))
}
