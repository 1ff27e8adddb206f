package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/gpamc/gpamc/cmd/gpamc/internal/values"
	"github.com/gpamc/gpamc/ir"
	"github.com/gpamc/gpamc/onnx"
	"github.com/gpamc/gpamc/runtime"
)

// A Status is what came of a case.
type Status string

const (
	Pass        Status = "pass"
	Fail        Status = "fail"
	Unsupported Status = "unsupported" // the detail names the operator
	Random      Status = "random"      // random outputs that have the wanted types, shapes and properties
)

// A Result is a case's status with one of the runtimes.
type Result struct {
	Name    string `json:"name"`
	Runtime string `json:"runtime"`
	Status  Status `json:"status"`
	Detail  string `json:"detail"`
	Others  int    `json:"others,omitempty"` // compiled: sizes that were not recorded, with which it came out as with the reference
}

func (c Case) result(rt string, err error) Result {
	r := Result{Name: c.Name, Runtime: rt, Status: Pass}
	if err != nil {
		r.Status, r.Detail = Fail, err.Error()
	}
	var imported *onnx.UnsupportedError
	var evaluated *runtime.Unsupported
	var random isRandom
	switch {
	case errors.As(err, &imported), errors.As(err, &evaluated), isMissing(err):
		r.Status = Unsupported
	case errors.As(err, &random):
		r.Status = Random
	}
	return r
}

// recovered turns a panic of f into its error: one broken operator must not end the run.
func recovered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v at %s", r, origin(string(debug.Stack())))
		}
	}()
	return f()
}

// origin is the first function of ours below the panic in a stack trace, with its file and line.
func origin(stack string) string {
	_, stack, _ = strings.Cut(stack, "\npanic(")
	lines := strings.Split(stack, "\n")
	for i, line := range lines[:len(lines)-1] {
		fn, ours := strings.CutPrefix(line, "github.com/gpamc/gpamc/")
		if !ours {
			continue
		}
		if k := strings.LastIndex(fn, "("); k > 0 {
			fn = fn[:k]
		}
		at, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +")
		return fn + ", " + filepath.Base(at)
	}
	return "an unknown place"
}

// verdict compares outputs with those wanted.
func verdict(p *ir.Program, s Set, got []onnx.Value, tol values.Tolerance) error {
	var errs []error
	random := randomOp(p.Main)
	for i, want := range s.Outputs {
		err := values.Compare(got[i], want, tol)
		if err != nil && random != "" {
			if err = plausible(random, s, got[i], want); err == nil {
				err = isRandom{fmt.Sprintf("%s is random", random)}
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("output %q: %w", p.Main.ResultName(i), err))
		}
	}
	return firstHard(errs)
}

// firstHard is the first error that is more than randomness, or else the first.
func firstHard(errs []error) error {
	for _, err := range errs {
		if !errors.As(err, &isRandom{}) {
			return err
		}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

type isRandom struct{ text string }

func (r isRandom) Error() string { return r.text }

// randomOp is the first random operator in f, "" if it has none.
func randomOp(f *ir.Func) (name string) {
	f.Walk(func(_ *ir.Func, n *ir.Node) {
		if name != "" {
			return
		}
		switch n.Op.Name {
		case "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike":
			name = n.Op.Name
		case "Dropout":
			if n.ArgAt(2) != nil { // training_mode
				name = n.Op.Name
			}
		}
	})
	return name
}

// plausible says what a random output has that no draw can give: another type or shape, or an element that the operator never makes.
// The first input is what was drawn by or dropped from.
func plausible(op string, s Set, got, want onnx.Value) error {
	if got.Kind != ir.Tensor || want.Kind != ir.Tensor {
		return fmt.Errorf("a random sequence")
	}
	if err := values.SameType(got.Tensor, want.Tensor); err != nil {
		return err
	}
	d, x := got.Tensor, (*ir.Data)(nil)
	if len(s.Inputs) > 0 && s.Inputs[0].Kind == ir.Tensor && s.Inputs[0].Tensor.Len() == d.Len() {
		x = s.Inputs[0].Tensor
	}
	for i := range d.Len() {
		y := d.Float(i)
		ok := true
		switch {
		case x == nil || d.Elem == ir.Bool:
		case op == "Dropout": // kept elements grow, and keep their sign
			ok = y == 0 || y*x.Float(i) > 0 && y*y >= x.Float(i)*x.Float(i)
		case binary(want.Tensor):
			ok = (y == 0 || y == 1) && (x.Float(i) != 0 || y == 0) && (x.Float(i) != 1 || y == 1)
		}
		if !ok {
			return fmt.Errorf("%s made element %d, %g, from %g", op, i, y, x.Float(i))
		}
	}
	return nil
}

// binary reports whether d holds nothing but 0 and 1, as draws by a probability do.
func binary(d *ir.Data) bool {
	for i := range d.Len() {
		if y := d.Float(i); y != 0 && y != 1 {
			return false
		}
	}
	return true
}
